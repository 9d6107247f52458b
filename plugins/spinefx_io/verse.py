"""`verse`: CT with vertebra masks and body centres, as the VerSe challenge gives them.

    rawdata/sub-x/sub-x_ct.nii.gz    derivatives/sub-x/sub-x_seg-vert_msk.nii.gz, sub-x_seg-*_ctd.json

or all files in one folder. Centres are voxels in the direction order that their file states and mark the vertebral
BODY; each is checked to lie in its own vertebra.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Case, DataError, Grid, LabelMap, Scan
from spinefx_io import VerseOptions
from spinefx_io.gate import naming, regular_file
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.pattern import walk
from spinefx_io.reading import Reader

_NAME = re.compile(
    r"(?:.*/)?(?P<id>sub-(?P<patient>[A-Za-z0-9]+)[A-Za-z0-9_.-]*?)_"
    r"(?:(?P<ct>ct\.nii\.gz)|(?P<mask>seg-vert_msk\.nii\.gz)|(?P<centres>seg-(?:vb|subreg)_ctd\.json))"
)
_AXES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
_JSON_BYTES = 1 << 20


class VerseLoader:
    """Finds and reads VerSe's scans."""

    def __init__(self, options: VerseOptions) -> None:
        self.options = options
        self._meaning = Meaning.of("verse", levels=options.levels)
        self._reader = Reader([options.root], self._meaning, int(options.budget_gb * 1e9))

    def cases(self) -> Sequence[Case]:
        """Every scan there is, by name alone; the patient is what follows `sub-`."""
        root = self.options.root
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        found: dict[str, dict[str, Path]] = {}
        patients: dict[str, str] = {}
        for name in walk(root):
            if match := _NAME.fullmatch(name):
                role = next(role for role in ("ct", "mask", "centres") if match[role])
                files = found.setdefault(match["id"], {})
                if role in files and role != "centres":
                    raise DataError(f"case {match['id']} has two files for {role}: {files[role].name} and {name}")
                files[role] = root / name
                patients[match["id"]] = match["patient"]
        if not found:
            raise DataError(f"{root}: no sub-*_ct.nii.gz and no sub-*_seg-vert_msk.nii.gz in it")
        return self._meaning.marked(self._case(name, patients[name], files) for name, files in sorted(found.items()))

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone."""
        return self._reader.voxels(case)

    def load(self, case: Case) -> Scan:
        """CT and mask of one scan; centres that lie outside their vertebra are noted."""
        if "name" in case.facts:
            raise DataError(
                f"id {case.facts['name']} must be at most 80 letters, digits, '.', '_', '+', '-'; rename it"
            )
        centres = case.files.get("centres")
        volumes = {role: path for role, path in case.files.items() if role != "centres"}
        scan = self._reader.scan(Case(case.id, case.patient, volumes, case.facts, case.notes))
        notes = self._check(centres, scan.mask) if centres is not None and scan.mask is not None else []
        return scan.replace(case=case, notes=(*scan.notes, *notes))

    def _case(self, name: str, patient: str, files: Mapping[str, Path]) -> Case:
        if not is_safe(name):
            return Case(stand_in(name), stand_in(patient), {}, {"name": ascii(name)[:200]}, ("unusable id",))
        notes = [f"no {role}" for role in ("ct", "mask") if role not in files]
        return Case(name, patient, files, {}, tuple(notes))

    def _check(self, path: Path, mask: LabelMap) -> list[str]:
        with naming(path, self.options.root):
            size = regular_file(path, root=self.options.root)
            if size > _JSON_BYTES:
                raise DataError(f"is {size} bytes, too much for a list of centres")
            centres = read_centres(path.read_bytes(), mask.grid)
        known = mask.scheme
        wrong = []
        for value, world in centres.items():
            index = np.rint(mask.grid.to_index(world)).astype(int)
            inside = bool((index >= 0).all() and (index < mask.grid.shape).all())
            if not inside or mask.labels[tuple(index)] != value:
                level = known[value].level if value in known else str(value)
                wrong.append(level)
        there = {known.value_of(s) for s in mask.structures("vertebra")}
        lonely = [known[value].level for value in sorted(there - set(centres))]
        notes = [f"centre outside its vertebra: {', '.join(wrong)}"] if wrong else []
        return notes + ([f"vertebra without a centre: {', '.join(lonely)}"] if lonely else [])


def read_centres(content: bytes, grid: Grid) -> dict[int, NDArray[np.float64]]:
    """Label -> (3,) world position (x, y, z) in mm, LPS, of every body centre in a VerSe centroid file.

    Parameters
    ----------
    content : bytes
        The JSON file: a list whose first entry names the direction order, `{"direction": ["P", "I", "R"]}`, then
        `{"label": 20, "X": ..., "Y": ..., "Z": ...}` in voxels.
    grid : Grid
        The grid of the image that the centres belong to.

    Raises
    ------
    DataError
        If the file is not that.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(content)
        letters = [str(letter) for letter in entries[0]["direction"]]
        points = {int(e["label"]): np.array([float(e[k]) for k in "XYZ"]) for e in entries[1:] if "label" in e}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise DataError(f"is not a VerSe list of centres: {error!r}") from error
    if len(letters) != 3 or {_AXES.get(letter, (9, 0))[0] for letter in letters} != {0, 1, 2}:
        raise DataError(f"direction {letters} is not one each of L/R, P/A and S/I")
    if not all(np.isfinite(point).all() for point in points.values()):
        raise DataError("holds a centre that is not finite")
    return {label: grid.to_world(_index(point, letters, grid)) for label, point in points.items()}


def _index(point: NDArray[np.float64], letters: Sequence[str], grid: Grid) -> NDArray[np.float64]:
    """Index (z, y, x) on `grid` of a point given in voxels along the axes `letters`."""
    index = np.zeros(3)
    main = np.abs(grid.axes).argmax(axis=1)
    for value, letter in zip(point, letters, strict=True):
        row, sign = _AXES[letter]
        axis = int(np.flatnonzero(main == row)[0])
        same = np.sign(grid.axes[axis, row]) == sign
        index[axis] = value if same else grid.shape[axis] - 1 - value
    return index
