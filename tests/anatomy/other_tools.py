"""`python tests/anatomy/other_tools.py`: the bodies of TotalSegmentator's example CT beside its own spine report, as Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from measured_spines import analyser

from spinefx.api import Case, Grid, LabelMap, Scan, scheme

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "totalsegmentator"
PLACES = ("posterior", "middle", "anterior")


def main() -> None:
    report = json.loads((FOLDER / "example_ct_spine_report.json").read_text())["results"]
    image = sitk.ReadImage(str(FOLDER / "example_ct_vertebrae.nii.gz"))
    labels = sitk.GetArrayFromImage(image).astype(np.uint16)
    body = sitk.GetArrayFromImage(sitk.ReadImage(str(FOLDER / "example_ct_vertebrae_body.nii.gz"))) == 1
    grid = Grid(labels.shape, image.GetSpacing()[::-1], image.GetOrigin(), np.reshape(image.GetDirection(), (3, 3)))
    known = scheme("totalsegmentator")
    whole, bodies = (Scan(Case("ct", "ct"), {}, LabelMap(a, grid, known)) for a in (labels, np.where(body, labels, 0)))
    found = [analyser("vertebra").measure(scan) for scan in (whole, bodies)]
    print("| | heights of the report | from whole vertebrae | from its own bodies | volume of the report, ml | from whole vertebrae "
          "| its own bodies' voxels |")  # fmt: skip
    print("|---" * 7 + "|")
    for level in ("L1", "L2", "L3", "L4", "L5"):
        cells = [" / ".join(f"{report[f'vertebrae_{level}_height_{place}_mm']:.1f}" for place in PLACES)]
        for features in found:
            i = [row.level for row in features.rows].index(level)
            cells.append(" / ".join(f"{features.columns[f'height_{place}_mm'][i]:.1f}" for place in PLACES))
        i = [row.level for row in found[0].rows].index(level)
        cells += [f"{report[f'vertebrae_{level}_volume_ml']:.1f}", f"{found[0].columns['volume_mm3'][i] / 1000:.1f}"]
        value = next(v for v, s in known.table.items() if (s.kind, s.level) == ("vertebra", level))
        cells.append(f"{np.count_nonzero(body & (labels == value)) * grid.voxel_mm3 / 1000:.1f}")
        print(f"| {level} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
