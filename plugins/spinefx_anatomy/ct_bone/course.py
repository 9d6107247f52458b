"""The course of the canal through a scan, and the discs before it. Places in mm from the volume's first voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx_anatomy.ct_bone.tissue import STEP_MM, Image, Section

Floats = NDArray[np.float64]

_REACH_MM = (9.0, 31.0)
"""Where a body or a disc lies before the canal's centre, and is looked at."""
_HALF_MM = np.arange(2.0, 8.1, 1.0)
"""Half thickness of a disc, endplate to endplate."""
_LEAN_DEG = np.arange(-25.0, 56.0, 5.0)
"""Discs lean: their front lies lower by this angle."""
_APART_MM = (19.0, 47.0)
"""From one disc to the next."""


@dataclass(frozen=True, eq=False)
class Course:
    """The canal's centre at every height: back, left (n,) mm at heights `up` (n,) mm, from the lowest to the highest known."""

    up: Floats
    back: Floats
    left: Floats
    low: float
    high: float

    def at(self, up: Any) -> tuple[Any, Any]:
        """(back, left) at these heights; straight on beyond the ends."""
        return np.interp(up, self.up, self.back), np.interp(up, self.up, self.left)


@dataclass(frozen=True, order=True)
class Gap:
    """A disc: where its plane meets the canal's centre line, how it leans, how thick it is."""

    up: float
    lean_deg: float
    half_mm: float
    score: float


def course(sections: Sequence[Section], height_mm: float) -> Course | None:
    """A smooth line through the best chain of sections; None where fewer than four hang together."""
    from scipy.interpolate import UnivariateSpline

    chain = _chain(sorted(sections, key=lambda s: s.up))
    if len(chain) < 4:
        return None
    up = np.array([s.up for s in chain]) + np.arange(len(chain)) * 1e-6
    steps = np.arange(0.0, height_mm, STEP_MM)
    lines = []
    for values in ([s.back for s in chain], [s.left for s in chain]):
        spline = UnivariateSpline(up, values, k=min(3, len(up) - 1), s=len(up) * 2.5**2)
        inner = np.clip(steps, up[0], up[-1])
        slope = spline.derivative()(np.clip(inner, up[0] + 4, up[-1] - 4))
        lines.append(spline(inner) + np.clip(slope, -0.7, 0.7) * (steps - inner))
    return Course(steps, lines[0], lines[1], float(up[0]), float(up[-1]))


def _chain(found: list[Section]) -> list[Section]:
    """The sections of the longest smooth chain from below upwards, one for each height."""
    best, came = [0.0] * len(found), [-1] * len(found)
    for j, one in enumerate(found):
        best[j] = _likely(one)
        for i, other in enumerate(found[:j]):
            rise = one.up - other.up
            aside = float(np.hypot(one.back - other.back, one.left - other.left))
            if 0 < rise <= 45 and aside <= 4 + 0.6 * rise:
                value = best[i] + _likely(one) - 0.02 * rise - 0.08 * aside
                if value > best[j]:
                    best[j], came[j] = value, i
    if not found:
        return []
    out, place = [], int(np.argmax(best))
    while place >= 0:
        out.append(found[place])
        place = came[place]
    return out[::-1]


def _likely(section: Section) -> float:
    """1 for a canal of usual size, less for holes much smaller or larger."""
    return float(np.exp(-0.5 * (np.log(section.area_mm2 / 260) / 0.6) ** 2))


def sagittal(image: Image, line: Course, half_mm: float = 9.0) -> Image:
    """(up, back) mean over a slab around the line."""
    width = round(half_mm / STEP_MM)
    place = np.round(line.left / STEP_MM).astype(int)
    columns = np.clip(place[:, None] + np.arange(-width, width + 1), 0, image.shape[2] - 1)
    rows = np.arange(len(image))
    flat: Image = image[rows[:, None], :, columns].mean(axis=1)
    return flat


def gaps(flat: Image, line: Course) -> list[Gap]:
    """Discs from below upwards: dark between two bright endplates, evenly apart, leaning alike."""
    from scipy.ndimage import map_coordinates

    ahead = np.arange(*_REACH_MM, 1.0)
    heights = line.up[(line.up > line.low - 35) & (line.up < line.high + 50)]
    extra = np.concatenate([-_HALF_MM[::-1], [-1.0, 0.0, 1.0], _HALF_MM])
    score = np.full((len(heights), len(_LEAN_DEG)), -np.inf)
    half = np.zeros_like(score)
    back = line.at(heights)[0]
    for k, lean in enumerate(np.radians(_LEAN_DEG)):
        along, across = (-np.sin(lean), -np.cos(lean)), (np.cos(lean), -np.sin(lean))  # (up, back) unit steps
        up = heights[:, None, None] + along[0] * ahead + across[0] * extra[:, None]
        behind = back[:, None, None] + along[1] * ahead + across[1] * extra[:, None]
        seen = map_coordinates(flat, np.stack([up, behind]) / STEP_MM, order=1, mode="nearest").mean(axis=2)
        n = len(_HALF_MM)
        middle = seen[:, n : n + 3].mean(axis=1)
        ends = np.minimum(seen[:, :n][:, ::-1], seen[:, n + 3 :])
        best = ends.argmax(axis=1)
        score[:, k], half[:, k] = ends[np.arange(len(ends)), best] - middle, _HALF_MM[best]
    return _picked(heights, score, half)


def _picked(heights: Floats, score: Floats, half: Floats) -> list[Gap]:
    """The best row of gaps: high scores, distances and leans that change slowly."""
    from scipy.ndimage import maximum_filter

    peak = (score == maximum_filter(score, size=(5, 5))) & (score > 15)
    nodes = sorted(
        Gap(float(heights[i]), float(_LEAN_DEG[k]), float(half[i, k]), float(score[i, k])) for i, k in np.argwhere(peak)
    )
    value: list[float] = []
    came: list[int] = []
    for j, one in enumerate(nodes):
        own = min(one.score, 120.0)
        value.append(own - 40)
        came.append(-1)
        for i, other in enumerate(nodes[:j]):
            rise = one.up - other.up
            if not _APART_MM[0] <= rise <= _APART_MM[1] or abs(one.lean_deg - other.lean_deg) > 35:
                continue
            cost = 0.05 * (rise - 33) ** 2 + 0.6 * abs(one.lean_deg - other.lean_deg)
            if value[i] + own - cost > value[j]:
                value[j], came[j] = value[i] + own - cost, i
    out, place = [], int(np.argmax(value)) if nodes else -1
    while place >= 0:
        out.append(nodes[place])
        place = came[place]
    out.reverse()
    while len(out) > 2 and out[0].lean_deg >= 45 and out[0].score < 0.35 * float(np.median([gap.score for gap in out])):
        del out[0]  # the rest of a disc between S1 and S2
    return out
