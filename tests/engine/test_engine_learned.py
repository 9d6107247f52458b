"""A segmenter that learns: whom it sees, when it is fitted again, and what its masks are judged by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_bench import Bench

from spinefx.engine import Engine
from spinefx.model import Model
from spinefx.plan import Plan
from spinefx.store.run import Run

LEARNER = Path(__file__).parent / "toy_learner.py"
SPLIT = {"test": ["p0", "p4"], "validation": ["p1"]}


def _tables(bench: Bench, out: str = "run", **changes: Any) -> dict[str, Any]:
    tables = bench.tables(out, split=SPLIT)
    tables["run"]["plugins"].append(str(LEARNER))
    tables["segment"] = {"use": "toy-learner", "journal": str(bench.journal)}
    tables["evaluate"].append({"use": "toy-judge"})
    tables["sample"] = {"shape": [4, 4, 4], "spacing": 4.0}  # what the toy encoder decodes to
    for name, change in changes.items():
        tables[name].update(change)
    return tables


def _run(bench: Bench, out: str = "run", **changes: Any) -> Run:
    return Engine(Plan.of(_tables(bench, out, **changes), bench.folder)).run()


def _judged(run: Run) -> dict[str, list[Any]]:
    found = next(s for s in run.findings()["stages"] if s["name"] == "toy-judge")
    return {row[0]: row[1:] for row in found["findings"]["tables"][0]["rows"]}


def test_no_test_patient_is_seen_by_the_fit_and_samples_come_from_the_made_masks(bench: Bench) -> None:
    run = _run(bench)
    assert run.exit_code == 0
    lines = bench.lines()
    assert [line for line in lines if line.startswith("learn")] == ["learn p2,p3,p5,p6,p7 stop p1"]
    learned = next(i for i, line in enumerate(lines) if line.startswith("learn"))
    assert all(lines.index(f"segment p{n}_t2") > learned for n in range(8))
    split = run.latents().drop_duplicates("patient").set_index("patient")["split"]
    assert set(split.index[split == "test"]) == {"p0", "p4"}
    # halves of p2,p3,p5,p6,p7 are 4,5,3,4,5; their mean is 4, and only disc 201 is made
    assert set(run.features()["toy-height.height_mm"]) == {8.0}
    assert set(run.latents()["level"]) == {"L5-S1"}


def test_masks_are_judged_by_those_that_the_loader_brought(bench: Bench) -> None:
    judged = _judged(_run(bench))
    assert judged["p0_t2"] == [8 * 36, 4 * 36, 0.75]
    assert judged["p3_t2"] == [8 * 36, 10 * 36, 0.75]


def test_the_report_says_whose_masks_were_made_by_what_had_seen_them(bench: Bench) -> None:
    found = next(s for s in _run(bench).findings()["stages"] if s["name"] == "masks")["findings"]
    assert "of 5 patients (1 more for early stopping)" in found["sentences"][0]
    assert "fitted on these very patients" in found["warnings"][0]


def test_it_is_fitted_once_and_again_only_when_its_patients_change(bench: Bench) -> None:
    _run(bench)
    bench.lines()
    assert not _run(bench).worked
    assert bench.lines() == []
    (bench.root / "p0_t2.txt").write_text("5")  # a test patient: the fit stands
    _run(bench)
    assert {line for line in bench.lines() if line.startswith(("learn", "segment"))} == {"segment p0_t2"}
    (bench.root / "p2_t2.txt").write_text("5")  # a training patient: another fit, which happens to give the same model
    _run(bench)
    lines = bench.lines()
    assert "learn p2,p3,p5,p6,p7 stop p1" in lines
    assert [line for line in lines if line.startswith("segment")] == ["segment p2_t2"]
    _run(bench, segment={"grow": 1})
    assert sum(line.startswith("segment") for line in bench.lines()) == 8


def test_workers_make_the_same_masks_as_this_process(bench: Bench) -> None:
    one = _run(bench)
    two = _run(bench, "two", run={"executor": "processes", "workers": 2, "out": str(bench.folder / "x" / "two")})
    assert (one.folder / "features.csv").read_bytes() == (two.folder / "features.csv").read_bytes()
    assert (one.folder / "latents.csv").read_bytes() == (two.folder / "latents.csv").read_bytes()


def test_a_preview_waits_for_the_fit_and_then_knows_every_step(bench: Bench) -> None:
    plan = Plan.of(_tables(bench), bench.folder)
    steps = Engine(plan).preview()
    assert (steps[0].step, steps[0].cached) == ("fit toy-learner", False)
    assert {step.why for step in steps[1:]} == {"the segmenter is to be fitted first"}
    _run(bench)
    assert all(step.cached for step in Engine(plan).preview())


def test_a_training_case_that_cannot_be_read_is_left_out_of_the_fit_and_quarantined(bench: Bench) -> None:
    run = _run(bench, data={"bad": ["p3_t2", "p4_t2"]})
    assert run.exit_code == 4
    assert "learn p2,p5,p6,p7 stop p1" in bench.lines()
    split = json.loads((run.folder / "split.json").read_text())["part"]
    assert split == {"p0": "test", "p1": "validation", "p2": "train", "p5": "train", "p6": "train", "p7": "train"}


@pytest.mark.parametrize("where", ["elsewhere", "in the run"])
def test_a_fitted_segmenter_goes_with_the_model_and_is_used_for_new_scans(bench: Bench, where: str) -> None:
    run = _run(bench)
    kept = run.folder / "model" / "segmenter"
    assert json.loads((kept / "model.json").read_text()) == 4
    bench.lines()
    if where == "elsewhere":
        moved = kept.rename(bench.folder / "kept")
        run = _run(bench, "second", segment={"model": str(moved)})
        lines = bench.lines()
        assert not [line for line in lines if line.startswith("learn")]
        assert not [line for line in lines if line.startswith("segment")]  # the same model: its masks are there
        assert "model" not in json.loads((run.folder / "model" / "recipe.json").read_text())["sections"]["segment"]
    new = {"use": "toy", "root": str(bench.root), "journal": str(bench.journal)}
    toml = bench.folder / "new.toml"
    toml.write_text(
        '[run]\nexecutor = "serial"\n[data]\n'
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in new.items())
    )
    plugins = [LEARNER.with_name("toy_plugins.py"), LEARNER]
    encoded = Model.load(run.folder, plugins=plugins).encode(toml, workers=1)
    assert {row.level for row in encoded.latents.rows} == {"L5-S1"}
    assert encoded.seen.all()
    assert not [line for line in bench.lines() if line.startswith("learn")]


def test_another_model_at_the_same_path_makes_other_masks(bench: Bench) -> None:
    kept = bench.folder / "kept"
    kept.mkdir()
    (kept / "model.json").write_text("3")
    assert set(_run(bench, segment={"model": str(kept)}).features()["toy-height.height_mm"]) == {6.0}
    (kept / "model.json").write_text("2")
    assert set(_run(bench, segment={"model": str(kept)}).features()["toy-height.height_mm"]) == {4.0}
