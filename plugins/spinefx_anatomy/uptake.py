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
    from spinefx_anatomy.options import UptakeOptions

Floats = NDArray[np.float64]

PEAK_MM = 6.2
"""Radius of the sphere of 1 ml whose largest mean is the peak."""

STEP_MM, FINER = 2.0, 4
"""How far apart the sphere's centres are, and how many times nearer around the best one."""

MEANING = {
    "suv_mean": "mean uptake over the structure's voxels, PET interpolated onto the mask's grid",
    "suv_max": "largest uptake in one voxel",
    "suv_peak": "largest mean uptake over a sphere of 1 ml inside the image, its centre in the structure, moved in steps of "
    "2 mm, then of .5 mm (Wahl et al., PERCIST, J Nucl Med 50:122S, 2009)",
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
                why = f"only {100 * share:.0f} % of it lies inside the image {self.options.image!r}"
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
    """Largest mean over the sphere around points of a structure; NaN where no sphere lies inside the image.

    On a lattice of `STEP_MM` over the structure, then `FINER` times as fine around the best point.
    """
    start, stop = _box(mask, value)
    sides = (stop - start - 1) * np.array(mask.grid.spacing)
    count = np.ceil(sides / STEP_MM - 1e-9).astype(int) + 1
    first = mask.grid.to_world((start + stop - 1) / 2) - (count - 1) / 2 * STEP_MM @ mask.grid.axes
    best, place = _highest(image, mask, value, first, count, 1)
    if np.isnan(best):
        return best
    around = place - (FINER // 2) * STEP_MM / FINER * mask.grid.axes.sum(axis=0)
    return max(best, _highest(image, mask, value, around, np.full(3, 2 * (FINER // 2) + 1), FINER)[0])


def _highest(
    image: Volume, mask: LabelMap, value: int, first: Floats, count: NDArray[np.int64], finer: int
) -> tuple[float, Floats]:
    """The largest mean over a sphere, and its centre: centres in the structure, `count` along the mask's axes from `first`."""
    step, weights = STEP_MM / finer, _sphere()
    pad = weights.shape[0] // 2 * finer
    axes = mask.grid.axes
    nz, ny, nx = (int(n) for n in count + 2 * pad)
    x, y, z = (first - pad * step * axes.sum(axis=0)).tolist()
    grid = Grid((nz, ny, nx), (step,) * 3, (x, y, z), mask.grid.direction)
    values = kernels.resample(image.data.astype(np.float32, copy=False), image.grid, grid, fill=float("nan"))
    lattice = np.stack(np.meshgrid(*map(np.arange, count), indexing="ij"), axis=-1).reshape(-1, 3)
    index = np.floor(mask.grid.to_index(first + lattice * step @ axes) + 0.5).astype(int)
    index = np.clip(index, 0, np.array(mask.grid.shape) - 1)
    lattice = lattice[mask.labels[tuple(index.T)] == value]
    flat, at = values.reshape(-1), lattice @ [ny * nx, nx, 1]
    means = np.zeros(len(at))
    for cell in np.argwhere(weights > 0):
        means += weights[tuple(cell)] * flat[at + int(cell * finer @ [ny * nx, nx, 1])]
    if not np.isfinite(means).any():
        return float("nan"), first
    best = int(np.nanargmax(means))
    return float(means[best]), first + lattice[best] * step @ axes


@cache
def _sphere() -> NDArray[np.float32]:
    """(n, n, n) share of every cell of the lattice in the sphere, by 5^3 points a cell; they sum to one.

    A share stands at its cell's middle, which adds STEP_MM^2 / 4 to the mean square distance, 3/5 of the radius squared: the
    radius is made smaller by as much.
    """
    radius2 = PEAK_MM**2 - 5 / 12 * STEP_MM**2
    reach = int(np.ceil(np.sqrt(radius2) / STEP_MM + 0.5)) - 1
    along = (np.arange(5 * (2 * reach + 1)) - (5 * (2 * reach + 1) - 1) / 2) * STEP_MM / 5
    inside = np.sum(np.square(np.meshgrid(along, along, along, indexing="ij")), axis=0) <= radius2
    cells = inside.reshape(2 * reach + 1, 5, 2 * reach + 1, 5, 2 * reach + 1, 5).sum(axis=(1, 3, 5), dtype=np.float64)
    return np.asarray(cells / cells.sum(), np.float32)
