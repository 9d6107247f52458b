"""A disk that is full once: each of the first writes of a run fails with ENOSPC in a run of its own, then the run goes on."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faults_kills import undisturbed
from faults_study import Study

SOURCE = Path(__file__).parent / "full_disk.c"


@dataclass
class Tally:
    """What came of many full disks."""

    tried: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        codes = ", ".join(f"{count} times exit code {code}" for code, count in sorted(self.codes.items()))
        lines = [f"{self.tried} writes failed once each with ENOSPC: {codes}"]
        lines += [f"WRONG: {what}" for what in self.wrong]
        return "\n".join(
            lines
            if self.wrong
            else [*lines, "every tree valid, every run completed the next time, every byte the same"]
        )


def built(folder: Path) -> Path:
    """The library that makes writes fail, compiled."""
    library = folder / "full_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def failing(study: Study, library: Path, at: int) -> tuple[int, str, int]:
    """A run whose `at`-th write fails: exit code, what it said, and how many writes there were."""
    count = study.folder.parent / "count"
    count.write_bytes(bytes(8))
    environment = {"LD_PRELOAD": str(library), "FAULT_ROOT": str(study.folder), "FAULT_AT": str(at)}
    process = study.start(os.environ | environment | {"FAULT_COUNT": str(count)})
    said = process.communicate(timeout=600)[1].decode()
    return process.returncode, said, int.from_bytes(count.read_bytes(), "little")


def trials(folder: Path, writes: list[int], **shape: object) -> Iterator[tuple[int, int, str, list[str]]]:
    """For each number of a write: the number, exit code, message, and what was wrong then or after running again."""
    truth, _ = undisturbed(folder / "straight", **shape)
    library = built(folder)
    study = Study(folder / "full", **shape)  # type: ignore[arg-type]
    for at in writes:
        study.forget()
        code, said, made = failing(study, library, at)
        if made < at:
            return
        wrong = list(study.problems())
        again, more = study.finish()
        if again != 0:
            wrong.append(f"running again ended with {again}: {more}")
        elif differing := [name for name, content in study.results().items() if content != truth[name]]:
            wrong.append(f"{', '.join(differing)} differ")
        yield at, code, said, wrong


def flood(folder: Path, count: int, **shape: object) -> Tally:
    """Each of the first `count` writes failed once."""
    tally = Tally()
    for at, code, said, wrong in trials(folder, list(range(1, count + 1)), **shape):
        tally.tried += 1
        tally.codes[code] += 1
        tally.wrong += [f"write {at}: {what}" for what in wrong]
        if code != 5 or "No space left on device" not in said:
            tally.wrong.append(f"write {at}: exit code {code}: {said.strip()[-300:]}")
    return tally
