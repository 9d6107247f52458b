"""How far a disc bulges beyond the bodies above and below it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import LabelMap
from spinefx_anatomy.disc import outline as lines
from spinefx_anatomy.disc.find import Found
from spinefx_anatomy.disc.shape import Fit
from spinefx_anatomy.vertebra.body import MID
from spinefx_anatomy.vertebra.find import bodies

Floats = NDArray[np.float64]


def rear_corners(mask: LabelMap, disc: Found) -> tuple[Floats, Floats] | str:
    """(3,) world points of the posterior corners of the bodies below and above a disc, or why one is not there."""
    found = {structure.level: (body, why) for structure, (body, why) in bodies(mask).items()}
    above, below = disc.structure.level.split("-")
    out = []
    for level, side in ((below, 1), (above, -1)):
        body, why = found.get(level, (None, "not in the mask"))
        edge = None if body is None or why else body.edge(side)
        if edge is None:
            return f"{level}: {why or 'its edge is not seen'}"
        out.append(edge[1])
    return out[0], out[1]


def rear(found: Fit) -> Floats:
    """(n, 3) world points down a disc's posterior rim in its mid-sagittal plane, barrel-shaped between the endplates."""
    half = MID * (found.ends[1] - found.ends[0])
    u, v = np.array(found.middle), lines.chords(found.outline, found.middle + np.linspace(-half, half, 9))[1]
    top, bottom = (found.on(plane, u, np.array(np.nanmean(v))) for plane in (found.upper, found.lower))
    side = np.linspace(-1, 1, 41)[:, None]
    out: Floats = (top + bottom) / 2 + side * (top - bottom) / 2 - side**2 * found.edges.recess * found.back
    return out


def bulge_mm(found: Fit, below: Floats, above: Floats) -> float:
    """How far the rim lies behind the straight line between two corners at the most, in the disc's sagittal plane."""
    frame = np.stack([found.back, found.normal], axis=1)
    line, away = (above - below) @ frame, (rear(found) - below) @ frame
    return float((away[:, 0] * line[1] - away[:, 1] * line[0]).max() / np.linalg.norm(line))
