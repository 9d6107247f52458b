"""What very many very small cases cost: time, the driver's memory, and files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HEAD = (
    "| cases | first run, ms a case | nothing to do, ms a case | driver: cases, MB | driver: peak, MB | files |\n"
    "|---|---|---|---|---|---|"
)

_RUN = """
import gc, json, os, sys, time, tracemalloc
from pathlib import Path
from spinefx.engine import Engine
from spinefx.plan import Plan

root, cases, plugins = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rows, measures = int(sys.argv[4]), int(sys.argv[5])
tables = {
    "run": {"out": str(root / "run"), "plugins": [plugins], "workers": 2},
    "data": {"use": "tiny", "cases": cases},
    "sample": {"shape": [8, 8, 8], "spacing": 1.0},
    "encode": {"use": "tiny-volume"},
    "geometry": [{"use": "tiny-height", "rows": rows, "measures": measures}],
    "evaluate": [{"use": "tiny-nothing"}],
    "report": {"pictures": 100},
}

def resident(what):
    return int(Path("/proc/self/status").read_text().split(what)[1].split()[0]) * 1024

class Watch:  # what the driver holds once its first case is done, and once its last one is
    seen = []

    def spinefx_case_done(self, **facts):
        if len(self.seen) in (0, cases - 1):
            gc.collect()
        self.seen.append(resident("VmRSS:"))

engine = Engine(Plan.of(tables, root), observers=[Watch()])
begun, before = time.monotonic(), resident("VmHWM:")
code = engine.run().exit_code
told = {"code": code, "seconds": time.monotonic() - begun, "peak": resident("VmHWM:") - before}
print(json.dumps(told | {"cases": Watch.seen[-1] - Watch.seen[0]}))
"""


@dataclass(frozen=True)
class Cost:
    """What a cohort cost: seconds of the first run and of one that finds all done; the driver's growth; files.

    held : bytes from the first case done to the last.   peak : bytes at most, over what the imports take; of the second run.
    """

    cases: int
    first_s: float
    again_s: float
    held: int
    peak: int
    files: int

    def __str__(self) -> str:
        first, again = (1e3 * seconds / self.cases for seconds in (self.first_s, self.again_s))
        held, peak = self.held / 1e6, self.peak / 1e6
        return f"| {self.cases} | {first:.1f} | {again:.2f} | {held:.1f} | {peak:.0f} | {self.files} |"


def cost(root: Path, cases: int, rows: int = 1, measures: int = 1) -> Cost:
    """A first run and a second one over `cases` tiny cases, each in a process of its own.

    rows, measures : of the features of a case; a lumbar spine measured whole has some 15 rows of 60.
    """
    root.mkdir(parents=True, exist_ok=True)
    first, again = (_run(root, cases, rows, measures) for _ in range(2))
    files = sum(1 for path in root.rglob("*") if path.is_file())
    return Cost(cases, first["seconds"], again["seconds"], int(again["cases"]), int(again["peak"]), files)


def _run(root: Path, cases: int, rows: int, measures: int) -> dict[str, float]:
    plugins = Path(__file__).parent / "faults_tiny.py"
    command = [sys.executable, "-P", "-c", _RUN, str(root), str(cases), str(plugins), str(rows), str(measures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if told["code"] != 0:
        raise RuntimeError(f"the run ended with {told['code']}")
    return told
