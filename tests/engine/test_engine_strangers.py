"""What a plugin does beside giving its result is undone where it can be, and named."""

from __future__ import annotations

# ruff: noqa: NPY002  (the legacy state is what is watched)
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_bench import Bench

from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.store.run import Run

MakeBench = Callable[..., Bench]

_PLUGIN = """
import os, random, threading, time
import numpy as np
from pydantic import BaseModel
from spinefx.api import Features, Plugin, hookimpl
class Options(BaseModel, frozen=True, extra="forbid"):
    pass
class Stranger:
    def __init__(self, options): pass
    def measure(self, scan):
        value = 1.0
        {does}
        return Features.of_case(scan.case, {{"value": value}})
@hookimpl
def spinefx_geometry_analysers(): return [Plugin("stranger", 1, 1, "x", Options, Stranger)]
"""


def _run(bench: Bench, does: str, **run: object) -> Run:
    plugin = bench.folder / "stranger.py"
    plugin.write_text(_PLUGIN.format(does=does))
    tables = bench.tables(run=run)
    tables["run"]["plugins"].append(str(plugin))
    tables["geometry"].append({"use": "stranger"})
    return Engine(Plan.of(tables, bench.folder)).run()


@pytest.mark.parametrize(
    ("does", "remark"),
    [
        ("value = np.random.normal()", "geometry stranger drew from the global random state"),
        ("value = random.random()", "geometry stranger drew from the global random state"),
        ("np.random.seed(3)", "geometry stranger drew from the global random state"),
        ("os.chdir('/')", "geometry stranger changed the working folder; it was set back"),
        ("threading.Thread(target=time.sleep, args=(2,), name='idle').start()", r"left 1 thread running (idle)"),
    ],
)
def test_what_a_plugin_should_not_do_is_undone_and_named(bench: Bench, does: str, remark: str) -> None:
    folder, states = Path.cwd(), (random.getstate(), np.random.get_state()[1].tolist())
    run = _run(bench, does)
    assert run.exit_code == 0
    assert all(any(remark in note for note in case["notes"]) for case in run.record["cases"])
    assert Path.cwd() == folder
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def test_a_plugin_that_does_nothing_amiss_is_not_remarked_on(bench: Bench) -> None:
    run = _run(bench, "value = float(np.random.default_rng(3).normal())")
    assert not any("stranger" in note for case in run.record["cases"] for note in case["notes"])


def test_one_that_draws_from_the_global_state_gives_the_same_numbers_for_any_number_of_workers(
    make_bench: MakeBench,
) -> None:
    does = "value = random.random() + np.random.normal()"
    one = _run(make_bench("one"), does)
    two = _run(make_bench("two"), does, executor="processes", workers=2)
    assert (one.folder / "features.parquet").read_bytes() == (two.folder / "features.parquet").read_bytes()
    values = one.features()["stranger.value"].dropna()
    assert values.nunique() == len(values) == 8


@pytest.mark.parametrize(
    ("does", "cause"),
    [
        ("scan.mask.labels[0] = 7", "read-only"),
        ("scan.mask.labels.flags.writeable = True; scan.mask.labels[0] = 7", "made its input writable"),
    ],
)
def test_a_changed_input_costs_the_case_and_names_the_plugin(bench: Bench, does: str, cause: str) -> None:
    run = _run(bench, does)
    assert run.exit_code == 4
    for case in run.record["cases"]:
        assert (case["outcome"], case["stage"], case["plugin"]) == ("quarantined", "geometry", "stranger")
        assert cause in case["cause"]
