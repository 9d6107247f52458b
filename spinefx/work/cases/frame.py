"""A structure's own frame: head, back and left as the structure has them, so that its orientation can be taken out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SIDEWAYS = 0.7
_LONGER, _NEAR = 1.15, np.cos(np.radians(35.0))


def own_frame(kind: str, points: Floats, spacing: Floats, axis: Floats | None = None) -> Floats:
    """(3, 3) direction of a grid along the structure's own axes; columns are left, back and head in world (x, y, z).

    Head is the smallest principal axis of a disc, the line through the neighbours (`axis`) for a vertebra, the longest
    principal axis of a spine. Left is the longer in-plane principal axis of a disc where that is plain (15 % longer, and
    less than 35 degrees from the world's), else the world's own left, laid into the plane.

    Parameters
    ----------
    points : (n, 3) centres of the structure's voxels in mm.   spacing : (3,) size of a voxel in mm along x, y, z.
    axis : (3,) direction from the neighbour below to the one above, or None where there are none.
    """
    vectors = np.linalg.eigh(np.cov(points.T).reshape(3, 3) + np.diag(spacing**2 / 12.0))[1]
    if kind == "disc":
        order = [0, *sorted((1, 2), key=lambda k: -abs(vectors[2, k]))]
        head = next(vectors[:, k] for k in (order if abs(vectors[0, 0]) < _SIDEWAYS else order[1:]))
    elif kind == "spine":
        head = vectors[:, 2]
    else:
        head = np.array([0.0, 0.0, 1.0]) if axis is None else axis / np.linalg.norm(axis)
    head = head * (1.0 if head[2] >= 0 else -1.0)
    left = _laid(np.array([1.0, 0.0, 0.0]), head)
    if kind == "disc":
        longer, ratio = _in_plane(points, head)
        if ratio > _LONGER and abs(longer @ left) > _NEAR:
            left = longer * np.sign(longer @ left)
    return np.column_stack([left, np.cross(head, left), head])


def _laid(vector: Floats, normal: Floats) -> Floats:
    """The unit vector of `vector` without its part along `normal`."""
    flat: Floats = vector - (vector @ normal) * normal
    return flat / np.linalg.norm(flat)


def _in_plane(points: Floats, normal: Floats) -> tuple[Floats, float]:
    """The longer principal axis in the plane of `normal`, and by how much it is the longer."""
    first = _laid(np.eye(3)[np.abs(normal).argmin()], normal)
    basis = np.column_stack([first, np.cross(normal, first)])
    values, vectors = np.linalg.eigh(np.cov((points @ basis).T))
    return basis @ vectors[:, 1], float(np.sqrt(values[1] / max(float(values[0]), 1e-9)))
