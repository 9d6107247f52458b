"""`doctor`: what runs here, and whether it works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinefx import kernels

Command = Callable[..., Any]


def test_doctor_tells_what_runs_here(spinefx: Command) -> None:
    answer = spinefx("doctor")
    assert answer.code == 0, answer.err
    for words in ("instruction set", kernels.isa(), "threads", str(kernels.threads()), "memory", "CUDA", "numpy"):
        assert words in answer.out


def test_doctor_answers_programs_in_json(spinefx: Command) -> None:
    told = spinefx("doctor", "--json").json
    assert told["core"]["works"] == "yes"
    assert told["versions"]["numpy"] == np.__version__
    assert next(n for origin, n in told["plugins"].items() if origin.startswith("spinefx")) > 10
    assert told["faults"] == []


def test_doctor_names_a_plugin_that_does_not_load(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nothing_of_this_name")
    answer = spinefx("doctor", "--with", str(tmp_path / "bad.py"))
    assert answer.code == 2
    assert "not loaded: bad.py: ModuleNotFoundError" in answer.err


def test_doctor_finds_a_core_that_computes_wrongly(spinefx: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "resample", lambda *_: np.zeros((3, 3, 3)))
    answer = spinefx("doctor", "--json")
    assert answer.code == 1
    assert answer.json["core"]["works"] == "no"
    assert "a linear ramp came out wrong" in answer.json["faults"][0]
