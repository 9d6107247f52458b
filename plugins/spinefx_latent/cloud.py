"""Numbers of a cloud of latents: distances, densities, dimension. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CHUNK = 4 * 2**20


def shrunk_covariance(points: Floats) -> Floats:
    """(d, d) covariance of points (n, d), shrunk towards a multiple of the identity; invertible unless all are equal.

    Notes
    -----
    Ledoit and Wolf, J Multivar Anal 88:365 (2004).
    """
    from sklearn.covariance import ledoit_wolf

    covariance: Floats = np.array(ledoit_wolf(points)[0], np.float64, ndmin=2)
    covariance += np.eye(len(covariance)) * max(1e-9 * float(np.trace(covariance)) / len(covariance), 1e-12)
    return covariance


def mahalanobis(points: Floats, reference: Floats) -> Floats:
    """(n,) distances of points (n, d) to the mean of `reference` (m, d) in units of its shrunk covariance."""
    away = points - reference.mean(axis=0)
    solved = np.linalg.solve(shrunk_covariance(reference), away.T).T
    distance: Floats = np.sqrt(np.maximum((away * solved).sum(axis=1), 0.0))
    return distance


def strangers_distances(points: Floats, owners: Sequence[str], reference: Flags, k: int) -> Floats:
    """(n, k) sorted distances to the k nearest `reference` points of other owners; inf where there are fewer."""
    names = {owner: i for i, owner in enumerate(dict.fromkeys(owners))}
    owner = np.array([names[o] for o in owners])
    known, known_owner = points[reference], owner[reference]
    out = np.full((len(points), k), np.inf)
    step = max(1, _CHUNK // max(1, known.size))
    for i in range(0, len(points), step):
        gap = points[i : i + step, None] - known[None]
        squares = np.einsum("abd,abd->ab", gap, gap)
        squares[owner[i : i + step, None] == known_owner[None]] = np.inf
        nearest = np.sort(np.partition(squares, min(k, squares.shape[1]) - 1, axis=1)[:, :k], axis=1)
        out[i : i + step, : nearest.shape[1]] = np.sqrt(nearest)
    return out


def participation_ratio(variances: Floats) -> float:
    """How many directions share the variance: (sum)^2 / sum of squares; between 1 and their number."""
    squares = float((variances**2).sum())
    return float(variances.sum()) ** 2 / squares if squares > 0 else float("nan")


def dimension_twonn(points: Floats) -> float:
    """Intrinsic dimension by the ratio of the two nearest distances; NaN where points are too few."""
    return kernels.intrinsic_dimension(points, "twonn") if _enough(points, 3) else float("nan")


def dimension_mle(points: Floats, k: int) -> float:
    """Intrinsic dimension by maximum likelihood over k neighbours; NaN where points are too few."""
    return kernels.intrinsic_dimension(points, "mle", k=k) if _enough(points, k + 1) and k > 2 else float("nan")


def _enough(points: Floats, least: int) -> bool:
    return len(np.unique(points, axis=0)) >= max(3, least)


def patient_interval(
    points: Floats,
    owners: Sequence[str],
    measure: Callable[[Floats], float],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """95 % interval of `measure` over patients drawn with replacement, each kept once; NaN without resamples.

    A patient drawn twice is not doubled, since copies have no distance to a neighbour; so each resample holds about
    63 % of the patients and the interval errs on the wide side.
    """
    groups: dict[str, list[int]] = {}
    for i, owner in enumerate(owners):
        groups.setdefault(owner, []).append(i)
    patients = list(groups.values())
    values = []
    for _ in range(resamples):
        drawn = sorted(set(rng.integers(len(patients), size=len(patients)).tolist()))
        values.append(measure(points[[i for p in drawn for i in patients[p]]]))
    finite = np.array(values)[np.isfinite(values)] if values else np.zeros(0)
    if len(finite) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)
