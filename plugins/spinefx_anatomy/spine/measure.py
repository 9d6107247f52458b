"""The analyser `spine`: curves of the whole spine, and motion segments at the discs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Features, Mark, Row, Scan
from spinefx_anatomy.disc.shape import mean_height
from spinefx_anatomy.spine.faces import Faces, faces
from spinefx_anatomy.spine.marks import marks
from spinefx_anatomy.vectors import tilt_coronal_deg, tilt_deg

if TYPE_CHECKING:
    from spinefx_anatomy.options import SpineOptions

Floats = NDArray[np.float64]

MEANING = {
    "lordosis_deg": "angle between the upper endplates of L1 and S1 in the sagittal plane, positive for a lordosis; S1's is "
    "the lower face of the L5-S1 disc where the sacrum has no label (Cobb's method: Harrison et al., Spine 26:E235, 2001)",
    "cobb_deg": "largest angle in the coronal plane between any two endplates (Cobb, AAOS Instr Course Lect 5:261, 1948)",
    "segmental_deg": "segmental lordosis: angle between the upper endplates of the vertebrae above and below the disc",
    "slip_mm": "how far the posterior corner above the disc stands in front of the one below it, along the disc, in the "
    "mid-sagittal plane",
    "slip_percent": "slip_mm over the lower body's depth (Taillard, Acta Orthop Scand 24:115, 1954)",
    "height_index": "mean disc height over the mean depth of the neighbouring bodies (after Farfan, J Bone Joint Surg Am "
    "54:492, 1972)",
}


class Spine:
    """Measures the spine as a whole (one row) and every motion segment (one row per disc)."""

    def __init__(self, options: SpineOptions) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """Curves and segments; NaN with a reason where an endplate that they need is not there.

        Raises
        ------
        DataError
            If the scan has no mask.
        """
        known = faces(scan.require_mask())
        whole = Row(scan.case.id, scan.case.patient, "spine")
        rows, values, reasons = [whole], [dict.fromkeys(MEANING, np.nan)], dict[tuple[Row, str], str]()
        lordosis = _between(known.upper("S1"), known.upper("L1"))
        if lordosis is None:
            gone = [name for name in ("S1", "L1") if known.upper(name) is None]
            reasons[whole, "lordosis_deg"] = f"no upper endplate of {' or '.join(gone)} in the mask"
        else:
            values[0]["lordosis_deg"] = lordosis
        plates = [
            plate for name in known.order for plate in (known.upper(name), known.lower(name)) if plate is not None
        ]
        if len(plates) < 2:
            reasons[whole, "cobb_deg"] = "fewer than two endplates in the mask"
        else:
            values[0]["cobb_deg"] = float(np.ptp([tilt_coronal_deg(plate) for plate in plates]))
        for level in known.discs:
            row = Row(scan.case.id, scan.case.patient, "disc", level)
            found, why = _segment(known, level)
            rows.append(row)
            values.append(found)
            reasons |= {(row, name): text for name, text in why.items()}
        return Features.of_rows(rows, values, reasons=reasons, meaning=MEANING)

    def marks(self, scan: Scan) -> Sequence[Mark]:
        """The lines of lordosis and Cobb angle, and the slips."""
        features = self.measure(scan)
        columns, levels = features.columns, [row.level for row in features.rows]
        return list(
            marks(
                faces(scan.require_mask()),
                lordosis_deg=float(columns["lordosis_deg"][0]),
                cobb_deg=float(columns["cobb_deg"][0]),
                slips_mm={level: float(slip) for level, slip in zip(levels, columns["slip_mm"], strict=True) if level},
            )
        )


def _between(lower: Floats | None, upper: Floats | None) -> float | None:
    """Sagittal angle between two endplates, positive where they open forward; None where one is missing."""
    return None if lower is None or upper is None else tilt_deg(lower) - tilt_deg(upper)


def _segment(known: Faces, level: str) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers of one motion segment, and why some are missing."""
    out, why = dict.fromkeys(MEANING, np.nan), dict[str, str]()
    above, below = level.split("-")
    angle = _between(known.upper(below), known.upper(above))
    if angle is None:
        why["segmental_deg"] = f"no upper endplate of {above} in the mask"
    else:
        out["segmental_deg"] = angle
    top, bottom, disc = known.bodies.get(above), known.bodies.get(below), known.discs[level]
    depths = [body.depth for body in (top, bottom) if body is not None]
    if depths:
        out["height_index"] = mean_height(disc) / float(np.mean(depths))
    else:
        why["height_index"] = f"neither {above} nor {below} is measured"
    if top is None or bottom is None:
        gone = above if top is None else below
        why |= dict.fromkeys(("slip_mm", "slip_percent"), f"{gone}: {known.missing.get(gone, 'not in the mask')}")
    else:
        below_edge, above_edge = bottom.edge(1), top.edge(-1)
        if below_edge is None or above_edge is None:
            why |= dict.fromkeys(("slip_mm", "slip_percent"), "an endplate's edge is not seen")
        else:
            out["slip_mm"] = float((below_edge[1] - above_edge[1]) @ disc.back)
            out["slip_percent"] = 100.0 * out["slip_mm"] / bottom.depth
    return out, why
