"""What a run tells while it runs: plain lines, or bars on a terminal."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from spinefx.cli.console import counted, spoken_time, table
from spinefx.cli.progress import Bars, Lines, watching


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-1, "0 s")]
)
def test_a_time_is_told_as_people_do(seconds: float, said: str) -> None:
    assert spoken_time(seconds) == said


def test_one_case_is_not_cases() -> None:
    assert (counted(1, "case"), counted(2, "case"), counted(0, "case")) == ("1 case", "2 cases", "0 cases")


def test_lines_tell_cases_and_a_tenth_of_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.spinefx_run_started({}, Path("run"), 3)
    for case, outcome in (("a", "done"), ("b", "quarantined"), ("c", "cached")):
        lines.spinefx_case_done(case, outcome, 1.0)
    for epoch in range(1, 101):
        lines.spinefx_epoch_done(epoch, 100, {"train": 1 / epoch})
    lines.spinefx_run_done(Path("run"), 4)
    out, err = capsys.readouterr()
    said = err.splitlines()
    assert out == ""
    assert said[0] == "3 cases -> run"
    assert said[1].startswith("case a: done in 1.0 s (1/3, ")
    assert said[2].startswith("case b: quarantined")
    assert said[3] == "cases: 3/3"
    assert [line.split(":")[0] for line in said[4:-1]] == [
        "epoch 1/100",
        *(f"epoch {n}/100" for n in range(10, 101, 10)),
    ]
    assert said[-1].startswith("took ")


def test_bars_tell_cases_epochs_and_quarantine() -> None:
    from rich.console import Console

    bars = Bars()
    bars.progress.live.console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with bars.shown():
        bars.spinefx_run_started({}, Path("run"), 2)
        bars.spinefx_case_done("a", "done", 1.0)
        bars.spinefx_case_done("[b]", "quarantined", 1.0)
        for fit in range(2):
            for epoch in (1, 2, 3):
                bars.spinefx_epoch_done(epoch, 3, {"train": 0.5 + fit})
        bars.spinefx_run_done(Path("run"), 4)
    tasks = {task.description: task for task in bars.progress.tasks}
    assert (tasks["cases"].completed, tasks["cases"].fields["note"]) == (2, "[b] quarantined, 1 quarantined")
    assert (tasks["epochs"].completed, tasks["epochs"].total) == (3, 3)
    assert tasks["fit, measure, judge"].finished


def test_quiet_watches_nothing() -> None:
    with watching(quiet=True) as observers:
        assert observers == []


def test_without_a_terminal_there_are_lines() -> None:
    with watching() as (observer,):
        assert isinstance(observer, Lines)


def test_columns_are_aligned_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "n"), [("a", "1"), ("longer", "2")])
    assert capsys.readouterr().out == "name    n\na       1\nlonger  2\n"


@pytest.mark.parametrize("colourless", [False, True])
def test_on_a_terminal_a_table_is_drawn_and_no_color_is_honoured(colourless: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"}
    if colourless:
        env["NO_COLOR"] = "1"
    master, slave = pty.openpty()
    command = [sys.executable, "-P", "-c", "import sys; from spinefx.cli import main; sys.exit(main())", "plugins"]
    process = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=env)
    os.close(slave)
    said = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert b"disc" in said
    assert (b"\x1b[36m" in said) != colourless
