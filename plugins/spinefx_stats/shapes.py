"""How alike two masks are: overlap of volumes, distance of surfaces in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Likeness:
    """Two masks compared. Distances are NaN where one mask is empty, or where they were not asked for."""

    iou: float
    dice: float
    assd_mm: float = float("nan")
    hd95_mm: float = float("nan")


def likeness(truth: Mask, rebuilt: Mask, grid: Grid, *, surface: bool = True) -> Likeness:
    """Overlap and surface distances of two masks (z, y, x) on one grid, the latter as `kernels.surface_distances` has them.

    Two empty masks are alike (1).
    """
    both, either = int((truth & rebuilt).sum()), int((truth | rebuilt).sum())
    total = int(truth.sum()) + int(rebuilt.sum())
    iou, dice = (both / either, 2 * both / total) if either else (1.0, 1.0)
    if not surface or not truth.any() or not rebuilt.any():
        return Likeness(iou, dice)
    apart = kernels.surface_distances(truth, rebuilt, grid)
    return Likeness(iou, dice, float(apart.assd_mm[0]), float(apart.hd95_mm[0]))
