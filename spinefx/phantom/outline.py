"""Columns of the mid-sagittal band of an outline."""

from __future__ import annotations

import numpy as np

from spinefx.phantom.frame import Floats
from spinefx.phantom.shape import Footprint

BAND = 0.15
"""Half width of the mid-sagittal band over the outline's width."""


def band_columns(footprint: Footprint) -> tuple[Floats, Floats, Floats, float]:
    """Columns u of the band, their anterior and posterior ends v (all (41,)), and the outline's width; mm."""
    angle = np.linspace(-np.pi, np.pi, 7201)
    radius = footprint.radius(angle)
    u, v = radius * np.cos(angle), radius * np.sin(angle)
    width = float(u.max() - u.min())
    columns = (u.max() + u.min()) / 2 + np.linspace(-BAND, BAND, 41) * width
    back, front = v > 0, v <= 0
    order_b, order_f = np.argsort(u[back]), np.argsort(u[front])
    far = np.interp(columns, u[back][order_b], v[back][order_b])
    near = np.interp(columns, u[front][order_f], v[front][order_f])
    return columns, near, far, width
