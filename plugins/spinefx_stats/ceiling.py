"""What no encoder can pass: how alike a structure is with itself after one more scan in its own scan's voxels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid, SpinefxError, Study
from spinefx_stats.shapes import Likeness, likeness

PLACES = 4
"""Places of the slices that are tried, evenly over one slice."""


def once_more(study: Study, positions: Sequence[int], *, surface: bool) -> dict[int, Likeness]:
    """Samples at these positions of the study -> their likeness with themselves, digitised once more; an average over places.

    A study without scans, and scans that cannot be read again, give nothing.
    """
    if study.scans is None:
        return {}
    number = {case.id: i for i, case in enumerate(study.scans.cases)}
    rows, found = study.latents.rows, {}
    for case in dict.fromkeys(rows[i].case for i in positions):
        if case not in number:
            continue
        try:
            mask = study.scans[number[case]].mask
        except SpinefxError:
            continue
        if mask is None:
            continue
        for i in (i for i in positions if rows[i].case == case):
            sample = study.samples[i]
            found[i] = _again(sample.mask, sample.grid, spacing_along(sample.grid, mask.grid), surface=surface)
    return found


def spacing_along(sample: Grid, scan: Grid) -> tuple[float, float, float]:
    """(z, y, x) mm: the scan's spacing along the sample's axes, each axis of the one to the nearest of the other."""
    alike = np.abs(np.asarray(sample.direction).T @ np.asarray(scan.direction))[::-1, ::-1]
    z, y, x = max(permutations(range(3)), key=lambda order: float(alike[range(3), order].sum()))
    return scan.spacing[z], scan.spacing[y], scan.spacing[x]


def _again(mask: NDArray[np.float32], grid: Grid, spacing: tuple[float, float, float], *, surface: bool) -> Likeness:
    """Averaged over places of the thickest voxels."""
    drawn, thick = mask > 0.5, int(np.argmax(spacing))
    found = []
    for place in (np.arange(PLACES) + 0.5) / PLACES:
        z, y, x = (float(place) if axis == thick else 0.5 for axis in range(3))
        back = kernels.redigitised(mask, grid, spacing, shift=(z, y, x)) > 0.5
        found.append(likeness(drawn, back, grid, surface=surface))
    iou, dice, assd, hd95 = (
        float(np.mean([getattr(one, name) for one in found])) for name in ("iou", "dice", "assd_mm", "hd95_mm")
    )
    return Likeness(iou, dice, assd, hd95)
