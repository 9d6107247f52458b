"""The geometry of point clouds such as latents: exact neighbours, geodesics over them, intrinsic dimension."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.kernels import _core

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def neighbours(points: ArrayLike, k: int) -> tuple[Whole, Floats]:
    """Indices (n, k) and Euclidean distances (n, k) of the k nearest other points, nearest first, ties by index.

    points : (n, d) finite numbers; 1 <= k < n. Exact, with memory O(n k).
    """
    return _core.neighbours(checked_points(points), _neighbours(k, np.shape(points)[0] if np.ndim(points) else 0))


def geodesics(points: ArrayLike, k: int, sources: ArrayLike) -> Floats:
    """(s, n) shortest path lengths from the points numbered `sources` over the k-nearest-neighbour graph.

    The graph is undirected: two points are joined where one is among the k nearest of the other. inf: not connected.
    """
    starts = np.atleast_1d(np.asarray(sources))
    index, distance = neighbours(points, k)
    if starts.dtype.kind not in "iu" or starts.ndim != 1:
        raise TypeError(f"sources must be whole numbers (s,), got {starts.dtype} {starts.shape}")
    if starts.size and (starts.min() < 0 or starts.max() >= len(index)):
        raise ValueError(f"sources must be in 0..{len(index) - 1}, got {starts.min()}..{starts.max()}")
    return _core.geodesics(index, distance, starts.astype(np.int64))


def intrinsic_dimension(points: ArrayLike, method: Literal["twonn", "mle"] = "twonn", *, k: int = 10) -> float:
    """The number of dimensions that points (n, d) really fill; copies of a point are left out.

    twonn : from the ratio of the distances to the second and first neighbour, largest tenth of ratios left out.
    mle   : from the growth of the distances to the `k` nearest (2 < k < n).

    Raises
    ------
    ValueError
        If fewer than 3 different points are left, or `method` is unknown.

    Notes
    -----
    Facco et al., Sci Rep 7:12140 (2017). Levina and Bickel, NIPS 17 (2004), averaged over points as MacKay and
    Ghahramani corrected it (2005).
    """
    if method not in ("twonn", "mle"):
        raise ValueError(f"method must be 'twonn' or 'mle', got {method!r}")
    different = np.unique(checked_points(points), axis=0)
    if len(different) < 3:
        raise ValueError(f"intrinsic dimension needs at least 3 different points, got {len(different)}")
    if method == "twonn":
        _, distance = neighbours(different, 2)
        ratio = np.sort(np.log(distance[:, 1] / distance[:, 0]))
        keep = max(2, int(0.9 * len(ratio)))
        share = -np.log1p(-np.arange(1, keep + 1) / len(ratio)) if keep < len(ratio) else None
        if share is None:
            return _ratio(float(len(ratio)), float(ratio.sum()))
        return _ratio(float(share @ ratio[:keep]), float(ratio[:keep] @ ratio[:keep]))
    if k <= 2:
        raise ValueError(f"k must be > 2 for 'mle', got {k}")
    _, distance = neighbours(different, min(k, len(different) - 1))
    growth = np.log(distance[:, -1:] / distance[:, :-1]).sum()
    return _ratio(float(len(different) * (distance.shape[1] - 2)), float(growth))


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("inf")


def checked_points(points: ArrayLike) -> Floats:
    """`points` as contiguous float64 (n, d); TypeError, ValueError where they are not finite numbers of that shape."""
    given: NDArray[Any] = np.asarray(points)
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise TypeError(f"points must be numbers (n, d), got {given.dtype} {given.shape}")
    whole = np.ascontiguousarray(given, np.float64)
    if not np.isfinite(whole).all():
        raise ValueError("points must be finite")
    return whole


def _neighbours(k: int, n: int) -> int:
    if not 1 <= k < n:
        raise ValueError(f"k must be in 1..{n - 1} for {n} points, got {k}")
    return int(k)
