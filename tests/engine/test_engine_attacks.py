"""What strangers do to a run: odd plugins, quarantined patients, folders of others, damaged memories."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from spinefx.contract.errors import DataError, PlanError, StoreError
from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.store.run import Run

if TYPE_CHECKING:
    from conftest import Bench

HEAD = """
import sys
from pydantic import BaseModel
from spinefx.api import Features, Plugin, Row, hookimpl
class O(BaseModel, frozen=True, extra="forbid"):
    pass
class Mute(Exception):
    def __str__(self): raise ValueError("mute")
class Bad:
    def __init__(self, options): pass
    def measure(self, scan):
        if scan.case.id == "p1_t2":
            {body}
        return Features.of_case(scan.case, {{"n": 1.0}})
@hookimpl
def spinefx_geometry_analysers(): return [Plugin("bad", 1, 1, "x", O, Bad)]
"""


def _with_plugin(bench: Bench, body: str, **changes: Any) -> Run:
    plugin = bench.folder / "bad.py"
    plugin.write_text(HEAD.format(body=body))
    tables = bench.tables(**changes)
    tables["run"]["plugins"].append(str(plugin))
    tables["geometry"].append({"use": "bad"})
    return Engine(Plan.of(tables, bench.folder)).run()


def _quarantined(run: Run) -> dict[str, str]:
    return {case["case"]: case["cause"] for case in run.record["cases"] if case["outcome"] == "quarantined"}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("sys.exit(0)", "SystemExit: 0"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("raise Mute", "Mute: its message cannot be read (ValueError)"),
        (
            "return Features.of_rows([Row('p0_t2', 'p0', 'spine', '')], [{'n': 1.0}])",
            "gave a row of case 'p0_t2', patient 'p0'; wanted only rows of this case",
        ),
    ],
)
def test_whatever_a_plugin_does_costs_its_own_case(bench: Bench, body: str, cause: str) -> None:
    run = _with_plugin(bench, body)
    assert run.exit_code == 4
    assert _quarantined(run) == {"p1_t2": cause}
    assert len(run.features().query("structure == 'disc'")) == 14


@pytest.mark.parametrize("body", ["sys.exit(0)", "raise KeyboardInterrupt"])
def test_a_plugin_that_ends_its_worker_s_work_costs_its_own_case(make_bench: Any, body: str) -> None:
    run = _with_plugin(make_bench("small", 3), body, run={"executor": "processes", "workers": 1})
    assert run.exit_code == 4
    assert list(_quarantined(run)) == ["p1_t2"]


def test_what_plugins_print_in_workers_stays_out_of_stdout(make_bench: Any, capfd: pytest.CaptureFixture[str]) -> None:
    _with_plugin(make_bench("small", 2), "print('NOISE')", run={"executor": "processes", "workers": 1})
    out, err = capfd.readouterr()
    assert "NOISE" in err
    assert "NOISE" not in out


def test_a_quarantined_patient_may_be_named_in_the_split(bench: Bench) -> None:
    run = bench.run(data={"bad": ["p2_t2"]}, split={"test": ["p2", "p3"], "validation": ["p4"]})
    assert run.exit_code == 4
    assert set(run.latents().query("split == 'test'")["patient"]) == {"p3"}


def test_anatomy_is_kept_when_quarantine_leaves_nobody_to_train_on(make_bench: Any) -> None:
    run = make_bench("two", 2).run(data={"bad": ["p0_t2"]}, split={"test": ["p1"]})
    assert run.exit_code == 4
    assert "no patient is left to train on" in run.summary()
    assert set(run.features()["patient"]) == {"p1"}
    assert run.report.is_file()


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"test": ["nobody"]}, "names patients that are not in the cohort: nobody"),
        ({"stratify": "nothing"}, r"stratify = 'nothing' is no label; there are \['tall'\]"),
        ({"test": [f"p{n}" for n in range(8)]}, "leaves no patient to train on"),
    ],
)
def test_a_split_that_cannot_be_is_told_before_anything_is_computed(
    bench: Bench, split: dict[str, Any], said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        bench.run(split=split)
    assert bench.lines() == []


def test_a_target_that_the_loader_does_not_bring_is_told_with_its_place(bench: Bench) -> None:
    with pytest.raises(DataError, match=r"\[labels\]: label 'zzz' is not in the table; it has tall; loader 'toy'"):
        bench.run(labels={"targets": ["zzz"]})


def test_a_folder_with_others_files_is_left_alone(bench: Bench) -> None:
    theirs = bench.folder / "run" / "model" / "thesis.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("years of work")
    with pytest.raises(StoreError, match="no run's folder, and a run would write over its 'model'"):
        bench.run()
    assert [path.name for path in (bench.folder / "run").rglob("*")] == ["model", "thesis.txt"]


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', "{}", '{"state": "finished"}'])
def test_a_damaged_record_stops_neither_a_plan_nor_a_run(make_bench: Any, text: str) -> None:
    bench = make_bench("small", 2)
    record = bench.run().folder / "run.json"
    record.write_text(text)
    with pytest.raises(StoreError, match=r"run\.json"):
        _ = Run(record.parent).record
    assert all(step.cached for step in Engine(bench.plan()).preview())
    assert bench.run().exit_code == 0


@pytest.mark.parametrize(
    "name", ["findings.json", "features.parquet", "latents.csv", "model/model.json", "qc/p1_t2.png"]
)
def test_a_result_that_was_damaged_or_deleted_is_written_again(make_bench: Any, name: str) -> None:
    bench = make_bench("small", 2)
    path = bench.run().folder / name
    before = path.read_bytes()
    assert not bench.run().worked
    path.write_bytes(b"{")
    assert bench.run().worked
    assert path.read_bytes() == before
    path.unlink()
    assert bench.run().worked
    assert path.read_bytes() == before


def test_a_damaged_model_is_fitted_again(make_bench: Any) -> None:
    bench = make_bench("small", 3)
    run = bench.run()
    latents = (run.folder / "latents.parquet").read_bytes()
    cache = bench.folder / ".spinefx-cache"
    shutil.rmtree(cache / "steps")
    (model,) = (cache / "fits").glob("*/model/model.json")
    model.write_text(json.dumps(0.5))
    assert not next(step for step in Engine(bench.plan()).preview() if step.step.startswith("geometry")).cached
    run = bench.run()
    assert run.exit_code == 0
    assert (run.folder / "latents.parquet").read_bytes() == latents
