"""How alike two masks are: overlap of volumes, distance of surfaces in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Likeness:
    """Two masks compared. Distances are NaN where one mask is empty, or where they were not asked for."""

    iou: float
    dice: float
    assd_mm: float = float("nan")
    hd95_mm: float = float("nan")


def likeness(truth: Mask, rebuilt: Mask, spacing: tuple[float, float, float], *, surface: bool = True) -> Likeness:
    """Overlap and surface distances of two masks (z, y, x) with this spacing in mm.

    Notes
    -----
    Surface voxels are those with a neighbour (over a face) outside; ASSD is the mean of all distances from either
    surface to the other, HD95 the 95th percentile of the same. Two empty masks are alike (1).
    """
    both, either = int((truth & rebuilt).sum()), int((truth | rebuilt).sum())
    total = int(truth.sum()) + int(rebuilt.sum())
    iou, dice = (both / either, 2 * both / total) if either else (1.0, 1.0)
    if not surface or not truth.any() or not rebuilt.any():
        return Likeness(iou, dice)
    box = _box(truth | rebuilt)
    first, second = _rim(truth[box]), _rim(rebuilt[box])
    distances = np.concatenate([_away(second, spacing)[first], _away(first, spacing)[second]])
    return Likeness(iou, dice, float(distances.mean()), float(np.percentile(distances, 95)))


def _box(mask: Mask) -> tuple[slice, ...]:
    """The mask's own box: outside it there is no surface."""
    sides = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return tuple(slice(int(side[0]), int(side[-1]) + 1) for side in sides)


def _rim(mask: Mask) -> Mask:
    from scipy.ndimage import binary_erosion

    return np.asarray(mask & ~binary_erosion(mask), bool)


def _away(rim: Mask, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """(z, y, x) distance in mm to the nearest voxel of the rim."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~rim, sampling=spacing), np.float64)
