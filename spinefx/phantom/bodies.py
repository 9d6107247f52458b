"""Truth of vertebral bodies, without their arches, by fine quadrature of the analytic shape.

In the body's own frame, whose normal n bisects the endplates' planes; u points left, v posterior:

height_anterior_mm, height_middle_mm, height_posterior_mm
                  distance along n between the endplate surfaces (domes included) at 10, 50 and 90 % of the outline's
                  antero-posterior extent, averaged over the mid-sagittal band |u| <= 15 % of the width
depth_mm, width_mm   largest antero-posterior extent of a column of that band, and left-right extent, at the endplates
wedge_deg         angle between the endplates' planes, projected on the world's sagittal plane, positive opens forward
tilt_deg, tilt_coronal_deg   of n against the world, signs as for discs
volume_mm3        of the body between its endplates and its waisted wall
"""

from __future__ import annotations

import numpy as np

from spinefx.phantom.angles import tilt_coronal_deg, tilt_deg
from spinefx.phantom.frame import Floats, Points
from spinefx.phantom.outline import band_columns
from spinefx.phantom.shape import Vertebra


def vertebra_truth(body: Vertebra) -> dict[str, float]:
    """What is true of one vertebral body: name -> number, as in the module's docstring."""
    columns, near, far, width = band_columns(body.footprint)
    at = near[:, None] + np.array([0.1, 0.5, 0.9]) * (far - near)[:, None]
    u = np.broadcast_to(columns[:, None], at.shape)
    heights = _face(body, u, at, 1) - _face(body, u, at, -1)
    anterior, middle, posterior = (float(value) for value in heights.mean(axis=0))
    return {
        "height_anterior_mm": anterior,
        "height_middle_mm": middle,
        "height_posterior_mm": posterior,
        "depth_mm": float((far - near).max()),
        "width_mm": width,
        "wedge_deg": tilt_deg(body.below.plane_normal(1)) - tilt_deg(body.above.plane_normal(-1)),
        "tilt_deg": tilt_deg(body.frame.normal),
        "tilt_coronal_deg": tilt_coronal_deg(body.frame.normal),
        "volume_mm3": _volume(body),
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


def _volume(body: Vertebra) -> float:
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
    return float((column * area).sum())
