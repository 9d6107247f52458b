"""How a network sees a scan: axes in one order, voxels of one size, intensities on one scale. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Grid, Scan, Volume

Three = tuple[float, float, float]
OUTSIDE = -4.0
"""What lies beyond a scan, where every intensity is above -3: a network must see where a scan ends, as a reader does."""
_ORDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
"""World directions (x, y, z) of the view's axes: to the left, to the head, to the back."""


@dataclass(frozen=True)
class View:
    """The view of every scan that a network works on.

    spacing : mm along (left, head, back).   window : intensities from .. to; percentiles of the scan where None.
    """

    spacing: Three
    window: tuple[float, float] | None = None

    def grid(self, source: Grid) -> Grid:
        """The box of `source` in the view's order of axes and voxel size; its own axes, not turned."""
        axes, _, extent = along(source)
        shape = [max(1, round(e / s)) for e, s in zip(extent, self.spacing, strict=True)]
        half = [v * s * (n - 1) / 2 for v, s, n in zip(axes, self.spacing, shape, strict=True)]
        x, y, z = source.to_world((np.asarray(source.shape) - 1) / 2) - sum(half)
        return Grid((shape[0], shape[1], shape[2]), self.spacing, (x, y, z), np.stack(axes[::-1], axis=1))

    def image(self, volume: Volume) -> NDArray[np.float32]:
        """(left, head, back) float32 of about mean 0 and spread 1."""
        whole = (
            self.window is not None and volume.data.dtype == np.int16
        )  # Hounsfield units stay whole: half the memory
        given = volume.data if whole else volume.data.astype(np.float32, copy=False)
        seen = kernels.resample(given, volume.grid, self.grid(volume.grid), antialias=True).astype(
            np.float32, copy=False
        )
        if self.window is not None:
            low, high = self.window
            np.clip(seen, low, high, out=seen)
            seen -= np.float32(low)
            seen *= np.float32(4.0 / (high - low))
            seen -= np.float32(2.0)
            return seen
        some = seen[:: max(1, seen.shape[0] // 32), ::3, ::3]
        low, high = (float(v) for v in np.percentile(some, [0.5, 99.5]))
        some = np.clip(some, low, high)
        np.clip(seen, low, high, out=seen)
        seen -= np.float32(some.mean())
        seen /= np.float32(max(float(some.std()), 1e-6))
        return np.maximum(seen, np.float32(-3.0), out=seen)


def along(grid: Grid) -> tuple[list[NDArray[np.float64]], list[int], list[float]]:
    """For left, head and back: the unit vector, the array axis and the extent in mm of the grid's axis nearest to it."""
    free = [0, 1, 2]
    axes, places, extents = [], [], []
    for wanted in _ORDER:
        place = max(free, key=lambda k: abs(float(grid.axes[k] @ wanted)))
        free.remove(place)
        axes.append(grid.axes[place] * (1.0 if grid.axes[place] @ wanted >= 0 else -1.0))
        places.append(place)
        extents.append(grid.shape[place] * grid.spacing[place])
    return axes, places, extents


def spacing_of(grid: Grid) -> Three:
    """Voxel size along (left, head, back)."""
    a, b, c = (grid.spacing[k] for k in along(grid)[1])
    return a, b, c


def chosen(scan: Scan, name: str) -> Volume:
    """The image that is segmented; DataError names those that there are."""
    if not scan.images or (name and name not in scan.images):
        there = ", ".join(sorted(scan.images)) or "none"
        raise DataError(f"case {scan.case.id} has no image {name or 'to segment'}; it has {there}")
    return scan.images[name or min(scan.images)]
