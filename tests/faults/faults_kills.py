"""SIGKILL at random moments in the parent, a worker, or all of them; then the same command again, until it is done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from faults_study import Study

MOST = 25
"""Kills a cohort may suffer before it is left to end."""
TARGETS = ("parent", "worker", "group")
STILLBORN = "times in a row before any had a case in work"
"""What a run says whose workers were killed so often before they began that it gave up; the next one must go on."""


@dataclass
class Tally:
    """What came of many kills."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    cohorts: int = 0
    given_up: int = 0
    redone: int = 0
    allowed: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{count} of the {name}" for name, count in self.kills.items())
        lines = [f"{sum(self.kills.values())} kills ({killed}) over {self.cohorts} whole cohorts"]
        lines += (
            [f"runs that gave up, their workers killed before they began: {self.given_up}"] if self.given_up else []
        )
        lines += [f"cases worked on again: {self.redone}; one a worker and kill would be {self.allowed}"]
        lines += [f"WRONG: {what}" for what in self.wrong] or [
            "nothing lost, doubled or changed: every byte is the same"
        ]
        return "\n".join(lines)


def children(parent: int) -> list[int]:
    """The worker processes of `parent`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):  # gone while it was looked at
            continue
    return found


def kill(process_id: int, target: str, chance: random.Random) -> bool:
    """Kill the target; False where there is none at this moment."""
    victims = children(process_id)
    if target == "worker":
        if not victims:
            return False
        os.kill(chance.choice(sorted(victims)), signal.SIGKILL)
    elif target == "parent":
        os.kill(process_id, signal.SIGKILL)
    else:
        os.killpg(process_id, signal.SIGKILL)
    return True


def undisturbed(folder: Path, **shape: object) -> tuple[dict[str, bytes], float]:
    """Results of a straight run, and how many seconds it took."""
    study = Study(folder, **shape)  # type: ignore[arg-type]
    begun = time.monotonic()
    code, said = study.finish()
    if code != 0:
        raise RuntimeError(f"the undisturbed run ended with {code}: {said}")
    return study.results(), time.monotonic() - begun


def storm(folder: Path, count: int, *, seed: int = 0, **shape: object) -> Tally:
    """`count` kills over as many cohorts as it takes; every cohort is run to its end and compared."""
    truth, seconds = undisturbed(folder / "straight", **shape)
    study, tally, chance = Study(folder / "killed", **shape), Tally(), random.Random(seed)  # type: ignore[arg-type]
    while sum(tally.kills.values()) < count:
        study.forget()
        _cohort(study, tally, chance, seconds, count, truth)
        tally.cohorts += 1
    return tally


def _cohort(
    study: Study, tally: Tally, chance: random.Random, seconds: float, count: int, truth: dict[str, bytes]
) -> None:
    """One cohort, killed up to MOST times on its way."""
    kills = 0
    for _ in range(2 * MOST):
        process = study.start()
        while sum(tally.kills.values()) < count and kills < MOST and process.poll() is None:
            target = chance.choice(TARGETS)
            if not _struck(process, target, chance, seconds):
                continue
            tally.kills[target] += 1
            kills += 1
            if target == "parent":
                _gone(process.pid, tally)
            if target != "worker":
                break
        said = process.communicate(timeout=600)[1].decode()
        tally.wrong += list(study.problems()) if process.returncode else []
        if process.returncode in (0, 4):
            break
        if process.returncode == 5 and STILLBORN in said:
            tally.given_up += 1
        elif process.returncode != -signal.SIGKILL:
            tally.wrong.append(f"exit code {process.returncode}: {said}")
    if process.returncode == 4:  # a worker killed twice in the same case: quarantined, and tried again by the next run
        process = study.start()
        process.communicate(timeout=600)
    if process.returncode != 0:
        tally.wrong.append(f"the run never ended well: exit code {process.returncode}")
    elif differing := [name for name, content in study.results().items() if content != truth[name]]:
        tally.wrong.append(f"{', '.join(differing)} differ")
    works = study.works()
    if len(works) != study.patients:
        tally.wrong.append(f"{len(works)} cases of {study.patients}")
    again = sum(works.values()) - len(works)
    tally.redone += again
    tally.allowed += kills * study.workers
    if again > kills * study.workers:
        tally.wrong.append(f"{again} cases done again after {kills} kills of {study.workers} workers")


def _struck(process: subprocess.Popen[bytes], target: str, chance: random.Random, seconds: float) -> bool:
    """Kill the target at a random moment; a worker within its first second, since it may live no longer."""
    if target != "worker":
        time.sleep(chance.uniform(0.2, 0.6 * seconds))
        return process.poll() is None and kill(process.pid, target, chance)
    while process.poll() is None and not children(process.pid):
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 1))
    return process.poll() is None and kill(process.pid, target, chance)


def _gone(parent: int, tally: Tally) -> None:
    """The workers of a killed parent must end by themselves."""
    deadline = time.monotonic() + 30
    while any(_group(entry) == parent for entry in Path("/proc").glob("[0-9]*") if entry.name != str(parent)):
        if time.monotonic() > deadline:
            tally.wrong.append("a worker outlived its parent by 30 s")
            os.killpg(parent, signal.SIGKILL)
            return
        time.sleep(0.05)


def _group(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[2])
    except (OSError, ValueError, IndexError):
        return 0
