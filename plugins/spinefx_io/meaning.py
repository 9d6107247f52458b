"""What the numbers in a mask mean: a known scheme, one of the user's own in TOML, and spines that count otherwise.

[my-scheme]                          levels.csv
1 = "vertebra L5"                    patient,lowest,thoracic
201 = "disc L5-S1"                   17,L6,
100 = "canal"                        41,L5,13
ignored = [50, 51]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spinefx.api import (
    LOWEST_LEVELS,
    SCHEMES,
    THORACIC_COUNTS,
    Case,
    DataError,
    LabelMap,
    Scheme,
    SchemeError,
    as_counted,
    read_rows,
    recounted,
)

SCHEME_ROLE = "scheme-file"
"""Role of the scheme's own file among a case's files, so that another content gives other results."""

LOWEST, THORACIC = "lowest_vertebra", "thoracic_vertebrae"
"""Facts of a case whose spine counts otherwise."""

_BYTES, _LINE = 64 << 10, 2000


@dataclass(frozen=True)
class Meaning:
    """How masks are read.

    scheme : value -> structure.   file : where the scheme was read from, if it was.
    counts : case or patient -> (lowest vertebra, thoracic vertebrae), from the table of levels.
    """

    scheme: Scheme
    file: Path | None = None
    counts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    table: str = ""

    @classmethod
    def of(
        cls,
        scheme: str | Mapping[str, Any],
        *,
        schemes: Path | None = None,
        levels: Path | None = None,
        drawn: Scheme | None = None,
    ) -> Meaning:
        """The meaning that a loader's options name; `drawn` is the scheme of masks that the loader draws itself.

        Raises
        ------
        DataError
            If the file of schemes or the table of levels cannot be read or does not say what it should.
        """
        counts = _counts(levels) if levels is not None else {}
        table = levels.name if levels is not None else ""
        if drawn is not None:
            return cls(drawn, None, counts, table)
        if not isinstance(scheme, str):
            return cls(inline_scheme("scheme", scheme), None, counts, table)
        if schemes is None or scheme in SCHEMES:
            return cls(SCHEMES[scheme], None, counts, table)
        return cls(_from_file(schemes, scheme), schemes, counts, table)

    def marked(self, cases: Iterable[Case]) -> list[Case]:
        """The cases, each with what the table of levels says of it.

        Raises
        ------
        DataError
            If the table names none of them.
        """
        met: set[str] = set()
        out = [self._marked(case, met) for case in cases]
        if self.counts and not met:
            raise DataError(
                f"{self.table}: names none of the cases; its ids are {', '.join(list(self.counts)[:5])} ..."
            )
        return out

    def applied(self, mask: LabelMap, case: Case | None = None) -> LabelMap:
        """The mask with the levels of the case: counted anew where its facts say so, values without meaning made 0."""
        mask = _without(mask, self.scheme.ignored)
        facts = case.facts if case is not None else {}
        if LOWEST in facts or THORACIC in facts:
            return recounted(mask, lowest=str(facts.get(LOWEST, "L5")), thoracic=int(facts.get(THORACIC) or 12))
        return as_counted(mask)

    def _marked(self, case: Case, met: set[str]) -> Case:
        files = {**case.files, SCHEME_ROLE: self.file} if self.file is not None and case.files else case.files
        name = next((name for name in (case.id, case.patient) if name in self.counts), None)
        if name is None:
            return replace(case, files=files)
        met.add(name)
        lowest, thoracic = self.counts[name]
        note = f"levels counted from {lowest}" + (f" with {thoracic} thoracic" if thoracic != 12 else "")
        facts = {**case.facts, LOWEST: lowest, THORACIC: thoracic}
        return replace(case, files=files, facts=facts, notes=(*case.notes, note))


def inline_scheme(name: str, table: Mapping[str, Any]) -> Scheme:
    """The scheme of a TOML table: `value = "kind level"`, and `ignored = [values]`."""
    rows = dict(table)
    ignored = rows.pop("ignored", ())
    if not isinstance(ignored, Sequence) or not all(isinstance(v, int) and 0 < v < 65536 for v in ignored):
        raise SchemeError(f"scheme {name!r}: `ignored` must be a list of mask values")
    if wrong := [key for key, text in rows.items() if not isinstance(text, str)]:
        raise SchemeError(f'scheme {name!r}: {wrong[0][:40]!r} must be a text such as "vertebra L5"')
    return Scheme.parse(name, rows, ignored=ignored)


def parse_schemes(content: bytes) -> dict[str, Any]:
    """The tables of a file of schemes, by name.

    Raises
    ------
    DataError
        If it is too large, not UTF-8, or not TOML.
    """
    if len(content) > _BYTES or max(map(len, content.splitlines()), default=0) > _LINE:
        raise DataError(f"is larger than {_BYTES >> 10} KiB or has lines over {_LINE} characters; is it a scheme?")
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DataError(f"is no TOML: {str(error)[:200]}") from error
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _from_file(path: Path, name: str) -> Scheme:
    if not path.is_file():
        raise DataError(f"schemes: {path}: no such file")
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES + 1)
    except OSError as error:
        raise DataError(f"schemes: {path} cannot be read: {error.strerror or error}") from error
    try:
        tables = parse_schemes(content)
        if name not in tables:
            known = ", ".join([*list(tables)[:20], *SCHEMES])
            raise SchemeError(f"has no scheme {name!r}; known are {known}")
        return inline_scheme(name, tables[name])
    except DataError as error:
        raise type(error)(f"{path.name}: {error}") from error


def _counts(path: Path) -> dict[str, tuple[str, int]]:
    """Case or patient -> (lowest vertebra, thoracic vertebrae)."""
    out: dict[str, tuple[str, int]] = {}
    for row in read_rows(path):
        where = f"{path.name} line {row['line']}"
        name = row.get("case", "") or row.get("patient", "")
        if not name:
            raise DataError(f"{where}: names no `case` and no `patient`")
        lowest, thoracic = row.get("lowest", "").upper() or "L5", row.get("thoracic", "") or "12"
        if lowest not in LOWEST_LEVELS or thoracic not in map(str, THORACIC_COUNTS):
            raise DataError(
                f"{where}: lowest = {lowest[:20]!r}, thoracic = {thoracic[:20]!r}; wanted lowest one of "
                f"{', '.join(LOWEST_LEVELS)} and thoracic one of {', '.join(map(str, THORACIC_COUNTS))}"
            )
        if out.get(name, (lowest, int(thoracic))) != (lowest, int(thoracic)):
            raise DataError(f"{where}: names {name[:40]!a} again and says otherwise")
        out[name] = (lowest, int(thoracic))
    return out


def _without(mask: LabelMap, ignored: Iterable[int]) -> LabelMap:
    import numpy as np

    values = sorted(ignored)
    if not values:
        return mask
    keep = np.arange(65536, dtype=np.uint16)
    keep[values] = 0
    labels = keep[mask.labels]
    if not labels.any():
        raise DataError("mask holds nothing but values that its scheme ignores")
    return LabelMap(labels, mask.grid, mask.scheme)
