"""What so few real scans give: `python tests/segment/leave_one_out.py DATA OUT [--steps 300]`.

DATA holds `discs_iso1mm` and `vertebrae_iso1mm`, three T2 MRI of 1 mm each, with masks of discs or of vertebral bodies. For
each set and patient one run of the whole pipeline: fitted on the two others, judged on the one left out. Prints a table.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from spinefx.engine import Engine
from spinefx.plan import Plan

SETS = {
    "discs_iso1mm": ("images/{id}_t2.mha", "masks/{id}_t2.mha", "disc"),
    "vertebrae_iso1mm": ("images/{id}.mha", "masks/{id}.mha", "vertebra"),
}


def tables(root: Path, name: str, patient: str, out: Path, steps: int) -> dict[str, Any]:
    """The plan of one run."""
    images, masks, kind = SETS[name]
    return {
        "run": {"out": str(out / name / patient), "executor": "serial", "seed": 1},
        "data": {"use": "folder", "root": str(root / name), "images": images, "masks": masks, "scheme": "spider"},
        "split": {"test": [patient], "validation": 0.0},
        "segment": {
            "use": "unet", "finest_mm": 1.0, "patch": [32, 96, 96], "channels": [16, 32, 64, 96], "kinds": [kind],
            "epochs": 5, "steps": steps // 5, "turn_deg": 12, "resize": 0.15, "noise": 0.2, "threads": 2,
        },
        "sample": {"structures": kind, "shape": [16, 16, 16], "spacing": 4.0},
        "encode": {"use": "pca", "latent_dim": 1},
        "geometry": [],
        "evaluate": [{"use": "segmentation"}],
    }  # fmt: skip


def judged(findings: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table of kinds, by column."""
    found = next((s["findings"] for s in findings["stages"] if s["name"] == "segmentation"), None)
    if found is None:
        return []
    table = next(t for t in found["tables"] if t["name"] == "kinds")
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", default="", help="this patient alone")
    asked = parser.parse_args()
    print(
        "| set | patient left out | structures | Dice | HD95, mm | found (F1) | level right | fitted on: Dice | processor, s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (images, _, _) in SETS.items():
        tail = images.removeprefix("images/{id}")
        for patient in sorted(p.name.removesuffix(tail) for p in (asked.data / name / "images").glob(f"*{tail}")):
            if asked.only not in ("", patient):
                continue
            start = time.process_time()
            run = Engine(Plan.of(tables(asked.data.resolve(), name, patient, asked.out, asked.steps), Path())).run()
            rows = {row["part"]: row for row in judged(run.findings())}
            if "test" not in rows:
                print(f"| {name} | {patient} | no structure was found in it |", flush=True)
                continue
            own, seen = rows["test"], rows.get("train", {"dice": float("nan")})
            figures = (
                f"{own['dice']:.3f} | {own['hd95']:.1f} | {own['f1']:.2f} | {own['level']:.2f} | {seen['dice']:.3f}"
            )
            print(f"| {name} | {patient} | {own['n']} | {figures} | {time.process_time() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
