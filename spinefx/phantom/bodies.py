"""Truth of vertebral bodies, without their arches, by fine quadrature of the analytic shape.

In the body's own frame, whose normal n bisects the endplates' planes; u points left, v posterior:

height_mm         distance along n between the endplate surfaces, averaged over the central 75 % of the waist's diameter
height_anterior_mm, height_middle_mm, height_posterior_mm
                  distance along n between the endplate surfaces (domes included) at 15, 50 and 85 % of the outline's
                  antero-posterior extent, averaged over the mid-sagittal band |u| <= 15 % of the width
wedge_ratio, biconcavity_ratio   anterior and middle height over posterior height
depth_mm, width_mm   largest antero-posterior extent of a column of that band, and left-right extent, at the endplates
wedge_deg         angle between the endplates' planes in the body's sagittal (v, n) plane, positive opens forward
wedge_coronal_deg the same in the (u, n) plane, positive opens to the left
tilt_deg, tilt_coronal_deg, rotation_deg   of n and of u against the world, signs as for discs
volume_mm3        of the body between its endplates and its waisted wall
"""

from __future__ import annotations

import numpy as np

from spinefx.phantom.angles import lean_deg, rotation_deg, tilt_coronal_deg, tilt_deg
from spinefx.phantom.frame import Floats, Points
from spinefx.phantom.outline import PLACES, band_columns
from spinefx.phantom.shape import Vertebra


def vertebra_truth(body: Vertebra) -> dict[str, float]:
    """What is true of one vertebral body: name -> number, as in the module's docstring."""
    columns, near, far, width = band_columns(body.footprint)
    top, bottom = body.above.plane_normal(-1), body.below.plane_normal(1)
    normal = (top + bottom) / np.linalg.norm(top + bottom)
    left = body.frame.axes[0] - (body.frame.axes[0] @ normal) * normal
    left /= np.linalg.norm(left)
    back = np.cross(normal, left)
    at = near[:, None] + np.array(PLACES) * (far - near)[:, None]
    u = np.broadcast_to(columns[:, None], at.shape)
    heights = _face(body, u, at, 1) - _face(body, u, at, -1)
    anterior, middle, posterior = (float(value) for value in heights.mean(axis=0))
    volume, height = _volume_and_height(body)
    return {
        "height_mm": height,
        "height_anterior_mm": anterior,
        "height_middle_mm": middle,
        "height_posterior_mm": posterior,
        "wedge_ratio": anterior / posterior,
        "biconcavity_ratio": middle / posterior,
        "depth_mm": float((far - near).max()),
        "width_mm": width,
        "wedge_deg": lean_deg(top, back, normal) - lean_deg(bottom, back, normal),
        "wedge_coronal_deg": lean_deg(bottom, left, normal) - lean_deg(top, left, normal),
        "tilt_deg": tilt_deg(normal),
        "tilt_coronal_deg": tilt_coronal_deg(normal),
        "rotation_deg": rotation_deg(left),
        "volume_mm3": volume,
    }


def _face(body: Vertebra, u: Floats, v: Floats, side: int) -> Floats:
    """Height t in the body's frame of its upper (side=1) or lower (side=-1) endplate surface at (u, v)."""
    disc, which = (body.above, 1) if side > 0 else (body.below, 0)
    low, high = np.zeros(u.shape), np.full(u.shape, side * body.height_mm)
    for _ in range(34):
        middle = (low + high) / 2
        points = body.frame.to_world(np.stack([u, v, middle], axis=-1))
        under = disc.endplate_depth(Points(points))[which] > 0
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return low


def _volume_and_height(body: Vertebra) -> tuple[float, float]:
    angle = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    radius = body.footprint.radius(angle)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    share = (nodes[:, None] + 1.0) / 2.0
    u, v = share * radius * np.cos(angle), share * radius * np.sin(angle)
    low, high = _face(body, u, v, -1), _face(body, u, v, 1)
    # The waist moves the wall by a few percent at most, so a column's ends are taken at its share of the full outline.
    steps, step_weights = np.polynomial.legendre.leggauss(12)
    t = (low + high)[..., None] / 2 + steps * (high - low)[..., None] / 2
    column = (body.wall_share(t) ** 2 * step_weights).sum(axis=-1) * (high - low) / 2
    area = share * radius**2 * weights[:, None] / 2 * (2.0 * np.pi / len(angle))
    central = share < 0.75 * (1.0 - body.waist)
    return float((column * area).sum()), float(((high - low) * area * central).sum() / (area * central).sum())
