"""What a reader would draw to measure a spine: the lines of its lordosis and Cobb angle, and where a body has slipped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Mark
from spinefx_anatomy.spine.faces import Faces
from spinefx_anatomy.vectors import X, Y, Z, tilt_coronal_deg

Floats = NDArray[np.float64]

SHORT_MM, LONG_MM = 20.0, 50.0
"""How far an angle's line runs on either side of its endplate's middle."""

SLIPPED_MM = 1.0
"""Slips below this are not drawn."""


BELOW_MM = 5.0
"""How far below a disc's numbers its slip is written."""


def marks(known: Faces, *, lordosis_deg: float, cobb_deg: float, slips_mm: dict[str, float]) -> Iterator[Mark]:
    """Lines along the endplates that lordosis and Cobb angle lie between, and the step of every slip."""
    if np.isfinite(lordosis_deg):
        lower, upper = (_sagittal(known, level) for level in ("S1", "L1"))
        if lower is not None and upper is not None:
            yield Mark("sagittal", lower, role="angle")
            yield Mark("sagittal", upper, f"lordosis {lordosis_deg:.0f}\N{DEGREE SIGN}", "angle")
    faces = [(face, level, side) for level in known.order for side, face in known.both(level) if face is not None]
    if np.isfinite(cobb_deg):
        tilts = [tilt_coronal_deg(face) for face, *_ in faces]
        for i, text in ((int(np.argmin(tilts)), ""), (int(np.argmax(tilts)), f"Cobb {cobb_deg:.0f}\N{DEGREE SIGN}")):
            face, level, side = faces[i]
            middle = known.middle(level, side)
            if middle is not None:
                along = np.cross(Y, face)
                along = along / np.linalg.norm(along) * np.sign(along @ X)
                yield Mark("coronal", middle + np.array([[-LONG_MM], [LONG_MM]]) * along, text, "angle")
    for level, slip in slips_mm.items():
        above, below = level.split("-")
        top, bottom, disc = known.bodies.get(above), known.bodies.get(below), known.discs[level]
        ends = None if top is None or bottom is None else (top.edge(-1), bottom.edge(1))
        if abs(slip) >= SLIPPED_MM and ends is not None and ends[0] is not None and ends[1] is not None:
            yield Mark("sagittal", np.stack([ends[0][1], ends[1][1]]), role="length")
            front = disc.centre + float(disc.outline[:, 1].min()) * disc.back - BELOW_MM * Z
            yield Mark("sagittal", front - np.array([[-1.0], [0.0]]) * Y, f"slip {slip:.1f} mm", "text")


def _sagittal(known: Faces, level: str) -> Floats | None:
    """(2, 3) world points of a line along a vertebra's upper endplate in the world's sagittal plane, far to the back."""
    face, middle = known.upper(level), known.middle(level, 1)
    if face is None or middle is None:
        return None
    along = np.cross(face, X)
    along = along / np.linalg.norm(along) * np.sign(along @ Y)
    out: Floats = middle + np.array([[-SHORT_MM], [LONG_MM]]) * along
    return out
