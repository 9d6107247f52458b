"""One structure seen slice by slice: every slice turned, in its own plane, to the structure's frame.

Nothing is interpolated between slices: thick slices stay what they are. Within a slice the mask is resampled on fine
lines along the structure's normal and its antero-posterior direction; sums along such lines keep its area, so lengths
and thicknesses come out finer than the voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid

Floats = NDArray[np.float64]

DUST = 1e-3
"""Fill below this is nothing."""

FINE, FINEST_MM = 0.5, 0.35
"""Step of the lines over the smaller voxel size in the slice, and the least that it is made, mm."""

COARSE = 2.0
"""How many times coarser a first look is."""


@dataclass(frozen=True, eq=False)
class Sections:
    """Fill (s, w, t) of a structure on planes s, lines w (upwards) and t (backwards), with their coordinates in mm.

    origin : (3,) world point at s = w = t = 0.
    across, up, back : (3,) world unit vectors of s (towards the left), w and t; `across` is normal to the slices.
    """

    fill: NDArray[np.float32]
    s: Floats
    w: Floats
    t: Floats
    origin: Floats
    across: Floats
    up: Floats
    back: Floats

    @property
    def apart(self) -> float:
        """Distance between slices in mm."""
        return float(self.s[1] - self.s[0])

    @property
    def step(self) -> float:
        """Distance between lines in mm, along w and t alike."""
        return float(self.w[1] - self.w[0])

    @cached_property
    def thickness(self) -> Floats:
        """(s, t) extent along w in mm."""
        out: Floats = self.fill.sum(axis=1, dtype=np.float64) * self.step
        return out

    @cached_property
    def middle(self) -> Floats:
        """(s, t) centre along w in mm; 0 where there is nothing."""
        moment = np.einsum("swt,w->st", self.fill, self.w, dtype=np.float64) * self.step
        out: Floats = np.divide(moment, self.thickness, out=np.zeros_like(moment), where=self.thickness > 0)
        return out

    def world(self, s: Floats, w: Floats, t: Floats) -> Floats:
        """(..., 3) world points of coordinates in mm."""
        axes = np.stack([self.across, self.up, self.back])
        out: Floats = np.asarray(np.stack(np.broadcast_arrays(s, w, t), axis=-1) @ axes + self.origin, np.float64)
        return out


def cut(
    mask: NDArray[np.bool_], grid: Grid, *, centre: Floats, normal: Floats, left: Floats, coarse: bool = False
) -> Sections:
    """Sections of `mask` through slices across `left`, turned so that w runs along the normal's part in the slice.

    Parameters
    ----------
    mask : (z, y, x) bool, on `grid`; empty along its border.
    centre : (3,) world mm; becomes the zero of s, w and t.
    normal, left : (3,) world unit vectors of the structure.
    coarse : a first look, on lines `COARSE` times as far apart.
    """
    axes = grid.axes
    k = int(np.argmax(np.abs(axes @ left)))
    across = axes[k] * np.sign(axes[k] @ left)
    up = normal - (normal @ across) * across
    up /= np.linalg.norm(up)
    back = np.cross(up, across)
    step = max(FINE * min(grid.spacing[i] for i in range(3) if i != k), FINEST_MM) * (COARSE if coarse else 1.0)
    corners = grid.corners() - centre
    spots = grid.to_world(_ends(mask)) - centre
    pad = 2 * max(grid.spacing[i] for i in range(3) if i != k)
    low = [float((spots @ axis).min()) - pad for axis in (up, back)]
    count = [
        int(np.ceil((float((spots @ a).max()) + pad - lo) / step)) + 1 for a, lo in zip((up, back), low, strict=True)
    ]
    first = float((corners @ across).min())
    shape = (grid.shape[k], *count)
    start = centre + first * across + low[0] * up + low[1] * back
    direction = np.stack([back, up, across], axis=1)
    x, y, z = (float(v) for v in start)
    target = Grid(shape, (grid.spacing[k], step, step), (x, y, z), direction)  # type: ignore[arg-type]
    fill = kernels.resample(mask.astype(np.float32), grid, target, method="linear")
    fill[fill < DUST] = 0.0  # what rounding lets through from the neighbouring slice
    s, w, t = (
        np.asarray(lo + np.arange(n) * d, np.float64)
        for lo, n, d in zip([first, *low], shape, target.spacing, strict=True)
    )
    return Sections(fill, s, w, t, centre, across, up, back)


def _ends(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(n, 3) indices of the first and last voxel of every row along the longest axis: none lies farther out than all of them."""
    k = int(np.argmax(mask.shape))
    turned = np.moveaxis(mask, k, 2)
    rows = np.argwhere(turned.any(axis=2))
    inner = turned[tuple(rows.T)]
    last = inner.shape[1] - 1 - inner[:, ::-1].argmax(axis=1)
    ends = [np.insert(rows, k, end, axis=1) for end in (inner.argmax(axis=1), last)]
    return np.concatenate(ends)
