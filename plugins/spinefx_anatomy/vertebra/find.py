"""The bodies of a mask's vertebrae, each with its endplates and outline, or with the reason why it has none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import LabelMap, Structure
from spinefx_anatomy.border import contact
from spinefx_anatomy.once import once
from spinefx_anatomy.patient import headward, leftward, statistics
from spinefx_anatomy.vectors import unit
from spinefx_anatomy.vertebra.body import Body, fit, thickest
from spinefx_anatomy.vertebra.outline import FEWEST

Floats = NDArray[np.float64]

NARROWEST = 0.8
"""Width over depth below which a body is not whole."""


@once
def bodies(mask: LabelMap) -> dict[Structure, tuple[Body | None, str]]:
    """Every vertebra of a mask with its body, or with the reason why it has none, from below upwards."""
    found = statistics(mask)
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
        left, _ = leftward(mask, centre, head)
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
    if (box[0] > 0).all() and (box[1] < mask.grid.shape).all():
        return ""
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
    return (
        f"cut off by the image's border ({100 * worst.share:.0f} % of the largest section lies on it)"
        if worst.cut
        else ""
    )
