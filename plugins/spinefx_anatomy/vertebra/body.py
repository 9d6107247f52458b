"""A vertebral body without its arch: columns of full height around the thickest place of a vertebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid
from spinefx_anatomy.disc.outline import BAND, Edges
from spinefx_anatomy.disc.outline import chords as across
from spinefx_anatomy.endplates import Plane, endplates
from spinefx_anatomy.sections import Sections, cut
from spinefx_anatomy.vectors import unit
from spinefx_anatomy.vertebra.outline import RUN_OUT, chords, outline, rims

Floats = NDArray[np.float64]

AROUND_MM = (36.0, 30.0)
"""Half size of the window around a body's centre: across the spine, along it."""

TALL = 0.55
"""Columns shorter than this share of the usual one belong to the arch."""

OVER_MM = 2.0
"""How far the endplates' rims may rise above their fitted planes."""

MID = 0.05
"""Half width over the body's width of what counts as its mid-sagittal plane."""

DEEP = 0.85
"""Voxels deeper inside a vertebra than this share of its deepest make its thickest place."""


@dataclass(frozen=True, eq=False)
class Body:
    """A vertebral body and its frame.

    whole : sections with everything near the body in them.   sections : with the body's columns only.
    upper, lower : its endplates.   normal, left, back : its frame, world unit vectors.
    band : slices of the mid-sagittal band.   ends : (2, 2, slices) t in mm: of the upper and lower endplate the front
    and back end of every slice.   footprint : its chords, the longer of both.
    outlines : (n, 3) of the upper and lower endplate, world mm from the sections' origin; None where too little is seen.
    width, depth : extent of the larger endplate along `left`, and along `back` in the mid-sagittal band, mm.
    """

    whole: Sections
    sections: Sections
    upper: Plane
    lower: Plane
    normal: Floats
    left: Floats
    back: Floats
    band: NDArray[np.intp]
    ends: Floats
    footprint: Edges
    outlines: tuple[Floats | None, ...]
    width: float
    depth: float

    def corner(self, side: int) -> tuple[float, float]:
        """t in mm of the front and back end of the upper (side=1) or lower (side=-1) endplate, in the mid-sagittal band."""
        front, back = self.ends[0 if side > 0 else 1][:, self.band]
        near = np.isfinite(front)
        return (float(front[near].mean()), float(back[near].mean())) if near.any() else (np.nan, np.nan)

    def edge(self, side: int) -> Floats | None:
        """(2, 3) world points of the front and back edge of the upper (side=1) or lower (side=-1) endplate, mid-sagittal."""
        around = self.outlines[0 if side > 0 else 1]
        if around is None:
            return None
        u = around @ self.left
        middle, half = float(u.max() + u.min()) / 2, MID * float(np.ptp(u))
        ends = across(np.stack([u, around @ self.back], axis=1), middle + np.linspace(-half, half, 9))
        return self.on(side, np.array(middle), np.nanmean(ends, axis=1))

    def sides(self, side: int) -> Floats | None:
        """(2, 3) world points of the right and left end of the upper (side=1) or lower (side=-1) endplate, mid-coronal."""
        around = self.outlines[0 if side > 0 else 1]
        if around is None:
            return None
        u, v = around @ self.left, around @ self.back
        return self.on(side, np.array([u.min(), u.max()]), np.array((v.min() + v.max()) / 2))

    def on(self, side: int, u: Floats, v: Floats) -> Floats:
        """(n, 3) world points of the upper (side=1) or lower (side=-1) endplate's plane at (u, v) in the body's frame."""
        plane = self.upper if side > 0 else self.lower
        middle = self.sections.world(np.zeros(1), plane.at(0.0, 0.0)[None], np.zeros(1))[0] - self.sections.origin
        facing = plane.normal(self.sections)
        points = u[..., None] * self.left + v[..., None] * self.back
        above = (middle - points) @ facing / float(self.normal @ facing)
        return np.asarray(self.sections.origin + points + above[..., None] * self.normal, np.float64)


def fit(
    part: NDArray[np.bool_], grid: Grid, *, centre: Floats, head: Floats, left: Floats, turns: int = 3
) -> Body | None:
    """The body of the vertebra in `part` (z, y, x) on `grid`, or None where there are no two endplates.

    centre, head, left : (3,) world; its thickest place, and unit vectors, roughly.
    """
    mask, smaller = _window(part, grid, centre, head)
    normal, found = head, None
    for turn in range(turns):
        left = unit(left - (left @ normal) * normal)
        whole = cut(mask, smaller, centre=centre, normal=normal, left=left, coarse=turn < turns - 1)
        sections = columns(whole)
        planes = None if sections is None else endplates(sections)
        if sections is None or planes is None:
            return None
        found = (whole, sections, *planes)
        normal = unit(planes[0].normal(sections) + planes[1].normal(sections))
        centre = _middle(sections, *planes)
    if found is None:
        return None
    whole, sections, upper, lower = found
    left = unit(left - (left @ normal) * normal)
    back = np.cross(normal, left)
    ends, hollow = rims(whole, upper, lower)
    footprint = chords(whole, sections, ends)
    sides = [chords(whole, sections, end[None]) for end in ends]
    outlines = tuple(
        None if one is None else outline(whole, plane, one) - whole.origin
        for plane, one in zip((upper, lower), sides, strict=True)
    )
    flat = [np.stack([points @ left, points @ back], axis=1) for points in outlines if points is not None]
    if footprint is None or not flat:
        return None
    width = float(max(np.ptp(points[:, 0]) for points in flat)) + 2 * hollow
    middle = float(footprint.s[[0, -1]].mean())
    near = np.abs(sections.s - middle)
    band = np.flatnonzero(near <= max(BAND * width, float(near.min())))
    sizes = width, _depth(flat)
    return Body(whole, sections, upper, lower, normal, left, back, band, ends, footprint, outlines, *sizes)


def _depth(outlines: Sequence[Floats]) -> float:
    """Largest extent along v of outlines (n, 2) of (u, v) in their mid-sagittal bands."""
    found = []
    for points in outlines:
        low, high = points[:, 0].min(), points[:, 0].max()
        near, far = across(points, (low + high) / 2 + np.linspace(-BAND, BAND, 31) * (high - low))
        found.append(float(np.nanmax(far - near)))
    return max(found)


def volume_mm3(body: Body) -> float:
    """Volume in mm3 between the endplates over the footprint, the arch left out."""
    sec = body.whole
    total = 0.0
    for s, front, back in zip(body.footprint.s, body.footprint.front, body.footprint.back, strict=True):
        i = int(np.argmin(np.abs(sec.s - s)))
        inside = np.clip((np.minimum(back - sec.t, sec.t - front)) / sec.step + 0.5, 0.0, 1.0)
        top, bottom = body.upper.at(s, sec.t), body.lower.at(s, sec.t)
        beyond = (sec.w[:, None] < top + OVER_MM) & (sec.w[:, None] > bottom - OVER_MM)
        total += float((sec.fill[i] * beyond * inside).sum())
    return total * sec.step**2 * sec.apart


def _middle(sections: Sections, upper: Plane, lower: Plane) -> Floats:
    """(3,) world middle of the body's columns."""
    thick = sections.thickness
    s, t = (float(thick.sum(axis=1 - k) @ c / thick.sum()) for k, c in enumerate((sections.s, sections.t)))
    level = 0.5 * (upper.at(s, t) + lower.at(s, t))
    return sections.world(np.asarray(s), level, np.asarray(t))


def thickest(part: NDArray[np.bool_], grid: Grid) -> Floats:
    """(3,) world middle of the places that lie deepest inside a mask, which `grid` holds whole."""
    padded = np.pad(part, 1)
    depth = kernels.distance_transform(padded, grid.crop((-1, -1, -1), padded.shape))
    deep = np.argwhere(depth > DEEP * depth.max()) - 1.0
    return np.asarray(grid.to_world(deep).mean(axis=0), np.float64)


def columns(whole: Sections) -> Sections | None:
    """The sections with nothing but columns that run through the origin's level and are nearly of full height."""
    from scipy.ndimage import label

    level = int(np.argmin(np.abs(whole.w)))
    shown = whole.fill > RUN_OUT
    np.logical_and.accumulate(shown[:, level:], axis=1, out=shown[:, level:])
    np.logical_and.accumulate(shown[:, level::-1], axis=1, out=shown[:, level::-1])
    run = np.where(shown, whole.fill, np.float32(0.0))
    thick = run.sum(axis=1) * whole.step
    core = thick[np.ix_(np.abs(whole.s) < max(10.0, whole.apart), np.abs(whole.t) < 8.0)]
    if not (core > 0).any():
        return None
    tall = thick > TALL * np.median(core[core > 0])
    pieces, _ = label(tall)
    here = pieces[int(np.argmin(np.abs(whole.s))), int(np.argmin(np.abs(whole.t)))]
    if here == 0:
        return None
    run *= (pieces == here)[:, None, :]
    return replace(whole, fill=run)


def _window(part: NDArray[np.bool_], grid: Grid, centre: Floats, head: Floats) -> tuple[NDArray[np.bool_], Grid]:
    index = np.argwhere(part)
    away = grid.to_world(index) - centre
    along = away @ head
    flat2 = np.einsum("ni,ni->n", away, away) - along**2
    index = index[(np.abs(along) < AROUND_MM[1]) & (flat2 < AROUND_MM[0] ** 2)]
    start, stop = index.min(axis=0) - 1, index.max(axis=0) + 2
    mask = np.zeros(stop - start, bool)
    mask[tuple((index - start).T)] = True
    return mask, grid.crop(start, stop - start)
