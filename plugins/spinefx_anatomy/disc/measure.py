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

if TYPE_CHECKING:
    from spinefx_anatomy import DiscOptions

Floats = NDArray[np.float64]

FEWEST = 3
"""Slices that a disc must pass through to be measured."""


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
        heads = _headward(found.centroid_mm[[i for _, i in discs]]) if discs else np.empty((0, 3))
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
        normal = np.linalg.eigh(np.cov(points.T) if len(points) > 1 else np.eye(3))[1][:, 0]
        normal = normal * (1.0 if normal @ head >= 0 else -1.0)
        left = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
        sideways = int(np.argmax(np.abs(grid.axes @ left)))
        contacts = contact(part, box, mask.grid.shape)
        out = dict.fromkeys(MEANING, np.nan)
        out |= {
            "volume_mm3": volume,
            "slices": float(stop[sideways] - start[sideways]),
            "touches_border": float(any(c.touches for c in contacts)),
        }
        short = _too_thin(part, sideways)
        shape = None if short else fit(main, grid, centre=centre, normal=normal, left=left / np.linalg.norm(left))
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


def _headward(centres: Floats) -> Floats:
    """(n, 3) direction towards the head at each centre: along the line through its neighbours, up where z grows."""
    if len(centres) < 2:
        return np.tile([0.0, 0.0, 1.0], (len(centres), 1))
    middle = centres - centres.mean(axis=0)
    axis = np.linalg.svd(middle)[2][0]
    axis = axis * (1.0 if axis[2] >= 0 else -1.0)
    order = np.argsort(middle @ axis)
    tangent = np.empty_like(centres)
    tangent[order] = np.gradient(centres[order], axis=0)
    return tangent


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
