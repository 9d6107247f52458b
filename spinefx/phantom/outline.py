"""Columns of the mid-sagittal band of an outline, and where its long axis lies."""

from __future__ import annotations

import numpy as np

from spinefx.phantom.frame import Floats
from spinefx.phantom.shape import Footprint

PLACES = (0.15, 0.5, 0.85)
"""Shares of the depth, from the front, at which anterior, middle and posterior heights are taken."""

AROUND = 0.075
"""Heights of discs are averaged over so much of the depth before and behind these places."""

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


def long_axis(footprint: Footprint) -> tuple[float, float]:
    """(u, v) unit vector of the outline's long axis, towards the left: the first principal axis of its area."""
    angle = np.linspace(-np.pi, np.pi, 3600, endpoint=False)
    radius, cos, sin = footprint.radius(angle), np.cos(angle), np.sin(angle)
    middle = np.array([(radius**3 * cos).sum(), (radius**3 * sin).sum()]) * 2 / (3 * (radius**2).sum())
    second = [(radius**4 * a * b).sum() / (2 * (radius**2).sum()) for a, b in ((cos, cos), (cos, sin), (sin, sin))]
    spread = np.array([[second[0], second[1]], [second[1], second[2]]]) - np.outer(middle, middle)
    u, v = np.linalg.eigh(spread)[1][:, 1]
    return (float(u), float(v)) if u >= 0 else (float(-u), float(-v))
