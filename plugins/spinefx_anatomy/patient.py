"""Which way is up and left for one structure, told from its neighbours in the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import LabelMap
from spinefx_anatomy.once import once

Floats = NDArray[np.float64]

BEHIND_MM = 40.0
"""How far from a structure's centre the canal is looked for, in its plane."""

SLAB_MM = 5.0
"""How far above and below a structure's plane the canal is looked at."""

BY_CANAL_DEG, BY_WORLD_DEG = 12.0, 45.0
"""How far a structure's own long axis may lie from left-right as told by the canal, or by the world's x axis alone."""


statistics = once(lambda mask: kernels.label_statistics(mask.labels, mask.grid))
"""Size, place and box of every label of a mask."""


@once
def canal_points(mask: LabelMap) -> Floats:
    """(n, 3) world points of the voxels of a mask's canal, or of its cord where it has no canal."""
    for structure in (*mask.structures("canal"), *mask.structures("cord")):
        value = mask.scheme.value_of(structure)
        start, stop = statistics(mask).box[statistics(mask).row(value)]
        part = mask.labels[tuple(map(slice, start, stop))]
        return mask.grid.to_world(np.argwhere(part == value) + start)
    return np.empty((0, 3))


def headward(centres: Floats) -> Floats:
    """(n, 3) direction towards the head at each centre: along the line through its neighbours, up where z grows."""
    if len(centres) < 2:
        return np.tile([0.0, 0.0, 1.0], (len(centres), 1))
    middle = centres - centres.mean(axis=0)
    axis = np.linalg.svd(middle)[2][0]
    axis = axis * (1.0 if axis[2] >= 0 else -1.0)
    order = np.argsort(middle @ axis)
    tangent = np.empty_like(centres)
    tangent[order] = np.gradient(centres[order], axis=0)
    return tangent


def leftward(mask: LabelMap, centre: Floats, up: Floats) -> tuple[Floats, float]:
    """The patient's left at a structure, a unit vector normal to `up`, and how far in degrees it may be off.

    The canal lies behind a disc or body: left is square to the line there. Without a canal in the mask, the world's
    x axis must do.
    """
    behind = _canal(mask, centre, up)
    if behind is not None:
        left = np.cross(behind, up)
        if left[0] > 0.5 * np.linalg.norm(left):
            return left / np.linalg.norm(left), BY_CANAL_DEG
    left = np.array([1.0, 0.0, 0.0]) - up[0] * up
    if np.linalg.norm(left) < 0.1:
        left = np.cross([0.0, 1.0, 0.0], up)
    return left / np.linalg.norm(left), BY_WORLD_DEG


def _canal(mask: LabelMap, centre: Floats, normal: Floats) -> Floats | None:
    """(3,) from the centre to the canal's middle at the structure's plane, or None where the mask shows none."""
    away = canal_points(mask) - centre
    height = away @ normal
    away, height = away[slab := np.abs(height) < SLAB_MM], height[slab]
    flat = away - height[:, None] * normal
    near = flat[np.linalg.norm(flat, axis=1) < BEHIND_MM]
    return near.mean(axis=0) if len(near) >= 8 else None
