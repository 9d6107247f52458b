"""`spider`: the SPIDER data set's layout, and folders laid out like it.

    images/<id>_<series>.mha    masks/<id>_<series>.mha    overview.csv (where there is one)

.nii.gz and .nrrd are read too, for copies that were converted. A case is a series. Mask values count from below and are SPIDER's by definition of the layout.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spinefx.api import Case, DataError, Scan
from spinefx_io import SpiderOptions
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.reading import Reader

_CSV_BYTES = 64 << 20
_UNNAMED = "name"


class SpiderLoader:
    """Finds and reads the series of one or several SPIDER-like folders."""

    def __init__(self, options: SpiderOptions) -> None:
        self.options = options
        budget = int(options.budget_gb * 1e9)
        self._meaning = Meaning.of("spider", levels=options.levels)
        self._reader = Reader(options.roots, self._meaning, budget)

    def cases(self) -> Sequence[Case]:
        """Every series there is, by name alone, ordered by patient and series.

        Raises
        ------
        DataError
            If a folder is missing or holds no series, a patient lies in two of them, or overview.csv cannot be read.
        """
        found: list[Case] = []
        owner: dict[str, Path] = {}
        for root in self.options.roots:
            cases = list(self._cases_of(root))
            if not cases:
                wanted = ", ".join(f"<id>_{name}.mha" for name in self.options.series)
                raise DataError(f"{root}: no series found; wanted {wanted} in images/ or masks/")
            for case in cases:
                first = owner.setdefault(case.patient, root)
                if first != root:
                    raise DataError(
                        f"patient {case.patient} lies in {first} and in {root}; rename one, ids must be of one patient"
                    )
            found += cases
        return self._meaning.marked(sorted(found, key=lambda case: (_natural(case.patient), case.id)))

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone."""
        return self._reader.voxels(case)

    def load(self, case: Case) -> Scan:
        """Image and mask of one series."""
        if _UNNAMED in case.facts:
            raise DataError(
                f"{case.facts[_UNNAMED]}: name is not <id>_<series>.mha with letters, digits, '.', '_', '-' in the id"
            )
        return self._reader.scan(case)

    def _cases_of(self, root: Path) -> Iterator[Case]:
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; it should hold images/ and masks/ as SPIDER does")
        series = sorted({*_ALL, *self.options.series}, key=len, reverse=True)
        pattern = re.compile(f"(?P<id>.+)_(?P<series>{'|'.join(map(re.escape, series))})")
        files: dict[str, dict[str, Path]] = {}
        for kind in ("images", "masks"):
            for stem, path in _volumes(root / kind):
                files.setdefault(stem, {})[kind] = path
        facts = _overview(root / "overview.csv")
        for stem, there in files.items():
            match = pattern.fullmatch(stem)
            if match is None or not is_safe(stem):
                path = next(iter(there.values()))
                shown = f"{path.parent.name}/{ascii(path.name)[1:-1]}"
                yield Case(
                    stand_in(stem), stand_in(stem), {}, {_UNNAMED: shown}, ("file name is not <id>_<series>.mha",)
                )
            elif match["series"] in self.options.series:
                yield _case(stem, match["id"], match["series"], there, facts)


_ALL = ("t1", "t2_SPACE", "t2")
_ENDINGS = (".mha", ".nii.gz", ".nrrd")


def _case(
    stem: str, patient: str, series: str, there: Mapping[str, Path], facts: Mapping[str, Mapping[str, str | float]]
) -> Case:
    roles = {series: there.get("images"), "mask": there.get("masks")}
    notes = [
        f"no {role}" for role, path in zip(("image, mask alone", "mask"), roles.values(), strict=True) if path is None
    ]
    files = {role: path for role, path in roles.items() if path is not None}
    return Case(stem, patient, files, {"series": series, **facts.get(stem, {})}, tuple(notes))


def _volumes(folder: Path) -> Iterator[tuple[str, Path]]:
    """(stem, path) of every volume in a folder, by name; nothing where the folder is missing."""
    if not folder.is_dir():
        return
    seen: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for name in sorted(entry.name for entry in entries):
            ending = next((e for e in _ENDINGS if name.endswith(e)), None)
            if ending is None or name.startswith("."):
                continue
            stem = name[: -len(ending)]
            if first := seen.get(stem):
                raise DataError(f"{folder}: holds both {first} and {name}; keep one of them")
            seen[stem] = name
            yield stem, folder / name


def _overview(path: Path) -> dict[str, dict[str, str | float]]:
    """Sex, age and scanner by series, from overview.csv; empty where there is none."""
    if not path.is_file():
        return {}
    if path.stat().st_size > _CSV_BYTES:
        raise DataError(f"{path.name}: {path.stat().st_size} bytes, more than a table of series can have")
    out: dict[str, dict[str, str | float]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if "new_file_name" not in (rows.fieldnames or ()):
                raise DataError(
                    f"{path.name}: no column 'new_file_name'; it has {', '.join(rows.fieldnames or ())[:200]}"
                )
            for row in rows:
                out[(row["new_file_name"] or "").strip()] = _facts(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name}: cannot be read: {error}") from error
    return out


def _facts(row: Mapping[str, str | None]) -> dict[str, str | float]:
    facts: dict[str, str | float] = {}
    for column, name in (("sex", "sex"), ("Manufacturer", "manufacturer"), ("ManufacturerModelName", "scanner")):
        if text := (row.get(column) or "").strip():
            facts[name] = text
    for column, name in (("birth_date", "age"), ("MagneticFieldStrength", "field_tesla")):
        number = _number(row.get(column))
        if number is not None:
            facts[name] = number
    return facts


def _number(text: str | None) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts 2 before 10."""
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name) if part)
