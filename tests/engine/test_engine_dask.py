"""Cases on a dask cluster: the same bytes as `serial`, whatever happens to workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from toy_bench import Bench

from spinefx.contract.errors import PlanError, StoreError

pytestmark = pytest.mark.slow

MakeBench = Callable[..., Bench]
DASK = {"executor": "dask", "workers": 2}


def _children(parent: int) -> Iterator[int]:
    """Every process below `parent`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if above == parent:
                yield int(entry.name)
                yield from _children(int(entry.name))


def _working(bench: Bench) -> int:
    """A process of the cluster that does cases."""
    named = [pid for pid in _children(os.getpid()) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return named[-1]


def _same(one: Path, other: Path) -> None:
    for name in ("features.parquet", "latents.parquet", "findings.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_200_cases_with_a_worker_killed_half_way_equal_serial_byte_for_byte(make_bench: MakeBench) -> None:
    straight = make_bench("straight", 200).run()
    bench = make_bench("killed", 200)
    killed = []

    def kill() -> None:
        while len(bench.journal.read_text().split("load")) < 100:
            time.sleep(0.005)
        killed.append(_working(bench))
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    run = bench.run(run=DASK, data={"slow": 0.01})
    thread.join()
    assert killed
    assert run.exit_code == 0
    assert len(run.outcomes) == 200
    _same(run.folder, straight.folder)


def test_a_crash_and_a_hang_cost_their_own_cases(bench: Bench) -> None:
    faults = {"segfault": ["p1_t2"], "hang": ["p3_t2"]}
    run = bench.run(run={**DASK, "timeout": 4.0}, data=faults)
    assert run.exit_code == 4
    causes = {case["case"]: case["cause"] for case in run.record["cases"] if case["outcome"] == "quarantined"}
    assert causes == {
        "p1_t2": "its worker died, in each of 2 attempts: a crash, or out of memory",
        "p3_t2": "took longer than [run] timeout = 4 s; its worker was stopped",
    }


def test_a_scheduler_that_runs_already_is_used_and_left_running(make_bench: MakeBench, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    place = tmp_path / "scheduler.json"
    common = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    scheduler = subprocess.Popen([*command, "--host", "127.0.0.1", "--scheduler-file", str(place)], **common)
    worker = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", "--scheduler-file", str(place)]
    worker = subprocess.Popen([*worker, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"], **common)
    try:
        deadline = time.monotonic() + 30
        while not place.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        address = __import__("json").loads(place.read_text())["address"]
        straight = make_bench("straight").run()
        for name in ("first", "second"):
            run = make_bench(name).run(run={**DASK, "address": address})
            assert run.exit_code == 0
            _same(run.folder, straight.folder)
        assert scheduler.poll() is None
        assert worker.poll() is None
    finally:
        worker.terminate()
        scheduler.terminate()
        worker.wait()
        scheduler.wait()


def test_where_no_scheduler_answers_the_address_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinefx.work.executors.cluster.CONNECT_S", 1)
    with pytest.raises(StoreError, match=r"address = 'tcp://127\.0\.0\.1:9': no dask scheduler answers there"):
        bench.run(run={**DASK, "address": "tcp://127.0.0.1:9"})


def test_without_dask_installed_the_way_to_get_it_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spinefx.work.executors.cluster", None)
    with pytest.raises(PlanError, match=r"pip install 'spinefx\[dask\]'"):
        bench.run(run=DASK)
