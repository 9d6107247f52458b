"""How far numbers repeat when a mask is drawn a little differently: intraclass correlation per number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from made_spines import scanned
from measured_spines import read_mask
from scipy import ndimage

from spinefx.api import Case, Features, LabelMap, Scan
from spinefx.phantom import draw_patient


def perturbed(mask: LabelMap, how: str, rng: np.random.Generator) -> LabelMap:
    """Every structure one voxel smaller or larger in the plane of the slices, or a third of its border's voxels flipped."""
    labels = mask.labels.copy()
    flat = np.array(mask.grid.spacing) < 2.5 * min(mask.grid.spacing)
    shape = np.zeros((3, 3, 3), bool)
    shape[1, 1, 1] = True
    for axis in np.flatnonzero(flat):
        shape |= _line(int(axis))
    values = [int(v) for v in np.unique(labels) if v]
    boxes = {v: ndimage.find_objects((labels == v).astype(np.uint8))[0] for v in values}
    for value in values:
        box = tuple(slice(max(s.start - 2, 0), s.stop + 2) for s in boxes[value])
        part = mask.labels[box] == value
        inner, outer = ndimage.binary_erosion(part, shape), ndimage.binary_dilation(part, shape)
        free = labels[box] == 0
        if how in ("erosion", "jitter"):
            drop = (part & ~inner) & (True if how == "erosion" else rng.random(part.shape) < 1 / 3)
            labels[box][drop] = 0
        if how in ("dilation", "jitter"):
            add = (outer & ~part & free) & (True if how == "dilation" else rng.random(part.shape) < 1 / 3)
            labels[box][add] = value
    return LabelMap(labels, mask.grid, mask.scheme)


def _line(axis: int) -> np.ndarray:
    out = np.zeros((3, 3, 3), bool)
    out[tuple(slice(None) if k == axis else 1 for k in range(3))] = True
    return out


def icc(table: np.ndarray) -> tuple[float, float]:
    """ICC(A,1) and ICC(C,1) of (subjects, ratings): McGraw and Wong, Psychol Methods 1:30, 1996."""
    n, k = table.shape
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    between = k * ((rows - table.mean()) ** 2).sum() / (n - 1)
    raters = n * ((columns - table.mean()) ** 2).sum() / (k - 1)
    rest = ((table - rows[:, None] - columns + table.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    agree = (between - rest) / (between + (k - 1) * rest + k * (raters - rest) / n)
    return float(agree), float((between - rest) / (between + (k - 1) * rest))


def repeatability(count: int) -> None:
    """Print the table for SPIDER's mask 1_t1, where it is, and `count` drawn spines."""
    from tables import panel

    scans = []
    real = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "spider" / "masks" / "1_t1.mha"
    if real.is_file():
        scans.append(Scan(Case("1_t1", "1"), {}, read_mask(real)))
    for number in range(1, count + 1):
        spine = draw_patient(41, number, levels=5).spine
        scans.append(scanned(spine, str(number), (4.0, 0.6, 0.6), np.random.default_rng([41, number]))[0])
    sets = {"jitter": ("jitter", "jitter"), "erosion and dilation": ("erosion", "dilation")}
    found: dict[str, dict[str, list[list[float]]]] = {name: {} for name in sets}
    for number, scan in enumerate(scans):
        first = panel(scan)
        for name, hows in sets.items():
            again = [panel(scan.replace(mask=perturbed(scan.require_mask(), how, np.random.default_rng([number, k]))))
                     for k, how in enumerate(hows)]  # fmt: skip
            _collect(found[name], [first, *again])
    print(f"{len(scans)} scans, each measured as it is and twice perturbed; ICC(A,1) and in brackets ICC(C,1).\n")
    print(
        "| number | structures | one voxel of the border jittered | one voxel eroded, one dilated |\n|---|---|---|---|"
    )
    for column in found["jitter"]:
        cells = [icc(np.array(found[name][column])) for name in sets if column in found[name]]
        shown = [f"{a:.3f} ({c:.3f})" for a, c in cells]
        print(f"| `{column}` | {len(found['jitter'][column])} | {' | '.join(shown)} |")


def _collect(into: dict[str, list[list[float]]], repeats: list[Features]) -> None:
    first = repeats[0]
    others = [features.at(first.rows) for features in repeats[1:]]
    for column, values in first.columns.items():
        if column.split(".")[1] in ("slices", "touches_border", "residual_mm"):
            continue
        for i in range(len(first.rows)):
            row = [float(values[i]), *(float(other[column][i]) for other in others)]
            if np.isfinite(row).all():
                into.setdefault(column, []).append(row)
