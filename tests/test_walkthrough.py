"""The notebook in examples/ runs from its first cell to its last, and a run shows itself in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spinefx

NOTEBOOK = Path(__file__).resolve().parent.parent / "examples" / "walkthrough.ipynb"
HOSTILE = "<img src=x onerror=alert(1)>"


def cells() -> list[str]:
    """The code cells' sources."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_the_notebook_runs_from_first_to_last_cell(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(cells())],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "Agg", "SPINEFX_CACHE": str(tmp_path / "cache")},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    run = spinefx.Run(tmp_path / "runs" / "walkthrough")
    shown = run._repr_html_()
    assert "12 cases: 12 done" in shown
    assert "Held-out IoU" in shown
    assert run.report.as_uri() in shown
    assert {"cohort/table-one", "quality/missing", "correlate/latents-geometry"} <= run.tables().keys()
    assert set(run.dictionary().columns) == {"feature", "unit", "definition", "source", "missing"}


def test_the_notebook_holds_no_output_of_anybody() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert not [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")]


def test_the_four_names_are_there_and_light() -> None:
    told = subprocess.run(
        [sys.executable, "-P", "-c", "import spinefx, sys; print('numpy' in sys.modules, sorted(set(dir(spinefx)) & {'Engine', 'Plan', 'Run', 'Model'}))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split(maxsplit=1) == ["False", "['Engine', 'Model', 'Plan', 'Run']\n"]
    assert spinefx.Engine.__name__ == "Engine"
    assert spinefx.Plan.__name__ == "Plan"
    with pytest.raises(AttributeError, match="no attribute 'Motor'"):
        spinefx.Motor  # noqa: B018


def test_html_in_a_run_stays_text_in_a_notebook(tmp_path: Path) -> None:
    case = {"case": HOSTILE, "outcome": "quarantined", "stage": "load", "plugin": "x", "cause": HOSTILE}
    record = {
        "state": "finished",
        "cases": [case],
        "exit_code": 4,
        "plan": {"sections": {"report": {"title": HOSTILE}}},
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    stage = {"kind": "evaluator", "name": HOSTILE, "findings": {"sentences": [HOSTILE], "warnings": [HOSTILE]}}
    (tmp_path / "findings.json").write_text(json.dumps({"stages": [stage]}))
    shown = spinefx.Run(str(tmp_path))._repr_html_()
    assert "<img" not in shown
    assert shown.count("&lt;img") == 6
