"""The scripts of examples/ do what their first line says, as a user would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

import spinefx
from spinefx import bridge
from spinefx.phantom import Scanner, write_cohort
from spinefx.testing import phantom_scan, phantom_truth

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "spider" / "masks"


def script(name: str, *words: object, cwd: Path) -> str:
    command = [sys.executable, "-P", str(ROOT / "examples" / name), *map(str, words)]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout


def test_a_simpleitk_mask_is_resampled_and_measured_in_fifteen_lines(tmp_path: Path) -> None:
    lines = (ROOT / "examples" / "measure_image.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 15
    sitk.WriteImage(bridge.to_simpleitk(phantom_scan(fine=True).require_mask()), tmp_path / "mask.mha")
    said = script("measure_image.py", "mask.mha", cwd=tmp_path)
    measured = {line.split()[0]: float(line.split()[1]) for line in said.splitlines()}
    truth = phantom_truth()
    heights = {
        r.level: v for r, v in zip(truth.rows, truth.columns["disc.height_mm"], strict=True) if r.structure == "disc"
    }
    assert set(measured) == set(heights)
    assert all(abs(measured[level] - height) < 0.4 for level, height in heights.items())
    assert sitk.ReadImage(str(tmp_path / "resampled.mha")).GetSpacing() == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.skipif(not REAL.is_dir(), reason="the development data (../shared/data) is not here")
def test_a_real_mask_is_measured_too(tmp_path: Path) -> None:
    path = min(REAL.glob("*_t2.mha"))
    said = [line.split() for line in script("measure_image.py", path, cwd=tmp_path).splitlines()]
    image = sitk.ReadImage(str(path))
    counts = np.unique(sitk.GetArrayViewFromImage(image), return_counts=True)
    millilitres = dict(zip(counts[0].tolist(), counts[1] * np.prod(image.GetSpacing()) / 1000, strict=True))
    volumes = {line[0]: float(line[3]) for line in said if line[3] != "nan"}
    assert volumes["L5-S1"] == pytest.approx(millilitres[201], rel=0.03)
    assert len(volumes) >= 5


def test_a_model_is_applied_to_new_scans(tmp_path: Path) -> None:
    thick = Scanner((5.0, 1.5, 1.5), pir_share=0.0)
    write_cohort(tmp_path / "old", patients=8, levels=3, scanner=thick, seed=1)
    write_cohort(tmp_path / "new", patients=2, levels=3, scanner=thick, seed=2)
    tables = {
        "run": {"out": "run", "workers": 1}, "data": {"use": "spider", "root": "old", "series": ["t2"]},
        "sample": {"shape": [10, 16, 20], "spacing": 3.0}, "encode": {"use": "pca", "latent_dim": 2},
        "labels": {"table": "old/annotations.xlsx"}, "geometry": [], "evaluate": [],
    }  # fmt: skip
    run = spinefx.Engine(spinefx.Plan.of(tables, tmp_path)).run()
    assert run.exit_code == 0
    said = script("apply_model.py", "run", "new", cwd=tmp_path).splitlines()
    frame = pd.DataFrame([line.split() for line in said[1:]], columns=said[0].split())
    assert sorted(set(frame["case"])) == ["1_t2", "2_t2"]
    assert {"z0", "z1", "iou", "unusual", "seen"} <= set(frame.columns)
