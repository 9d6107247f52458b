"""The benchmark of the plugins' casework runs, and holds kernels and stand-ins against each other; nothing is timed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TWO = ("--patients", "2", "--rounds", "1", "--threads", "1", "--spacing", "3.9", "1.3", "1.4", "--markdown")


def test_casework_with_and_without_the_kernels_agrees() -> None:
    command = [sys.executable, "-m", "tests.bench.casework_plugins", "four", *TWO]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    named = {line.split(" | ")[0].removeprefix("| ") for line in said.splitlines() if line.startswith("| ")}
    swapped = {"resample", "resample label-smooth", "warp", "warp label-smooth", "surface", "fit_plane"}
    assert swapped | {"label_statistics", "distance_transform", "load", "geometry disc", "cut", "all"} <= named


def test_a_stand_in_that_gives_something_else_is_found() -> None:
    code = (
        "from tests.bench import casework_plugins as bench, stand_ins; "
        "right = stand_ins.STAND_INS['surface']; "
        "stand_ins.STAND_INS['surface'] = lambda *given: (*right(*given)[:2], 1.1 * right(*given)[2]); "
        "bench.main()"
    )
    command = [sys.executable, "-c", code, "without", *TWO]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode and "surface: apart by" in done.stderr
