"""`plugin new` and `plugin test`: a package that works, and faults told to its author."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
KINDS = ("loader", "segmenter", "preprocessor", "augmenter", "encoder", "geometry", "evaluator")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cpp", [False, True], ids=["python", "cpp"])
def test_new_writes_a_package_that_reads_well(spinefx: Command, tmp_path: Path, kind: str, cpp: bool) -> None:
    folder = tmp_path / "bone-density"
    answer = spinefx("plugin", "new", "bone-density", "--kind", kind, "--out", folder, *(["--cpp"] if cpp else []))
    assert answer.code == 0
    assert "spinefx plugin test" in answer.out
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "pipeline.toml", "src/bone_density/stage.py"} <= set(files)
    assert ("csrc/kernel.cpp" in files) == cpp
    assert not [name for name, text in files.items() if "@PACKAGE@" in text or "@NAME@" in text or "@PLUGIN@" in text]
    for name, text in files.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_new_replaces_nothing_and_refuses_names_that_hide_others(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").touch()
    answer = spinefx("plugin", "new", "there", "--kind", "loader", "--out", tmp_path / "there")
    assert (answer.code, "not empty" in answer.err) == (2, True)
    assert "would hide another one" in spinefx("plugin", "new", "json", "--kind", "loader").err
    assert "small letters" in spinefx("plugin", "new", "Bone_Count", "--kind", "loader").err


def test_test_tells_each_check_of_a_file(spinefx: Command) -> None:
    answer = spinefx("plugin", "test", Path(__file__).parents[2] / "examples" / "bone_count.py")
    assert answer.code == 0, answer.out
    assert "passed" in answer.out
    assert answer.out.splitlines()[-1] == "no fault was found"


def test_test_tells_a_fault_in_words(spinefx: Command, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "examples" / "bone_count.py").read_text()
    (tmp_path / "loud.py").write_text(
        text.replace("        count = sum", "        print('hello')\n        count = sum")
    )
    answer = spinefx("plugin", "test", tmp_path / "loud.py")
    assert answer.code == 2
    assert "- geometry analyser 'bone-count' prints to stdout ('hello')" in answer.out
    assert answer.out.splitlines()[-1] == "1 fault in 1 plugin"


def test_test_of_nothing_says_what_it_wants(spinefx: Command, tmp_path: Path) -> None:
    assert "holds no pyproject.toml" in spinefx("plugin", "test", tmp_path).err
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert "[project.entry-points.spinefx]" in spinefx("plugin", "test", tmp_path).err
    assert "did you mean 'spinefx'" in spinefx("plugin", "test", "spinefxx").err
    assert "wanted PLUGIN.KEY=VALUE" in spinefx("plugin", "test", "disc", "--set", "root=1").err
    assert "--set spider.root=" in spinefx("plugin", "test", "spider").err
