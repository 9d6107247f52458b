"""What thick slices leave of a shape: drawn again on a coarse grid, and brought back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.kernels.sampling import resample

Mask = NDArray[np.float32]


def redigitised(
    mask: Mask,
    grid: Grid,
    spacing_mm: tuple[float, float, float],
    *,
    shift: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> Mask:
    """The soft mask (z, y, x) as it comes back from one scan with other voxels.

    Each voxel of a grid of `spacing_mm` (z, y, x), along the mask's own axes, counts as inside where the mask fills more than
    half of it; the result is sampled on `grid` again, as samples are cut. The overlap of the two is what no encoder that was
    trained on such scans can pass on another scan of the same structure.

    Parameters
    ----------
    mask : (z, y, x) in 0..1 on `grid`.
    shift : (z, y, x) how far the coarse grid lies from `grid`'s first voxel, in its own voxels.

    Raises
    ------
    ValueError
        If a spacing is not positive.
    """
    if min(spacing_mm) <= 0:
        raise ValueError(f"spacing_mm must be positive, got {spacing_mm}")
    fine, coarse = np.array(grid.spacing), np.array(spacing_mm)
    parts = np.maximum(1, np.ceil(coarse / fine)).astype(int)
    count = np.ceil(np.array(grid.shape) * fine / coarse).astype(int) + 2
    step = coarse / parts
    first = (np.array(shift) - 1.0) * coarse - coarse / 2 + step / 2
    dense = _beside(grid, first / fine, count * parts, step)
    filled = resample(np.ascontiguousarray(mask, np.float32), grid, dense, method="linear")
    z, y, x = (int(n) for n in count)
    share = filled.reshape(z, parts[0], y, parts[1], x, parts[2]).mean(axis=(1, 3, 5))
    drawn = _beside(grid, (np.array(shift) - 1.0) * coarse / fine, count, coarse)
    back: Mask = resample((share > 0.5).astype(np.float32), drawn, grid, method="linear")
    return back


def _beside(grid: Grid, index: NDArray[np.float64], shape: NDArray[np.int64], spacing: NDArray[np.float64]) -> Grid:
    """A grid along the same axes that begins at `index` of `grid`."""
    x, y, z = (float(v) for v in grid.to_world(index))
    nz, ny, nx = (int(n) for n in shape)
    sz, sy, sx = (float(s) for s in spacing)
    return Grid((nz, ny, nx), (sz, sy, sx), (x, y, z), grid.direction)
