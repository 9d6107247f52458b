"""Find a program of others and run it; say how to get it where it is not there, and what it said where it fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from spinefx.api import PluginError, StageError

FOLDERS = "SPINEFX_TOOLS"
"""Environment variable: folders in which programs of others are looked for first. No key of a TOML names a program."""
_LAST = 2000


def found(program: str, remedy: str) -> str:
    """The program's path: in `SPINEFX_TOOLS`, beside this Python, or on the PATH; PluginError with the remedy."""
    folders = [*os.environ.get(FOLDERS, "").split(os.pathsep), str(Path(sys.executable).parent)]
    for folder in filter(None, folders):
        if path := shutil.which(program, path=folder):
            return path
    if path := shutil.which(program):
        return path
    raise PluginError(f"no program {program} in {FOLDERS}, beside this Python or on the PATH. {remedy}")


def run(command: Sequence[str], folder: Path, *, minutes: float, card: str = "") -> str:
    """Run it in `folder` and return what it said; StageError with its last lines where it fails or takes too long.

    card : number of the one GPU that it may see, "" for all.
    """
    log = folder / "log.txt"
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    own |= {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"} | ({"CUDA_VISIBLE_DEVICES": card} if card else {})
    name = Path(command[0]).name
    with (
        log.open("wb") as said,
        subprocess.Popen(
            list(command),
            cwd=folder,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as child,
    ):
        try:
            code = child.wait(timeout=minutes * 60)
        except BaseException as error:
            _end(child)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise StageError(f"{name} took more than {minutes:g} minutes and was ended:\n{told(log)}") from None
    if code:
        raise StageError(f"{name} ended with {code}:\n{told(log)}")
    return told(log)


def told(log: Path) -> str:
    """The end of what a program said."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST))
        return file.read().decode("utf-8", "replace").strip()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End it with all that it started."""
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()
