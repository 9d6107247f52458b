"""How far two masks of one scan agree: per structure, and whether structures were found and named as they should."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import LabelMap, Scan, Structure

TOLERANCE_MM = 2.0
_FOUND = 0.5
"""IoU from which a structure counts as found, whatever it is called."""


@dataclass(frozen=True)
class Agreement:
    """One structure of the reference beside the one of its name in the mask.

    dice, iou, nsd : 0 to 1, nsd within 2 mm.   hd95_mm, assd_mm : NaN where the mask lacks it.
    volume_error : percent of the reference's volume.   found : whether any structure of its kind covers it (IoU >= .5).
    named : whether that one bears its level.
    """

    structure: Structure
    dice: float
    iou: float
    nsd: float
    hd95_mm: float
    assd_mm: float
    volume_error: float
    found: bool
    named: bool


@dataclass(frozen=True)
class CaseAgreement:
    """All structures of one case; extra : kind -> structures of the mask that cover none of the reference."""

    case: str
    patient: str
    structures: tuple[Agreement, ...]
    extra: dict[str, int]
    expected: float

    @property
    def dice(self) -> float:
        """Mean over the structures."""
        return float(np.mean([a.dice for a in self.structures])) if self.structures else math.nan


def compared(scan: Scan) -> CaseAgreement | None:
    """The scan's mask beside its reference; None where it has none."""
    if scan.reference is None:
        return None
    made, true = scan.require_mask(), scan.reference
    wanted = [s for s in true.structures() if any(s.kind == m.kind for m in made.scheme.table.values())]
    structures = list(dict.fromkeys([*wanted, *made.structures()]))
    first, second = _numbered(made, structures), _numbered(true, structures)
    if made.grid != true.grid:
        second = kernels.resample(second, true.grid, made.grid, method="nearest")
    distances = kernels.surface_distances(first, second, made.grid, tolerances_mm=(TOLERANCE_MM,))
    row = {int(value): i for i, value in enumerate(distances.value)}
    n = len(structures) + 1
    both = np.bincount(first.ravel().astype(np.int64) * n + second.ravel(), minlength=n * n).reshape(n, n)
    size, truth = both.sum(axis=1), both.sum(axis=0)
    out, covering = [], set()
    for number, structure in enumerate(structures, start=1):
        if structure not in wanted or not truth[number]:
            continue
        cover = _best(both, size, truth, number, [i for i, s in enumerate(structures, 1) if s.kind == structure.kind])
        covering |= {cover}
        met, union = both[number, number], size[number] + truth[number] - both[number, number]
        place = row.get(number)
        there = bool(size[number]) and place is not None
        out.append(
            Agreement(
                structure,
                dice=float(2 * met / (size[number] + truth[number])),
                iou=float(met / union),
                nsd=float(distances.nsd[place, 0]) if there else 0.0,
                hd95_mm=float(distances.hd95_mm[place]) if there else math.nan,
                assd_mm=float(distances.assd_mm[place]) if there else math.nan,
                volume_error=float(100 * (size[number] - truth[number]) / truth[number]),
                found=cover > 0,
                named=cover == number,
            )
        )
    kinds = {s.kind for s in wanted}
    extra = {
        k: sum(s.kind == k and size[i] > 0 and i not in covering for i, s in enumerate(structures, 1)) for k in kinds
    }
    expected = min(scan.quality.values()) if scan.quality else math.nan
    return CaseAgreement(scan.case.id, scan.case.patient, tuple(out), extra, expected)


def _numbered(mask: LabelMap, structures: list[Structure]) -> NDArray[np.uint16]:
    """The mask with 1 + the place of each structure in the list."""
    table = np.zeros(65536, np.uint16)
    place = {structure: number for number, structure in enumerate(structures, start=1)}
    for value, structure in mask.scheme.table.items():
        table[value] = place.get(structure, 0)
    return table[mask.labels]


def _best(
    both: NDArray[np.int64], size: NDArray[np.int64], truth: NDArray[np.int64], number: int, rivals: list[int]
) -> int:
    """The structure of the mask that covers number `number` of the reference; 0 where none does."""
    iou = [both[i, number] / max(size[i] + truth[number] - both[i, number], 1) for i in rivals]
    best = int(np.argmax(iou))
    return rivals[best] if iou[best] >= _FOUND else 0
