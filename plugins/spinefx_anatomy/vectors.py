"""Directions of the world, and angles against them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

X, Y, Z = np.eye(3)
"""Towards the patient's left, back and head."""


def unit(vector: Floats) -> Floats:
    """`vector` at length 1."""
    out: Floats = vector / np.linalg.norm(vector)
    return out


def tilt_deg(normal: Floats) -> float:
    """Lean of a normal from +z in the world's sagittal plane, degrees; positive forward."""
    return float(np.degrees(np.arctan2(-normal[1], normal[2])))


def tilt_coronal_deg(normal: Floats) -> float:
    """Lean of a normal from +z in the world's coronal plane, degrees; positive to the patient's left."""
    return float(np.degrees(np.arctan2(normal[0], normal[2])))


def lean_deg(normal: Floats, towards: Floats, upright: Floats) -> float:
    """Lean of a normal from `upright` towards `towards`, in the plane of the two, degrees."""
    return float(np.degrees(np.arctan2(normal @ towards, normal @ upright)))
