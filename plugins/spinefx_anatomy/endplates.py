"""Planes through the upper and lower face of a structure that is cut in sections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx_anatomy.sections import Sections

Floats = NDArray[np.float64]

CENTRAL = 0.75
"""Share of the footprint's radius within which a plane is fitted."""

FEWEST = 16
"""Columns that two planes need, in three slices at least."""

TRIM = 3.0
"""Points farther off the plane than this many robust standard deviations are left out."""


@dataclass(frozen=True, eq=False)
class Plane:
    """w = level + along * t + across * s, in a section's coordinates; residual is the fit's RMS distance in mm."""

    level: float
    along: float
    across: float
    residual: float

    def at(self, s: Floats | float, t: Floats | float) -> Floats:
        """w in mm at (s, t)."""
        return np.asarray(self.level + self.along * t + self.across * s, np.float64)

    def normal(self, cut: Sections) -> Floats:
        """(3,) world unit normal, on the side of `up`."""
        out: Floats = cut.up - self.along * cut.back - self.across * cut.across
        return out / np.linalg.norm(out)


def endplates(cut: Sections) -> tuple[Plane, Plane] | None:
    """The upper and lower plane, or None where too few columns are there to fit them.

    Ends of columns along w are fitted by least squares in w over the footprint's centre; outliers (Schmorl's nodes,
    lips) are trimmed. Columns lie on the slices, so their ends carry the full resolution of the plane of the slice.
    """
    chosen = central(cut)
    if chosen is None:
        return None
    s, t = (np.broadcast_to(c, chosen.shape)[chosen] for c in (cut.s[:, None], cut.t))
    half, middle = cut.thickness[chosen] / 2, cut.middle[chosen]
    return _fit(s, t, middle + half), _fit(s, t, middle - half)


def central(cut: Sections) -> NDArray[np.bool_] | None:
    """(s, t) true on the columns of the footprint's centre, slivers left out; None where they are too few."""
    thick = cut.thickness
    there = thick > 0
    points = np.stack([c[there] for c in np.meshgrid(cut.s, cut.t, indexing="ij")])
    if points.shape[1] < FEWEST:
        return None
    away = points - points.mean(axis=1, keepdims=True)
    spread = away @ away.T / points.shape[1]
    if np.linalg.det(spread) <= 1e-6:
        return None
    radius2 = np.einsum("in,ij,jn->n", away, np.linalg.inv(spread), away)
    out = np.zeros(thick.shape, bool)
    out[there] = (radius2 < 4 * CENTRAL**2) & (thick[there] > 0.25 * np.median(thick[there]))
    return out if out.sum() >= FEWEST and out.any(axis=1).sum() >= 3 else None


def _fit(s: Floats, t: Floats, w: Floats) -> Plane:
    found = kernels.fit_plane(np.stack([s, t, w], axis=1), along=(0.0, 0.0, 1.0), trim=TRIM)
    across, along = (-found.normal[:2] / found.normal[2]).tolist()
    off = w - along * t - across * s
    level = float(off[found.kept].mean())
    return Plane(level, along, across, float(np.sqrt(np.mean((off[found.kept] - level) ** 2))))
