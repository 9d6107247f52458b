"""The NumPy twin of the C++ core's measures: label sums, soft moments, meshes and graphs of points.

Same signatures as `spinefx.kernels._core`; tests hold the two against each other. Nothing else imports it.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def label_sums(labels: Array) -> tuple[Whole, Whole, Whole, Whole, Whole]:
    """Values (n,) other than 0, voxels (n,), first (n, 3) and second (n, 6) index sums, boxes (n, 2, 3).

    Order of axes z, y, x; of products zz, yy, xx, zy, zx, yx; a box is the first and one past the last index.
    """
    values = np.unique(labels[labels != 0]).astype(np.int64)
    n = len(values)
    voxels, first, second = np.zeros(n, np.int64), np.zeros((n, 3), np.int64), np.zeros((n, 6), np.int64)
    boxes = np.zeros((n, 2, 3), np.int64)
    for row, value in enumerate(values):
        index = np.array(np.nonzero(labels == value), np.int64)
        voxels[row] = index.shape[1]
        first[row] = index.sum(axis=1)
        pairs = ((0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1))
        second[row] = [(index[a] * index[b]).sum() for b, a in pairs]
        boxes[row] = index.min(axis=1), index.max(axis=1) + 1
    return values, voxels, first, second, boxes


def intensity_sums(labels: Array, image: Array) -> tuple[Floats, Floats, Floats, Floats]:
    """Per label other than 0, in ascending order: total, mean square deviation, minimum, maximum of `image`."""
    values = np.unique(labels[labels != 0])
    parts = [image[labels == value].astype(np.float64) for value in values]
    rows = np.array([(p.sum(), p.var(), p.min(), p.max()) for p in parts], np.float64).reshape(-1, 4)
    return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]


def all_sums(labels: Array, image: Array, percents: list[float]) -> tuple[Array, ...]:
    """`label_sums` and, per label, total, mean square deviation, minimum, maximum and percentiles of `image`."""
    values = np.unique(labels[labels != 0])
    rows = [np.percentile(image[labels == value].astype(np.float64), percents) for value in values]
    return (*label_sums(labels), *intensity_sums(labels, image), np.array(rows).reshape(len(values), len(percents)))


def soft_moments(maps: NDArray[np.float32]) -> Floats:
    """(n, c, 10): mass, first (z, y, x) and second (zz, yy, xx, zy, zx, yx) moments, in index units, not normalised."""
    heavy = maps.astype(np.float64)
    z, y, x = (np.arange(n, dtype=np.float64) for n in maps.shape[2:])
    ones = [np.ones_like(z), np.ones_like(y), np.ones_like(x)]
    weights = [ones]
    weights += [[z, ones[1], ones[2]], [ones[0], y, ones[2]], [ones[0], ones[1], x]]
    weights += [[z * z, ones[1], ones[2]], [ones[0], y * y, ones[2]], [ones[0], ones[1], x * x]]
    weights += [[z, y, ones[2]], [z, ones[1], x], [ones[0], y, x]]
    return np.stack([np.einsum("nczyx,z,y,x->nc", heavy, *w) for w in weights], axis=-1)


def surface(labels: Array, value: int, affine: Floats, rounds: int) -> tuple[Floats, Whole]:
    """World vertices (n, 3) and triangles (m, 3), outward, of the smoothed surface net of one label.

    One vertex in each cell of eight voxel centres that holds both sides, two triangles across each pair of face
    neighbours on different sides. Then `rounds` times all vertices move 0.6 of the way to the mean of their neighbours and 0.6
    as far away from it again (Taubin's smoothing, which does not shrink), kept inside their cells.
    """
    inside: NDArray[np.bool_] = np.pad(np.equal(labels, value), 1)
    corners = [
        inside[tuple(slice(o, o + n - 1) for o, n in zip(c, inside.shape, strict=True))] for c in np.ndindex(2, 2, 2)
    ]
    count = np.sum(corners, axis=0)
    mixed = (count > 0) & (count < 8)
    numbers = np.full(mixed.shape, -1, np.int64)
    numbers[mixed] = np.arange(int(mixed.sum()))
    cell = np.argwhere(mixed).astype(np.float64)
    total, hits = np.zeros_like(cell), np.zeros(len(cell))
    offsets = list(np.ndindex(2, 2, 2))
    for i, a in enumerate(offsets):
        for j, b in enumerate(offsets):
            if i < j and sum(p != q for p, q in zip(a, b, strict=True)) == 1:
                cut = (corners[i] != corners[j])[mixed]
                total[cut] += (np.asarray(a, np.float64) + np.asarray(b)) / 2
                hits += cut
    faces: list[Whole] = []
    for axis in range(3):
        faces += _net_faces(inside, numbers, axis)
    if not len(cell):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    quads = np.concatenate(faces)
    flip = np.linalg.det(affine[:3, :3]) < 0
    place = _relax(cell, cell + total / hits[:, None], quads, rounds) - 1.0
    split = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return place @ affine[:3, :3].T + affine[:3, 3], split[:, ::-1] if flip else split


def _net_faces(inside: NDArray[np.bool_], numbers: Whole, axis: int) -> list[Whole]:
    """Quads of cells around every edge along `axis` whose ends differ."""
    one, two = [a for a in range(3) if a != axis]
    near = inside[tuple(slice(0, n - 1) if a == axis else slice(0, n) for a, n in enumerate(inside.shape))]
    far = inside[tuple(slice(1, n) if a == axis else slice(0, n) for a, n in enumerate(inside.shape))]
    quads = []
    for entering in (False, True):
        edge = np.argwhere((near != far) & (far if entering else near))
        ring = []
        for s, t in ((1, 1), (0, 1), (0, 0), (1, 0)):
            spot = edge.copy()
            spot[:, one] -= s
            spot[:, two] -= t
            ring.append(numbers[spot[:, 0], spot[:, 1], spot[:, 2]])
        quad = np.stack(ring, axis=1)
        quads.append(quad[:, ::-1] if entering != (axis == 1) else quad)
    return quads


def _relax(cell: Floats, place: Floats, quads: Whole, rounds: int) -> Floats:
    links = np.concatenate([quads[:, [a, (a + 1) % 4]] for a in range(4)])
    links = np.unique(np.concatenate([links, links[:, ::-1]]), axis=0)
    degree = np.bincount(links[:, 0], minlength=len(place))[:, None]
    for _ in range(rounds):
        for weight in (0.6, -0.6):
            mean = np.zeros_like(place)
            np.add.at(mean, links[:, 0], place[links[:, 1]])
            place = place + weight * (mean / degree - place)
        place = np.clip(place, cell, cell + 1)
    return place


def neighbours(points: Floats, k: int) -> tuple[Whole, Floats]:
    """Indices (n, k) and distances (n, k) of the nearest others, nearest first, ties by index."""
    index, distance = np.zeros((len(points), k), np.int64), np.zeros((len(points), k))
    for row, point in enumerate(points):
        squares = ((points - point) ** 2).sum(axis=1)
        squares[row] = np.inf
        order = np.argsort(squares, kind="stable")[:k]
        index[row], distance[row] = order, np.sqrt(squares[order])
    return index, distance


def geodesics(index: Whole, distance: Floats, sources: Whole) -> Floats:
    """(s, n) lengths of the shortest paths from `sources` over the graph joining each point to its neighbours."""
    edges: list[dict[int, float]] = [{} for _ in range(len(index))]
    for a, (row, lengths) in enumerate(zip(index.tolist(), distance.tolist(), strict=True)):
        for b, length in zip(row, lengths, strict=True):
            edges[a][b] = edges[b][a] = length
    found = np.full((len(sources), len(index)), np.inf)
    for row, source in enumerate(sources.tolist()):
        found[row, source] = 0.0
        queue = [(0.0, source)]
        while queue:
            length, a = heapq.heappop(queue)
            if length > found[row, a]:
                continue
            for b, step in edges[a].items():
                if length + step < found[row, b]:
                    found[row, b] = length + step
                    heapq.heappush(queue, (length + step, b))
    return found
