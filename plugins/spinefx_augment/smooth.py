"""Smooth functions over a sample: sums of products of one function per axis, as splines and polynomials are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def products(weights: Floats, z: Floats, y: Floats, x: Floats) -> NDArray[np.float32]:
    """(..., nz, ny, nx): the sum over a, b, c of weights[..., a, b, c] z[:, a] y[:, b] x[:, c].

    weights : (..., a, b, c).   z, y, x : (nz, a), (ny, b), (nx, c), the functions at the voxels.

    Slice by slice: products too small for BLAS to wake its threads for, which would spin beside those of the core.
    """
    slices = np.moveaxis(np.tensordot(weights, z, (-3, 1)), -1, -3).astype(np.float32)
    found: NDArray[np.float32] = (y.astype(np.float32) @ slices) @ np.ascontiguousarray(x.T, np.float32)
    return found
