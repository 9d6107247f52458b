"""`python tests/anatomy/other_tools.py`: TotalSegmentator's example CT beside its own spine report, as Markdown.

The report (`totalseg_spine_report`) measures the mask `vertebrae_pp_refined`, one label per vertebral body. `slices_mm` does again
what it does, from its description: sagittal slices 5 mm apart in the middle half of a body, each with three heights along
the line between the neighbouring bodies' centres, and of all slices the one whose heights differ most.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from measured_spines import analyser
from scipy import ndimage

from spinefx.api import Case, Grid, LabelMap, Scan, scheme

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "totalsegmentator"
PLACES = {"posterior": 0.15, "middle": 0.5, "anterior": 0.85}
LEVELS = ("L1", "L2", "L3", "L4", "L5")
STEP = 0.5
"""Their step along a ray, in voxels."""


def read() -> tuple[dict[str, float], LabelMap]:
    """The report's numbers, and the mask that it was made from."""
    report = json.loads((FOLDER / "example_ct_spine_report.json").read_text())["results"]
    image = sitk.DICOMOrient(sitk.ReadImage(str(FOLDER / "example_ct_vertebrae_pp_refined.nii.gz")), "LPS")
    labels = sitk.GetArrayFromImage(image).astype(np.uint16)
    grid = Grid(labels.shape, image.GetSpacing()[::-1], image.GetOrigin(), np.reshape(image.GetDirection(), (3, 3)))
    return report, LabelMap(labels, grid, scheme("verse"))


def reach(part: np.ndarray, start: np.ndarray, along: np.ndarray, step: float) -> float:
    """How far a ray runs inside a slice's mask, linear between voxels, in whole steps of `step` voxels."""
    far = np.arange(step, 60, step)
    inside = ndimage.map_coordinates(part, start[:, None] + along[:, None] * far, order=1) > 0.5
    return float(step * (np.argmin(inside) if not inside.all() else len(far)))


def slices_mm(mask: LabelMap, level: str, step: float) -> np.ndarray:
    """(slices, 3) posterior, middle and anterior height of a body in every slice that shows all three."""
    values = {s.level: mask.scheme.value_of(s) for s in mask.structures("vertebra")}
    part = mask.labels == values[level]
    small = ndimage.binary_erosion(part, np.ones((3, 3, 3)))
    names = ["T12", *LEVELS]
    beside = [names[k] for k in (names.index(level) - 1, names.index(level) + 1) if k < len(names)]
    centres = {}
    for name in (level, *beside):
        one = ndimage.binary_erosion(mask.labels == values[name], np.ones((3, 3, 3)))
        centres[name] = np.argwhere(one).mean(axis=0)
    up = centres[beside[0]] - centres[beside[-1] if len(beside) == 2 else level]
    up = up[:2] / np.linalg.norm(up[:2])  # in a slice of (z, y); the voxels are cubes
    back = np.array([-up[1], up[0]])
    seen = np.flatnonzero(small.any(axis=(0, 1)))
    margin = round(0.25 * (seen[-1] - seen[0] + 1))
    apart = max(1, round(5.0 / mask.grid.spacing[2]))
    made = []
    for x in range(seen[-1] - margin, seen[0] + margin - 1, -apart):
        one = part[:, :, x].astype(np.float64)
        ends = [
            centres[level][:2] + sign * reach(one, centres[level][:2], sign * back, step) * back for sign in (1, -1)
        ]
        heights = []
        for place in PLACES.values():
            at = ends[0] + place * (ends[1] - ends[0])
            heights.append(sum(reach(one, at, sign * up, step) for sign in (1, -1)) * mask.grid.spacing[0])
        if min(heights) > 0:
            made.append(heights)
    return np.array(made)


def main() -> None:
    report, mask = read()
    found = analyser("vertebra").measure(Scan(Case("ct", "ct"), {}, mask))
    print("Posterior / middle / anterior height in mm.\n")
    print(
        "| | report | their rule again | its slices without steps, median | spinefx | volume of the report, ml | spinefx, labelled |"
    )
    print("|---" * 7 + "|")
    off = {"their rule again": [], "median of the slices": [], "spinefx": []}
    for level in LEVELS:
        i = [row.level for row in found.rows].index(level)
        theirs = np.array([report[f"vertebrae_{level}_height_{place}_mm"] for place in PLACES])
        again = slices_mm(mask, level, STEP)
        again = again[np.argmax(np.ptp(again, axis=1))]
        middle = np.median(slices_mm(mask, level, 0.02), axis=0)
        ours = np.array([found.columns[f"height_{place}_mm"][i] for place in PLACES])
        for name, values in zip(off, (again, middle, ours), strict=True):
            off[name].extend(values - theirs)
        cells = [" / ".join(f"{v:.1f}" for v in values) for values in (theirs, again, middle, ours)]
        volumes = report[f"vertebrae_{level}_volume_ml"], found.columns["labelled_mm3"][i] / 1000
        print(f"| {level} | {' | '.join(cells)} | {volumes[0]:.2f} | {volumes[1]:.2f} |")
    print()
    for name, values in off.items():
        far = np.abs(values)
        print(f"{name}: {(far <= 3).sum()} of 15 heights within a voxel (3 mm) of the report, {(far <= 1.5).sum()} within a step "
              f"(1.5 mm), mean {np.mean(values):+.1f} mm")  # fmt: skip


if __name__ == "__main__":
    main()
