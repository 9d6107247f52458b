"""What the README says is so: its commands exist, its pipeline is a plan, its plugin is the one in examples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spinefx.cli.app import app
from spinefx.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _block(start: str) -> str:
    return next(block for block in BLOCKS if block.startswith(start))


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"^make (\w+)", _block("make demo"), re.MULTILINE)
    assert commands == ["demo", "test"]
    assert set(commands) <= set(targets)


def test_the_pipeline_is_a_plan_and_its_defaults_are_shown(tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text(_block("[data]"))
    (tmp_path / "SPIDER").mkdir()
    plan = Plan.read(tmp_path / "pipeline.toml")
    assert [stage.name for stage in plan.evaluate] == ["reconstruction", "correlate", "predict"]
    assert 'use = "conv-ae"' in plan.show()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"spinefx (check|plan|run|init|plugins|schema)\b", README))))
def test_every_command_is_there_and_says_what_it_does(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_plugin_is_the_one_in_the_examples() -> None:
    lines = [line for line in (ROOT / "examples" / "bone_count.py").read_text().splitlines() if line.strip()]
    assert [line for line in _block("from pydantic").splitlines() if line.strip()] == lines


def test_the_core_alone_does_what_its_lines_say() -> None:
    scope = {"data": np.ones((17, 512, 512), np.float32)}
    code = compile(_block("from spinefx import kernels"), "README", "exec")
    exec(code, scope)
    assert scope["resampled"].shape == (68, 256, 256)
    assert scope["resampled"].max() == 1.0


def test_every_file_that_it_links_is_there() -> None:
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / target).exists(), target
