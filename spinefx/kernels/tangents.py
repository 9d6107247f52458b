"""The local shape of point clouds such as latents: tangent spaces, curvature, distances between all pairs in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.kernels.points import checked_points, neighbours

Floats = NDArray[np.float64]

PIECE = 1 << 22
"""Numbers held at once beyond the result."""


@dataclass(frozen=True, eq=False)
class Tangents:
    """The tangent space at every point, from its k nearest others.

    basis : (n, m, d) orthonormal rows, the directions of most spread first.
    spread : (n, min(k, d)) variances along all principal directions, descending, in the points' units squared.
    flatness : (n,) share of the variance inside the tangent space, 0..1; 1 where all neighbours are copies of the point.
    curvature : (n,) in 1 / the points' unit: the length of the vector by which the neighbours bend away from the tangent
        space over half their squared distance along it, by least squares; directions are averaged with their signs (mean
        curvature). 1/r on a sphere of radius r, 0 on a saddle that bends as much up as down, and where m = d.
    """

    basis: Floats
    spread: Floats
    flatness: Floats
    curvature: Floats


def tangent_spaces(points: ArrayLike, dimension: int, *, k: int = 20) -> Tangents:
    """Local principal component analysis: the `dimension`-flat that the neighbourhood of every point lies along.

    Parameters
    ----------
    points : (n, d) finite numbers
    dimension : int
        m of the tangent spaces, 1 <= m <= d and m < k; `intrinsic_dimension` says which the cloud has.
    k : int
        Neighbours; dimension < k < n. More smooth out noise, fewer follow a bend; curvature wants k > m + 2.

    Raises
    ------
    TypeError, ValueError
        If points or a number do not fit.

    Notes
    -----
    Memory grows as n (k + m d). Zhang and Zha, SIAM J Sci Comput 26:313 (2004).
    """
    cloud = checked_points(points)
    n, d = cloud.shape
    if not 1 <= dimension <= d or not dimension < k < n:
        raise ValueError(
            f"tangent spaces need 1 <= dimension <= {d} and dimension < k < {n}, got dimension {dimension} and k {k}"
        )
    index, _ = neighbours(cloud, k)
    basis, spread = np.empty((n, dimension, d)), np.empty((n, min(k, d)))
    flatness, curvature = np.empty(n), np.empty(n)
    step = max(1, PIECE // (k * d))
    for first in range(0, n, step):
        here = slice(first, min(n, first + step))
        away = cloud[index[here]] - cloud[here, None]
        values, axes = np.linalg.svd(away - away.mean(axis=1, keepdims=True), full_matrices=False)[1:]
        spread[here], basis[here] = values**2 / k, axes[:, :dimension]
        total = spread[here].sum(axis=1)
        inside = spread[here, :dimension].sum(axis=1)
        flatness[here] = np.divide(inside, total, out=np.ones_like(total), where=total > 0)
        curvature[here] = _bend(away, basis[here])
    return Tangents(basis, spread, flatness, curvature)


def _bend(away: Floats, basis: Floats) -> Floats:
    """(n,) normal curvature over neighbours (n, k, d): what grows as half the squared distance along the tangent space.

    A constant and a slope are fitted with it, since the space leans with its neighbourhood and need not pass the point.
    """
    along = away @ basis.transpose(0, 2, 1)
    off = away - along @ basis
    square = (along**2).sum(axis=2, keepdims=True) / 2
    level = np.ones_like(square)
    scale = np.sqrt(square.mean(axis=1, keepdims=True))
    scale[scale == 0] = 1.0
    table = np.concatenate([square / scale**2, along / scale, level], axis=2)
    found = np.linalg.pinv(table, rcond=1e-10)[:, :1] @ off
    return np.asarray(np.linalg.norm(found[:, 0], axis=1) / scale[:, 0, 0] ** 2, np.float64)


def pairwise_distances(points: ArrayLike, others: ArrayLike | None = None) -> Iterator[tuple[slice, Floats]]:
    """Euclidean distances from points (n, d) to others (m, d), or to each other, in pieces of rows: (rows, (rows, m)).

    Exact: differences are squared in double, so near points stay apart (no norms and products). Pieces hold a few million
    numbers, whatever n is.

    Raises
    ------
    TypeError, ValueError
        If points are not finite (n, d), or the two clouds differ in d.
    """
    cloud = checked_points(points)
    beyond = cloud if others is None else checked_points(others)
    if beyond.shape[1] != cloud.shape[1]:
        raise ValueError(f"points have {cloud.shape[1]} dimensions, others {beyond.shape[1]}")
    return _pieces(cloud, beyond)


def _pieces(cloud: Floats, beyond: Floats) -> Iterator[tuple[slice, Floats]]:
    from scipy.spatial.distance import cdist

    step = max(1, PIECE // max(1, len(beyond)))
    for first in range(0, len(cloud), step):
        rows = slice(first, min(len(cloud), first + step))
        found: NDArray[Any] = cdist(cloud[rows], beyond)
        yield rows, found
