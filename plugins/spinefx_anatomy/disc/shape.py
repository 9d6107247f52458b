"""All numbers of one disc from its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid
from spinefx_anatomy.disc import outline as lines
from spinefx_anatomy.endplates import Plane, endplates
from spinefx_anatomy.sections import Sections, cut
from spinefx_anatomy.vectors import lean_deg, tilt_coronal_deg, tilt_deg, unit

Floats = NDArray[np.float64]

ROUND = 1.15
"""Footprints whose long axis holds less than this times the variance of the short one have no axis of their own."""


PLACES, AROUND = (0.15, 0.5, 0.85), 0.075
"""Shares of the depth, from the front, at which heights are read, and how much before and behind counts."""

THIN_MM, THIN = 2.0, 3.0
"""Slices up to this far apart, in mm or in steps of the lines in them, show both ends of an outline as well as its front
and back."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A disc's sections, endplates and outline.

    outline : (n, 2) mm along `left` and `back` from `centre`.   ends : its right and left end along `left`, mm.
    normal, left, back : the disc's frame, world unit vectors.   centre : (3,) world mm, in the mid-plane.
    """

    sections: Sections
    upper: Plane
    lower: Plane
    edges: lines.Edges
    outline: Floats
    ends: tuple[float, float]
    normal: Floats
    left: Floats
    back: Floats
    centre: Floats

    @property
    def middle(self) -> float:
        """u in mm of the middle between the footprint's right and left end."""
        return (self.ends[0] + self.ends[1]) / 2

    def on(self, plane: Plane, u: Floats, v: Floats) -> Floats:
        """(n, 3) world points of one endplate's plane at (u, v) in the disc's frame."""
        points = u[..., None] * self.left + v[..., None] * self.back
        facing, sec = plane.normal(self.sections), self.sections
        origin = sec.world(np.zeros(1), plane.at(0.0, 0.0)[None], np.zeros(1))[0] - self.centre
        above = (origin - points) @ facing / float(self.normal @ facing)
        return np.asarray(self.centre + points + above[..., None] * self.normal, np.float64)


def fit(
    mask: NDArray[np.bool_],
    grid: Grid,
    *,
    centre: Floats,
    normal: Floats,
    left: Floats,
    trust_deg: float,
    turns: int = 3,
) -> Fit | None:
    """Frame, endplates and outline of the disc in `mask`, or None where it is too thin or too small to have them.

    Parameters
    ----------
    mask : (z, y, x) bool on `grid`, empty along its border.
    centre, normal, left : (3,) world; where the disc is and lies, roughly.
    trust_deg : the footprint's own long axis is taken as left-right where it lies within this angle of `left`.
    """
    for turn in range(turns):
        left = unit(left - (left @ normal) * normal)
        sections = cut(mask, grid, centre=centre, normal=normal, left=left, coarse=turn < turns - 1)
        planes = endplates(sections)
        if planes is None:
            return None
        upper, lower = planes
        normal = unit(upper.normal(sections) + lower.normal(sections))
    left = unit(left - (left @ normal) * normal)
    found = lines.edges(sections, upper, lower)
    if found is None:
        return None
    world = _world(sections, lines.polygon(found, sections.apart), upper, lower)
    middle = world.mean(axis=0)
    back = np.cross(normal, left)
    left, back = _own_axes(left, back, lines.moments(_flat(world - middle, left, back))[1], trust_deg)
    outline = _flat(world - middle, left, back)
    ends = float(outline[:, 0].min()), float(outline[:, 0].max())
    if sections.apart <= max(THIN_MM, THIN * sections.step):
        ends = _sides(mask, grid, centre, normal, back, left, middle) or ends
    return Fit(sections, upper, lower, found, outline, ends, normal, left, back, middle)


def _sides(
    mask: NDArray[np.bool_], grid: Grid, centre: Floats, normal: Floats, back: Floats, left: Floats, middle: Floats
) -> tuple[float, float] | None:
    """Right and left end of the footprint, from sections across the other axis; None where they cannot be made."""
    sections = cut(mask, grid, centre=centre, normal=normal, left=back)
    planes = endplates(sections)
    found = None if planes is None else lines.edges(sections, *planes)
    if planes is None or found is None:
        return None
    along = (_world(sections, lines.polygon(found, sections.apart), *planes) - middle) @ left
    return float(along.min()), float(along.max())


def _world(sections: Sections, flat: Floats, upper: Plane, lower: Plane) -> Floats:
    """(n, 3) world points of (s, t) half-way between two planes."""
    level = 0.5 * (upper.at(flat[:, 0], flat[:, 1]) + lower.at(flat[:, 0], flat[:, 1]))
    return sections.world(flat[:, 0], level, flat[:, 1])


def _flat(points: Floats, left: Floats, back: Floats) -> Floats:
    return np.stack([points @ left, points @ back], axis=1)


def _own_axes(left: Floats, back: Floats, spread: Floats, trust_deg: float) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(spread)
    wide = vectors[:, 1] * (1.0 if vectors[0, 1] >= 0 else -1.0)
    if values[1] < ROUND * values[0] or wide[0] < np.cos(np.radians(trust_deg)):
        return left, back
    return wide[0] * left + wide[1] * back, -wide[1] * left + wide[0] * back


def numbers(found: Fit, volume: float) -> dict[str, float]:
    """Name -> number of everything that follows from a fitted disc and its volume in mm3."""
    sec, normal = found.sections, found.normal
    out = {"height_mm": mean_height(found)}
    width = found.ends[1] - found.ends[0]
    columns = found.middle + np.linspace(-lines.BAND, lines.BAND, 31) * width
    near, far = lines.chords(found.outline, columns)
    out |= dict(
        zip(
            ("height_anterior_mm", "height_middle_mm", "height_posterior_mm"),
            _thirds(found, columns, near, far),
            strict=True,
        )
    )
    front, centre, rear = _places(found, columns, near, far)
    out["height_hurxthal_mm"] = centre
    out["height_dabbs_mm"] = (front + rear) / 2
    out["height_fyllos_mm"] = (front + centre + rear) / 3
    out["depth_mm"] = float(np.nanmax(far - near))
    out["farfan_index"] = (front + rear) / out["depth_mm"]
    out["width_mm"] = width
    top, bottom = (plane.normal(sec) for plane in (found.upper, found.lower))
    lean = [lean_deg(n, found.back, normal) for n in (top, bottom)]
    side = [lean_deg(n, found.left, normal) for n in (top, bottom)]
    out["wedge_deg"] = lean[0] - lean[1]
    out["wedge_coronal_deg"] = side[1] - side[0]
    out["tilt_deg"] = tilt_deg(normal)
    out["tilt_coronal_deg"] = tilt_coronal_deg(normal)
    out["rotation_deg"] = float(np.degrees(np.arctan2(found.left[1], found.left[0])))
    out["volume_mm3"] = volume
    out["footprint_mm2"] = lines.area(found.outline)
    out["residual_mm"] = float(np.hypot(found.upper.residual, found.lower.residual) / np.sqrt(2))
    return out


def mean_height(found: Fit) -> float:
    """Volume over footprint area, both from the slices that show a chord, so that what slices miss cancels out.

    A slice fades in as its chord grows from a fifth to two fifths of the longest: the last sliver decides nothing.
    """
    sec, chord = found.sections, found.edges.length
    weight = np.clip(chord / (0.2 * chord.max()) - 1.0, 0.0, 1.0)
    shown = np.searchsorted(sec.s, found.edges.s - 1e-6)
    section = sec.thickness[shown].sum(axis=1) * sec.step
    return float(weight @ section / (weight @ chord)) * float(found.normal @ sec.up)


def _thirds(found: Fit, columns: Floats, near: Floats, far: Floats) -> list[float]:
    """Mean thickness along the normal in the three thirds of every column (u = constant) of the band, by area."""
    cuts = near[:, None] + np.linspace(0, 1, 4) * (far - near)[:, None]
    # Interpolation blurs the rim by half a voxel: what falls outside the outline belongs to the outer thirds.
    cuts[:, 0] -= 2 * found.sections.step
    cuts[:, 3] += 2 * found.sections.step
    return [_sheet(found, columns, cuts[:, k], cuts[:, k + 1]) / float((far - near).mean() / 3) for k in range(3)]


def _places(found: Fit, columns: Floats, near: Floats, far: Floats) -> list[float]:
    """Mean thickness along the normal of every column of the band around `PLACES` of its length."""
    deep = far - near
    around = [(near + (place - AROUND) * deep, near + (place + AROUND) * deep) for place in PLACES]
    return [_sheet(found, columns, *ends) / float(2 * AROUND * deep.mean()) for ends in around]


def _sheet(found: Fit, columns: Floats, low: Floats, high: Floats) -> float:
    """Mean over columns u of the area in mm2 between v = low and v = high, along v and the normal."""
    sec = found.sections
    v = low[:, None] + (np.arange(24) + 0.5) / 24 * (high - low)[:, None]
    points = found.centre + columns[:, None, None] * found.left + v[..., None] * found.back - sec.origin
    thick = _between(sec, points @ sec.across, points @ sec.back).mean(axis=1)
    return float((thick * (high - low)).mean()) * float(found.normal @ sec.up)


def _between(sec: Sections, s: Floats, t: Floats) -> Floats:
    """Thickness along w at (s, t), bilinear between slices and lines."""
    from scipy.ndimage import map_coordinates

    place = np.stack([(s - sec.s[0]) / sec.apart, (t - sec.t[0]) / sec.step])
    out: Floats = map_coordinates(sec.thickness, place, order=1)
    return out
