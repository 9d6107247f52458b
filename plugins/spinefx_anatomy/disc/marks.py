"""What a reader would draw to measure a disc: its endplates, and its height at three places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spinefx.api import Mark
from spinefx_anatomy.disc import outline as lines
from spinefx_anatomy.disc.shape import PLACES, Fit


def marks(found: Fit, level: str, *, height_mm: float, wedge_deg: float) -> Iterator[Mark]:
    """Endplate planes on both views, heights at 15, 50 and 85 % of the depth, mean height and wedge in words."""
    u = np.array(found.middle)
    near, far = (float(v[0]) for v in lines.chords(found.outline, u[None]))
    for plane in (found.upper, found.lower):
        yield Mark("sagittal", found.on(plane, u, np.array([near, far])))
        yield Mark("coronal", found.on(plane, np.array(found.ends), np.array((near + far) / 2)))
    places = near + np.array(PLACES) * (far - near)
    for ends in zip(found.on(found.lower, u, places), found.on(found.upper, u, places), strict=True):
        yield Mark("sagittal", np.array(ends), role="length")
    if np.isfinite(height_mm):
        text = f"{level}  {height_mm:.1f} mm  {wedge_deg:.0f}\N{DEGREE SIGN}"
        yield Mark("sagittal", found.centre + np.array([[far], [near]]) * found.back, text, "text")
