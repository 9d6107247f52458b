"""A tree like SPIDER's whole: 218 patients, ids 1-257 with 39 gaps, 447 series, twins among the masks; small phantoms.

python tests/io/spider_tree.py FOLDER        writes it, and a pipeline.toml that reads it
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from spinefx.api import LabelMap
from spinefx.phantom import draw_patient, grid_around, render
from spinefx.phantom.metaimage import metaimage_bytes

PIPELINE = """
[data]
use = "spider"
root = "."
[labels]
table = "radiological_gradings.csv"
targets = ["Disc narrowing"]
"""
HEADER = "Patient,IVD label,Modic,UP endplate,LOW endplate,Spondylolisthesis,Disc herniation,Disc narrowing,Disc bulging,Pfirrman grade"  # fmt: skip


def series() -> list[tuple[str, str]]:
    """(patient, series) of 447 series: 196 T1, 210 T2, 41 SPACE; whoever has no T2 has a T1."""
    ids = np.random.default_rng(0).permutation(np.arange(1, 258))[:218]
    of = {"t1": ids[-196:], "t2": ids[:210], "t2_SPACE": ids[:41]}
    return [(str(patient), name) for name, patients in of.items() for patient in np.sort(patients)]


def small_masks(count: int = 6) -> list[LabelMap]:
    """A few coarse spines, standing LPS and PIR."""
    spines = [draw_patient(3, number, levels=4).spine for number in range(1, count + 1)]
    orders = ("LPS", "LPS", "PIR") * count
    return [
        render(spine, grid_around(spine, spacing_mm=(6.0, 3.0, 3.0), order=order)).labels()
        for spine, order in zip(spines, orders, strict=False)
    ]


def write_tree(root: Path) -> int:
    """Write the tree; how many series it has. A patient's series share their mask; the last two patients are one person."""
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    masks = small_masks()
    listed = series()
    rng = np.random.default_rng(1)
    people = sorted({patient for patient, _ in listed}, key=int)
    person = {patient: number for number, patient in enumerate(people)} | {people[-1]: len(people) - 2}
    for patient, name in listed:
        mask = masks[person[patient] % len(masks)]
        labels = mask.labels.astype(np.int16)
        labels.ravel()[person[patient]] = 100
        image = (labels * 10 + rng.integers(0, 50, labels.shape)).astype(np.float32)
        (root / "images" / f"{patient}_{name}.mha").write_bytes(metaimage_bytes(image, mask.grid))
        (root / "masks" / f"{patient}_{name}.mha").write_bytes(metaimage_bytes(labels, mask.grid))
    with (root / "radiological_gradings.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        for patient in people:
            for disc in range(1, 7 if patient == people[0] else 5):
                writer.writerow([patient, disc, 0, 0, 0, 0, 0, disc % 2, 0, 1 + disc % 4])
    (root / "pipeline.toml").write_text(PIPELINE)
    return len(listed)


if __name__ == "__main__":
    write_tree(Path(sys.argv[1]))
