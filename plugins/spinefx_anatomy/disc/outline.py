"""The outline of a disc's footprint, finer than the voxels: front and back edge of every slice, and rounded-off ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx_anatomy.endplates import Plane
from spinefx_anatomy.sections import Sections

Floats = NDArray[np.float64]

FEWEST = 3
"""Slices with a chord that an outline needs."""

RIM = 0.7
"""Share of the rim's half height over which its edge is averaged."""

CENTRAL = 0.75
"""Chords longer than this share of the longest show how the rim recedes."""

STEEPEST = 3.0
"""How many times farther than in the middle a slanting rim may recede."""

SHORTEST = 12.0
"""Wavelength in mm of the finest detail that is kept of an outline."""

BAND = 0.15
"""Half width of the mid-sagittal band over the disc's width."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Front and back end of the footprint's chord in every slice that has one: s, front, back, (n,) mm.

    recess : how far the back end draws back from the mid-plane to the endplates, mm.
    """

    s: Floats
    front: Floats
    back: Floats
    recess: float = 0.0

    @property
    def length(self) -> Floats:
        """Length of the chords in mm."""
        out: Floats = self.back - self.front
        return out


def edges(cut: Sections, upper: Plane, lower: Plane) -> Edges | None:
    """The footprint's chords, from rows near the mid-plane; None where fewer than three slices have one.

    A row's end is the sum of its fill on that side of the slice's centre. How far the rim recedes towards the
    endplates is fitted over all slices together, so that a chord is the rim's farthest reach, not its mean.
    """
    thick = cut.thickness
    mass = thick.sum(axis=1)
    used = np.flatnonzero(mass > 0)
    centre = (thick[used] @ cut.t) / mass[used]
    before = cut.t[None] < centre[:, None]
    split = cut.t[0] + (before.sum(axis=1) - 0.5) * cut.step
    fill = cut.fill[used]
    front = split[:, None] - np.einsum("swt,st->sw", fill, before.astype(np.float32)) * cut.step
    back = split[:, None] + np.einsum("swt,st->sw", fill, (~before).astype(np.float32)) * cut.step
    level = 0.5 * (upper.at(cut.s, 0.0) + lower.at(cut.s, 0.0))
    columns = (thick > 0).sum(axis=1)
    longest = float(np.percentile(columns[used], 90))
    kept: list[int] = []
    pairs: list[tuple[Side, Side]] = []
    for row, i in enumerate(used):
        rim = RIM if columns[i] > CENTRAL * longest else RIM / 2
        height = cut.w - level[i]
        start = 0.5 * float(np.median(thick[i][thick[i] > 0]))
        first, last = (
            _side(reach[row], height, (upper, lower, cut.s[i]), start, rim, cut.step) for reach in (front, back)
        )
        if first and last and np.median(last.reach) - np.median(first.reach) > 0.5 * cut.step:
            kept.append(int(i))
            pairs.append((first, last))
    if len(kept) < FEWEST:
        return None
    at = cut.s[kept]
    ends = [np.array([pair[k].reach.mean() for pair in pairs]) for k in (0, 1)]
    inner = ends[1] - ends[0] > CENTRAL * float((ends[1] - ends[0]).max())
    for k, sign in ((0, -1.0), (1, 1.0)):
        recess = _recess([pair[k] for pair, use in zip(pairs, inner, strict=True) if use], sign)
        share = np.array([pair[k].square.mean() for pair in pairs])
        slant = np.minimum(np.hypot(1.0, np.gradient(ends[k], at)), STEEPEST)
        ends[k] = ends[k] + sign * recess * share * slant
    return Edges(at, ends[0], ends[1], recess)


@dataclass(frozen=True, eq=False)
class Side:
    """One end of a slice: how far its rows reach (n,) mm, and their height over the rim's half height, squared."""

    reach: Floats
    square: Floats


def _side(
    reach: Floats, height: Floats, planes: tuple[Plane, Plane, float], half: float, rim: float, step: float
) -> Side | None:
    """The rows within the share `rim` of the half height that the endplates have at their end; None below two."""
    upper, lower, s = planes
    near = np.abs(height) <= rim * half
    for _ in range(2):
        if near.sum() < 2:
            return None
        end = float(np.median(reach[near]))
        half = max(0.5 * float(upper.at(s, end) - lower.at(s, end)), 2 * step)
        near = np.abs(height) <= rim * half
    return Side(reach[near], (height[near] / half) ** 2) if near.sum() >= 2 else None


def _recess(sides: list[Side], sign: float) -> float:
    """How far in mm, >= 0, the rim draws back from the mid-plane to the endplates, over these slices together."""
    away = [(side.reach - side.reach.mean(), side.square - side.square.mean()) for side in sides]
    bottom = sum(float(q @ q) for _, q in away)
    return max(0.0, -sign * sum(float(x @ q) for x, q in away) / bottom) if bottom > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Cap:
    """A superellipse half-chord over s: half * (1 - |(s - centre) / reach|^power)^(1 / power)."""

    half: float
    centre: float
    reach: float
    power: float

    def at(self, s: Floats) -> Floats:
        """Half chord in mm at s."""
        share = np.clip(np.abs(s - self.centre) / self.reach, 0, 1)
        out: Floats = self.half * (1 - share**self.power) ** (1 / self.power)
        return out


_LOW, _START, _HIGH = np.array([[0.02, 0.02, 0.8, 1.6], [0.4, 0.4, 1.0, 2.3], [1.0, 1.0, 1.3, 5.0]])
"""Bounds and start of a cap: its right and left end beyond the last chords (slices), its height (longest chords), its power."""


def cap(found: Edges, apart: float) -> Cap:
    """The superellipse nearest to the chords, its ends between the last slice with a chord and the next one.

    Three chords do not tell how square it is: its power stays at its start.
    """
    from scipy.optimize import leastsq

    s, half = found.s, found.length / 2
    scale = float(half.max())

    start = np.arcsin(2 * (_START - _LOW) / (_HIGH - _LOW) - 1)
    free = min(len(s), len(start))

    def shape(q: Floats) -> Cap:
        whole = np.concatenate([q, start[free:]])
        past, before, height, power = _LOW + (_HIGH - _LOW) * (np.sin(whole) + 1) / 2
        left, right = s[0] - apart * past, s[-1] + apart * before
        return Cap(height * scale, (left + right) / 2, (right - left) / 2, power)

    best = leastsq(lambda q: shape(q).at(s) - half, start[:free], maxfev=200, xtol=1e-4, ftol=1e-6, full_output=True)[0]
    return shape(best)


def polygon(found: Edges, apart: float, *, steps: int = 240) -> Floats:
    """(n, 2) closed outline in (s, t) mm: through the chords' ends, and round where no slice lies."""
    shape = cap(found, apart)
    s = shape.centre - shape.reach * np.cos(np.linspace(0, np.pi, steps))
    inner = np.clip(s, found.s[0], found.s[-1])
    model = np.maximum(shape.at(found.s), 1e-3)
    values = np.stack([found.length / 2 / model, (found.front + found.back) / 2], axis=1)
    share, middle = _smooth(found.s, values, model, inner).T
    half = shape.at(s) * share
    front = np.stack([s, middle - half], axis=1)
    back = np.stack([s, middle + half], axis=1)
    out: Floats = np.concatenate([front, back[::-1]])
    return out


def _smooth(s: Floats, values: Floats, weight: Floats, at: Floats) -> Floats:
    """(m, k) at `at` of smoothing splines through values (n, k) that let through what is longer than `SHORTEST` mm."""
    from scipy.interpolate import make_smoothing_spline

    if len(s) < 5:
        return np.stack([np.interp(at, s, column) for column in values.T], axis=1)
    stiff = (s[1] - s[0]) * (SHORTEST / (2 * np.pi)) ** 4
    w = weight**2 / np.mean(weight**2)
    return np.asarray(make_smoothing_spline(s, values, w=w, lam=stiff)(at), np.float64)


def area(outline: Floats) -> float:
    """Area inside a closed outline (n, 2)."""
    x, y = (outline - outline.mean(axis=0)).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def moments(outline: Floats) -> tuple[Floats, Floats]:
    """Centroid (2,) and covariance (2, 2) of the region inside a closed outline (n, 2)."""
    shift = outline.mean(axis=0)
    x, y = (outline - shift).T
    x1, y1 = np.roll(x, -1), np.roll(y, -1)
    twist = x * y1 - x1 * y
    size = twist.sum() / 2
    mean = np.array([((x + x1) * twist).sum(), ((y + y1) * twist).sum()]) / (6 * size)
    xx = ((x * x + x * x1 + x1 * x1) * twist).sum() / (12 * size) - mean[0] ** 2
    yy = ((y * y + y * y1 + y1 * y1) * twist).sum() / (12 * size) - mean[1] ** 2
    xy = ((x * y1 + 2 * x * y + 2 * x1 * y1 + x1 * y) * twist).sum() / (24 * size) - mean[0] * mean[1]
    return mean + shift, np.array([[xx, xy], [xy, yy]])


def chords(outline: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest v (n,) of a closed outline (m, 2) of (u, v) on the lines u = `at`; NaN off the outline."""
    u, v = outline.T
    u1, v1 = np.roll(u, -1), np.roll(v, -1)
    hit = (np.minimum(u, u1)[None] <= at[:, None]) & (at[:, None] < np.maximum(u, u1)[None])
    step = np.where(u1 == u, 1.0, u1 - u)
    crossing = v + (v1 - v) * (at[:, None] - u) / step
    low = np.where(hit, crossing, np.inf).min(axis=1)
    high = np.where(hit, crossing, -np.inf).max(axis=1)
    gone = ~hit.any(axis=1)
    return np.where(gone, np.nan, low), np.where(gone, np.nan, high)
