"""Which way is up and left for one structure, told from its neighbours in the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import LabelMap

Floats = NDArray[np.float64]

BEHIND_MM = 40.0
"""How far behind a structure's box the canal is looked for."""

SLAB_MM = 5.0
"""How far above and below a structure's plane the canal is looked at."""

BY_CANAL_DEG, BY_WORLD_DEG = 12.0, 45.0
"""How far a structure's own long axis may lie from left-right as told by the canal, or by the world's x axis alone."""


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


def leftward(mask: LabelMap, box: NDArray[np.int64], centre: Floats, up: Floats) -> tuple[Floats, float]:
    """The patient's left at a structure, a unit vector normal to `up`, and how far in degrees it may be off.

    The canal lies behind a disc or body: left is square to the line there. Without a canal in the mask, the world's
    x axis must do.
    """
    behind = _canal(mask, box, centre, up)
    if behind is not None:
        left = np.cross(behind, up)
        if left[0] > 0.5 * np.linalg.norm(left):
            return left / np.linalg.norm(left), BY_CANAL_DEG
    left = np.array([1.0, 0.0, 0.0]) - up[0] * up
    if np.linalg.norm(left) < 0.1:
        left = np.cross([0.0, 1.0, 0.0], up)
    return left / np.linalg.norm(left), BY_WORLD_DEG


def _canal(mask: LabelMap, box: NDArray[np.int64], centre: Floats, normal: Floats) -> Floats | None:
    """(3,) from the centre to the canal's middle at the structure's plane, or None where the mask shows none."""
    values = [mask.scheme.value_of(s) for kind in ("canal", "cord") for s in mask.structures(kind)]
    if not values:
        return None
    reach = np.ceil(BEHIND_MM / np.array(mask.grid.spacing)).astype(np.int64)
    start = np.maximum(box[0] - reach, 0)
    part = mask.labels[tuple(map(slice, start, np.minimum(box[1] + reach, mask.grid.shape)))]
    away = mask.grid.to_world(np.argwhere(part == values[0]) + start) - centre
    height = away @ normal
    flat = away - height[:, None] * normal
    near = flat[(np.abs(height) < SLAB_MM) & (np.linalg.norm(flat, axis=1) < BEHIND_MM)]
    return near.mean(axis=0) if len(near) >= 8 else None
