"""A vertebral body without its arch: columns of full height around the thickest place of a vertebra."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid
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

CORE_MM = 4.0
"""Half depth of the strip in which a body's left and right end are looked for."""

BAND = 0.15
"""Half width of the mid-sagittal band over the body's width."""

COARSE_MM = 1.5
"""Voxels are thinned to about this size to find the thickest place."""


@dataclass(frozen=True, eq=False)
class Body:
    """A vertebral body and its frame.

    whole : sections with everything near the body in them.   sections : with the body's columns only.
    upper, lower : its endplates.   normal, left, back : its frame, world unit vectors.   band : slices of the
    mid-sagittal band.   middle, width : s of its middle, and its left-right extent, mm.
    """

    whole: Sections
    sections: Sections
    upper: Plane
    lower: Plane
    normal: Floats
    left: Floats
    back: Floats
    band: NDArray[np.intp]
    middle: float
    width: float

    def corner(self, side: int) -> tuple[float, float]:
        """t in mm of the front and back end of the upper (side=1) or lower (side=-1) endplate, in the mid-sagittal band."""
        sec = self.whole
        plane = self.upper if side > 0 else self.lower
        start = int(np.argmin(np.abs(sec.t - self._centre)))
        front, back = [], []
        for i in self.band:
            depth = side * (plane.at(sec.s[i], self._centre) - sec.w)
            rows = sec.fill[i][(depth > CORNER_MM[0]) & (depth < CORNER_MM[1])]
            rows = rows[rows[:, start] > 0.5]
            front.extend(sec.t[start] - (_run(rows[:, start::-1]).sum(axis=1) - 0.5) * sec.step)
            back.extend(sec.t[start] + (_run(rows[:, start:]).sum(axis=1) - 0.5) * sec.step)
        return (float(np.median(front)), float(np.median(back))) if front else (np.nan, np.nan)

    @property
    def _centre(self) -> float:
        thick = self.sections.thickness[self.band]
        return float((thick.sum(axis=0) @ self.sections.t) / thick.sum())

    def point(self, side: int, t: float) -> Floats:
        """(3,) world point of the upper (side=1) or lower (side=-1) endplate's plane at t, in the body's middle."""
        plane = self.upper if side > 0 else self.lower
        return self.sections.world(np.asarray(self.middle), plane.at(self.middle, t), np.asarray(t))


def fit(part: NDArray[np.bool_], grid: Grid, *, head: Floats, left: Floats, turns: int = 3) -> Body | None:
    """The body of the vertebra in `part` (z, y, x) on `grid`, or None where there are no two endplates.

    head, left : (3,) world unit vectors, roughly.
    """
    centre = thickest(part, grid)
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
    low, high = _sides(whole, sections, upper, lower)
    middle, width = (low + high) / 2, high - low
    near = np.abs(sections.s - middle)
    band = np.flatnonzero(near <= max(BAND * width, float(near.min())))
    return Body(whole, sections, upper, lower, normal, left, back, band, middle, width)


def _sides(whole: Sections, sections: Sections, upper: Plane, lower: Plane) -> tuple[float, float]:
    """s in mm of the body's right and left end, just inside its endplates, to a fraction of a slice."""
    thick = sections.thickness
    s, t = (float(thick.sum(axis=1 - k) @ c / thick.sum()) for k, c in enumerate((whole.s, whole.t)))
    strip = np.abs(whole.t - t) < CORE_MM
    start = int(np.argmin(np.abs(whole.s - s)))
    ends = []
    for side, plane in ((1, upper), (-1, lower)):
        depth = side * (plane.at(whole.s, t)[:, None] - whole.w[None])
        inner = (depth > CORNER_MM[0]) & (depth < CORNER_MM[1])
        share = (whole.fill[:, :, strip].mean(axis=2) * inner).sum(axis=1) / np.maximum(inner.sum(axis=1), 1)
        ends.append(
            [
                float(_run(share[start::-1].astype(np.float32)).sum()),
                float(_run(share[start:].astype(np.float32)).sum()),
            ]
        )
    right, left = np.max(ends, axis=0)
    return float(whole.s[start] - (right - 0.5) * whole.apart), float(whole.s[start] + (left - 0.5) * whole.apart)


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
