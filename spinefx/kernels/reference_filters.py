"""The NumPy twin of the filters of several voxels: cubic B-splines, windowed sincs and antialias.

Coefficients come from the spline's own equations, solved densely, and weights from the kernels' formulas at the exact
position: nothing is shared with the core's recursions and tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Kernel = Callable[[Floats], Floats]

ZEROS = 5  # of the windowed sinc, a side


def tent(x: Floats) -> Floats:
    """Linear interpolation's kernel."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def spline(x: Floats) -> Floats:
    """The cubic B-spline."""
    away = np.abs(x)
    near = 2 / 3 - away**2 + away**3 / 2
    return np.where(away < 1, near, np.maximum(0.0, 2 - away) ** 3 / 6)


def lanczos(x: Floats) -> Floats:
    """The sinc under its own central lobe."""
    return np.where(np.abs(x) < ZEROS, np.sinc(x) * np.sinc(x / ZEROS), 0.0)


KERNELS: dict[str, tuple[Kernel, int, str]] = {
    "linear": (tent, 1, "drop"),
    "cubic": (spline, 2, "mirror"),
    "sinc": (lanczos, ZEROS, "hold"),
}
"""Method -> kernel, its reach in voxels, and what it sees beyond the ends."""


def filtered(data: Array, points: Floats, matrix: Floats, method: str, antialias: bool, straight: bool) -> Floats:
    """`data` at source indices `points` (3, z, y, x); `matrix` (3, 4) gives the target's steps, by which antialias goes.

    straight : whether `points` come from `matrix` alone.
    """
    kernel, reach, beyond = KERNELS[method]
    volume = data.astype(np.float64)
    steps = np.minimum(np.linalg.norm(matrix[:, :3], axis=1), 2.0 * np.array(data.shape))
    stretch = np.maximum(1.0, steps) if antialias else np.ones(3)
    aligned = straight and (np.count_nonzero(matrix[:, :3], axis=0) == 1).all()
    if method == "cubic":
        for axis in range(3):
            volume = _along(volume, axis, coefficients)
    elif not aligned and (stretch > 1).any():
        for axis, size in enumerate(data.shape):
            weights = _weights(np.arange(size, dtype=float), size, kernel, reach, beyond, stretch[axis])
            volume = _along(volume, axis, weights.__matmul__)
        stretch = np.ones(3)
    dense = [_weights(points[a].ravel(), n, kernel, reach, beyond, stretch[a]) for a, n in enumerate(data.shape)]
    found: Floats = np.einsum("zyx,pz,py,px->p", volume, *dense, optimize=True)
    return found.reshape(points.shape[1:])


def coefficients(samples: Floats) -> Floats:
    """(n, lines) cubic B-spline coefficients of (n, lines) samples, mirrored about the first and last."""
    n = len(samples)
    if n == 1:
        return samples
    equations = np.eye(n) * 4 + np.eye(n, k=1) + np.eye(n, k=-1)
    equations[0, 1] += 1
    equations[-1, -2] += 1
    return np.asarray(np.linalg.solve(equations / 6, samples), np.float64)


def _along(volume: Floats, axis: int, change: Callable[[Floats], Floats]) -> Floats:
    lines = np.moveaxis(volume, axis, 0)
    return np.moveaxis(change(lines.reshape(len(lines), -1)).reshape(lines.shape), 0, axis)


def _weights(places: Floats, size: int, kernel: Kernel, reach: int, beyond: str, stretch: float) -> Floats:
    """(places, size) weight of each voxel for each place."""
    if beyond == "drop":
        places = np.clip(places, 0, size - 1) if stretch == 1 else places
    dense = np.zeros((len(places), size))
    margin = int(np.ceil(reach * stretch)) + 1
    for j in range(-margin, size + margin):
        weight = kernel((j - places) / stretch)
        if beyond == "drop" and not 0 <= j < size:
            continue
        folded = min(max(j, 0), size - 1)
        if beyond == "mirror":
            period = max(1, 2 * (size - 1))
            folded = min(j % period, period - j % period) if size > 1 else 0
        dense[:, folded] += weight
    total: Floats = dense.sum(axis=1, keepdims=True)
    return dense / np.where(total == 0, 1, total)
