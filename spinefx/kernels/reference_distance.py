"""The NumPy twin of the C++ core's distances: every pair of voxels, every pair of surface elements.

Same signatures as `spinefx.kernels._core`; tests hold the two against each other. Nothing else imports it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Spacing = tuple[float, float, float]


def distance_transform(labels: Array, spacing: Spacing, with_background: bool, out: NDArray[np.float32]) -> None:
    """Distances in mm to the nearest voxel of another label; 0 for label 0 unless it is one like any other."""
    place = np.argwhere(np.ones(labels.shape, bool)) * np.asarray(spacing)
    apart = np.linalg.norm(place[:, None] - place[None], axis=2)
    flat = labels.ravel()
    apart[flat[:, None] == flat[None]] = np.inf
    nearest = apart.min(axis=1, initial=np.inf).reshape(labels.shape)
    out[...] = nearest if with_background else np.where(labels == 0, 0.0, nearest)


def surface_distances(
    first: Array, second: Array, spacing: Spacing, percent: float, tolerances: list[float]
) -> tuple[Whole, Floats, Floats]:
    """Values (n,); areas in both maps, largest distance, percentile and mean (n, 5); shares within tolerances (n, t)."""
    values = np.union1d(first, second)
    values = values[values != 0].astype(np.int64)
    measures, within = np.zeros((len(values), 5)), np.zeros((len(values), len(tolerances)))
    for row, value in enumerate(values):
        (a, heavy_a), (b, heavy_b) = (elements(m == value, spacing) for m in (first, second))
        measures[row] = heavy_a.sum(), heavy_b.sum(), np.inf, np.inf, np.inf
        if not len(a) or not len(b):
            continue
        apart = np.linalg.norm(a[:, None] - b[None], axis=2)
        ways = [(apart.min(axis=1), heavy_a), (apart.min(axis=0), heavy_b)]
        far, heavy = (np.concatenate(both) for both in zip(*ways, strict=True))
        measures[row, 2:] = far.max(), max(_percentile(*way, percent) for way in ways), far @ heavy / heavy.sum()
        within[row] = [heavy[far <= t].sum() / heavy.sum() for t in tolerances]
    return values, measures, within


def surface_areas(labels: Array, spacing: Spacing) -> tuple[Whole, Floats]:
    """Values (n,) and areas (n,) in mm2 of the surfaces of all labels."""
    values = np.unique(labels[labels != 0]).astype(np.int64)
    return values, np.array([elements(labels == v, spacing)[1].sum() for v in values])


def elements(inside: NDArray[np.bool_], spacing: Spacing) -> tuple[Floats, Floats]:
    """(n, 3) places in mm and (n,) areas in mm2 of the surface elements of a mask; its border closes it."""
    padded = np.pad(inside, 1)
    corners = [
        padded[tuple(slice(o, o + n - 1) for o, n in zip(c, padded.shape, strict=True))]
        for c in np.ndindex(2, 2, 2)
    ]  # fmt: skip
    code = np.sum([corner.astype(np.int64) << bit for bit, corner in enumerate(corners)], axis=0)
    on = (code != 0) & (code != 255)
    return np.argwhere(on) * np.asarray(spacing), cell_areas(spacing)[code[on]]


def cell_areas(spacing: Spacing) -> Floats:
    """(256,) areas by marching cubes for each set of corners; bit 4 z + 2 y + x is the corner (z, y, x)."""
    z, y, x = spacing
    face = np.array([y * x, z * x, z * y])
    areas = np.zeros(256)
    for kind, facets in KINDS.items():
        inside = np.array([kind >> bit & 1 for bit in range(8)], bool).reshape(2, 2, 2)
        for order in itertools.permutations(range(3)):
            area = np.linalg.norm(np.array(facets)[:, order] / 8 * face, axis=1).sum()
            for flips in itertools.product([1, -1], repeat=3):
                turned = inside.transpose(order)[:: flips[0], :: flips[1], :: flips[2]].ravel()
                code = int(turned @ (1 << np.arange(8)))
                areas[[code, 255 - code]] = area
    return areas


KINDS = {
    0x01: [(1, 1, 1)],
    0x03: [(2, 2, 0), (2, 2, 0)],
    0x06: [(1, 1, 1), (1, 1, 1)],
    0x07: [(4, 0, 0), (1, 1, 1), (2, 2, 2)],
    0x0F: [(4, 0, 0), (4, 0, 0)],
    0x16: [(1, 1, 1), (1, 1, 1), (1, 1, 1)],
    0x17: [(1, 1, 1), (2, 2, 2), (2, 2, 2), (1, 1, 1)],
    0x18: [(1, 1, 1), (1, 1, 1)],
    0x19: [(0, 2, 2), (0, 2, 2), (1, 1, 1)],
    0x1B: [(3, 3, 3), (0, 2, 2), (1, 1, 1), (2, 0, 2)],
    0x1E: [(4, 0, 0), (2, 2, 2), (1, 1, 1), (1, 1, 1)],
    0x3C: [(2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)],
    0x69: [(1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)],
}
"""A set of corners -> its triangles, as eight times the components of their area vectors; the rest by symmetry."""


def _percentile(far: Floats, heavy: Floats, percent: float) -> float:
    order = np.argsort(far)
    share = np.cumsum(heavy[order]) / heavy.sum()
    return float(far[order][min(int(np.searchsorted(share, percent / 100)), len(far) - 1)])
