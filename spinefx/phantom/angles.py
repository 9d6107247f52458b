"""Tilts of unit normals against the world's axes."""

from __future__ import annotations

import numpy as np

from spinefx.phantom.frame import Floats


def tilt_deg(normal: Floats) -> float:
    """Sagittal tilt of a unit normal, degrees; positive leans anterior."""
    return float(np.degrees(np.arctan2(-normal[1], normal[2])))


def tilt_coronal_deg(normal: Floats) -> float:
    """Coronal tilt of a unit normal, degrees; positive leans to the patient's left."""
    return float(np.degrees(np.arctan2(normal[0], normal[2])))
