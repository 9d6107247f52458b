"""How far apart things lie on grids: to the nearest other label, and between the surfaces of two label maps; in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.kernels import _core
from spinefx.kernels.measures import checked_labels

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def distance_transform(
    labels: Array, grid: Grid, *, signed: bool = False, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """(z, y, x) float32: how far in mm every voxel centre is from the nearest voxel centre of another label.

    All labels at once; the background, 0, is another label to each of them and itself gets 0. Exact but for rounding to
    float32. The volume's border is no boundary; where no other label is in view, the distance is infinite.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
    signed : bool
        The background gets its distance to the nearest label too, as a negative number.
    out : (z, y, x) float32, optional
        C-contiguous, not overlapping `labels`; filled and returned.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or `out` does not fit.

    Notes
    -----
    Felzenszwalb and Huttenlocher, Theory Comput 8:415 (2012): one lower envelope of parabolas an axis.
    """
    given = checked_labels(labels, grid)
    result = np.empty(grid.shape, np.float32) if out is None else out
    if result.shape != grid.shape or result.dtype != np.float32:
        raise ValueError(f"out must be float32 {grid.shape}, got {result.dtype} {result.shape}")
    if not result.flags.c_contiguous or not result.flags.writeable or np.may_share_memory(result, labels):
        raise ValueError("out must be C-contiguous, writeable and apart from the labels")
    _core.distance_transform(given, grid.spacing, bool(signed), result)
    if signed:
        np.negative(result, out=result, where=given == 0)
    return result


def surface_areas(labels: Array, grid: Grid) -> tuple[Whole, Floats]:
    """The labels that are there, (n,) ascending, and the area of each one's surface in mm2, (n,); one pass for all.

    The area of marching cubes half-way between voxel centres, as `surface_distances` weighs it: its steps follow the voxels, and a
    round body's is some 8 % larger than that of the body itself. `surface` gives a smooth mesh and its area. The volume's
    border closes the labels; 0 is background.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool

    Raises
    ------
    TypeError, GridError
        If a dtype or shape does not fit.

    Notes
    -----
    Lorensen and Cline, SIGGRAPH Comput Graph 21:163 (1987).
    """
    return _core.surface_areas(checked_labels(labels, grid), grid.spacing)


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """One row per label that either map has, in ascending order of `value`; 0 is background and has none.

    value : (n,) int64.                area_mm2 : (n, 2), of the surface in the first and the second map.
    hd_mm : (n,) Hausdorff distance.   hd95_mm : (n,) its 95th (or other) percentile over the surface, the larger way.
    assd_mm : (n,) mean over both surfaces.
    nsd : (n, t) share of both surfaces within each of `tolerances_mm`, the normalised surface distance or surface Dice.

    A label that one map lacks has infinite distances and a share of 0.
    """

    value: Whole
    area_mm2: Floats
    hd_mm: Floats
    hd95_mm: Floats
    assd_mm: Floats
    nsd: Floats
    tolerances_mm: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.value)


def surface_distances(
    first: Array,
    second: Array,
    grid: Grid,
    *,
    tolerances_mm: Sequence[float] = (1.0, 2.0),
    percentile: float = 95.0,
) -> SurfaceDistances:
    """How far apart the surfaces of every label are in two label maps on one grid.

    Surfaces are made of elements: every cell of eight voxel centres that the surface passes is one, lies at its middle
    and weighs the area that marching cubes puts there. Distances run from element to nearest element, and means,
    percentiles and shares are over area, not over voxels, so thick slices weigh what they should. The volume's border
    closes the labels.

    Parameters
    ----------
    first, second : (z, y, x) uint16, uint8 or bool
    tolerances_mm : (t,) finite, >= 0
    percentile : float
        For `hd95_mm`, > 0 and <= 100.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, shape, tolerance or percentile does not fit.

    Notes
    -----
    Nikolov et al., J Med Internet Res 23:e26151 (2021): surface elements and the surface Dice, with the definitions of
    DeepMind's surface-distance; the mean here is over both surfaces together.
    """
    tolerances = [float(t) for t in tolerances_mm]
    if not np.isfinite(tolerances).all() or min(tolerances, default=0.0) < 0:
        raise ValueError(f"tolerances_mm must be finite and >= 0, got {tolerances}")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be > 0 and <= 100, got {percentile}")
    a, b = checked_labels(first, grid), checked_labels(second, grid)
    if a.dtype != b.dtype:
        a, b = a.astype(np.uint16), b.astype(np.uint16)
    value, measures, within = _core.surface_distances(a, b, grid.spacing, float(percentile), tolerances)
    hd, percentiles, mean = (np.ascontiguousarray(measures[:, k]) for k in (2, 3, 4))
    return SurfaceDistances(value, measures[:, :2].copy(), hd, percentiles, mean, within, tuple(tolerances))
