"""The examples run: the real study on real masks, where they are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spinefx.engine import Engine
from spinefx.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not (DATA / "discs_native").is_dir(), reason="the development data (../shared/data) is not here")
@pytest.mark.parametrize("table", ["radiological_gradings.csv", "annotations.xlsx"])
def test_the_study_on_real_masks_gives_the_published_volumes(tmp_path: Path, table: str) -> None:
    targets = {"radiological_gradings.csv": "['Disc narrowing']", "annotations.xlsx": "['Narrowing']"}[table]
    changes = [
        f"data.root=['{DATA / 'spider'}', '{DATA / 'discs_native'}']",
        f"labels.table='{DATA / 'spider' / table}'",
        f"labels.targets={targets}",
        f"run.out='{tmp_path / 'run'}'",
        "encode={use='pca'}",
    ]
    run = Engine(Plan.read(ROOT / "examples" / "spider_study.toml", overrides=changes)).run()
    assert run.exit_code == 0
    assert len(run.outcomes) == 42
    assert set(run.latents().query("split == 'test'")["patient"]) == {f"ivd{n}" for n in range(33, 41)}
    published = pd.read_csv(DATA / "discs_native" / "volumes.csv").set_index("patient")
    features = run.features().query("patient.str.startswith('ivd')")
    assert len(features) == 200
    for row in features.to_dict("records"):
        true = published.loc[int(row["patient"][3:]), f"{row['level']}_cm3"]
        assert row["disc.volume_mm3"] / 1000 == pytest.approx(true, rel=0.01)
