"""The analyser `disc`: one row per disc of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spinefx import kernels
from spinefx.api import Features, LabelMap, Mark, Row, Scan
from spinefx_anatomy.disc.bulge import bulge_mm, rear_corners
from spinefx_anatomy.disc.columns import MEANING, SIZES, WHOLE
from spinefx_anatomy.disc.find import Found, discs
from spinefx_anatomy.disc.marks import marks
from spinefx_anatomy.disc.shape import numbers

if TYPE_CHECKING:
    from spinefx_anatomy.options import DiscOptions


class Discs:
    """Measures every disc of a mask on the mask's own grid, in world millimetres."""

    def __init__(self, options: DiscOptions) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per disc; NaN with a reason where a disc is cut off, too thin or too small for a number.

        Raises
        ------
        DataError
            If the scan has no mask.
        """
        rows: list[Row] = []
        values: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        mask = scan.require_mask()
        for disc in discs(mask):
            row = Row(scan.case.id, scan.case.patient, disc.structure.kind, disc.structure.level)
            found, why = self._one(mask, disc)
            rows.append(row)
            values.append(found)
            reasons |= {(row, name): text for name, text in why.items()}
        return Features.of_rows(rows, values, reasons=reasons, meaning=MEANING if rows else {})

    def marks(self, scan: Scan) -> Sequence[Mark]:
        """Every disc's endplates, heights, mean height and wedge."""
        out: list[Mark] = []
        for disc in discs(scan.require_mask()):
            if disc.fit is not None:
                known = numbers(disc.fit, disc.volume_mm3)
                self._judge(known, disc)
                named = {name: known[name] for name in ("height_mm", "wedge_deg")}
                out += marks(disc.fit, disc.structure.level, **named)
        return out

    def _one(self, mask: LabelMap, disc: Found) -> tuple[dict[str, float], dict[str, str]]:
        """Every column of one disc, and why some are missing or doubtful."""
        out = dict.fromkeys(MEANING, np.nan)
        out |= {
            "volume_mm3": disc.volume_mm3,
            "slices": float(disc.slices),
            "touches_border": float(any(c.touches for c in disc.contacts)),
        }
        if disc.fit is None:
            return out, {name: disc.why for name, value in out.items() if np.isnan(value)}
        out |= numbers(disc.fit, disc.volume_mm3)
        out["surface_mm2"] = kernels.surface(disc.main.astype(np.uint8), disc.grid, 1)[2]
        out["sphericity"] = np.pi ** (1 / 3) * (6 * disc.volume_mm3) ** (2 / 3) / out["surface_mm2"]
        corners = rear_corners(mask, disc)
        if isinstance(corners, str):
            return out, {"bulge_mm": corners} | self._judge(out, disc)
        out["bulge_mm"] = bulge_mm(disc.fit, *corners)
        return out, self._judge(out, disc)

    def _judge(self, out: dict[str, float], disc: Found) -> dict[str, str]:
        """Reasons for what the image's border takes away; sets those numbers to NaN, unless they are to be kept."""
        cut = [contact for contact in disc.contacts if contact.cut]
        if not cut:
            return {}
        share = max(contact.share for contact in cut)
        text = f"cut off by the image's border ({100 * share:.0f} % of its largest section lies on it)"
        names = WHOLE if disc.cut_whole else SIZES
        if self.options.cut_off == "missing":
            out |= dict.fromkeys(names, np.nan)
        return dict.fromkeys(names, text)
