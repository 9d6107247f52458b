"""What fails costs its own case: errors, crashes, hangs, kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_bench import Bench

from spinefx.contract.errors import DataError, StoreError
from spinefx.store.cache import Cache

POOL = {"executor": "processes", "workers": 2}


def test_a_failing_case_is_quarantined_with_its_cause_and_the_rest_go_on(bench: Bench) -> None:
    run = bench.run(data={"bad": ["p2_t2"]})
    assert run.exit_code == 4
    assert [case for case, outcome in run.outcomes.items() if outcome == "quarantined"] == ["p2_t2"]
    record = next(case for case in run.record["cases"] if case["case"] == "p2_t2")
    assert (record["stage"], record["plugin"], record["cause"]) == ("loader", "toy", "ValueError: the toy is broken")
    assert set(run.features()["case"]) == {f"p{n}_t2" for n in range(8)} - {"p2_t2"}
    flow = run.findings()["stages"][0]["findings"]["tables"]
    assert ["p2_t2", "loader", "toy", "ValueError: the toy is broken"] in next(
        t for t in flow if t["name"] == "quarantined"
    )["rows"]
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert any("in load" in line.get("trace", "") for line in lines)


def test_a_run_may_be_told_to_stop_at_the_first_failing_case(bench: Bench) -> None:
    with pytest.raises(DataError, match=r"case p2_t2: loader toy: .*stopped by \[run\] on_error"):
        bench.run(data={"bad": ["p2_t2"]}, run={"on_error": "stop"})


@pytest.mark.parametrize(
    ("fault", "timeout", "cause"),
    [
        ({"segfault": ["p1_t2"]}, 0.0, "died of SIGSEGV"),
        ({"hang": ["p1_t2"]}, 9.0, r"longer than \[run\] timeout = 9 s"),
    ],
)
def test_a_crash_or_a_hang_costs_that_case_only(
    bench: Bench, fault: dict[str, list[str]], timeout: float, cause: str
) -> None:
    run = bench.run(run={**POOL, "timeout": timeout}, data=fault)
    assert run.exit_code == 4
    assert [case for case, outcome in run.outcomes.items() if outcome == "quarantined"] == ["p1_t2"]
    record = next(case for case in run.record["cases"] if case["case"] == "p1_t2")
    assert __import__("re").search(cause, record["cause"])
    assert len(run.features()) == 14


@pytest.mark.parametrize(("deaths", "survives"), [(3, True), (99, False)])
def test_workers_that_die_as_they_start_are_started_again_a_few_times(
    bench: Bench, tmp_path: Path, deaths: int, survives: bool
) -> None:
    """Nothing is in work then, so no case is to blame."""
    (tmp_path / "deadly.py").write_text(
        "import multiprocessing, os, signal\nfrom spinefx.api import hookimpl\n"
        "@hookimpl\ndef spinefx_loaders(): return []\n"
        f"PATH = {str(tmp_path / 'deaths')!r}\n"
        "if multiprocessing.parent_process() is not None:\n"
        "    with open(PATH, 'ab') as file:\n"
        "        file.write(b'x')\n"
        f"    if os.path.getsize(PATH) <= {deaths}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    plugins = [*bench.tables()["run"]["plugins"], str(tmp_path / "deadly.py")]
    if survives:
        run = bench.run(run={**POOL, "plugins": plugins})
        assert (run.exit_code, len(run.features())) == (0, 16)
    else:
        with pytest.raises(StoreError, match="died 5 times in a row before any had a case in work"):
            bench.run(run={**POOL, "plugins": plugins})


def test_a_failing_encoder_or_evaluator_loses_nothing_else(bench: Bench, tmp_path: Path) -> None:
    plugin = tmp_path / "bad.py"
    plugin.write_text(
        "from pydantic import BaseModel\nfrom spinefx.api import Plugin, hookimpl\n"
        "class O(BaseModel, frozen=True, extra='forbid'):\n    pass\n"
        "class E:\n    def __init__(self, o): pass\n    def evaluate(self, study): raise KeyError('no such thing')\n"
        "    def fit(self, f): raise RuntimeError('NaN in epoch 2')\n    def encode(self, s): pass\n    def decode(self, z): pass\n"
        "    def save(self, f): pass\n    def load(self, f): pass\n"
        "@hookimpl\ndef spinefx_evaluators(): return [Plugin('bad-judge', 1, 1, 'x', O, E)]\n"
        "@hookimpl\ndef spinefx_encoders(): return [Plugin('bad-net', 1, 1, 'x', O, E)]\n"
    )
    from spinefx.engine import Engine
    from spinefx.plan import Plan

    tables = bench.tables()
    tables["run"]["plugins"].append(str(plugin))
    tables["evaluate"].insert(0, {"use": "bad-judge"})
    run = Engine(Plan.of(tables, bench.folder)).run()
    assert run.exit_code == 4
    assert "bad-judge failed: KeyError: 'no such thing'" in run.summary()
    plugins = [s["name"] for s in run.findings()["stages"] if s["kind"] != "engine"]
    assert plugins == ["bad-judge", "toy-say"]

    tables["encode"] = {"use": "bad-net"}
    tables["run"]["out"] = str(bench.folder / "second")
    run = Engine(Plan.of(tables, bench.folder)).run()
    assert run.exit_code == 4
    assert "bad-net failed: RuntimeError: NaN in epoch 2" in run.summary()
    assert len(run.features()) == 16
    assert run.report.is_file()


SCRIPT = """
import json, sys
from pathlib import Path
from spinefx.engine import Engine
from spinefx.plan import Plan
print(Engine(Plan.of(json.loads(sys.argv[1]), Path(sys.argv[2]))).run().exit_code)
"""


def _killed_when(bench: Bench, tables: dict[str, object], line: str, script: Path) -> None:
    """Start a run of its own and SIGKILL the whole group as soon as the journal holds `line`."""
    script.write_text(SCRIPT)
    command = [sys.executable, "-P", str(script), json.dumps(tables), str(bench.folder)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while line not in bench.journal.read_text().splitlines():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline, "the run never got there"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("executor", [{"executor": "serial", "workers": 1}, POOL], ids=["serial", "processes"])
def test_killed_in_casework_running_again_finishes_with_the_same_numbers(
    make_bench, tmp_path: Path, executor: dict
) -> None:  # type: ignore[no-untyped-def,type-arg]
    straight = make_bench("straight").run()
    bench = make_bench("killed")
    tables = bench.tables(run=executor, data={"slow": 0.2})
    _killed_when(bench, tables, "measure p3_t2", tmp_path / "script.py")
    before = bench.lines()
    run = bench.run(run=executor, data={"slow": 0.2})
    after = bench.lines()
    assert run.exit_code == 0
    again = [line for line in after if line.startswith("load") and line in before]
    assert len(again) <= executor["workers"], "more than one case a worker was done again"
    for name in ("features.parquet", "latents.parquet"):
        assert (run.folder / name).read_bytes() == (straight.folder / name).read_bytes()


def test_killed_in_training_running_again_goes_on_and_gives_the_same_numbers(make_bench, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    straight = make_bench("straight").run(encode={"epochs": 6})
    bench = make_bench("killed")
    slow = {"epochs": 6, "pause": 0.3}
    _killed_when(bench, bench.tables(encode=slow), "epoch 3", tmp_path / "script.py")
    bench.lines()
    run = bench.run(encode=slow)
    lines = bench.lines()
    assert any(line.startswith("fit from 3 on") for line in lines)
    assert not any(line.startswith("load") for line in lines)
    for name in ("features.parquet", "latents.parquet"):
        assert (run.folder / name).read_bytes() == (straight.folder / name).read_bytes()


def test_a_damaged_artefact_is_found_and_made_again(bench: Bench) -> None:
    before = (bench.run().folder / "features.parquet").read_bytes()
    cache = bench.folder / ".spinefx-cache" / "steps"
    for path in cache.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-3] + b"abc")
    run = bench.run()
    assert run.exit_code == 0
    assert (run.folder / "features.parquet").read_bytes() == before


def test_a_full_disk_says_so_and_running_again_completes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Cache.put
    calls = []

    def full(self: Cache, *args: object, **more: object) -> None:
        calls.append(1)
        if len(calls) == 5:
            raise StoreError("x: cannot write: No space left on device; free some space, then run again")
        put(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Cache, "put", full)
    with pytest.raises(StoreError, match="No space left"):
        bench.run()
    assert json.loads((bench.folder / "run" / "run.json").read_text())["exit_code"] == 5
    monkeypatch.undo()
    assert bench.run().exit_code == 0
