"""A search stays inside the training patients, gives the same scores again, and does only what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinefx.api import PlanError
from spinefx.cli import main
from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.sweep import Axis, Score, Sweep, chosen

TABLES: dict[str, Any] = {
    "run": {"out": "run", "executor": "serial"},
    "data": {"use": "phantom", "patients": 7, "levels": 3, "spacing_mm": [5.0, 1.2, 1.2]},
    "sample": {"shape": [12, 20, 24], "spacing": 2.5},
    "encode": {"use": "conv-ae", "epochs": 1, "channels": [4, 4], "width": 8, "templates": 2},
    "geometry": [],
    "evaluate": [],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep")


def _plan(folder: Path, **changes: Any) -> Plan:
    return Plan.of({**TABLES, **changes}, folder)


def _sweep(folder: Path, *axes: str, **options: Any) -> Sweep:
    plan = _plan(folder).moved(folder / "run-sweep")
    return Sweep(plan, [Axis.parse(text) for text in axes], **{"folds": 2, **options})


def _fits(folder: Path) -> set[str]:
    return {path.parent.name for path in (folder / ".spinefx-cache" / "fits").glob("*/seal.json")}


def test_every_choice_is_scored_on_patients_it_was_not_fitted_on_beside_pca(folder: Path) -> None:
    scores = _sweep(folder, "encode.latent_dim=2,3").run()
    assert sorted(score.choice["encode.latent_dim"] for score in scores) == [2, 3]
    for score in scores:
        assert len(score.iou) == len(score.pca) == 2
        assert 0.0 < score.mean < 1.0
    fits = _fits(folder)
    assert len(fits) == 8, "two sizes, two parts, ours and PCA's"
    again = _sweep(folder, "encode.latent_dim=2,3").run()
    assert again == scores
    assert _fits(folder) == fits
    wider = _sweep(folder, "encode.latent_dim=2,3,4").run()
    assert {s.choice["encode.latent_dim"]: s for s in wider}[2] == {s.choice["encode.latent_dim"]: s for s in scores}[2]
    assert len(_fits(folder)) == 12


def test_test_patients_take_no_part(folder: Path) -> None:
    search = _sweep(folder, "encode.latent_dim=2")
    search.run()
    plan = _plan(folder)
    run = Engine(_plan(folder, encode={"use": "pca", "latent_dim": 2})).run()
    tested = set(run.latents().query("split == 'test'")["patient"])
    assert tested
    assert not tested & {row.patient for row in search.cohort.samples.rows}
    assert not tested & set(search.parts.part)
    assert plan.run.seed == 0


def test_repeats_are_seeds_and_a_range_is_drawn_by_optuna_the_same_each_time(folder: Path) -> None:
    options = {"sampler": "tpe", "trials": 2, "repeats": 2}
    first = _sweep(folder, "encode.lr=1e-4..1e-2", **options).run()
    assert len(first[0].iou) == 4
    assert len(set(first[0].iou)) > 2
    assert all(1e-4 <= score.choice["encode.lr"] <= 1e-2 for score in first)
    assert _sweep(folder, "encode.lr=1e-4..1e-2", **options).run() == first


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sample.spacing=1,2", "other sections change the samples"),
        ("encode=2", "wanted encode.KEY"),
        ("encode.lr=0.1..0.01", "is no range"),
        ("encode.lr=a..b", "is no range"),
        ("encode.latent_dim=", "wanted encode.KEY"),
    ],
)
def test_what_cannot_be_searched_is_told(text: str, reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        Axis.parse(text)


def test_a_key_that_the_encoder_does_not_have_is_told_before_work_begins(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="latent_dims"):
        _sweep(tmp_path, "encode.latent_dims=2,3").run()
    with pytest.raises(PlanError, match="a grid needs values"):
        _sweep(tmp_path, "encode.lr=1e-4..1e-2").run()
    with pytest.raises(PlanError, match="`latent_dim` is 0"):
        _sweep(tmp_path, "encode.latent_dim=2,0").run()
    with pytest.raises(PlanError, match="`lr` is 2"):
        _sweep(tmp_path, "encode.lr=0.1..2.0", sampler="tpe").run()
    assert not (tmp_path / "run-sweep").exists()


def test_more_parts_than_patients_are_refused(folder: Path) -> None:
    with pytest.raises(PlanError, match=r"6 patients cannot be dealt to 9 parts; lower --folds to 6"):
        _sweep(folder, "encode.latent_dim=2", folds=9).run()


def test_a_size_that_pca_has_too_few_samples_for_stands_alone(folder: Path) -> None:
    scores = _sweep(folder, "encode.latent_dim=2,64").run()
    found = {score.choice["encode.latent_dim"]: score for score in scores}
    assert len(found[64].iou) == len(found[2].pca) == 2
    assert found[64].pca == ()
    notes = (folder / "run-sweep" / "log.jsonl").read_text()
    assert "no PCA of 64 components beside it" in notes


def test_the_smallest_within_one_standard_error_of_the_best_is_named() -> None:
    scores = [
        Score({"encode.latent_dim": 2}, (0.60, 0.62), ()),
        Score({"encode.latent_dim": 4}, (0.79, 0.80), ()),
        Score({"encode.latent_dim": 8}, (0.78, 0.84), ()),
    ]
    best, small = chosen(scores)
    assert best.choice["encode.latent_dim"] == 8
    assert small.choice["encode.latent_dim"] == 4
    assert best.error == pytest.approx(0.03)


def test_repeats_on_the_same_patients_do_not_narrow_the_standard_error() -> None:
    once = Score({}, (0.70, 0.80, 0.78), ())
    twice = Score({}, (0.69, 0.82, 0.77, 0.71, 0.78, 0.79), (), repeats=2)
    assert twice.mean == pytest.approx(once.mean)
    assert twice.error == pytest.approx(once.error)
    assert once.error == pytest.approx(np.std([0.70, 0.80, 0.78], ddof=1) / 3**0.5)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a small pipeline in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.toml").write_text(
        '[run]\nout = "run"\nexecutor = "serial"\n[data]\nuse = "phantom"\npatients = 6\nlevels = 3\nspacing_mm = [5.0, 1.2, 1.2]\n'
        '[sample]\nshape = [12, 20, 24]\nspacing = 2.5\n[encode]\nuse = "pca"\n'
    )
    return tmp_path


def test_the_command_writes_a_table_and_a_curve(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--over", "encode.latent_dim=2,4", "--folds", "2", "-q"]) == 0
    said = capsys.readouterr().out
    assert "latent_dim 4" in said
    assert "within one standard error" in said
    lines = (here / "run-sweep" / "sweep.csv").read_text().splitlines()
    assert lines[0] == "encode.latent_dim,iou,error,pca"
    assert len(lines) == 3
    record = json.loads((here / "run-sweep" / "sweep.json").read_text())
    assert record["scores"][0]["iou"] == record["scores"][0]["pca"], "PCA beside itself"
    assert (here / "run-sweep" / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_a_choice_that_cannot_be_fitted_is_told_and_the_others_stand(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "--over", "encode.latent_dim=2,64", "--folds", "2", "-q"]) == 4
    told = capsys.readouterr()
    assert "failed: latent_dim 64: encode: pca: " in told.out
    assert "best: latent_dim 2;" in told.out
    assert "Traceback" not in told.err
    assert (here / "run-sweep" / "sweep.csv").read_text().splitlines()[-1].startswith(("2,0.", "64,,,"))
    assert (here / "run-sweep" / "sweep.png").is_file()
    assert main(["sweep", "--over", "encode.latent_dim=64", "--folds", "2", "-q"]) == 4
    assert "no choice could be fitted" in capsys.readouterr().err
