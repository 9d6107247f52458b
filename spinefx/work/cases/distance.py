"""Signed distance to the surface of a soft mask, in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 3
_CLOSE = 2.0


def signed_distance(mask: NDArray[np.float32], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """(z, y, x) distance in mm to where the mask is one half; negative inside.

    The surface is known where edges of the grid cross it; each crossing stands for a piece of its tangent plane, so that
    a flat surface is exact. Where nothing is inside, the box's diagonal everywhere.

    Parameters
    ----------
    mask : (z, y, x) in 0..1.   spacing : mm, order (z, y, x).
    """
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial import cKDTree

    size = np.array(spacing)
    points, normals = _crossings(mask.astype(np.float64), size)
    if not len(points):
        return np.full(mask.shape, np.linalg.norm(size * mask.shape), np.float32)
    inside = mask > 0.5
    sign = np.where(inside, -1.0, 1.0)
    whole = np.zeros(mask.shape)
    places = np.zeros((3, *mask.shape), np.intp)
    for side in (inside, ~inside):
        far, index = distance_transform_edt(side, spacing, return_indices=True)
        whole, places = np.where(side, far, whole), np.where(side, index, places)

    near = whole < _CLOSE * size.max()
    where = np.argwhere(near) * size
    k = min(_NEIGHBOURS, len(points))
    reach, nearest = cKDTree(points).query(where, k=k)
    reach, nearest = reach.reshape(-1, k), nearest.reshape(-1, k)
    across = np.abs(((where[:, None] - points[nearest]) * normals[nearest]).sum(-1))
    exact = np.zeros(mask.shape)
    exact[near] = np.minimum(across.mean(1), reach[:, 0])
    beyond = whole - exact[tuple(places)]  # from the nearest voxel of the other side back to the surface
    signed: NDArray[np.float32] = (sign * np.where(near, exact, beyond)).astype(np.float32)
    return signed


def _crossings(mask: NDArray[np.float64], size: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) points in mm where edges of the grid cross one half, and the surface's unit normals there."""
    slope = np.stack(list(np.gradient(mask, *size)), -1) if min(mask.shape) > 1 else np.zeros((*mask.shape, 3))
    inside = mask > 0.5
    points, normals = [], []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        here = np.nonzero(inside[tuple(low)] != inside[tuple(high)])
        a, b = mask[tuple(low)][here], mask[tuple(high)][here]
        share = ((0.5 - a) / (b - a))[:, None]
        index = np.stack(here, 1).astype(np.float64)
        index[:, axis] += share[:, 0]
        points.append(index * size)
        normals.append((1 - share) * slope[tuple(low)][here] + share * slope[tuple(high)][here])
    normal = np.concatenate(normals)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.concatenate(points), normal / np.maximum(length, 1e-12)
