"""Faults at named points: each of a run's first writes, syncs, renames and new folders fails once, or kills the run there.

Every point has a run of its own; then the same command goes on, and what comes out is compared.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faults_kills import undisturbed
from faults_study import Study

SOURCE = Path(__file__).parent / "faulty.c"
KILL = "KILL"
"""In place of an error's name: SIGKILL."""


@dataclass
class Tally:
    """What came of many faults of one kind."""

    error: str
    tried: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        codes = ", ".join(f"{count} times exit code {code}" for code, count in sorted(self.codes.items()))
        lines = [f"{self.tried} calls met {self.error}, each in a run of its own: {codes}"]
        lines += [f"WRONG: {what}" for what in self.wrong]
        good = "every tree valid, every run completed the next time, every byte the same"
        return "\n".join(lines if self.wrong else [*lines, good])


def built(folder: Path) -> Path:
    """The library that makes calls fail, compiled."""
    library = folder / "faulty.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def failing(
    study: Study, library: Path, at: int, error: str, *, everywhere: bool, clock_s: int = 0
) -> tuple[int, str, int]:
    """A run whose `at`-th call meets `error`, its clock off by `clock_s`: exit code, what it said, how many calls there were."""
    count = study.folder.parent / "count"
    count.write_bytes(bytes(8))
    code = "0" if error == KILL else str(getattr(errno, error))
    environment = {"LD_PRELOAD": str(library), "FAULT_ROOT": str(study.folder), "FAULT_AT": str(at)}
    environment |= {"FAULT_ERROR": code, "FAULT_COUNT": str(count), "FAULT_CLOCK": str(clock_s)}
    environment |= {"FAULT_ALL": "1"} if everywhere else {}
    process = study.start(os.environ | environment)
    said = process.communicate(timeout=600)[1].decode()
    return process.returncode, said, int.from_bytes(count.read_bytes(), "little")


def trials(
    folder: Path, points: list[int], error: str = "ENOSPC", *, everywhere: bool = False, **shape: object
) -> Iterator[tuple[int, int, str, list[str]]]:
    """For each number of a call: the number, exit code, message, and what was wrong then or after running again.

    error : name of an errno, or KILL.   everywhere : count syncs, renames and new folders beside writes.
    """
    truth, _ = undisturbed(folder / "straight", **shape)
    library = built(folder)
    study = Study(folder / "faulty", **shape)  # type: ignore[arg-type]
    for at in points:
        study.forget()
        code, said, made = failing(study, library, at, error, everywhere=everywhere)
        if made < at:
            return
        wrong = list(study.problems())
        again, more = study.finish()
        if again != 0:
            wrong.append(f"running again ended with {again}: {more}")
        elif differing := [name for name, content in study.results().items() if content != truth[name]]:
            wrong.append(f"{', '.join(differing)} differ")
        yield at, code, said, wrong


def flood(folder: Path, count: int, error: str = "ENOSPC", *, everywhere: bool = False, **shape: object) -> Tally:
    """Each of the first `count` calls met `error` once."""
    tally = Tally(error)
    for at, code, said, wrong in trials(folder, list(range(1, count + 1)), error, everywhere=everywhere, **shape):
        tally.tried += 1
        tally.codes[code] += 1
        tally.wrong += [f"call {at}: {what}" for what in wrong]
        if told := misfit(error, code, said):
            tally.wrong.append(f"call {at}: {told}")
    return tally


def misfit(error: str, code: int, said: str) -> str:
    """What is wrong with an exit code and its message; nothing if they fit the error."""
    wanted = -signal.SIGKILL if error == KILL else 5
    text = "" if error == KILL else os.strerror(getattr(errno, error))
    return "" if code == wanted and text in said else f"exit code {code}: {said.strip()[-300:]}"
