"""How long, wide and thick labels are: boxes along their own axes and caliper (Feret) diameters; in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.kernels import _core
from spinefx.kernels.measures import checked_labels, label_statistics

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

THIN = 4
"""Labels of fewer voxels along an axis have no smooth surface that keeps their size."""


@dataclass(frozen=True, eq=False)
class Extents:
    """One row per label, in ascending order of `value`; world units.

    value : (n,) int64.
    axes : (n, 3, 3) unit rows (x, y, z), the label's principal axes, the longest first; right-handed, each but the last with
        its largest component positive.
    size_mm : (n, 3) extent along them.   centre_mm : (n, 3) middle of that box.
    feret_mm : (n,) largest distance between two points of the surface.   feret_axis : (n, 3) unit, along it.
    feret_least_mm : (n,) smallest distance between two parallel planes that hold the label between them.
    """

    value: Whole
    axes: Floats
    size_mm: Floats
    centre_mm: Floats
    feret_mm: Floats
    feret_axis: Floats
    feret_least_mm: Floats

    def __len__(self) -> int:
        return len(self.value)


def extents(labels: Array, grid: Grid, *, values: Sequence[int] | None = None) -> Extents:
    """The oriented box and the Feret diameters of every label, from its smooth surface (see `surface`); of a label of less than
    four voxels along an axis, from the middles of its voxels' faces.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
    values : (n,) ascending, optional
        Of these labels only.

    Raises
    ------
    KeyError
        If one of `values` is absent.
    TypeError, GridError
        If a dtype or shape does not fit.

    Notes
    -----
    The least diameter is that over all faces of the convex hull (Qhull); a surface of many faces has one within a
    fraction of a degree of the true direction.
    """
    given = checked_labels(labels, grid)
    stats = label_statistics(given, grid)
    rows = np.arange(len(stats)) if values is None else np.array([stats.row(v) for v in values], np.int64)
    count = len(rows)
    axes, size, centre = np.zeros((count, 3, 3)), np.zeros((count, 3)), np.zeros((count, 3))
    far, far_axis, least = np.zeros(count), np.zeros((count, 3)), np.zeros(count)
    for i, row in enumerate(rows):
        low, high = stats.box[row]
        part = np.ascontiguousarray(given[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
        corners, normals = _hull(_points(part, int(stats.value[row]), grid.crop(low, high - low)))
        axes[i] = _principal(stats.covariance_mm2[row])
        along = corners @ axes[i].T
        size[i], centre[i] = np.ptp(along, axis=0), (along.max(axis=0) + along.min(axis=0)) / 2 @ axes[i]
        far[i], far_axis[i] = _farthest(corners)
        least[i] = np.ptp(corners @ normals.T, axis=0).min()
    return Extents(stats.value[rows], axes, size, centre, far, far_axis, least)


def _principal(covariance: Floats) -> Floats:
    """(3, 3) rows, the longest first."""
    vectors = np.linalg.eigh(covariance)[1].T[::-1]
    largest = np.abs(vectors).argmax(axis=1)
    vectors = vectors * np.sign(vectors[np.arange(3), largest])[:, None]
    return np.stack([vectors[0], vectors[1], np.cross(vectors[0], vectors[1])])


def _points(part: Array, value: int, grid: Grid) -> Floats:
    """(n, 3) points on the border of a label: of its surface, or the middles of its voxels' faces where it is thin."""
    if min(grid.shape) >= THIN:
        return _core.surface(part, value, grid.affine, 8)[0]
    index = np.argwhere(part == value).astype(np.float64)
    return grid.to_world(np.concatenate([index + step for step in np.concatenate([np.eye(3), -np.eye(3)]) / 2]))


def _hull(points: Floats) -> tuple[Floats, Floats]:
    """(h, 3) corners of the convex hull and (f, 3) unit normals of its faces."""
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points)
    return points[hull.vertices], np.unique(hull.equations[:, :3], axis=0)


def _farthest(points: Floats) -> tuple[float, Floats]:
    """The largest distance between two points, and the unit vector along it."""
    best, ends = -1.0, (points[0], points[0])
    for first in range(0, len(points), 256):
        apart = np.linalg.norm(points[first : first + 256, None] - points[None], axis=2)
        a, b = np.unravel_index(apart.argmax(), apart.shape)
        if apart[a, b] > best:
            best, ends = float(apart[a, b]), (points[first + a], points[b])
    axis = ends[1] - ends[0]
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    return best, axis / np.linalg.norm(axis)
