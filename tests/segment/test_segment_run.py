"""One pipeline with predicted masks and with true ones: a single table makes the difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.store.run import Run

UNET = {"use": "unet", "epochs": 4, "steps": 100, "channels": [8, 16, 16], "patch": [8, 48, 48], "finest_mm": 2.5}
UNET |= {"batch": 1, "lr": 1e-2, "least_ml": 0.0}
TABLES: dict[str, Any] = {
    "data": {"use": "phantom", "patients": 6, "levels": 3, "spacing_mm": [6.0, 2.5, 2.5]},
    "sample": {"structures": "spine", "shape": [16, 16, 16], "spacing": 12.0},
    "encode": {"use": "pca", "latent_dim": 2},
    "geometry": [],
    "evaluate": [{"use": "segmentation"}],
}


def _run(folder: Path, out: str, segment: dict[str, Any], **run: Any) -> Run:
    tables = {**TABLES, "segment": segment, "run": {"out": str(folder / out), "executor": "serial", **run}}
    return Engine(Plan.of(tables, folder)).run()


def _judged(run: Run) -> dict[str, Any]:
    found = next(s["findings"] for s in run.findings()["stages"] if s["name"] == "segmentation")
    return dict(found)


@pytest.mark.slow
def test_predicted_and_true_masks_differ_by_one_table(tmp_path: Path) -> None:
    made = _run(tmp_path, "made", UNET)
    assert made.exit_code == 0
    kinds = next(t for t in _judged(made)["tables"] if t["name"] == "kinds")["rows"]
    assert {row[0] for row in kinds} == {"test", "validation", "train"}
    assert {row[1] for row in kinds} == {"vertebra", "disc", "canal"}
    assert all(0.0 <= row[4] < 1.0 for row in kinds), "a net of 400 steps is no perfect one, and is not said to be"
    assert not _run(tmp_path, "made", UNET).worked

    again = _run(tmp_path, "again", {"use": "unet", "least_ml": 0.0, "model": str(made.folder / "model" / "segmenter")})
    assert (again.folder / "latents.csv").read_bytes() == (made.folder / "latents.csv").read_bytes()

    true = _run(tmp_path, "true", {"use": "mask"})
    assert "nothing to judge" in _judged(true)["warnings"][0]
    assert (true.folder / "latents.csv").read_bytes() != (made.folder / "latents.csv").read_bytes()
