"""The analyser `canal`: the canal's cross-section at every disc, normal to the canal's own centreline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Features, Grid, LabelMap, Mark, Row, Scan
from spinefx_anatomy.disc.find import Found, discs
from spinefx_anatomy.once import once
from spinefx_anatomy.patient import canal_points
from spinefx_anatomy.vectors import Z, unit

if TYPE_CHECKING:
    from spinefx_anatomy.options import CanalOptions

Floats = NDArray[np.float64]

MEANING = {
    "area_mm2": "area of the canal's cross-section, normal to its centreline, where the disc's mid-plane meets the line "
    "(Schonstrom et al., Spine 10:806, 1985)",
    "depth_mm": "antero-posterior diameter of the canal at the disc: of the ellipse with the second moments of its cross-section",
    "width_mm": "left-right diameter of the canal at the disc, of the same ellipse",
}

STATION_MM = 4.0
"""Distance between the stations that the centreline is drawn through."""

SLAB_MM = 4.0
"""Half thickness of the slab, weighted towards its middle, that makes a cross-section."""

FEWEST = 30
"""Voxels that a section needs."""


@dataclass(frozen=True, eq=False)
class Line:
    """The canal's centreline: stations (n, 3) world mm from below upwards, and the unit tangents there."""

    points: Floats
    tangents: Floats

    def crossing(self, centre: Floats, normal: Floats) -> tuple[Floats, Floats] | None:
        """Point and tangent where the line passes the plane; None where it does not."""
        side = (self.points - centre) @ normal
        found = np.flatnonzero((side[:-1] <= 0) & (side[1:] > 0))
        if not found.size:
            return None
        gaps = np.linalg.norm(self.points[found] - centre, axis=1)
        i = int(found[int(np.argmin(gaps))])
        part = -side[i] / (side[i + 1] - side[i])
        point, tangent = ((1 - part) * a[i] + part * a[i + 1] for a in (self.points, self.tangents))
        return np.asarray(point, np.float64), unit(tangent)


def centreline(points: Floats) -> Line | None:
    """The line through the middles of a canal's voxels (n, 3), smoothed; None for a canal shorter than three stations."""
    from scipy.interpolate import make_smoothing_spline

    middle = points.mean(axis=0)
    axis = np.linalg.svd(np.cov(points.T))[0][:, 0]
    axis = axis * (1.0 if axis @ Z >= 0 else -1.0)
    along = (points - middle) @ axis
    station = np.floor((along - along.min()) / STATION_MM).astype(int)
    count = np.bincount(station)
    usable = np.flatnonzero(count > 0.3 * np.median(count))
    if len(usable) < 5:
        return None
    h = (np.bincount(station, along) / np.maximum(count, 1))[usable]
    means = np.stack([np.bincount(station, c) / np.maximum(count, 1) for c in points.T], axis=1)[usable]
    fine = np.arange(h[0], h[-1], 1.0)
    lines = [make_smoothing_spline(h, column, lam=STATION_MM * 40.0) for column in means.T]
    smooth = np.stack([line(fine) for line in lines], axis=1)
    slope = np.stack([line.derivative()(fine) for line in lines], axis=1)
    return Line(smooth, slope / np.linalg.norm(slope, axis=1, keepdims=True))


def section(points: Floats, grid: Grid, at: Floats, tangent: Floats, left: Floats) -> dict[str, float] | None:
    """Area and diameters of the section of a canal's voxels (n, 3) at a point; None where there are too few of them.

    Voxels are weighted by a raised cosine of their distance along the tangent, so that no voxel enters or leaves at once.
    """
    away = points - at
    height = away @ tangent
    near = np.abs(height) < SLAB_MM
    if near.sum() < FEWEST:
        return None
    weight = (1 + np.cos(np.pi * height[near] / SLAB_MM)) / (2 * SLAB_MM) * grid.voxel_mm3
    left = unit(left - (left @ tangent) * tangent)
    across = np.stack([left, np.cross(tangent, left)], axis=1)
    flat = away[near] @ across
    flat = flat - np.average(flat, axis=0, weights=weight)
    own = (
        np.square(np.array(grid.spacing)[:, None] * (grid.axes @ across)).sum(axis=0) / 12
    )  # of a voxel about its centre
    width, depth = 4 * np.sqrt(np.average(flat**2, axis=0, weights=weight) + own)
    return {"area_mm2": float(weight.sum()), "depth_mm": float(depth), "width_mm": float(width)}


class Canal:
    """Measures the canal at every disc of a mask."""

    def __init__(self, options: CanalOptions) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per disc; NaN with a reason where the canal does not reach the disc's plane.

        Raises
        ------
        DataError
            If the scan has no mask.
        """
        mask = scan.require_mask()
        rows: list[Row] = []
        values: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        for disc, place, why in _places(mask):
            row = Row(scan.case.id, scan.case.patient, disc.structure.kind, disc.structure.level)
            found = section(canal_points(mask), mask.grid, *place, disc.fit.left) if place and disc.fit else None
            rows.append(row)
            values.append(found or dict.fromkeys(MEANING, np.nan))
            if found is None:
                reasons |= {(row, name): why for name in MEANING}
        return Features.of_rows(rows, values, reasons=reasons, meaning=MEANING if rows else {})

    def marks(self, scan: Scan) -> Sequence[Mark]:
        """The canal's antero-posterior diameter at every disc, and its area in words."""
        columns = self.measure(scan).columns
        out: list[Mark] = []
        for i, (disc, place, _) in enumerate(_places(scan.require_mask())):
            if place and disc.fit and np.isfinite(columns["area_mm2"][i]):
                at, tangent = place
                back = unit(np.cross(tangent, disc.fit.left))
                ends = at + np.array([[-0.5], [0.5]]) * columns["depth_mm"][i] * back
                out.append(Mark("sagittal", ends, f"{columns['area_mm2'][i]:.0f} mm2", "length"))
        return out


@once
def _places(mask: LabelMap) -> tuple[tuple[Found, tuple[Floats, Floats] | None, str], ...]:
    """Every disc with the point and tangent at which the canal's line passes its plane, or None, and what to say then."""
    points = canal_points(mask) if mask.structures("canal") else np.empty((0, 3))
    line = centreline(points) if len(points) > FEWEST else None
    return tuple((disc, *_place(disc, line)) for disc in discs(mask))


def _place(disc: Found, line: Line | None) -> tuple[tuple[Floats, Floats] | None, str]:
    if line is None or disc.fit is None:
        return None, "the mask has no canal" if line is None else disc.why
    place = line.crossing(disc.fit.centre, disc.fit.normal)
    whole = place is not None and _whole(place[0], line)
    return place if whole else None, "the canal ends before the disc's plane"


def _whole(at: Floats, line: Line) -> bool:
    """The slab at that point lies within the line's ends."""
    ends = np.linalg.norm(line.points[[0, -1]] - at, axis=1)
    return bool(ends.min() > SLAB_MM - STATION_MM / 2)
