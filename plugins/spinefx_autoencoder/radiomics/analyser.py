"""Analyser `radiomics`: radiomic features of every structure, beside what geometry measures of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Features, Grid, LabelMap, Row, Scan, Structure
from spinefx_autoencoder.options import RadiomicsAnalyserOptions
from spinefx_autoencoder.radiomics.ibsi import LEAST_VOXELS, SOURCE, at_one_mm, features, needed

_MARGIN = 2
"""Voxels around a structure that come along, so that its rim is interpolated as the scan has it."""


class Radiomics:
    """Measures images inside the mask, in voxels of 1 mm."""

    def __init__(self, options: RadiomicsAnalyserOptions) -> None:
        needed()
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per structure; NaN with the reason where it is cut off by the border or too small."""
        o, mask = self.options, scan.require_mask()
        rows: list[Row] = []
        numbers: list[dict[str, float]] = []
        reasons: dict[Row, str] = {}
        chosen = [s for s in mask.structures() if s.kind in o.structures]
        for structure in chosen:
            row = Row(scan.case.id, scan.case.patient, structure.kind, structure.level)
            found, why = self._of(scan, mask, structure)
            rows.append(row)
            numbers.append(found)
            if why:
                reasons[row] = why
        names = list(dict.fromkeys(name for found in numbers for name in found))
        whole = [{name: found.get(name, np.nan) for name in names} for found in numbers]
        meaning = {name: f"IBSI's {name}, in voxels of 1 mm, {o.bins} grey levels ({SOURCE})" for name in names}
        told = {(row, name): why for row, why in reasons.items() for name in names}
        return Features.of_rows(rows, whole, reasons=told, meaning=meaning)

    def _of(self, scan: Scan, mask: LabelMap, structure: Structure) -> tuple[dict[str, float], str]:
        where = mask.labels == mask.scheme.value_of(structure)
        sides = [np.flatnonzero(where.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
        ends = [(int(side[0]), int(side[-1]) + 1) for side in sides]
        if any(a == 0 or b == n for (a, b), n in zip(ends, where.shape, strict=True)):
            return {}, "cut off by the scan's border"
        start = np.array([max(a - _MARGIN, 0) for a, _ in ends])
        stop = np.array([min(b + _MARGIN, n) for (_, b), n in zip(ends, where.shape, strict=True)])
        here, grid = tuple(map(slice, start, stop)), mask.grid.crop(start, stop - start)
        inside = at_one_mm(where[here].astype(np.float32), grid) > 0.5
        names = self.options.images or tuple(scan.images)
        images = {name: at_one_mm(_values(scan, name, mask.grid, here, grid), grid) for name in names}
        found = features(images, inside, self.options.families, self.options.bins)
        return found, "" if found else f"fewer than {LEAST_VOXELS} voxels of 1 mm"


def _values(scan: Scan, name: str, whole: Grid, here: tuple[slice, ...], grid: Grid) -> NDArray[np.float32]:
    """The image over the box, on the mask's grid."""
    image = scan.images.get(name)
    if image is None:
        raise DataError(f"case {scan.case.id}: no image {name!r}; it has {', '.join(scan.images) or 'none'}")
    if image.grid == whole:
        return np.ascontiguousarray(image.data[here], np.float32)
    found: NDArray[np.float32] = kernels.resample(image.data.astype(np.float32, copy=False), image.grid, grid)
    return found
