"""The discs of a mask, each with its frame, endplates and outline, or with the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid, LabelMap, Structure
from spinefx_anatomy.border import Contact, contact
from spinefx_anatomy.disc.shape import Fit, fit
from spinefx_anatomy.once import once
from spinefx_anatomy.patient import headward, leftward, statistics
from spinefx_anatomy.vectors import unit

Floats = NDArray[np.float64]

FEWEST = 3
"""Slices that a disc must pass through to be measured."""

FLATTEST = 0.5
"""Cosine to the head's direction below which the thinnest axis is not a disc's normal but a sign of too few slices."""


@dataclass(frozen=True, eq=False)
class Found:
    """One disc of a mask.

    main : (z, y, x) bool on `grid`, its largest piece, with a border of one voxel.   volume_mm3 : of all its voxels.
    slices : how many it passes through, counted across the left-right axis `sideways` of the array.
    contacts : how it meets the image's border, per array axis.   fit : None where `why` says why.
    """

    structure: Structure
    main: NDArray[np.bool_]
    grid: Grid
    volume_mm3: float
    slices: int
    sideways: int
    contacts: tuple[Contact, ...]
    fit: Fit | None
    why: str = ""

    @property
    def cut_whole(self) -> bool:
        """The border takes away more than its left or right end."""
        return any(c.cut and (axis != self.sideways or c.share >= 0.95) for axis, c in enumerate(self.contacts))


@once
def discs(mask: LabelMap) -> tuple[Found, ...]:
    """Every disc of a mask, in the order of their values."""
    stats = statistics(mask)
    seen = [(s, stats.row(mask.scheme.value_of(s))) for s in mask.structures("disc")]
    heads = headward(stats.centroid_mm[[i for _, i in seen]]) if seen else np.empty((0, 3))
    return tuple(
        _one(mask, structure, stats.box[i], float(stats.volume_mm3[i]), unit(head))
        for (structure, i), head in zip(seen, heads, strict=True)
    )


def _one(mask: LabelMap, structure: Structure, box: NDArray[np.int64], volume: float, head: Floats) -> Found:
    start, stop = box
    part = mask.labels[tuple(map(slice, start, stop))] == mask.scheme.value_of(structure)
    main = np.pad(_largest(part), 1)
    grid = mask.grid.crop(start - 1, stop - start + 2)
    points = grid.to_world(np.argwhere(main))
    centre = points.mean(axis=0)
    normal = _thin_axis(points - centre, head)
    left, trust = leftward(mask, centre, head)
    sideways = int(np.argmax(np.abs(grid.axes @ left)))
    why = _too_thin(part, sideways)
    shape = None if why else fit(main, grid, centre=centre, normal=normal, left=left, trust_deg=trust)
    if shape is None and not why:
        why = "too few voxels for two endplates and an outline"
    contacts = contact(part, box, mask.grid.shape)
    return Found(structure, main, grid, volume, part.shape[sideways], sideways, contacts, shape, why)


def _thin_axis(points: Floats, head: Floats) -> Floats:
    """The axis along which centred points spread least, towards the head; the one nearest to the head if that lies flat."""
    vectors = np.linalg.eigh(points.T @ points)[1].T
    along = vectors @ head
    best = 0 if abs(along[0]) > FLATTEST else int(np.argmax(np.abs(along)))
    out: Floats = vectors[best] * (1.0 if along[best] >= 0 else -1.0)
    return out


def _largest(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a mask, touching corners counted as joined."""
    from scipy.ndimage import label

    pieces, count = label(part, np.ones((3, 3, 3)))
    if count < 2:
        return part
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    out: NDArray[np.bool_] = pieces == sizes.argmax()
    return out


def _too_thin(part: NDArray[np.bool_], sideways: int) -> str:
    """Why a disc of this extent cannot be measured, or ""."""
    if min(part.shape) < 2:
        return "lies in one slice: a 2-D mask has no disc geometry"
    if part.shape[sideways] < FEWEST:
        return f"passes through {part.shape[sideways]} slices, fewer than {FEWEST}"
    return ""
