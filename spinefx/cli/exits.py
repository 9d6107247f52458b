"""From whatever a command ends with to an exit code and a message without a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import click

from spinefx.contract.errors import SpinefxError

OK, BUG, USAGE, STORE, INTERRUPTED = 0, 1, 2, 5, 130
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 ok, 1 our bug, 2 usage or plan, 3 data, 4 some cases failed,
    5 disk, memory or a lock, 130 interrupted."""
    from spinefx.cli.app import app

    signal.signal(signal.SIGTERM, _terminate)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = app.main(args=words, prog_name="spinefx", standalone_mode=False)
    except BaseException as error:
        return told(error, debug=debugging(words))
    return result if isinstance(result, int) else OK


def debugging(words: Sequence[str]) -> bool:
    """Whether tracebacks are wanted: `--debug` before the command, or `$SPINEFX_DEBUG`."""
    options = [word for word in words if word.startswith("-")]
    return "--debug" in options or os.environ.get("SPINEFX_DEBUG", "") not in ("", "0")


def told(error: BaseException, *, debug: bool = False) -> int:
    """Print what happened to stderr, and return the exit code for it."""
    if debug and not isinstance(error, click.exceptions.Exit):
        traceback.print_exception(error)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return USAGE
    if isinstance(error, SpinefxError):
        return _say(str(error), error.exit_code)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _say("interrupted; the same command goes on from here", INTERRUPTED)
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads: say nothing at exit either
        return OK
    if isinstance(error, MemoryError):
        return _say("out of memory; fewer [run] workers or a smaller [sample] shape need less", STORE)
    if isinstance(error, OSError) and error.errno in _DISK:
        return _say(f"{error.filename or 'disk'}: {error.strerror}; nothing is lost, the same command goes on", STORE)
    if isinstance(error, ImportError):
        return _say(f"{error}\nThis installation of spinefx is not complete; install it again.", BUG)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else BUG
    return _say(_bug(error, debug=debug), BUG)


def _bug(error: BaseException, *, debug: bool) -> str:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        about = metadata("spinefx")
        version, links = about["Version"], about.get_all("Project-URL") or []
    except PackageNotFoundError:
        version, links = "(not installed)", []
    where = next((link.split(",")[-1].strip() for link in links if "issue" in link.lower()), "its developers")
    how = (
        "with the traceback above" if debug else "with the traceback that the same command prints with SPINEFX_DEBUG=1"
    )
    return f"{type(error).__name__}: {error}\nThis is a bug in spinefx {version}; please report it to {where}, {how}."


def _say(message: str, code: int) -> int:
    click.echo(f"spinefx: {message}" if "\n" not in message else message, err=True)
    return code


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
