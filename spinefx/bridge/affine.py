"""From affines that other libraries keep to a grid and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.contract.errors import DataError, GridError
from spinefx.contract.grid import Grid

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
"""nibabel and MONAI count to the right and to the front, ITK to the left and to the back."""


def grid_of(affine: ArrayLike, shape: tuple[int, ...]) -> Grid:
    """The grid whose index (i, j, k), last array axis first, the affine (4, 4) takes to a point in LPS; shape (z, y, x).

    Raises
    ------
    GridError
        If the affine is sheared, flat or not finite.
    """
    if len(shape) != 3:
        raise DataError(f"wanted an image of three dimensions, got shape {shape}")
    matrix: NDArray[np.float64] = np.asarray(affine, np.float64)
    size = np.linalg.norm(matrix[:3, :3], axis=0)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or size.min() <= 0:
        raise GridError(f"an image's affine must be a finite 4x4 matrix without empty columns, got {matrix.tolist()}")
    x, y, z = (float(v) for v in size)
    ox, oy, oz = (float(v) for v in matrix[:3, 3])
    return Grid((shape[0], shape[1], shape[2]), (z, y, x), (ox, oy, oz), matrix[:3, :3] / size)
