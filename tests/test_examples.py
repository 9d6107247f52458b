"""The examples run: the real study on real masks, where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
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
        "labels.others=[]",
        "geometry=[{use='disc', cut_off='keep'}]",
        "evaluate=[{use='reconstruction'}]",
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
    from spinefx.work.cohort.augment import Augmentation

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


KAPPAS = {
    "Disc narrowing": 0.54, "Disc bulging": 0.35, "Disc herniation": 0.33, "Spondylolisthesis": 0.58, "Modic": 0.22,
    "Pfirrman grade": 0.36,
}  # fmt: skip
"""Of SPIDER's two readers, from the tables alone."""


@pytest.mark.skipif(not (DATA / "discs_native").is_dir(), reason="the development data (../shared/data) is not here")
def test_the_study_s_two_readers_agree_as_their_tables_say(tmp_path: Path) -> None:
    from spinefx_stats import AgreementOptions
    from spinefx_stats.agreement import Agreement

    from spinefx.api import Features, Latents, SampleList, Split, Study

    changes = [
        f"data.root=['{DATA / 'spider'}', '{DATA / 'discs_native'}']", f"run.out='{tmp_path / 'run'}'",
        f"labels.table='{DATA / 'spider' / 'radiological_gradings.csv'}'",
        f"labels.others=['{DATA / 'spider' / 'annotations.xlsx'}']",
    ]  # fmt: skip
    plan = Plan.read(ROOT / "examples" / "spider_study.toml", overrides=changes)
    options = next(stage.options for stage in plan.evaluate if stage.name == "agreement")
    labels = Engine(plan).check().labels
    nothing = Latents((), np.zeros((0, 1), np.float32))
    study = Study(SampleList(()), nothing, Features((), {}), labels, Split({}, {}), None, 0)  # type: ignore[arg-type]
    found = Agreement(AgreementOptions.model_validate(options.model_dump())).evaluate(study)
    names = [column.name for column in found.tables[0].columns]
    kappas = {row[0]: row[names.index("kappa")] for row in found.tables[0].rows}
    assert kappas == pytest.approx(KAPPAS, abs=0.006)
    assert not found.warnings


def petct_cohort(folder: Path, patients: int = 12) -> None:
    """CT, PET and vertebra masks as NIfTI; the SUV of a vertebra is 1.5 + .06 a degree of coronal tilt + the patient's own."""
    import SimpleITK as sitk

    from spinefx.phantom import Scanner, draw_patient, scan_of, truth_of

    lines = ["id,age,sex,bmi"]
    rng = np.random.default_rng(0)
    for number in range(1, patients + 1):
        patient = draw_patient(3, number, levels=4)
        images, mask = scan_of(patient, seed=3, scanner=Scanner((3.0, 2.0, 2.0), pir_share=0.0), modalities=("ct",))
        own, tilts = 0.3 * rng.normal(), truth_of(patient, "x")
        pet = np.full(mask.grid.shape, 0.5, np.float32)
        for structure in mask.structures("vertebra"):
            row = next(r for r in tilts.rows if (r.structure, r.level) == ("vertebra", structure.level))
            tilt = tilts.columns["vertebra.tilt_coronal_deg"][tilts.rows.index(row)]
            pet[mask.mask_of(structure)] = 1.5 + 0.06 * tilt + own + 0.02 * rng.normal()
        for name, data in (("CT_image", images["ct"].data), ("PET_image", pet), ("CT_vertebrae", mask.labels)):
            image = sitk.GetImageFromArray(np.asarray(data))
            image.SetSpacing(mask.grid.spacing[::-1])
            image.SetOrigin(mask.grid.origin)
            image.SetDirection(np.asarray(mask.grid.direction).ravel().tolist())
            (folder / patient.id).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(image, folder / patient.id / f"{name}.nii.gz")
        lines.append(f"{patient.id},{patient.age},{patient.sex},{22 + 6 * rng.random():.1f}")
    (folder / "patients.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_the_pet_study_finds_the_planted_uptake_on_phantoms(tmp_path: Path) -> None:
    petct_cohort(tmp_path / "data")
    changes = [
        f"data.root='{tmp_path / 'data'}'", "data.scheme='spider'", f"labels.table='{tmp_path / 'data' / 'patients.csv'}'",
        f"run.out='{tmp_path / 'run'}'", "run.workers=1", "encode.latent_dim=2", "sample.spacing=4.0",
        "sample.shape=[16, 24, 24]",
    ]  # fmt: skip
    run = Engine(Plan.read(ROOT / "examples" / "petct_study.toml", overrides=changes)).run()
    assert run.exit_code == 0, (tmp_path / "run" / "log.jsonl").read_text()[-2000:]
    stage = next(
        s for s in json.loads((tmp_path / "run" / "findings.json").read_text())["stages"] if s["name"] == "mixed-model"
    )
    table = next(t for t in stage["findings"]["tables"] if t["name"] == "mixed-model")
    names = [column["name"] for column in table["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
    tilt = next(r for r in rows if (r["outcome"], r["feature"]) == ("uptake.suv_mean", "vertebra.tilt_coronal_deg"))
    spread = run.features().query("structure == 'vertebra'")["vertebra.tilt_coronal_deg"].std(ddof=0)
    assert tilt["finding"] is True
    assert tilt["effect"] / spread == pytest.approx(0.06, rel=0.1)  # a little less: the measured tilt has an error
    assert tilt["icc"] > 0.5  # patients differ by .3, vertebrae by .02


@pytest.mark.skipif(
    not (DATA / "petct" / "STS_018").is_dir(), reason="the development data (../shared/data) is not here"
)
def test_the_pet_study_reads_a_real_patient_and_says_that_one_is_too_few(tmp_path: Path) -> None:
    """STS_018's mask is a tumour's, so it is measured as a lesion: a smoke, no finding."""
    changes = [
        f"data.root='{DATA / 'petct'}'", "data.masks='{id}/CT_mask.nii.gz'", "data.scheme={1='lesion'}", "labels={}",
        f"run.out='{tmp_path / 'run'}'", "run.workers=1", "sample.structures='spine'", "geometry.1.structures=['lesion']",
        "split={test=0, folds=2}",
    ]  # fmt: skip
    run = Engine(Plan.read(ROOT / "examples" / "petct_study.toml", overrides=changes)).run()
    row = run.features().query("structure == 'lesion'").iloc[0]
    import SimpleITK as sitk

    folder = DATA / "petct" / "STS_018"
    pet, mask = (sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in ("PET_image", "CT_mask"))
    inside = sitk.GetArrayFromImage(sitk.Resample(sitk.Cast(pet, sitk.sitkFloat32), mask))[
        sitk.GetArrayFromImage(mask) > 0
    ]
    assert row["uptake.suv_mean"] == pytest.approx(float(inside.mean()), rel=0.01)
    assert row["uptake.suv_max"] == pytest.approx(float(inside.max()), rel=0.01)


def test_tensorboard_shows_the_losses_of_every_epoch_where_a_plan_names_it(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tables = {
        "run": {"executor": "serial", "out": str(tmp_path / "run")},
        "data": {"use": "phantom", "patients": 5, "levels": 3, "spacing_mm": [5.0, 2.0, 2.0]},
        "sample": {"shape": [12, 16, 16], "spacing": [3.0, 4.0, 4.0]},
        "encode": {"use": "conv-ae", "epochs": 2, "channels": [2, 4], "width": 8, "templates": 2},
        "geometry": [],
        "evaluate": [],
    }
    assert Engine(Plan.of(tables, tmp_path)).run().exit_code == 0
    assert not (tmp_path / "run" / "tensorboard").exists(), "off unless it is named"
    tables["run"] |= {"plugins": [str(ROOT / "examples" / "tensorboard_observer.py")], "out": str(tmp_path / "watched")}
    tables["encode"] |= {"epochs": 3}
    run = Engine(Plan.of(tables, tmp_path)).run()
    assert run.exit_code == 0
    curves = EventAccumulator(str(tmp_path / "watched" / "tensorboard"))
    curves.Reload()
    points = [point.value for point in curves.Scalars("train_loss")]
    model = json.loads((tmp_path / "watched" / "model" / "model.json").read_text())
    best = model["fitted"]["best_epoch"]
    assert len(points) == 3
    assert points[best - 1] == pytest.approx(model["fitted"]["losses"]["train_loss"], rel=1e-6)
