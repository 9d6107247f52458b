"""The analyser `uptake`: how much tracer every structure holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Features, Grid, Row, Scan

if TYPE_CHECKING:
    from spinefx_anatomy import UptakeOptions

PEAK_MM = 6.2
"""Radius of the sphere of 1 ml whose largest mean is the peak."""

MEANING = {
    "suv_mean": "mean uptake over the structure's voxels, PET interpolated onto the mask's grid",
    "suv_max": "largest uptake in one voxel",
    "suv_peak": "largest mean uptake over a sphere of 1 ml inside the image, its centre in the structure "
    "(Wahl et al., PERCIST, J Nucl Med 50:122S, 2009)",
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
        values = image.data.astype(np.float32, copy=False)
        if image.grid != mask.grid:
            values = kernels.resample(values, image.grid, mask.grid, method="linear", fill=float("nan"))
        inside = np.isfinite(values)
        found = kernels.label_statistics(np.where(inside, mask.labels, 0), mask.grid, np.where(inside, values, 0))
        rows: list[Row] = []
        numbers: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        for structure in mask.structures():
            if structure.kind not in self.options.structures:
                continue
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
            peak = _peak(values, mask.labels == value, found.box[i], mask.grid)
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


def _peak(values: NDArray[np.float32], part: NDArray[np.bool_], box: NDArray[np.int64], grid: Grid) -> float:
    """Largest mean over a ball of `PEAK_MM` around a voxel of the structure; NaN where none lies inside the image."""
    from scipy.ndimage import convolve

    reach = np.ceil(PEAK_MM / np.array(grid.spacing)).astype(int)
    axes = np.meshgrid(*(np.arange(-r, r + 1) * s for r, s in zip(reach, grid.spacing, strict=True)), indexing="ij")
    ball = (np.sum(np.square(axes), axis=0) <= PEAK_MM**2).astype(np.float32)
    start, stop = np.maximum(box[0] - reach, 0), np.minimum(box[1] + reach, grid.shape)
    here = tuple(map(slice, start, stop))
    means = convolve(values[here], ball / ball.sum(), mode="constant", cval=np.nan)
    found = means[part[here]]
    found = found[np.isfinite(found)]
    return float(found.max()) if found.size else float("nan")
