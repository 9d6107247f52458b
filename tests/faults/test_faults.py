"""The faults at a small size; `python tests/faults` has them at full size, docs/standing.md what came of that."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults_calls import KILL, built, failing, misfit, trials
from faults_kills import storm, undisturbed
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
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    """Killed half-way with the clock ten years ahead; the next run has it ten years behind."""
    truth, _ = undisturbed(tmp_path / "straight", patients=3, executor="serial")
    library, decade = built(tmp_path), 315_360_000
    study = Study(tmp_path / "jumping", patients=3, executor="serial")
    assert failing(study, library, 33, KILL, everywhere=True, clock_s=decade)[0] == -signal.SIGKILL
    code, said, _ = failing(study, library, 1 << 30, KILL, everywhere=True, clock_s=-decade)
    assert code == 0, said
    assert json.loads((study.out / "run.json").read_text())["started"].startswith("201")
    assert study.results() == truth
    assert study.finish()[0] == 0


@LINUX
def test_of_eight_runs_on_one_folder_one_works_and_seven_name_it(tmp_path: Path) -> None:
    study = Study(tmp_path, patients=6, executor="serial")
    runs = [study.start() for _ in range(8)]
    ends = [(run.communicate(timeout=600)[1].decode(), run.returncode) for run in runs]
    assert sorted(code for _, code in ends)[:2] in ([0, 0], [0, 5])  # who comes late enough finds all done
    assert {code for _, code in ends} == {0, 5}
    for said, code in ends:
        assert code == 0 or "another run holds this folder (process" in said, said
    assert all(count == 1 for count in study.works().values())
    assert list(study.problems()) == []


_FULL = """
set -e
mount -t tmpfs -o size={size}k tmpfs "$1"
cp "$2"/journal.py "$2"/pipeline.toml "$1"
cd "$1"
set +e
"$3" -P -c "$4"
echo "first $?"
mount -o remount,size=64m "$1"
"$3" -P -c "$4"
echo "then $?"
cp -r run .spinefx-cache "$2"
"""


@LINUX
@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_disk_that_is_really_full_ends_the_run_and_with_room_it_goes_on(share: float, tmp_path: Path) -> None:
    """A small disk of its own (tmpfs), made larger between two runs."""
    apart = ["unshare", "-rm"]
    if subprocess.run([*apart, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=False).returncode:
        pytest.skip("this system lets nobody mount a disk")
    truth, _ = undisturbed(tmp_path / "straight", patients=3, executor="serial")
    needed = sum(path.stat().st_blocks // 2 for path in (tmp_path / "straight").rglob("*"))  # KiB
    study = Study(tmp_path / "study", patients=3, executor="serial")
    (tmp_path / "disk").mkdir()
    code = "from spinefx.cli import main; raise SystemExit(main(['run', '--quiet']))"
    script = _FULL.format(size=int(share * needed))
    command = [*apart, "sh", "-c", script, "sh", str(tmp_path / "disk"), str(study.folder), sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.split("\n") if line.startswith(("first", "then"))] == ["first 5", "then 0"]
    assert "No space left on device" in done.stderr
    assert study.results() == truth
    assert list(study.problems()) == []


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
