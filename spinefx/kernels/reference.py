"""The NumPy twin of the C++ core's sampling: slow, short and plain, so that it can be believed by reading.

Same signatures as `spinefx.kernels._core`; tests hold the two against each other. Nothing else imports it.
All positions here are indices (z, y, x); `matrix` (3, 4) maps a target index to a source index.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.kernels.reference_filters import filtered

Array = NDArray[Any]
Floats = NDArray[np.float64]

SNAP = 1e-6  # voxels; a point this close below a border or a tie counts as on it, whatever rounding did to it
VOTES = 1024  # label votes are whole numbers of 1/1024 of a voxel along each axis, so sums are exact


def positions(shape: tuple[int, ...], matrix: Floats) -> Floats:
    """(3, z, y, x) source indices of all voxels of a target of `shape`."""
    z, y, x = np.indices(shape, sparse=True)
    return np.stack([((row[0] * z + row[3]) + row[1] * y) + row[2] * x for row in np.asarray(matrix, np.float64)])


def sample(
    data: Array,
    out: Array,
    matrix: Floats,
    method: str,
    antialias: bool,
    fill: float,
    displacement: NDArray[np.float32] | None = None,
    field: Floats | None = None,
) -> None:
    """Fill `out` (z, y, x) from `data` (z, y, x) of the same dtype.

    method : "linear", "cubic", "sinc", "nearest", "label-smooth" or "label-thin".
    displacement : (3, z, y, x) float32 world vectors (x, y, z) on the target; `field` (3, 3) turns them into indices.
    """
    points = positions(out.shape, matrix)
    if displacement is not None and field is not None:
        x, y, z = displacement.astype(np.float64)
        points = points + np.stack([(row[0] * x + row[1] * y) + row[2] * z for row in field])
    inside = np.ones(out.shape, bool)
    for axis, size in enumerate(data.shape):
        inside &= (points[axis] >= -0.5 - SNAP) & (points[axis] < size - 0.5 - SNAP)
    if method in ("cubic", "sinc") or antialias:
        found = _rounded(
            filtered(data, points, np.asarray(matrix), method, antialias, displacement is None), data.dtype
        )
    elif method == "linear":
        found = _rounded(_linear(data, points), data.dtype)
    elif method == "nearest":
        found = _nearest(data, points)
    else:
        found = _vote(data, points)
    out[...] = np.where(inside, found, np.asarray(fill, data.dtype))
    if method == "label-thin":
        _paint_thin(data, out, points, inside, np.asarray(matrix, np.float64))
        if displacement is None:
            _keep_lost(data, out, np.asarray(matrix, np.float64))


def _rounded(values: Floats, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.floor(values + 0.5), limits.min, limits.max).astype(dtype)


def _cells(points: Floats, shape: tuple[int, ...]) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], Floats]:
    low, high, fraction = [], [], []
    for axis, size in enumerate(shape):
        place = np.clip(points[axis], 0, size - 1)
        first = np.minimum(np.floor(place), max(size - 2, 0)).astype(np.int64)
        low.append(first)
        high.append(np.minimum(first + 1, size - 1))
        fraction.append(place - first)
    return low, high, np.stack(fraction)


def _linear(data: Array, points: Floats) -> Floats:
    low, high, fraction = _cells(points, data.shape)
    total = np.zeros(points.shape[1:])
    for corner in np.ndindex(2, 2, 2):
        index = tuple(high[a] if corner[a] else low[a] for a in range(3))
        weight = np.prod([fraction[a] if corner[a] else 1 - fraction[a] for a in range(3)], axis=0)
        total += weight * data[index].astype(np.float64)
    return total


def _nearest(data: Array, points: Floats) -> Array:
    index = tuple(
        np.clip(np.floor(points[a] + (0.5 + SNAP)), 0, n - 1).astype(np.int64) for a, n in enumerate(data.shape)
    )
    found: Array = data[index]
    return found


def _vote(data: Array, points: Floats) -> Array:
    """The label with the most linear weight; where weights tie, that of the voxel which holds the point, else the smallest."""
    low, high, fraction = _cells(points, data.shape)
    share = np.floor(fraction * VOTES + 0.5).astype(np.int64)
    labels, weights = [], []
    for corner in np.ndindex(2, 2, 2):
        labels.append(data[tuple(high[a] if corner[a] else low[a] for a in range(3))])
        weights.append(np.prod([share[a] if corner[a] else VOTES - share[a] for a in range(3)], axis=0))
    winner = data[tuple(np.where(share[a] >= VOTES // 2, high[a], low[a]) for a in range(3))]
    held = best = sum(np.where(other == winner, weight, 0) for other, weight in zip(labels, weights, strict=True))
    for label in labels:
        votes = sum(np.where(other == label, weight, 0) for other, weight in zip(labels, weights, strict=True))
        better = (votes > best) | ((votes == best) & (best > held) & (label < winner))
        winner, best = np.where(better, label, winner), np.where(better, votes, best)
    return winner


def _paint_thin(data: Array, out: Array, points: Floats, inside: NDArray[np.bool_], matrix: Floats) -> None:
    """Give every target voxel that a thin part of a label passes through to that label."""
    thin = thin_parts(data, matrix)
    reach = np.maximum(0.5, 0.5 * np.abs(matrix[:, :3]).sum(axis=1)) + SNAP
    for z, y, x in zip(*np.nonzero(inside), strict=True):
        place = points[:, z, y, x]
        window = tuple(
            slice(max(0, int(np.ceil(p - r))), min(n, int(np.floor(p + r)) + 1))
            for p, r, n in zip(place, reach, data.shape, strict=True)
        )
        near = thin[window]
        values, counts = np.unique(near[near != 0], return_counts=True)
        if values.size:
            out[z, y, x] = values[np.argmax(counts)]


def thin_parts(data: Array, matrix: Floats) -> Array:
    """`data` where a label is too thin for the vote to keep it, 0 elsewhere.

    Thin is what an opening with a box of `ceil(step) + 1` (at least 2) voxels removes, where `step` is the target's
    spacing along that source axis, except for the rim that hugs what the opening keeps. Along an axis shorter than the
    box, spanning the axis is enough.
    """
    steps = np.abs(matrix[:, :3]).sum(axis=1)
    width = [min(n, max(2, int(np.ceil(step - SNAP)) + 1)) for n, step in zip(data.shape, steps, strict=True)]
    boxes = np.lib.stride_tricks.sliding_window_view(data, width)
    uniform = (boxes == boxes[..., :1, :1, :1]).all(axis=(3, 4, 5)) & (boxes[..., 0, 0, 0] != 0)
    thick = np.zeros(data.shape, bool)
    for offset in np.ndindex(*width):
        thick[tuple(slice(o, o + n) for o, n in zip(offset, uniform.shape, strict=True))] |= uniform
    body = np.where(thick, data, 0)
    core = np.where((data != 0) & ~_touches(data, body), data, 0)
    return np.where((data != 0) & ~thick & _touches(data, core), data, 0)


def _touches(data: Array, other: Array) -> NDArray[np.bool_]:
    """Where a voxel of `data` has its own label among the 27 voxels of `other` around it."""
    padded = np.pad(other, 1)
    found = np.zeros(data.shape, bool)
    for offset in np.ndindex(3, 3, 3):
        found |= data == padded[tuple(slice(o, o + n) for o, n in zip(offset, data.shape, strict=True))]
    touching: NDArray[np.bool_] = found & (data != 0)
    return touching


def seen_labels(data: Array, shape: tuple[int, ...], matrix: Floats) -> list[tuple[int, tuple[int, ...]]]:
    """(label, voxel of a target of `shape`) for each labelled voxel of `data` whose centre lies in the target."""
    if abs(np.linalg.det(matrix[:, :3])) <= 1e-12 * np.abs(matrix[:, :3]).max() ** 3:
        return []
    index = np.argwhere(data != 0)
    spots = (index - matrix[:, 3]) @ np.linalg.inv(matrix[:, :3]).T
    size = np.asarray(shape)
    inside = ((spots >= -0.5 - SNAP) & (spots < size - 0.5 - SNAP)).all(axis=1)
    places = np.clip(np.floor(spots + (0.5 + SNAP)).astype(np.int64), 0, size - 1)
    return [(int(data[tuple(i)]), tuple(p)) for i, p in zip(index[inside], places[inside].tolist(), strict=True)]


def lost(data: Array, out: Array, matrix: Floats) -> tuple[int, ...]:
    """Labels other than 0 of `data` that have a voxel centre inside `out` and no voxel in it, ascending."""
    seen = {label for label, _ in seen_labels(data, out.shape, np.asarray(matrix, np.float64))}
    return tuple(sorted(seen - set(np.unique(out).tolist())))


def _keep_lost(data: Array, out: Array, matrix: Floats) -> None:
    """Give every label that is still lost one voxel, at most one away, where that costs no other label its last."""
    missing = set(lost(data, out, matrix))
    around = sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda step: sum(s * s for s in step))
    for label, place in seen_labels(data, out.shape, matrix):
        for step in around:
            spot = tuple(p + s for p, s in zip(place, step, strict=True))
            if label not in missing or not all(0 <= s < n for s, n in zip(spot, out.shape, strict=True)):
                continue
            if out[spot] == 0 or np.count_nonzero(out == out[spot]) > 1:
                out[spot] = label
                missing.remove(label)
