"""The decoder's pull-back metric: how far shapes move as latents do, and whether straight lines between samples are short.

Lengths are those of decoded masks: the root of the integral of the squared change, in mm^1.5. Knows arrays and a decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Decode = Callable[[Floats], Floats]
"""(n, d) latents in units in which steps of one are comparable -> (n, voxels) decoded masks, scaled to mm^1.5."""

STEP = 0.1
"""Half the step of the central differences, in the latents' units."""


def jacobians(decode: Decode, points: Floats) -> Floats:
    """(n, voxels, d) change of the decoded mask per unit of each latent, by central differences."""
    n, d = points.shape
    moved = points[:, None, None] + STEP * np.stack([np.eye(d), -np.eye(d)])[None]
    masks = decode(moved.reshape(-1, d)).reshape(n, 2, d, -1)
    found: Floats = np.moveaxis(masks[:, 0] - masks[:, 1], 1, 2) / (2 * STEP)
    return found


def pull_back(decode: Decode, points: Floats) -> Floats:
    """(n, d, d) metric tensors J^T J at points (n, d).

    Notes
    -----
    Arvanitidis, Hansen, Hauberg, Latent space oddity, ICLR 2018 (arXiv 1710.11379).
    """
    found: Floats = np.stack([j.T @ j for point in points for j in jacobians(decode, point[None])])
    return found


def magnification(metric: Floats) -> Floats:
    """(n,) geometric mean of the metric's stretches: how far a shape moves per unit, over all directions."""
    stretches: Floats = np.sqrt(np.maximum(np.linalg.eigvalsh(metric), 1e-300))
    return np.asarray(np.exp(np.log(stretches).mean(axis=-1)), np.float64)


def anisotropy(metric: Floats) -> Floats:
    """(n,) largest over smallest stretch: 1 where all directions change the shape alike."""
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(metric), 0.0))
    return np.asarray(values[..., -1] / np.maximum(values[..., 0], 1e-12 * values[..., -1]), np.float64)


@dataclass(frozen=True, eq=False)
class Path:
    """Between two samples: the decoded length of the straight line and of the geodesic, and of the geodesic's points."""

    straight: float
    geodesic: float
    points: Floats

    @property
    def detour(self) -> float:
        """Straight over geodesic length: 1 where the space is flat between the two."""
        return self.straight / self.geodesic if self.geodesic > 0 else float("nan")


def path(decode: Decode, start: Floats, end: Floats, *, segments: int = 8, rounds: int = 6) -> Path:
    """The shortest path between two points (d,), from the straight line on: no longer than it, by construction.

    Notes
    -----
    Discrete geodesics: the energy of a chain of decoded points is lowered by Gauss-Newton steps with halving (Shao,
    Kumar, Fletcher, The Riemannian geometry of deep generative models, CVPR workshops 2018).
    """
    share = np.linspace(0.0, 1.0, segments + 1)[:, None]
    points = (1 - share) * start + share * end
    masks = decode(points)
    straight = float(_steps(masks).sum())
    length, energy = straight, float((_steps(masks) ** 2).sum())
    for _ in range(rounds):
        moves = _newton(masks, jacobians(decode, points[1:-1]))
        factor, better = 1.0, False
        while factor > 0.1 and not better:
            tried = points.copy()
            tried[1:-1] += factor * moves
            seen = decode(tried)
            now = float((_steps(seen) ** 2).sum())
            better, factor = now < energy, factor / 2
        if not better:
            break
        gained, points, masks, energy = energy - now, tried, seen, now
        length = min(length, float(_steps(masks).sum()))
        if gained < 1e-3 * energy:
            break
    return Path(straight, length, points)


def _steps(masks: Floats) -> Floats:
    """(s,) lengths of the chain's segments."""
    return np.asarray(np.linalg.norm(np.diff(masks, axis=0), axis=1), np.float64)


def _newton(masks: Floats, slopes: Floats) -> Floats:
    """(s - 1, d) moves of the inner points that would make the chain's energy least, were the decoder linear."""
    inner, _, d = slopes.shape
    normal, right = np.zeros((inner, d, inner, d)), np.zeros((inner, d))
    for i, slope in enumerate(slopes):
        normal[i, :, i] = 2 * slope.T @ slope
        right[i] = slope.T @ (masks[i] - 2 * masks[i + 1] + masks[i + 2])
        if i:
            normal[i, :, i - 1] = -slope.T @ slopes[i - 1]
            normal[i - 1, :, i] = normal[i, :, i - 1].T
    flat = normal.reshape(inner * d, inner * d)
    flat += np.eye(len(flat)) * 1e-6 * max(float(np.trace(flat)) / len(flat), 1e-300)
    return np.asarray(np.linalg.solve(flat, right.reshape(-1)).reshape(inner, d), np.float64)
