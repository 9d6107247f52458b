"""The NumPy twin of the C++ core's rays and planes.

Same signatures as `spinefx.kernels._core`; tests hold the two against each other. Nothing else imports it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Three = tuple[float, float, float]


def cast_rays(
    labels: Array, fields: list[tuple[int, Three, Three, Three, Three, tuple[int, int, int]]]
) -> list[Floats]:
    """(5, rows, columns) a field: first entry, first exit, last exit, summed share and its centre, in steps."""
    made = []
    for value, start, row, column, step, (rows, columns, count) in fields:
        share = np.pad((labels == value).astype(np.float64), 2)
        i, j, k = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(count), indexing="ij")
        place = [s + i * r + j * c + k * d + 2 for s, r, c, d in zip(start, row, column, step, strict=True)]
        samples = _linear(share, place)
        hits = np.full((5, rows, columns), np.nan)
        for at in np.ndindex(rows, columns):
            hits[:, *at] = _hits(samples[at])
        made.append(hits)
    return made


def _linear(share: Floats, place: list[Floats]) -> Floats:
    outside = np.zeros(place[0].shape, bool)
    low, fraction = [], []
    for index, n in zip(place, share.shape, strict=True):
        outside |= (index < 0) | (index > n - 1)
        cell = np.clip(np.floor(index), 0, n - 2).astype(np.int64)
        low.append(cell)
        fraction.append(index - cell)
    total = np.zeros(place[0].shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([f if c else 1 - f for f, c in zip(fraction, corner, strict=True)], axis=0)
        total += weight * share[tuple(cell + c for cell, c in zip(low, corner, strict=True))]
    return np.where(outside, 0.0, total)


def _hits(samples: Floats) -> Floats:
    k = np.arange(len(samples))
    inside = samples >= 0.5
    found = np.full(5, np.nan)
    found[3] = samples.sum()
    if found[3] > 0:
        found[4] = (samples * k).sum() / found[3]
    if not inside.any():
        return found
    change = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    at = change - (samples[change] - 0.5) / (samples[change] - samples[change - 1])
    enter, leave = at[inside[change]].tolist(), at[~inside[change]].tolist()
    if inside[0]:
        enter.insert(0, 0.0)
    if inside[-1]:
        leave.append(len(samples) - 1.0)
    found[:3] = enter[0], leave[0], leave[-1]
    return found


def fit_plane(
    points: Floats, along: Three | None, trim: float, rounds: int
) -> tuple[Floats, Floats, float, NDArray[np.bool_]]:
    """Centre, normal, RMS distance and who is kept: least squares, refitted without outliers."""
    kept = np.ones(len(points), bool)
    up = None if along is None else np.asarray(along) / np.linalg.norm(along)
    round_ = 0
    while True:
        middle = points[kept].mean(axis=0)
        away = points - middle
        if up is None:
            normal = np.linalg.svd(away[kept])[2][2]
            largest = 2 - int(np.argmax(np.abs(normal[::-1]) > np.abs(normal).max() * (1 - 1e-9)))
            normal = normal * np.sign(normal[largest])
            off = np.abs(away @ normal)
        else:
            flat = np.linalg.svd(up[None])[2][1:]
            slope = np.linalg.lstsq(away[kept] @ flat.T, away[kept] @ up, rcond=None)[0]
            normal = up - slope @ flat
            off = np.abs(away @ normal)
            normal = normal / np.linalg.norm(normal)
        residual = float(np.sqrt((off[kept] ** 2).mean()))
        limit = trim * 1.4826 * np.sort(off[kept])[kept.sum() // 2] + 1e-6
        again = off <= limit
        if round_ >= rounds or (again == kept).all() or again.sum() < 8 or 2 * again.sum() < len(points):
            return middle, normal, residual, kept
        kept, round_ = again, round_ + 1
