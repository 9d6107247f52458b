"""The Python face of the C++ core: NumPy in, NumPy out, usable alone. Knows grids, but no stage and no plugin."""

from __future__ import annotations

from spinefx.kernels.measures import LabelStatistics, label_statistics, soft_moments, surface
from spinefx.kernels.points import geodesics, intrinsic_dimension, neighbours
from spinefx.kernels.sampling import LostLabelError, resample, warp

__all__ = [
    "LabelStatistics", "LostLabelError", "geodesics", "intrinsic_dimension", "label_statistics", "neighbours", "resample",
    "soft_moments", "surface", "warp",
]  # fmt: skip
