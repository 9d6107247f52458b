"""The analyser `vertebra`: one row per vertebra of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spinefx.api import Features, Mark, Row, Scan
from spinefx_anatomy.disc.shape import AROUND, PLACES
from spinefx_anatomy.endplates import central
from spinefx_anatomy.patient import statistics
from spinefx_anatomy.vectors import lean_deg, tilt_coronal_deg, tilt_deg
from spinefx_anatomy.vertebra.body import Body, volume_mm3
from spinefx_anatomy.vertebra.columns import MEANING
from spinefx_anatomy.vertebra.find import bodies
from spinefx_anatomy.vertebra.marks import HEIGHTS, marks

if TYPE_CHECKING:
    from spinefx_anatomy.options import VertebraOptions


def numbers(body: Body) -> dict[str, float]:
    """Name -> number of everything that follows from one body."""
    sec, normal = body.sections, body.normal
    lean = float(normal @ sec.up)
    thick = sec.thickness
    out = {"height_mm": float(np.mean(thick[central(sec)])) * lean}
    ends = [body.corner(side) for side in (1, -1)]
    front, back = float(np.nanmean([e[0] for e in ends])), float(np.nanmean([e[1] for e in ends]))
    for name, place in zip(("anterior", "middle", "posterior"), PLACES, strict=True):
        near = np.abs((sec.t - front) / (back - front) - place) <= AROUND
        here = thick[np.ix_(body.band, near)]
        out[f"height_{name}_mm"] = float(here[here > 0].mean()) * lean if (here > 0).any() else np.nan
    out["wedge_ratio"] = out["height_anterior_mm"] / out["height_posterior_mm"]
    out["biconcavity_ratio"] = out["height_middle_mm"] / out["height_posterior_mm"]
    out["depth_mm"] = body.depth
    out["width_mm"] = body.width
    top, bottom = body.upper.normal(sec), body.lower.normal(sec)
    out["wedge_deg"] = lean_deg(top, body.back, normal) - lean_deg(bottom, body.back, normal)
    out["wedge_coronal_deg"] = lean_deg(bottom, body.left, normal) - lean_deg(top, body.left, normal)
    out["tilt_deg"] = tilt_deg(normal)
    out["tilt_coronal_deg"] = tilt_coronal_deg(normal)
    out["rotation_deg"] = float(np.degrees(np.arctan2(body.left[1], body.left[0])))
    out["volume_mm3"] = volume_mm3(body)
    out["residual_mm"] = float(np.hypot(body.upper.residual, body.lower.residual) / np.sqrt(2))
    out["slices"] = float(np.count_nonzero(thick.sum(axis=1)))
    return out


class Vertebrae:
    """Measures the body of every vertebra of a mask on the mask's own grid, in world millimetres."""

    def __init__(self, options: VertebraOptions) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per vertebra; NaN with a reason where a body is cut off or was not found.

        Raises
        ------
        DataError
            If the scan has no mask.
        """
        mask = scan.require_mask()
        rows: list[Row] = []
        values: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        stats = statistics(mask)
        for structure, (body, why) in bodies(mask).items():
            row = Row(scan.case.id, scan.case.patient, structure.kind, structure.level)
            box = stats.box[stats.row(mask.scheme.value_of(structure))]
            out = dict.fromkeys(MEANING, np.nan)
            if body is not None and (not why or self.options.cut_off == "keep"):
                out |= numbers(body)
            out["labelled_mm3"] = mask.volume_ml(structure) * 1000
            out["touches_border"] = float((box[0] == 0).any() or (box[1] == mask.grid.shape).any())
            reasons |= {
                (row, name): why or "" for name in MEANING if why and name not in ("labelled_mm3", "touches_border")
            }
            rows.append(row)
            values.append(out)
        _crush(values)
        for row, out in zip(rows, values, strict=True):
            for name, value in out.items():
                if np.isnan(value) and (row, name) not in reasons:
                    reasons[row, name] = "no neighbouring vertebra is measured" if name == "crush_ratio" else "not seen"
        return Features.of_rows(rows, values, reasons=reasons, meaning=MEANING if rows else {})

    def marks(self, scan: Scan) -> Sequence[Mark]:
        """Every whole body's endplates and three heights."""
        features = self.measure(scan)
        heights = np.stack([features.columns[name] for name in HEIGHTS], axis=1) if features.rows else np.empty((0, 3))
        found = bodies(scan.require_mask()).items()
        return [
            mark
            for three, (structure, (body, _)) in zip(heights, found, strict=True)
            if body is not None and np.isfinite(three).all()
            for mark in marks(body, structure.level, three.tolist())
        ]


def _crush(values: list[dict[str, float]]) -> None:
    """Fill in the crush ratios, from each vertebra's neighbours."""
    heights = np.array([np.nan, *(value["height_posterior_mm"] for value in values), np.nan])
    for i, value in enumerate(values):
        beside = heights[[i, i + 2]]
        if np.isfinite(beside).any():
            value["crush_ratio"] = float(heights[i + 1] / np.nanmean(beside))
