"""The analyser `disc`: one row per disc of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Features, LabelMap, Row, Scan, Structure
from spinefx_anatomy.border import Contact, contact
from spinefx_anatomy.disc.columns import MEANING, SIZES, WHOLE
from spinefx_anatomy.disc.shape import fit, numbers
from spinefx_anatomy.patient import headward, leftward

if TYPE_CHECKING:
    from spinefx_anatomy import DiscOptions

Floats = NDArray[np.float64]

FEWEST = 3
"""Slices that a disc must pass through to be measured."""


FLATTEST = 0.5
"""Cosine to the head's direction below which the thinnest axis is not a disc's normal but a sign of too few slices."""


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
        mask = scan.require_mask()
        found = kernels.label_statistics(mask.labels, mask.grid)
        discs = [(s, found.row(mask.scheme.value_of(s))) for s in mask.structures("disc")]
        heads = headward(found.centroid_mm[[i for _, i in discs]]) if discs else np.empty((0, 3))
        rows: list[Row] = []
        values: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        for (structure, i), head in zip(discs, heads, strict=True):
            row = Row(scan.case.id, scan.case.patient, structure.kind, structure.level)
            numbers, why = self._one(mask, structure, found.box[i], float(found.volume_mm3[i]), head)
            rows.append(row)
            values.append(numbers)
            reasons |= {(row, name): text for name, text in why.items()}
        meaning = MEANING if rows else {}
        return Features.of_rows(rows, values, reasons=reasons, meaning=meaning)

    def _one(
        self, mask: LabelMap, structure: Structure, box: NDArray[np.int64], volume: float, head: Floats
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Every column of one disc, and why some are missing or doubtful."""
        start, stop = box
        part = mask.labels[tuple(map(slice, start, stop))] == mask.scheme.value_of(structure)
        main = np.pad(_largest(part), 1)
        grid = mask.grid.crop(start - 1, stop - start + 2)
        points = grid.to_world(np.argwhere(main))
        centre = points.mean(axis=0)
        normal = _thin_axis(points - centre, head)
        left, trust = leftward(mask, box, centre, head / np.linalg.norm(head))
        sideways = int(np.argmax(np.abs(grid.axes @ left)))
        contacts = contact(part, box, mask.grid.shape)
        out = dict.fromkeys(MEANING, np.nan)
        out |= {
            "volume_mm3": volume,
            "slices": float(stop[sideways] - start[sideways]),
            "touches_border": float(any(c.touches for c in contacts)),
        }
        short = _too_thin(part, sideways)
        shape = None if short else fit(main, grid, centre=centre, normal=normal, left=left, trust_deg=trust)
        if shape is None:
            why = short or "too few voxels for two endplates and an outline"
            return out, {name: why for name, value in out.items() if np.isnan(value)}
        out |= numbers(shape, volume)
        out["surface_mm2"] = kernels.surface(main.astype(np.uint8), grid, 1)[2]
        out["sphericity"] = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / out["surface_mm2"]
        return out, self._judge(out, contacts, sideways)

    def _judge(self, out: dict[str, float], contacts: tuple[Contact, ...], sideways: int) -> dict[str, str]:
        """Reasons for what the image's border takes away; sets those numbers to NaN, unless they are to be kept."""
        reasons: dict[str, str] = {}
        for axis, found in enumerate(contacts):
            if not found.cut:
                continue
            text = f"cut off by the image's border ({found.share:.0%} of its largest section lies on it)"
            names = SIZES if axis == sideways and found.share < 0.95 else WHOLE
            for name in names:
                reasons[name] = text
                if self.options.cut_off == "missing":
                    out[name] = np.nan
        return reasons


def _thin_axis(points: Floats, head: Floats) -> Floats:
    """The axis along which centred points spread least, towards the head; the one nearest to the head if that lies flat."""
    vectors = np.linalg.eigh(points.T @ points)[1].T
    along = vectors @ (head / np.linalg.norm(head))
    best = 0 if abs(along[0]) > FLATTEST else int(np.argmax(np.abs(along)))
    out: Floats = vectors[best] * (1.0 if along[best] >= 0 else -1.0)
    return out


def _largest(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of a mask, touching corners counted as joined."""
    from scipy.ndimage import label

    pieces, count = label(part, np.ones((3, 3, 3)))
    if count < 2:
        return part
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    out: NDArray[np.bool_] = pieces == sizes.argmax()
    return out


def _too_thin(part: NDArray[np.bool_], sideways: int) -> str:
    """Why a disc of this extent cannot be measured, or ""."""
    if min(part.shape) < 2:
        return "lies in one slice: a 2-D mask has no disc geometry"
    if part.shape[sideways] < FEWEST:
        return f"passes through {part.shape[sideways]} slices, fewer than {FEWEST}"
    return ""
