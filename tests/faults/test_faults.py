"""The faults at a small size; `python tests/faults` has them at full size, docs/standing.md what came of that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults_calls import misfit, trials
from faults_kills import storm
from faults_study import Study

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc, preloads a library")
pytestmark = pytest.mark.slow


@LINUX
def test_kills_lose_double_and_change_nothing(tmp_path: Path) -> None:
    tally = storm(tmp_path, 5, seed=3, patients=6)
    assert sum(tally.kills.values()) >= 5
    assert tally.wrong == []


@LINUX
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize(
    ("error", "points", "everywhere"),
    [("ENOSPC", [1, 3, 12, 40], False), ("EIO", [2, 30], True), ("EROFS", [1], True), ("KILL", [9, 33], True)],
)
def test_a_call_that_fails_is_told_once_and_costs_nothing_done(
    error: str, points: list[int], everywhere: bool, tmp_path: Path
) -> None:
    """One write of each kind: the log, the record, an artefact, a table; a sync, a rename."""
    tried = list(trials(tmp_path, points, error, everywhere=everywhere, patients=3, executor="serial"))
    assert [at for at, *_ in tried] == points
    for _, code, said, wrong in tried:
        assert misfit(error, code, said) == ""
        assert wrong == []


@LINUX
def test_the_whole_job_needs_no_network(tmp_path: Path) -> None:
    alone = ["unshare", "-rn"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody make a network namespace")
    study = Study(tmp_path, patients=4, encoder="conv-ae")
    code = "from spinefx.cli import main; raise SystemExit(main(['run']))"
    done = subprocess.run(
        [*alone, sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(study.results()) == 4
