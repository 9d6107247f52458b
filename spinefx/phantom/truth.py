"""Truth: what a perfect instrument would measure on a spine, by fine quadrature of its analytic shape.

Definitions (anatomical analysers implement the same; all in the disc's own frame, whose normal n bisects the two
endplate planes, u points left and v posterior, the axis runs through the centre of the outline):

height_mm            volume / footprint area; the footprint is the disc's projection along n
height_anterior_mm   thickness along n, averaged over the anterior third of the mid-sagittal band; a band is all columns
                     of constant u with |u| <= 15 % of the width from the middle of the width; each column is divided
                     in thirds of its own antero-posterior extent (middle and posterior alike)
height_hurxthal_mm, height_dabbs_mm, height_fyllos_mm
                     thickness along n in the band, between 7.5 % of the depth before and behind the places at 50 % of
                     it; at 15 and 85 %; at all three: their mean
farfan_index         sum of the heights at 15 and 85 % over depth_mm
depth_mm             largest antero-posterior extent of a column in that band
width_mm             left-right extent of the footprint
wedge_deg            angle between the endplate planes in the disc's sagittal (v, n) plane, positive opens forward
wedge_coronal_deg    the same in the (u, n) plane, positive opens to the left
tilt_deg             angle of n, projected on the world's sagittal plane, from +z; positive leans anterior (-y)
tilt_coronal_deg     the same on the coronal plane; positive leans to the patient's left (+x)
rotation_deg         angle of the footprint's long axis, projected on the world's axial plane, from +x; positive left side back
volume_mm3, surface_mm2, footprint_mm2
sphericity           surface of the sphere of the same volume over the surface
bulge_mm             how far the posterior rim, in the mid-sagittal plane, reaches beyond the straight line through the
                     neighbouring bodies' posterior corners; positive outwards
slip_mm, slip_percent
                     of the vertebra above a disc: how far its lower posterior corner lies in front of the upper posterior
                     corner of the body below, along v; and that over the lower body's depth
height_index         height_mm over the mean depth_mm of the labelled neighbouring bodies
segmental_deg        segmental lordosis: between the upper endplates of the vertebra above and of the one below
lordosis_deg         between the upper endplates of L1 and of S1 (the lower face of L5-S1), positive for a lordosis
canal.area_mm2, canal.depth_mm, canal.width_mm
                     of the section normal to the canal's line, where that passes the disc's mid-plane
cobb_deg             largest coronal angle between any two endplates of labelled vertebrae

Vertebral bodies: see `spinefx.phantom.bodies`; `vertebra.crush_ratio` is the posterior height over the mean of the labelled
neighbours'. An endplate's plane is the plane without its dome. Angles of the `spine` are differences of the endplates'
tilts, projected on the world's sagittal or coronal plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from spinefx.phantom.angles import rotation_deg, tilt_coronal_deg, tilt_deg
from spinefx.phantom.bodies import vertebra_truth
from spinefx.phantom.frame import Floats, Points
from spinefx.phantom.outline import AROUND, PLACES, band_columns, long_axis
from spinefx.phantom.shape import Disc, Vertebra
from spinefx.phantom.spine import Spine


def _thickness(disc: Disc, u: Floats, v: Floats) -> Floats:
    """Extent of the disc along its normal at (u, v), mm; 0 outside the footprint."""
    distance = np.hypot(u, v)
    share = distance / disc.footprint.radius(np.arctan2(v, u))
    rounding = np.sqrt(np.clip((1.0 - share) / max(disc.rim, 1e-9), 0.0, 1.0))
    out: Floats = 2.0 * disc.half_thickness(u, v, share) * rounding
    return out


def _volume_and_area(disc: Disc) -> tuple[float, float]:
    angle = np.linspace(0.0, 2.0 * np.pi, 540, endpoint=False)
    radius = disc.footprint.radius(angle)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    volume = 0.0
    for low, high in ((0.0, 1.0 - disc.rim), (1.0 - disc.rim, 1.0)):
        share = (low + high) / 2 + nodes[:, None] * (high - low) / 2
        sheet = _thickness(disc, share * radius * np.cos(angle), share * radius * np.sin(angle))
        part = (sheet * share * radius**2 * weights[:, None]).sum() * (high - low) / 2
        volume += float(part) * 2.0 * np.pi / len(angle)
    return volume, float(0.5 * (radius**2).mean() * 2.0 * np.pi)


def _surface(disc: Disc) -> float:
    """Area in mm2 of the upper face, rim and lower face, from a fine mesh."""
    angle = np.linspace(0.0, 2.0 * np.pi, 241)
    flat = np.linspace(0.0, 1.0 - disc.rim, 33)
    side = np.sin(np.linspace(np.pi / 2, -np.pi / 2, 33))[1:-1]
    share = np.concatenate([flat, 1.0 - disc.rim * side**2, flat[::-1]])[:, None]
    height = np.concatenate([np.ones(33), side, -np.ones(33)])[:, None]
    radius = disc.footprint.radius(angle)
    u, v = share * radius * np.cos(angle), share * radius * np.sin(angle)
    mesh = np.stack([u, v, height * disc.half_thickness(u, v, share)], axis=-1)
    along, across = np.diff(mesh, axis=0), np.diff(mesh, axis=1)
    first = np.cross(along[:, :-1], across[:-1])
    second = np.cross(along[:, 1:], across[1:])
    return float(0.5 * (np.linalg.norm(first, axis=-1).sum() + np.linalg.norm(second, axis=-1).sum()))


def _band(disc: Disc) -> tuple[float, float, list[float], list[float]]:
    """Width, largest column extent in the mid-sagittal band, mean thickness of its thirds, and around `PLACES`."""
    columns, near, far, width = band_columns(disc.footprint)
    share = (np.arange(300) + 0.5) / 300
    extent = far - near
    sheet = _thickness(disc, columns[:, None], near[:, None] + share * extent[:, None]) * extent[:, None]
    thirds = [
        float(sheet[:, part].mean() / extent.mean()) for part in (slice(0, 100), slice(100, 200), slice(200, 300))
    ]
    places = [float(sheet[:, np.abs(share - place) < AROUND].mean() / extent.mean()) for place in PLACES]
    return width, float(extent.max()), thirds, places


def disc_truth(disc: Disc) -> dict[str, float]:
    """What is true of one disc by itself: name -> number, names and units as in the module's docstring."""
    volume, area = _volume_and_area(disc)
    width, depth, (anterior, middle, posterior), (front, centre, rear) = _band(disc)
    surface = _surface(disc)
    u, v = long_axis(disc.footprint)
    return {
        "height_mm": volume / area,
        "height_anterior_mm": anterior,
        "height_middle_mm": middle,
        "height_posterior_mm": posterior,
        "height_hurxthal_mm": centre,
        "height_dabbs_mm": (front + rear) / 2,
        "height_fyllos_mm": (front + centre + rear) / 3,
        "farfan_index": (front + rear) / depth,
        "depth_mm": depth,
        "width_mm": width,
        "wedge_deg": disc.wedge_deg,
        "wedge_coronal_deg": disc.wedge_coronal_deg,
        "tilt_deg": tilt_deg(disc.frame.normal),
        "tilt_coronal_deg": tilt_coronal_deg(disc.frame.normal),
        "rotation_deg": rotation_deg(u * disc.frame.axes[0] + v * disc.frame.axes[1]),
        "volume_mm3": volume,
        "surface_mm2": surface,
        "sphericity": float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / surface),
        "footprint_mm2": area,
    }


def posterior_corner(body: Vertebra, side: int) -> Floats:
    """(3,) world point where the mid-sagittal posterior wall meets the upper (side=1) or lower (side=-1) endplate."""
    low, high = 0.0, side * body.height_mm
    for _ in range(34):
        t = (low + high) / 2
        wall = float(body.footprint.radius(np.array([np.pi / 2]))[0] * body.wall_share(np.array([t]))[0])
        point = body.frame.to_world([0.0, wall, t])
        disc, face = (body.above, 1) if side > 0 else (body.below, 0)
        under = float(disc.endplate_depth(Points(point[None]))[face][0])
        low, high = (t, high) if under > 0 else (low, t)
    return point


def _posterior(disc: Disc, lower: Vertebra, upper: Vertebra) -> tuple[float, float]:
    """How far the posterior rim reaches beyond the neighbours' posterior walls, and the upper one's slip; mm."""
    a = disc.frame.to_local(posterior_corner(lower, 1))
    b = disc.frame.to_local(posterior_corner(upper, -1))
    side = np.linspace(-1.0, 1.0, 401)
    share = 1.0 - disc.rim * side**2
    v = float(disc.footprint.radius(np.array([np.pi / 2]))[0]) * share
    t = side * disc.half_thickness(np.zeros_like(v), v, share)
    line = (b - a)[1:] / np.linalg.norm((b - a)[1:])
    bulge = float(np.max((v - a[1]) * line[1] - (t - a[2]) * line[0]))
    return bulge, float(a[1] - b[1])


def spine_truth(spine: Spine) -> dict[str, float]:
    """Lordosis L1-S1 and Cobb angle, degrees; lordosis is NaN where L1 is not labelled."""
    faces = [(v.below.plane_normal(1), v.above.plane_normal(-1)) for v in spine.labelled_vertebrae]
    coronal = [tilt_coronal_deg(normal) for pair in faces for normal in pair]
    top = {v.level: v.above for v in spine.labelled_vertebrae}.get("L1")
    sacrum = tilt_deg(spine.labelled_discs[0].plane_normal(-1))
    lordosis = sacrum - tilt_deg(top.plane_normal(-1)) if top is not None else float("nan")
    return {"lordosis_deg": lordosis, "cobb_deg": max(coronal) - min(coronal)}


def truths(spine: Spine) -> Iterator[tuple[str, str, dict[str, float]]]:
    """(structure, level, name -> number) of every labelled disc (slip, canal and segment with it), vertebra and the spine.

    Names carry their analyser's prefix as in a run's features: `disc.height_mm`, `spine.lordosis_deg`.
    """
    bodies = {body.level: vertebra_truth(body) for body in spine.labelled_vertebrae}
    for disc, (lower, upper) in zip(spine.discs[1:], pairwise(spine.vertebrae), strict=False):
        if not disc.value:
            continue
        found = disc_truth(disc)
        found["bulge_mm"], slip = _posterior(disc, lower, upper)
        named = {f"disc.{name}": value for name, value in found.items()}
        named["spine.slip_mm"] = slip
        _, near, far, _ = band_columns(lower.footprint)
        named["spine.slip_percent"] = 100.0 * slip / float((far - near).max())
        depths = [bodies[body.level]["depth_mm"] for body in (lower, upper) if body.level in bodies]
        named["spine.height_index"] = found["height_mm"] / float(np.mean(depths))
        named["spine.segmental_deg"] = tilt_deg(disc.plane_normal(-1)) - tilt_deg(upper.above.plane_normal(-1))
        height = spine.canal.height_at(disc.frame)
        if height is not None:
            width, depth = 2.0 * spine.canal.line(np.array([height]))[0, 4:]
            section = {"area_mm2": spine.canal.area_mm2(height), "depth_mm": depth, "width_mm": width}
            named |= {f"canal.{name}": float(value) for name, value in section.items()}
        yield "disc", disc.level, named
    heights = [np.nan, *(body["height_posterior_mm"] for body in bodies.values()), np.nan]
    for i, (level, numbers) in enumerate(bodies.items()):
        beside = np.nanmean([heights[i], heights[i + 2]]) if len(bodies) > 1 else np.nan
        crush = {"crush_ratio": float(heights[i + 1] / beside)}
        yield "vertebra", level, {f"vertebra.{name}": value for name, value in (numbers | crush).items()}
    yield "spine", "", {f"spine.{name}": value for name, value in spine_truth(spine).items()}
