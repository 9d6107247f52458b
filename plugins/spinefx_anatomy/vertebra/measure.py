"""The analyser `vertebra`: one row per vertebra of a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Features, LabelMap, Row, Scan, Structure
from spinefx_anatomy.border import contact
from spinefx_anatomy.patient import headward, leftward
from spinefx_anatomy.vectors import lean_deg, tilt_coronal_deg, tilt_deg, unit
from spinefx_anatomy.vertebra.body import FEWEST, Body, fit, thickest, volume_mm3
from spinefx_anatomy.vertebra.columns import MEANING

if TYPE_CHECKING:
    from spinefx_anatomy import VertebraOptions

Floats = NDArray[np.float64]

NARROWEST = 0.6
"""Width over depth below which a body is not whole."""

PLACES = (0.15, 0.5, 0.85)
"""Shares of the depth, from the front, at which heights are taken, each averaged over +- AROUND."""

AROUND = 0.075


def bodies(mask: LabelMap) -> dict[Structure, tuple[Body | None, str]]:
    """Every vertebra of a mask with its body, or with the reason why it has none, from below upwards."""
    found = kernels.label_statistics(mask.labels, mask.grid)
    parts: dict[Structure, tuple[NDArray[np.bool_], NDArray[np.int64], Floats]] = {}
    for structure in mask.structures("vertebra"):
        value = mask.scheme.value_of(structure)
        box = found.box[found.row(value)]
        part = mask.labels[tuple(map(slice, *box))] == value
        grid = mask.grid.crop(box[0], box[1] - box[0])
        parts[structure] = (part, box, thickest(part, grid))
    heads = headward(np.array([centre for *_, centre in parts.values()])) if parts else np.empty((0, 3))
    out: dict[Structure, tuple[Body | None, str]] = {}
    for (structure, (part, box, centre)), head in zip(parts.items(), map(unit, heads), strict=True):
        left, _ = leftward(mask, box, centre, head)
        sideways = int(np.argmax(np.abs(mask.grid.axes @ left)))
        if part.shape[sideways] < FEWEST or min(part.shape) < 2:
            out[structure] = None, f"passes through {part.shape[sideways]} slices, fewer than {FEWEST}"
            continue
        padded = np.pad(part, 1)
        body = fit(padded, mask.grid.crop(box[0] - 1, padded.shape), centre=centre, head=head, left=left)
        if body is None:
            out[structure] = None, "no body with two endplates was found"
            continue
        out[structure] = body, _not_whole(body) or _cut_off(body, part, box, mask)
    return dict(sorted(out.items(), key=lambda item: float(parts[item[0]][2][2])))


def _not_whole(body: Body) -> str:
    """Why this is but a part of a body, or ""."""
    depth = np.nanmax([back - front for front, back in map(body.corner, (1, -1))])
    if not body.width > NARROWEST * depth:
        return f"only a part of the body is in the mask ({body.width:.0f} mm wide, {depth:.0f} mm deep)"
    return ""


def _cut_off(body: Body, part: NDArray[np.bool_], box: NDArray[np.int64], mask: LabelMap) -> str:
    """Why the body is not whole, or ""; an arch that runs out of the image is no matter."""
    index = np.argwhere(part)
    away = mask.grid.to_world(index + box[0]) - body.sections.origin
    sec = body.sections
    s = np.clip(np.round((away @ sec.across - sec.s[0]) / sec.apart), 0, len(sec.s) - 1).astype(int)
    t = np.clip(np.round((away @ sec.back - sec.t[0]) / sec.step), 0, len(sec.t) - 1).astype(int)
    inner = index[sec.thickness[s, t] > 0]
    start, stop = inner.min(axis=0), inner.max(axis=0) + 1
    core = np.zeros(stop - start, bool)
    core[tuple((inner - start).T)] = True
    worst = max(contact(core, np.stack([start, stop]) + box[0], mask.grid.shape), key=lambda c: (c.cut, c.share))
    return f"cut off by the image's border ({worst.share:.0%} of the largest section lies on it)" if worst.cut else ""


def numbers(body: Body) -> dict[str, float]:
    """Name -> number of everything that follows from one body."""
    sec, normal = body.sections, body.normal
    lean = float(normal @ sec.up)
    thick = sec.thickness
    out = {"height_mm": float(thick[thick > 0].mean()) * lean}
    ends = [body.corner(side) for side in (1, -1)]
    front, back = float(np.nanmean([e[0] for e in ends])), float(np.nanmean([e[1] for e in ends]))
    for name, place in zip(("anterior", "middle", "posterior"), PLACES, strict=True):
        near = np.abs((sec.t - front) / (back - front) - place) <= AROUND
        here = thick[np.ix_(body.band, near)]
        out[f"height_{name}_mm"] = float(here[here > 0].mean()) * lean if (here > 0).any() else np.nan
    out["wedge_ratio"] = out["height_anterior_mm"] / out["height_posterior_mm"]
    out["biconcavity_ratio"] = out["height_middle_mm"] / out["height_posterior_mm"]
    out["depth_mm"] = float(body.footprint.length[np.isin(body.footprint.s, sec.s[body.band])].max())
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
        stats = kernels.label_statistics(mask.labels, mask.grid)
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


def _crush(values: list[dict[str, float]]) -> None:
    """Fill in the crush ratios, from each vertebra's neighbours."""
    heights = np.array([np.nan, *(value["height_posterior_mm"] for value in values), np.nan])
    for i, value in enumerate(values):
        beside = heights[[i, i + 2]]
        if np.isfinite(beside).any():
            value["crush_ratio"] = float(heights[i + 1] / np.nanmean(beside))
