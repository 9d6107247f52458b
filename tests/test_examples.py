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


def test_torchio_s_artefacts_hang_on_seed_sample_and_epoch_alone(tmp_path: Path) -> None:
    pytest.importorskip("torchio")
    import numpy as np
    import torch

    from spinefx.api import Grid, Row, Sample, SampleList
    from spinefx.work.augment import Augmentation

    tables = {
        "run": {"plugins": [str(ROOT / "examples" / "torchio_augment.py")]},
        "data": {"use": "phantom"},
        "augment": [
            {"use": "torchio", "probability": 1.0, "transforms": ["RandomGhosting", "RandomSpike", "RandomBlur"]}
        ],
    }
    augmenter = Plan.of(tables, tmp_path).augment[0].build()
    image = np.random.default_rng(0).random((2, 12, 14, 16), np.float32)
    sample = Sample(Row("a", "a", "disc", "L1-L2"), image, image[0], Grid((12, 14, 16)), ("mask", "t2"))
    augment = Augmentation(SampleList((sample,)), [augmenter], 3)
    before = torch.random.get_rng_state()
    found = [augment(0, epoch) for epoch in range(4)]
    again = [augment(0, epoch) for epoch in range(3, -1, -1)][::-1]
    assert torch.equal(before, torch.random.get_rng_state())
    for one, two in zip(found, again, strict=True):
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.image[0], image[0])
        assert np.array_equal(one.mask, image[0])
    assert not np.allclose(found[0].image[1], image[1])


@pytest.mark.parametrize("name", ["published_autoencoder.toml", "spider_study.toml"])
def test_the_studies_are_plans(name: str, tmp_path: Path) -> None:
    plan = Plan.read(ROOT / "examples" / name, overrides=[f"run.out='{tmp_path}'"])
    assert plan.encode.name == "conv-ae"
