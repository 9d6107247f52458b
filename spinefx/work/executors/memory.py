"""How many workers fit into memory, told from headers before anything is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from spinefx.contract.case import Case
from spinefx.contract.stages import Loader, Weighing
from spinefx.plan.sections import RunOptions
from spinefx.work.executors.local import count

BASE_BYTES = 500 << 20
"""What a worker takes with nothing loaded: Python, NumPy, the plugins' libraries."""
COPIES = 4
"""How many copies of its largest volume, in float32, a worker holds at the most."""
_LOOKED_AT = 200
_CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def largest(loader: Loader, cases: Sequence[Case]) -> int:
    """Voxels of the largest volume; 0 where the loader cannot tell. The headers of the largest files are read."""
    if not isinstance(loader, Weighing):
        return 0
    heavy = sorted(cases, key=_bytes, reverse=True)[:_LOOKED_AT]
    return max((loader.voxels(case) for case in heavy), default=0)


def _bytes(case: Case) -> int:
    size = 0
    for path in case.files.values():
        with suppress(OSError):
            size += Path(path).stat().st_size
    return size


def available() -> int:
    """Bytes that new processes may take: free memory, or what is left of the group's limit; 0 where nobody tells."""
    free = 0
    with suppress(OSError, ValueError, IndexError):
        free = int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) << 10
    if not free and hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUPS:
        with suppress(OSError, ValueError):
            free = min(free, int(path.read_text()))
    return free


@dataclass(frozen=True)
class Room:
    """How many workers there will be.

    workers : so many.   wanted : as many as there are cores, or as `[run] workers` says.
    need : bytes that each may take, 0 where headers do not tell.   free : bytes that there are.
    """

    workers: int
    wanted: int
    need: int
    free: int

    @property
    def told(self) -> str:
        """What a user should know of it; "" where there is nothing."""
        if self.wanted * self.need <= self.free or not self.free:
            return ""
        each = f"the largest scan takes up to {self.need / 1e9:.1f} GB a worker, {self.free / 1e9:.1f} GB are free"
        if self.workers < self.wanted:
            return f"{self.workers} workers instead of {self.wanted}: {each}"
        return f"{each}: {self.workers} workers may not fit; fewer in [run] workers would"


def room(run: RunOptions, loader: Loader, cases: Sequence[Case], free: int | None = None) -> Room:
    """How many workers fit into `free` bytes (of this machine, unless given); a number in `[run] workers` is kept."""
    wanted = count(run.workers)
    if run.executor == "serial" or wanted == 1:
        return Room(wanted, wanted, 0, 0)
    free = available() if free is None else free
    voxels = largest(loader, cases)
    need = BASE_BYTES + 4 * COPIES * voxels if voxels else 0
    workers = wanted if run.workers or not need or not free else max(1, min(wanted, free // need))
    return Room(workers, wanted, need, free)
