"""Whatever a command ends with becomes the exit code of the page and a message without a traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from spinefx.cli.exits import told
from spinefx.contract import errors

Command = Callable[..., Any]
HEAVY = ("torch", "SimpleITK", "itk", "pandas", "skimage", "sklearn", "scipy", "matplotlib", "rich")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.SpinefxError("odd"), 1, "spinefx: odd"),
        (errors.PlanError("plan"), 2, "spinefx: plan"),
        (errors.PluginError([errors.Problem("p.toml:1:1", "a", "b")]), 2, "spinefx: p.toml:1:1: a   (b)"),
        (errors.DataError("data"), 3, "spinefx: data"),
        (errors.StageError("stage", case="1"), 4, "case 1: stage"),
        (errors.StoreError("disk"), 5, "spinefx: disk"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (click.Abort(), 130, "interrupted"),
        (click.UsageError("usage"), 2, "Error: usage"),
        (click.FileError("f", "gone"), 2, "gone"),
        (MemoryError(), 5, "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "run/x"), 5, "run/x: No space left on device"),
        (OSError(errno.EROFS, "Read-only file system"), 5, "Read-only"),
        (ZeroDivisionError("oh"), 1, "ZeroDivisionError: oh"),
        (OSError(errno.EACCES, "denied"), 1, "This is a bug in spinefx"),
        (ImportError("no core"), 1, "no core\nThis installation of spinefx is not complete"),
        (SystemExit(7), 7, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_becomes_its_exit_code_and_message(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(error) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_every_branch_of_the_error_tree_has_an_exit_code_of_the_page() -> None:
    def tree(error: type[errors.SpinefxError]) -> list[type[errors.SpinefxError]]:
        return [error, *(leaf for branch in error.__subclasses__() for leaf in tree(branch))]

    assert {error.exit_code for error in tree(errors.SpinefxError) if error.__module__.startswith("spinefx.")} == {
        1,
        2,
        3,
        4,
        5,
    }


def test_a_bug_says_how_to_report_it_and_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    told(ZeroDivisionError("oh"))
    assert "please report it" in capsys.readouterr().err
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        told(error, debug=True)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--debug", "plugins", "show", "nothing-like-it"], ["plugins", "show", "nothing-like-it"]]
)
def test_debug_shows_where_an_error_came_from(spinefx: Command, words: list[str]) -> None:
    answer = spinefx(*words)
    assert answer.code == 2
    assert ("Traceback" in answer.err) == (words[0] == "--debug")


@pytest.mark.parametrize(("wrong", "near"), [("rnu", "run"), ("stauts", "status")])
def test_an_unknown_command_gives_the_nearest(spinefx: Command, wrong: str, near: str) -> None:
    answer = spinefx(wrong)
    assert answer.code == 2
    assert f"No such command '{wrong}'. Did you mean '{near}'?" in answer.err


def shell(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A real process."""
    command = [sys.executable, "-P", "-c", "import sys; from spinefx.cli import main; sys.exit(main())", *words]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | env, check=False, timeout=120)


def test_nothing_heavy_is_imported_to_list_plugins() -> None:
    code = (
        "import sys; from spinefx.cli import main; code = main(['plugins']); main(['plugins', 'show', 'disc']); "
        f"print('heavy:', [m for m in {HEAVY} if m in sys.modules]); sys.exit(code)"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "heavy: []"


def test_nothing_heavy_is_imported_to_read_a_plan(study: Path) -> None:
    code = (
        "import sys; from spinefx.cli import main; code = main(['plan', '--toml']); "
        f"print('# heavy:', [m for m in {HEAVY} if m in sys.modules]); sys.exit(code)"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "# heavy: []"


def test_a_process_ends_with_the_exit_code_and_no_traceback(study: Path) -> None:
    answer = shell("check", "--set", "encode.epoch=1")
    assert answer.returncode == 2
    assert answer.stderr.startswith("spinefx: --set encode.epoch=1 [encode]: unknown key `epoch`")
    assert answer.stdout == ""


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -P -c 'import sys; from spinefx.cli import main; sys.exit(main())' schema | head -c 10"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)
    assert (answer.stdout[:1], answer.stderr) == ("{", "")


@pytest.mark.parametrize(("number", "executor"), [(signal.SIGINT, "serial"), (signal.SIGTERM, "processes")])
def test_an_interrupted_run_ends_with_130_and_goes_on_when_run_again(
    study: Path, number: signal.Signals, executor: str
) -> None:
    command = [sys.executable, "-P", "-c", "import sys; from spinefx.cli import main; sys.exit(main())", "run"]
    process = subprocess.Popen(
        [*command, "--set", "data.slow=2", "--set", f"run.executor={executor}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # as from a terminal: a background shell leaves SIGINT ignored to all that it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    record = study / "run" / "run.json"
    while process.poll() is None and not (record.is_file() and '"casework"' in record.read_text()):
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted; the same command goes on from here" in err
    assert "Traceback" not in err
    again = shell("run")
    assert again.returncode == 0, again.stderr
    assert "6 cases: " in again.stdout


def test_python_m_spinefx_is_spinefx(tmp_path: Path) -> None:
    for words, code in ((["--version"], 0), (["run", "nowhere.toml"], 2)):
        command = [sys.executable, "-P", "-m", "spinefx", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
