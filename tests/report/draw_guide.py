"""Draws `spinefx/report/guide/`: what good and bad masks look like, on one phantom spine whose truth is known.

python -P tests/report/draw_guide.py
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import spinefx.report
from spinefx import phantom
from spinefx.contract.case import Case
from spinefx.contract.scan import LabelMap, Scan
from spinefx.work.pictures.glance import case_picture

OUT = Path(spinefx.report.__file__).parent / "guide"
Labels = NDArray[np.uint16]


def values(mask: LabelMap, kind: str) -> list[int]:
    """Values of the structures of a kind, from head to foot."""
    found = [v for v, s in mask.scheme.table.items() if s.kind == kind and (mask.labels == v).any()]
    return sorted(found, key=lambda v: -float(np.argwhere(mask.labels == v).mean(axis=0)[_up(mask)]) * _sign(mask))


def _up(mask: LabelMap) -> int:
    return int(np.abs(mask.grid.axes[:, 2]).argmax())


def _sign(mask: LabelMap) -> float:
    return float(np.sign(mask.grid.axes[_up(mask), 2]))


def shifted(mask: LabelMap) -> Labels:
    """The mask 6 mm too far back, as after a lost header."""
    axis = int(np.abs(mask.grid.axes[:, 1]).argmax())
    step = round(6.0 / mask.grid.spacing[axis]) * (1 if mask.grid.axes[axis, 1] > 0 else -1)
    return np.roll(mask.labels, step, axis=axis)


def renamed(mask: LabelMap) -> Labels:
    """Every vertebra named as the one below it: counted from a wrong end."""
    own = values(mask, "vertebra")
    labels = mask.labels.copy()
    for above, below in itertools.pairwise(own):
        labels[mask.labels == above] = below
    labels[mask.labels == own[-1]] = 0
    return labels


def merged(mask: LabelMap) -> Labels:
    """Two vertebrae and the disc between them as one."""
    labels = mask.labels.copy()
    first, second = values(mask, "vertebra")[2:4]
    labels[labels == second] = first
    labels[labels == values(mask, "disc")[3]] = first
    return labels


def holed(mask: LabelMap) -> Labels:
    """Slices without a mask, as where a reader stopped drawing: seen from the front."""
    side = int(np.abs(mask.grid.axes[:, 0]).argmax())
    labels = np.moveaxis(mask.labels.copy(), side, 0)
    where = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    labels[where[len(where) // 2 + 1 : len(where) // 2 + 3]] = 0
    return np.ascontiguousarray(np.moveaxis(labels, 0, side))


def cut(mask: LabelMap) -> Labels:
    """The lowest structures end before they should: the field of view, or a model, stopped there."""
    labels = mask.labels.copy()
    disc = values(mask, "disc")[-1]
    rows = np.argwhere(labels == disc)
    axis = int(np.abs(mask.grid.axes[:, 1]).argmax())
    middle = int(np.median(rows[:, axis]))
    place = [slice(None)] * 3
    place[axis] = slice(middle, None)
    inside = labels[tuple(place)]
    inside[np.isin(inside, [disc, values(mask, "vertebra")[-1]])] = 0
    return labels


def draw() -> None:
    """Write the six pictures."""
    patient = phantom.draw_patient(0, 3)
    images, mask = phantom.scan_of(patient, seed=0, scanner=phantom.Scanner())
    made = {"good": mask.labels, "shifted": shifted(mask), "renamed": renamed(mask)}
    made |= {"merged": merged(mask), "holed": holed(mask), "cut": cut(mask)}
    OUT.mkdir(exist_ok=True)
    for name, labels in made.items():
        scan = Scan(Case("guide", "guide"), images, LabelMap(np.ascontiguousarray(labels), mask.grid, mask.scheme))
        Image.fromarray(case_picture(scan)).save(OUT / f"{name}.webp", quality=78, method=6)


if __name__ == "__main__":
    draw()
