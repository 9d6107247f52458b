"""The analyser `uptake`: how much tracer every structure holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Features, Grid, LabelMap, Row, Scan, Structure, Volume
from spinefx_anatomy.patient import statistics

if TYPE_CHECKING:
    from spinefx_anatomy import UptakeOptions

PEAK_MM = 6.2
"""Radius of the sphere of 1 ml whose largest mean is the peak."""

STEP_MM = 2.0
"""How far apart the sphere's centres are."""

MEANING = {
    "suv_mean": "mean uptake over the structure's voxels, PET interpolated onto the mask's grid",
    "suv_max": "largest uptake in one voxel",
    "suv_peak": "largest mean uptake over a sphere of 1 ml inside the image, its centre in the structure, moved in steps of "
    "2 mm (Wahl et al., PERCIST, J Nucl Med 50:122S, 2009)",
    "suv_total": "mean uptake times volume, SUV x ml; total lesion glycolysis, for FDG (Larson et al., Clin Positron Imaging 2:159, 1999)",
}


class Uptake:
    """Measures the uptake of every structure of the chosen kinds."""

    def __init__(self, options: UptakeOptions) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per structure.

        Raises
        ------
        DataError
            If the scan has no mask, or no image of the chosen modality.
        """
        mask = scan.require_mask()
        image = scan.images.get(self.options.image)
        if image is None:
            raise DataError(
                f"case {scan.case.id}: no image {self.options.image!r} to measure uptake in; it has "
                f"{', '.join(scan.images) or 'none'}"
            )
        chosen = [s for s in mask.structures() if s.kind in self.options.structures]
        found = _statistics(image, mask, chosen)
        rows: list[Row] = []
        numbers: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        for structure in chosen:
            row = Row(scan.case.id, scan.case.patient, structure.kind, structure.level)
            rows.append(row)
            value = mask.scheme.value_of(structure)
            seen = np.flatnonzero(found.value == value)
            share = found.voxels[seen[0]] / mask.voxels(structure) if seen.size else 0.0
            if share < self.options.least_share or found.mean is None or found.maximum is None:
                numbers.append(dict.fromkeys(MEANING, np.nan))
                why = f"only {share:.0%} of it lies inside the image {self.options.image!r}"
                reasons |= {(row, name): why for name in MEANING}
                continue
            i = int(seen[0])
            mean = float(found.mean[i])
            peak = _peak(image, mask, value)
            numbers.append(
                {
                    "suv_mean": mean,
                    "suv_max": float(found.maximum[i]),
                    "suv_peak": peak,
                    "suv_total": mean * mask.volume_ml(structure),
                }
            )
            if np.isnan(peak):
                reasons[row, "suv_peak"] = "no sphere of 1 ml around it lies inside the image"
        return Features.of_rows(rows, numbers, reasons=reasons, meaning=MEANING if rows else {})


def _statistics(image: Volume, mask: LabelMap, chosen: Sequence[Structure]) -> kernels.LabelStatistics:
    """Size and intensities of these structures where the image shows them; the image interpolated onto the mask's grid."""
    boxes = np.array([_box(mask, mask.scheme.value_of(s)) for s in chosen]).reshape(-1, 2, 3)
    start, stop = (boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)) if chosen else (np.zeros(3, int), np.ones(3, int))
    here, grid = tuple(map(slice, start, stop)), mask.grid.crop(start, stop - start)
    if image.grid == mask.grid:
        values = image.data[here].astype(np.float32)
    else:
        values = kernels.resample(image.data.astype(np.float32, copy=False), image.grid, grid, fill=float("nan"))
    inside = np.isfinite(values)
    values[~inside] = 0.0
    return kernels.label_statistics(np.where(inside, mask.labels[here], np.uint16(0)), grid, values)


def _box(mask: LabelMap, value: int) -> NDArray[np.int64]:
    """(2, 3) the first and one past the last index of a label."""
    found = statistics(mask)
    return np.asarray(found.box[found.row(value)], np.int64)


def _peak(image: Volume, mask: LabelMap, value: int) -> float:
    """Largest mean over the sphere around the points of a structure on a lattice; NaN where none lies inside the image."""
    start, stop = _box(mask, value)
    weights = _sphere()
    reach = weights.shape[0] // 2
    count = np.ceil((stop - start - 1) * mask.grid.spacing / STEP_MM - 1e-9).astype(int) + 1
    # The lattice covers the structure's box evenly, a sphere's radius beyond it on every side.
    first = ((stop - start - 1) - (count - 1) * STEP_MM / mask.grid.spacing) / 2 + start
    origin = mask.grid.to_world(first - reach * STEP_MM / np.array(mask.grid.spacing))
    nz, ny, nx = (count + 2 * reach).tolist()
    grid = Grid((nz, ny, nx), (STEP_MM,) * 3, tuple(origin.tolist()), mask.grid.direction)
    values = kernels.resample(image.data.astype(np.float32, copy=False), image.grid, grid, fill=float("nan"))
    lattice = np.stack(np.meshgrid(*map(np.arange, count), indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.floor(first + lattice * (STEP_MM / np.array(mask.grid.spacing)) + 0.5).astype(int)
    centres = lattice[mask.labels[tuple(np.clip(index, 0, np.array(mask.grid.shape) - 1).T)] == value]
    flat, at = values.reshape(-1), centres @ [ny * nx, nx, 1]
    means = np.zeros(len(at))
    for z, y, x in np.argwhere(weights > 0).tolist():
        means += weights[z, y, x] * flat[at + (z * ny + y) * nx + x]
    seen = means[np.isfinite(means)]
    return float(seen.max()) if seen.size else float("nan")


@cache
def _sphere() -> NDArray[np.float32]:
    """(n, n, n) share of every cell of the lattice in the sphere, by 5^3 points a cell; they sum to one."""
    reach = int(np.ceil(PEAK_MM / STEP_MM + 0.5)) - 1
    along = (np.arange(5 * (2 * reach + 1)) - (5 * (2 * reach + 1) - 1) / 2) * STEP_MM / 5
    inside = np.sum(np.square(np.meshgrid(along, along, along, indexing="ij")), axis=0) <= PEAK_MM**2
    cells = inside.reshape(2 * reach + 1, 5, 2 * reach + 1, 5, 2 * reach + 1, 5).sum(axis=(1, 3, 5), dtype=np.float64)
    return np.asarray(cells / cells.sum(), np.float32)
