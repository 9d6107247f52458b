from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spinefx.cli import main

TOYS = Path(__file__).parents[1] / "engine" / "toy_plugins.py"


@dataclass
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def spinefx(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs the command line in this process, exit code and all."""

    def spinefx(*words: str) -> Answer:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return spinefx


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with six toy cases and their pipeline.toml, which is the working directory too."""
    (tmp_path / "cases").mkdir()
    for number in range(6):
        (tmp_path / "cases" / f"p{number}_t2.txt").write_text(str(2 + number % 4))
    (tmp_path / "journal.txt").touch()
    (tmp_path / "pipeline.toml").write_text(
        f"""
[run]
out = "run"
executor = "serial"
plugins = ["{TOYS}"]
[data]
use = "toy"
root = "cases"
journal = "journal.txt"
[segment]
use = "mask"
[sample]
shape = [8, 8, 8]
spacing = 2
[encode]
use = "toy-mean"
journal = "journal.txt"
[[geometry]]
use = "toy-height"
journal = "journal.txt"
[[evaluate]]
use = "toy-say"
journal = "journal.txt"
"""
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path
