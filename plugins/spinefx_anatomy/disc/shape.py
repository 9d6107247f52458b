"""All numbers of one disc from its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid
from spinefx_anatomy.disc import outline as lines
from spinefx_anatomy.disc.endplates import Plane, endplates
from spinefx_anatomy.disc.sections import Sections, cut

Floats = NDArray[np.float64]

X, Y, Z = np.eye(3)


def unit(vector: Floats) -> Floats:
    """`vector` at length 1."""
    out: Floats = vector / np.linalg.norm(vector)
    return out


@dataclass(frozen=True, eq=False)
class Fit:
    """A disc's sections, endplates and outline. left, back, normal : its frame, world unit vectors."""

    sections: Sections
    upper: Plane
    lower: Plane
    edges: lines.Edges
    outline: Floats
    normal: Floats
    left: Floats
    back: Floats
    centre: Floats


def fit(
    mask: NDArray[np.bool_], grid: Grid, *, centre: Floats, normal: Floats, left: Floats, turns: int = 3
) -> Fit | None:
    """Frame, endplates and outline of the disc in `mask`, or None where it is too thin or too small to have them."""
    for _ in range(turns):
        left = unit(left - (left @ normal) * normal)
        sections = cut(mask, grid, centre=centre, normal=normal, left=left)
        planes = endplates(sections)
        if planes is None:
            return None
        upper, lower = planes
        normal = unit(upper.normal(sections) + lower.normal(sections))
    left = unit(left - (left @ normal) * normal)
    found = lines.edges(sections, upper, lower)
    if found is None:
        return None
    flat = lines.polygon(found, sections.apart)
    level = 0.5 * (upper.at(flat[:, 0], flat[:, 1]) + lower.at(flat[:, 0], flat[:, 1]))
    world = sections.world(flat[:, 0], level, flat[:, 1])
    back = np.cross(normal, left)
    plane = np.stack([(world - centre) @ left, (world - centre) @ back], axis=1)
    spread = lines.moments(plane)[1]
    left, back = _own_axes(left, back, spread)
    shifted = world - world.mean(axis=0)
    plane = np.stack([shifted @ left, shifted @ back], axis=1)
    return Fit(sections, upper, lower, found, plane, normal, left, back, world.mean(axis=0))


def _own_axes(left: Floats, back: Floats, spread: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(spread)
    wide = vectors[:, 1] * np.sign(vectors[0, 1] or 1.0)
    if values[1] < 1.15 * values[0] or wide[0] < np.sqrt(0.5):
        return left, back
    return wide[0] * left + wide[1] * back, -wide[1] * left + wide[0] * back


def numbers(found: Fit, volume: float) -> dict[str, float]:
    """Name -> number of everything that follows from a fitted disc and its volume in mm3."""
    sec, normal = found.sections, found.normal
    share = float(normal @ sec.up)
    footprint = float((found.edges.length * sec.apart).sum()) / share
    out = {"height_mm": volume / footprint}
    u = found.outline[:, 0]
    width = float(u.max() - u.min())
    middle = float(u.max() + u.min()) / 2
    columns = middle + np.linspace(-lines.BAND, lines.BAND, 31) * width
    near, far = lines.chords(found.outline, columns)
    out |= dict(
        zip(
            ("height_anterior_mm", "height_middle_mm", "height_posterior_mm"),
            _thirds(found, columns, near, far),
            strict=True,
        )
    )
    out["depth_mm"] = float(np.nanmax(far - near))
    out["width_mm"] = width
    top, bottom = (plane.normal(sec) for plane in (found.upper, found.lower))
    lean = [np.degrees(np.arctan2(n @ found.back, n @ normal)) for n in (top, bottom)]
    side = [np.degrees(np.arctan2(n @ found.left, n @ normal)) for n in (top, bottom)]
    out["wedge_deg"] = float(lean[0] - lean[1])
    out["wedge_coronal_deg"] = float(side[1] - side[0])
    out["tilt_deg"] = float(np.degrees(np.arctan2(-normal @ Y, normal @ Z)))
    out["tilt_coronal_deg"] = float(np.degrees(np.arctan2(normal @ X, normal @ Z)))
    out["rotation_deg"] = float(np.degrees(np.arctan2(found.left @ Y, found.left @ X)))
    out["volume_mm3"] = volume
    out["footprint_mm2"] = footprint
    out["residual_mm"] = float(np.hypot(found.upper.residual, found.lower.residual) / np.sqrt(2))
    return out


def _thirds(found: Fit, columns: Floats, near: Floats, far: Floats) -> list[float]:
    """Mean thickness along the normal in the three thirds of every column (u = constant) of the band, by area."""
    sec = found.sections
    lean = float(found.normal @ sec.up)
    cuts = near[:, None] + np.linspace(0, 1, 4) * (far - near)[:, None]
    # Interpolation blurs the rim by half a voxel: what falls outside the outline belongs to the outer thirds.
    cuts[:, 0] -= 2 * sec.step
    cuts[:, 3] += 2 * sec.step
    steps = (np.arange(24) + 0.5) / 24
    out = []
    for k in range(3):
        v = cuts[:, k, None] + steps * (cuts[:, k + 1] - cuts[:, k])[:, None]
        points = found.centre + columns[:, None, None] * found.left + v[..., None] * found.back - sec.origin
        sheet = _between(sec, points @ sec.across, points @ sec.back).mean(axis=1) * (cuts[:, k + 1] - cuts[:, k])
        out.append(float(sheet.mean() / (far - near).mean() * 3 * lean))
    return out


def _between(sec: Sections, s: Floats, t: Floats) -> Floats:
    """Thickness along w at (s, t), bilinear between slices and lines."""
    from scipy.ndimage import map_coordinates

    place = np.stack([(s - sec.s[0]) / sec.apart, (t - sec.t[0]) / sec.step])
    out: Floats = map_coordinates(sec.thickness, place, order=1)
    return out
