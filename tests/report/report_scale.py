"""A run's folder multiplied to a cohort's size, to see how long its report takes and how large it is.

python -P tests/report/report_scale.py RUN [CASES]      RUN: a finished run's folder, as `spinefx demo` leaves it
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COHORT = 447
"""Series of SPIDER."""


def multiplied(run: Path, out: Path, cases: int = COHORT) -> Path:
    """The run as if it had so many cases: each of its own again and again, pictures and volumes as files of their own."""
    shutil.copytree(run, out, ignore=shutil.ignore_patterns("report.html", "*.lock"))
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept = [case for case in record["cases"] if case.get("picture")]
    record["cases"] = [_copied(kept[i % len(kept)], i, run, out) for i in range(cases)]
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    findings = json.loads((run / "findings.json").read_text(encoding="utf-8"))
    for figure in (f for stage in findings["stages"] for f in stage["findings"].get("figures", ())):
        if figure["kind"] == "points":
            times = -(-cases // len(kept))
            for name in ("matrix", "row_names", "cases"):
                figure[name] = figure[name] * times
            figure["groups"] = {title: words * times for title, words in figure["groups"].items()}
    (out / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    return out


def _copied(case: dict[str, Any], number: int, run: Path, out: Path) -> dict[str, Any]:
    name = f"{number}_t2"
    (out / "qc" / f"{name}.png").write_bytes((run / case["picture"]).read_bytes())
    made = {**case, "case": name, "patient": str(number), "picture": f"qc/{name}.png"}
    for part in ("image", "mask"):
        if part in case.get("view", {}):
            (out / "volumes" / f"{name}-{part}.mha").write_bytes((run / case["view"][part]).read_bytes())
            made["view"] = {**made["view"], part: f"volumes/{name}-{part}.mha"}
    return made


if __name__ == "__main__":
    from spinefx.report import render

    with tempfile.TemporaryDirectory() as folder:
        large = multiplied(Path(sys.argv[1]), Path(folder) / "run", int(sys.argv[2]) if len(sys.argv) > 2 else COHORT)
        begun, used = time.perf_counter(), time.process_time()
        path = render(large)
        print(
            f"{len(json.loads((large / 'run.json').read_text())['cases'])} cases: {time.perf_counter() - begun:.1f} s "
            f"({time.process_time() - used:.1f} s of processor), {path.stat().st_size / 1e6:.1f} MB"
        )
