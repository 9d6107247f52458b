"""A vertebral body without its arch: columns of full height around the thickest place of a vertebra."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid
from spinefx_anatomy.disc.outline import Edges, polygon
from spinefx_anatomy.endplates import Plane, endplates
from spinefx_anatomy.sections import Sections, cut
from spinefx_anatomy.vectors import unit

Floats = NDArray[np.float64]

AROUND_MM = (36.0, 30.0)
"""Half size of the window around a body's centre: across the spine, along it."""

TALL = 0.55
"""Columns shorter than this share of the usual one belong to the arch."""

CORNER_MM = (1.0, 3.0)
"""How far inside an endplate its front and back corner, and its left and right end, are looked for."""

LIP_MM = 2.5
"""How far the rims may reach beyond the columns that run through from one endplate to the other."""

OVER_MM = 2.0
"""How far the endplates' rims may rise above their fitted planes."""

FEWEST = 3
"""Slices that a body must pass through."""

BAND = 0.15
"""Half width of the mid-sagittal band over the body's width."""

COARSE_MM = 1.5
"""Voxels are thinned to about this size to find the thickest place."""


@dataclass(frozen=True, eq=False)
class Body:
    """A vertebral body and its frame.

    whole : sections with everything near the body in them.   sections : with the body's columns only.
    upper, lower : its endplates.   normal, left, back : its frame, world unit vectors.
    band : slices of the mid-sagittal band.   ends : (2, 2, slices) t in mm: of the upper and lower endplate the front
    and back end of every slice.   footprint : its chords, the longer of both.   middle : s of its middle, mm.
    width : extent along `left` of the wider endplate, mm.
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
    middle: float
    width: float

    def corner(self, side: int) -> tuple[float, float]:
        """t in mm of the front and back end of the upper (side=1) or lower (side=-1) endplate, in the mid-sagittal band."""
        front, back = self.ends[0 if side > 0 else 1][:, self.band]
        near = np.isfinite(front)
        return (float(front[near].mean()), float(back[near].mean())) if near.any() else (np.nan, np.nan)

    def point(self, side: int, t: float) -> Floats:
        """(3,) world point of the upper (side=1) or lower (side=-1) endplate's plane at t, in the body's middle."""
        plane = self.upper if side > 0 else self.lower
        return self.sections.world(np.asarray(self.middle), plane.at(self.middle, t), np.asarray(t))


def fit(
    part: NDArray[np.bool_], grid: Grid, *, centre: Floats, head: Floats, left: Floats, turns: int = 3
) -> Body | None:
    """The body of the vertebra in `part` (z, y, x) on `grid`, or None where there are no two endplates.

    centre, head, left : (3,) world; its thickest place, and unit vectors, roughly.
    """
    mask, smaller = _window(part, grid, centre, head)
    normal, found = head, None
    for _ in range(turns):
        left = unit(left - (left @ normal) * normal)
        whole = cut(mask, smaller, centre=centre, normal=normal, left=left)
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
    ends = np.array([rims(whole, upper, lower, side) for side in (1, -1)])
    footprint = chords(whole, sections, ends)
    if footprint is None:
        return None
    sides = [chords(whole, sections, end[None]) for end in ends]
    reach = [
        (_outline(whole, plane, one) @ left)
        for plane, one in zip((upper, lower), sides, strict=True)
        if one is not None
    ]
    if not reach:
        return None
    middle, width = float(footprint.s[[0, -1]].mean()), float(max(np.ptp(u) for u in reach))
    near = np.abs(sections.s - middle)
    band = np.flatnonzero(near <= max(BAND * width, float(near.min())))
    return Body(whole, sections, upper, lower, normal, left, back, band, ends, footprint, middle, width)


def rims(whole: Sections, upper: Plane, lower: Plane, side: int) -> Floats:
    """(2, slices) t in mm of every slice's front and back end just inside one endplate (side=1: upper); NaN where bone is missing.

    Rows along the endplate are followed from the body's middle column until the bone runs out.
    """
    plane = upper if side > 0 else lower
    start = int(np.argmin(np.abs(whole.t)))
    depths = np.arange(CORNER_MM[0], CORNER_MM[1], whole.step)
    columns = np.arange(len(whole.t))
    out = np.full((2, len(whole.s)), np.nan)
    for i, s in enumerate(whole.s):
        level = plane.at(s, whole.t)[None] - side * depths[:, None]
        place = np.clip(np.round((level - whole.w[0]) / whole.step).astype(int), 0, len(whole.w) - 1)
        rows = whole.fill[i][place, columns]
        rows = rows[rows[:, start] > 0.5]
        if len(rows) < 2:
            continue
        for k, (line, sign) in enumerate(((rows[:, start::-1], -1.0), (rows[:, start:], 1.0))):
            out[k, i] = whole.t[start] + sign * (_run(line).sum(axis=1).mean() - 0.5) * whole.step
    return out


def _outline(whole: Sections, plane: Plane, found: Edges) -> Floats:
    """(n, 3) world points around one endplate."""
    flat = polygon(found, whole.apart)
    return whole.world(flat[:, 0], plane.at(flat[:, 0], flat[:, 1]), flat[:, 1])


def chords(whole: Sections, sections: Sections, both: Floats) -> Edges | None:
    """The body's footprint: per slice the farther of both endplates' rims, no more than a lip beyond its columns."""
    shown = np.isfinite(both[:, 0]).any(axis=0)
    present = sections.thickness > 0
    cores = np.flatnonzero(present.any(axis=1) & shown)
    if len(cores) < FEWEST:
        return None
    kept, front, back = [], [], []
    for i in np.flatnonzero(shown):
        core = sections.t[present[cores[int(np.argmin(np.abs(cores - i)))]]]
        first = max(float(np.nanmin(both[:, 0, i])), float(core[0]) - LIP_MM)
        last = min(float(np.nanmax(both[:, 1, i])), float(core[-1]) + LIP_MM)
        if last - first > 2 * whole.step:
            kept.append(i)
            front.append(first)
            back.append(last)
    return Edges(whole.s[kept], np.array(front), np.array(back)) if len(kept) >= FEWEST else None


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
    """(3,) world middle of the places that lie deepest inside a mask."""
    from scipy.ndimage import distance_transform_edt

    step = tuple(max(1, round(COARSE_MM / s)) for s in grid.spacing)
    thin = part[:: step[0], :: step[1], :: step[2]]
    depth = distance_transform_edt(np.pad(thin, 1), sampling=np.multiply(step, grid.spacing))[1:-1, 1:-1, 1:-1]
    deep = np.argwhere(depth > 0.85 * depth.max())
    return np.asarray(grid.to_world(deep * np.array(step)).mean(axis=0), np.float64)


def columns(whole: Sections) -> Sections | None:
    """The sections with nothing but columns that run through the origin's level and are nearly of full height."""
    from scipy.ndimage import label

    level = int(np.argmin(np.abs(whole.w)))
    above = _run(np.moveaxis(whole.fill[:, level:], 1, 2))
    below = _run(np.moveaxis(whole.fill[:, level::-1], 1, 2))
    run = np.moveaxis(np.concatenate([below[..., :0:-1], above], axis=2), 2, 1)
    thick = run.sum(axis=1) * whole.step
    core = thick[np.ix_(np.abs(whole.s) < max(10.0, whole.apart), np.abs(whole.t) < 8.0)]
    if not (core > 0).any():
        return None
    tall = thick > TALL * np.median(core[core > 0])
    pieces, _ = label(tall)
    here = pieces[int(np.argmin(np.abs(whole.s))), int(np.argmin(np.abs(whole.t)))]
    if here == 0:
        return None
    return replace(whole, fill=run * (pieces == here)[:, None, :])


def _run(fill: NDArray[np.float32]) -> NDArray[np.float32]:
    """The fill up to where it first runs out, along the last axis."""
    out: NDArray[np.float32] = fill * np.logical_and.accumulate(fill > 0.05, axis=-1)
    return out


def _window(part: NDArray[np.bool_], grid: Grid, centre: Floats, head: Floats) -> tuple[NDArray[np.bool_], Grid]:
    index = np.argwhere(part)
    away = grid.to_world(index) - centre
    along = away @ head
    flat = np.linalg.norm(away - along[:, None] * head, axis=1)
    index = index[(np.abs(along) < AROUND_MM[1]) & (flat < AROUND_MM[0])]
    start, stop = index.min(axis=0) - 1, index.max(axis=0) + 2
    mask = np.zeros(stop - start, bool)
    mask[tuple((index - start).T)] = True
    return mask, grid.crop(start, stop - start)
