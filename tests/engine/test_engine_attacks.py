"""What strangers do to a run: odd plugins, quarantined patients, folders of others, damaged memories."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from spinefx.contract.errors import DataError, PlanError, PluginError, StoreError
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


_WARY = """
from pydantic import BaseModel
from spinefx.api import DataError, Findings, Plugin, hookimpl
class Options(BaseModel, frozen=True, extra="forbid"):
    pass
class Wary:
    def __init__(self, options): pass
    def evaluate(self, study): return Findings()
    def foresee(self, split, labels):
        {does}
@hookimpl
def spinefx_evaluators(): return [Plugin("wary", 1, 1, "x", Options, Wary)]
"""


@pytest.mark.parametrize(
    ("does", "error", "said"),
    [
        (
            "raise DataError(f'{len(split.patients())} patients, and {sorted(labels.columns)}')",
            PlanError,
            "wary: 8 patients, and",
        ),
        ("split.nothing", PluginError, "wary fails before the run: AttributeError: "),
    ],
)
def test_what_an_evaluator_foresees_is_told_before_anything_is_computed(
    bench: Bench, does: str, error: type[Exception], said: str
) -> None:
    plugin = bench.folder / "wary.py"
    plugin.write_text(_WARY.format(does=does))
    tables = bench.tables()
    tables["run"]["plugins"].append(str(plugin))
    tables["evaluate"].append({"use": "wary"})
    with pytest.raises(error, match=rf"\[evaluate\]: {said}"):
        Engine(Plan.of(tables, bench.folder)).run()
    assert bench.lines() == []
    plugin.write_text(_WARY.format(does="pass"))
    assert Engine(Plan.of(tables, bench.folder)).run().exit_code == 0


def test_a_target_that_the_loader_does_not_bring_is_told_with_its_place(bench: Bench) -> None:
    with pytest.raises(DataError, match=r"\[labels\]: label 'zzz' is not in the table; it has tall; loader 'toy'"):
        bench.run(labels={"targets": ["zzz"]})


def test_what_the_plan_names_of_a_loader_s_labels_stands_before_what_the_loader_names(bench: Bench) -> None:
    own = Engine(bench.plan()).check().labels
    named = Engine(bench.plan(labels={"covariates": ["tall"]})).check().labels
    assert (own.targets, own.covariates) == (("tall",), ())
    assert (named.targets, named.covariates) == (("tall",), ("tall",))


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


ENCODER = """
import sys
import numpy as np
from pydantic import BaseModel
from spinefx.api import Latents, Plugin, hookimpl
class O(BaseModel, frozen=True, extra="forbid"):
    pass
class Odd:
    def __init__(self, options): pass
    def fit(self, fitting): return []
    def encode(self, samples):
        rows = samples.rows
        {body}
    def decode(self, z): return np.zeros((len(z), 8, 8, 8), np.float32)
    def save(self, folder): (folder / "model.json").write_text("1")
    def load(self, folder): pass
@hookimpl
def spinefx_encoders(): return [Plugin("odd", 1, 1, "x", O, Odd)]
@hookimpl
def spinefx_case_done(case): sys.exit(3)
"""


def _encoded(bench: Bench, body: str) -> Run:
    plugin = bench.folder / "odd.py"
    plugin.write_text(ENCODER.format(body=body))
    tables = bench.tables()
    tables["run"]["plugins"].append(str(plugin))
    tables["encode"] = {"use": "odd"}
    return Engine(Plan.of(tables, bench.folder)).run()


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("return Latents(rows[::-1], np.zeros((len(rows), 2)))", "gave 6 latents in rows that are not the 6 samples'"),
        ("return Latents(rows[:1], np.zeros((1, 2)))", "gave 1 latents in rows that are not the 6 samples'"),
        ("return Latents(rows, np.full((len(rows), 2), np.nan))", "not finite, or none; its training has failed"),
        ("return Latents(rows, np.zeros((len(rows), 0)))", "not finite, or none; its training has failed"),
    ],
)
def test_latents_of_other_rows_or_without_numbers_are_refused(make_bench: Any, body: str, cause: str) -> None:
    run = _encoded(make_bench("small", 3), body)
    assert run.exit_code == 4
    assert cause in run.summary()
    assert len(run.features()) == 6


def test_a_full_disk_inside_a_plugin_ends_the_run_and_says_so(make_bench: Any) -> None:
    bench = make_bench("small", 2)
    with pytest.raises(StoreError, match=r"encode odd: .*No space left on device; free some space, then run again"):
        _encoded(bench, "raise OSError(28, 'No space left on device')")


def test_an_observer_that_exits_ends_no_run(make_bench: Any) -> None:
    run = _encoded(make_bench("small", 2), "return Latents(rows, np.ones((len(rows), 2)))")
    assert run.exit_code == 0
    assert '"observer failed"' in (run.folder / "log.jsonl").read_text()


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ("['a', 1]", "gives the case id 1: is int, wanted text"),
        ("['a', '']", "gives the case id '': is empty"),
        ("['a', 'b\\x00']", r"gives the case id 'b\\x00': holds characters that cannot be printed"),
        ("['a', '\\udcff']", "holds characters that cannot be printed"),
        ("['a', 'b' * 201]", "has 201 characters, wanted at most 200"),
        ("['a', 'a']", "gives two cases the id 'a'"),
        ("[]", r"\[data\]: loader .*: finds no case"),
        ("[0 / 0]", "fails to list its cases: ZeroDivisionError: division by zero"),
    ],
)
def test_cases_that_cannot_be_told_apart_or_written_are_refused(make_bench: Any, ids: str, said: str) -> None:
    bench = make_bench("small", 2)
    plugin = bench.folder / "ids.py"
    plugin.write_text(
        "from pydantic import BaseModel\nfrom spinefx.api import Case, Plugin, hookimpl\n"
        "class O(BaseModel, frozen=True, extra='forbid'):\n    pass\n"
        "class L:\n    def __init__(self, o): pass\n"
        f"    def cases(self): return [Case(i, 'p', {{}}) for i in {ids}]\n    def load(self, case): pass\n"
        "@hookimpl\ndef spinefx_loaders(): return [Plugin('ids', 1, 1, 'x', O, L)]\n"
    )
    tables = bench.tables()
    tables["run"]["plugins"].append(str(plugin))
    tables["data"] = {"use": "ids"}
    with pytest.raises(DataError, match=said):
        Engine(Plan.of(tables, bench.folder)).run()
