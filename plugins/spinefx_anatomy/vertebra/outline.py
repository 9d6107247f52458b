"""The outline of a vertebral body at its endplates: front and back end of every slice, told from what the arch adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx_anatomy.disc.outline import Edges, polygon
from spinefx_anatomy.endplates import Plane
from spinefx_anatomy.sections import Sections

Floats = NDArray[np.float64]

CORNER_MM = (1.0, 3.0)
"""How far inside an endplate its front and back corner, and its left and right end, are looked for."""

BLUR = 2.6
"""How many lines inside an endplate its blur ends, where voxels are large: lines lie half a voxel apart."""

WALL_MM, MIDDLE_MM = 5.0, 10.0
"""How far inside an endplate walls are looked at to tell how hollow they are, and in which slices: so far from the middle."""

HOLLOW = 0.25
"""The most that a wall is taken to lean, over its height."""

LIP_MM = 2.5
"""How far the rims may reach beyond the columns that run through from one endplate to the other."""

FEWEST = 3
"""Slices that a body must pass through."""

RUN_OUT = 0.05
"""Fill at which a line through bone ends."""


def rims(whole: Sections, upper: Plane, lower: Plane) -> tuple[Floats, float]:
    """(2, 2, slices) t in mm of the upper and lower endplate's front and back end in every slice; and the walls' hollow, mm.

    Rows along the endplate are followed from the body's middle column until the bone runs out; NaN where bone is missing.
    Walls are hollow: how much farther they reach at the endplates than just inside them is told from rows further inside,
    in the slices without pedicles, for both endplates and all slices alike.
    """
    start = int(np.argmin(np.abs(whole.t)))
    first = max(CORNER_MM[0], BLUR * whole.step)
    depths = np.arange(first, first + WALL_MM - CORNER_MM[0], whole.step)
    near = depths < first + CORNER_MM[1] - CORNER_MM[0]
    ends, slopes = [], []
    for plane, side in ((upper, 1.0), (lower, -1.0)):
        level = plane.at(whole.s[:, None, None], whole.t) - side * depths[None, :, None]
        place = np.clip(np.round((level - whole.w[0]) / whole.step).astype(int), 0, len(whole.w) - 1)
        rows = np.take_along_axis(whole.fill, place, axis=1)
        reach = np.stack([run(rows[:, :, start::-1]).sum(axis=2), run(rows[:, :, start:]).sum(axis=2)]) - 0.5
        reach = np.where(rows[:, :, start] > 0.5, reach * whole.step, np.nan)
        shown = np.isfinite(reach[0]) & near
        mean = np.where(shown, reach, 0.0).sum(axis=2) / np.maximum(shown.sum(axis=1), 1)
        mean[:, shown.sum(axis=1) < 2] = np.nan
        ends.append(mean)
        inner = reach[:, np.abs(whole.s) < MIDDLE_MM]
        away = depths - depths.mean()
        slopes.append(inner[:, np.isfinite(inner[0]).all(axis=1)] @ away / float(away @ away))
    slope = np.concatenate(slopes, axis=1)
    lean = np.clip(np.median(slope, axis=1), -HOLLOW, HOLLOW) if slope.size else np.zeros(2)
    beyond = -lean * float(depths[near].mean())
    out = whole.t[start] + np.array([[-1.0], [1.0]]) * (np.array(ends) + beyond[:, None])
    return np.asarray(out, np.float64), float(beyond.mean())


def run(fill: NDArray[np.float32]) -> NDArray[np.float32]:
    """The fill up to where it first runs out, along the last axis."""
    out: NDArray[np.float32] = fill * np.logical_and.accumulate(fill > RUN_OUT, axis=-1)
    return out


def chords(whole: Sections, sections: Sections, both: Floats) -> Edges | None:
    """The body's footprint: per slice the farthest of these rims (k, 2, slices), no more than a lip beyond its columns."""
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


def outline(whole: Sections, plane: Plane, found: Edges) -> Floats:
    """(n, 3) world points around one endplate."""
    flat = polygon(found, whole.apart)
    return whole.world(flat[:, 0], plane.at(flat[:, 0], flat[:, 1]), flat[:, 1])
