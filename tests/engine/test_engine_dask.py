"""Cases on a dask cluster: the same bytes as `serial`, whatever happens to workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def _cluster(place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A scheduler and a worker of somebody else's: the address, both processes."""
    command = [sys.executable, "-P", "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    common = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": place.parent}
    scheduler = subprocess.Popen([*command, "--host", "127.0.0.1", "--scheduler-file", str(place)], **common)
    command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", "--scheduler-file", str(place)]
    worker = subprocess.Popen([*command, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"], **common)
    try:
        deadline = time.monotonic() + 30
        while not place.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        yield json.loads(place.read_text())["address"], scheduler, worker
    finally:
        worker.terminate()
        scheduler.terminate()
        worker.wait()
        scheduler.wait()


def test_a_scheduler_that_runs_already_is_used_and_left_running(make_bench: MakeBench, tmp_path: Path) -> None:
    straight = make_bench("straight").run()
    with _cluster(tmp_path / "scheduler.json") as (address, scheduler, worker):
        for name in ("first", "second"):
            run = make_bench(name).run(run={**DASK, "address": address})
            assert run.exit_code == 0
            _same(run.folder, straight.folder)
        assert scheduler.poll() is None
        assert worker.poll() is None


def test_a_scheduler_killed_half_way_ends_the_run_and_the_next_goes_on(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spinefx.work.executors.cluster.CONNECT_S", 5)
    straight = make_bench("straight", 40).run()
    bench = make_bench("killed", 40)
    with _cluster(tmp_path / "scheduler.json") as (address, scheduler, _):

        def kill() -> None:
            while len(bench.journal.read_text().split("load")) < 20:
                time.sleep(0.005)
            scheduler.kill()

        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(StoreError, match="scheduler") as told:
            bench.run(run={**DASK, "address": address}, data={"slow": 0.05})
        thread.join()
    assert told.value.exit_code == 5
    before = bench.journal.read_text().count("load")
    assert 18 <= before < 40
    run = bench.run(run={"executor": "processes", "workers": 2}, data={"slow": 0.05})
    assert run.exit_code == 0
    assert len(run.outcomes) == 40
    assert bench.journal.read_text().count("load") <= 40 + 1  # the one that the worker had in work
    _same(run.folder, straight.folder)


def test_where_no_scheduler_answers_the_address_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinefx.work.executors.cluster.CONNECT_S", 1)
    with pytest.raises(StoreError, match=r"address = 'tcp://127\.0\.0\.1:9': no dask scheduler answers there"):
        bench.run(run={**DASK, "address": "tcp://127.0.0.1:9"})


def test_without_dask_installed_the_way_to_get_it_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spinefx.work.executors.cluster", None)
    with pytest.raises(PlanError, match=r"pip install 'spinefx\[dask\]'"):
        bench.run(run=DASK)
