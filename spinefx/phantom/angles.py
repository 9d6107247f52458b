"""Angles of unit vectors against the world's axes and against each other."""

from __future__ import annotations

import numpy as np

from spinefx.phantom.frame import Floats


def tilt_deg(normal: Floats) -> float:
    """Sagittal tilt of a unit normal, degrees; positive leans anterior."""
    return float(np.degrees(np.arctan2(-normal[1], normal[2])))


def tilt_coronal_deg(normal: Floats) -> float:
    """Coronal tilt of a unit normal, degrees; positive leans to the patient's left."""
    return float(np.degrees(np.arctan2(normal[0], normal[2])))


def rotation_deg(left: Floats) -> float:
    """Axial turn of a left-right axis, degrees; positive where the left side lies back."""
    return float(np.degrees(np.arctan2(left[1], left[0])))


def lean_deg(normal: Floats, towards: Floats, upright: Floats) -> float:
    """Lean of a unit normal from `upright` towards `towards`, in the plane of the two, degrees."""
    return float(np.degrees(np.arctan2(normal @ towards, normal @ upright)))
