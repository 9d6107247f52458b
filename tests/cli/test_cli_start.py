"""`init`, `demo`, `completion`, help."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from spinefx.cli.app import COMMANDS, app
from spinefx.plan import Registry, pipeline_schema

Command = Callable[..., Any]
TOYS = Path(__file__).parents[1] / "engine" / "toy_plugins.py"


@pytest.mark.parametrize("source", ["spider", "folder", "phantom"])
def test_init_writes_a_pipeline_that_the_installed_plugins_accept(
    spinefx: Command, tmp_path: Path, source: str
) -> None:
    path = tmp_path / "study" / "p.toml"
    answer = spinefx("init", "--from", source, str(path))
    assert (answer.code, answer.out) == (0, f"wrote {path}; next: spinefx check {path}\n")
    assert spinefx("plan", "--toml", str(path)).code == 0
    schema = pipeline_schema(Registry.discover())
    jsonschema.validate(tomllib.loads(path.read_text()), schema)


def test_init_takes_the_label_table_that_lies_beside_the_images(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / "radiological_gradings.csv").touch()
    spinefx("init", "--from", "spider", "--root", "my data", str(tmp_path / "p.toml"))
    text = tomllib.loads((tmp_path / "p.toml").read_text())
    assert text["labels"] == {"table": "my data/radiological_gradings.csv"}
    assert text["data"]["root"] == "my data"


def test_init_replaces_nothing_unless_told(spinefx: Command, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("mine")
    answer = spinefx("init", "--from", "phantom", str(path))
    assert (answer.code, path.read_text()) == (2, "mine")
    assert "--force replaces it" in answer.err
    assert spinefx("init", "--from", "phantom", "--force", str(path)).code == 0


def test_init_into_a_place_that_cannot_be_written_is_told(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = spinefx("init", "--from", "phantom", str(tmp_path / "file" / "p.toml"))
    assert answer.code == 5
    assert "Traceback" not in answer.err


def test_a_demo_of_another_cohort_is_not_overwritten(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text("# spinefx demo: 40 patients, seed 3\n")
    answer = spinefx("demo", "--out", str(tmp_path))
    assert answer.code == 2
    assert "is of another demo" in answer.err


def test_a_demo_stays_out_of_a_folder_with_other_things(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    answer = spinefx("demo", "--out", str(tmp_path))
    assert answer.code == 2
    assert "holds something else" in answer.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(spinefx: Command, shell: str) -> None:
    answer = spinefx("completion", shell)
    assert answer.code == 0
    assert "_SPINEFX_COMPLETE" in answer.out


@pytest.mark.parametrize(
    ("words", "index", "wanted"), [("spinefx pl", 1, {"plan", "plugins"}), ("spinefx plugins show dis", 3, {"disc"})]
)
def test_words_are_completed(words: str, index: int, wanted: set[str]) -> None:
    env = {"_SPINEFX_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)}
    answer = CliRunner().invoke(app, [], env=env, prog_name="spinefx")
    assert wanted <= {line.partition(",")[2] for line in answer.output.splitlines()}


def commands() -> list[tuple[str, click.Command]]:
    ctx = click.Context(app)
    found = [(name, app.get_command(ctx, name)) for name in COMMANDS]
    inner = [
        (f"{name} {n}", c) for name, group in found if isinstance(group, click.Group) for n, c in group.commands.items()
    ]
    return [(name, command) for name, command in [*found, *inner] if command is not None]


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    assert command.help
    assert len(command.get_short_help_str(200)) <= 60, "the list of commands would cut it short"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"
    assert CliRunner().invoke(app, [*name.split(), "--help"]).exit_code == 0


def test_the_list_of_commands_shows_the_exit_codes(spinefx: Command) -> None:
    answer = spinefx("--help")
    assert answer.code == 0
    assert all(f"{name} " in answer.out for name in COMMANDS)
    assert "130" in answer.out


def test_a_demo_draws_a_cohort_once_and_ends_with_a_report(spinefx: Command, tmp_path: Path) -> None:
    """The whole path but for the encoder, which is a toy here."""
    (tmp_path / "journal.txt").touch()
    encode = f'encode={{use = "toy-mean", journal = "{tmp_path / "journal.txt"}"}}'
    toys = f'run.plugins=["{TOYS}"]'
    words = ["--out", str(tmp_path / "demo"), "--patients", "4", "--seed", "1", "--set", toys, "--set", encode]
    for change in ("run.workers=1", "sample.spacing=4", "sample.shape=[8,16,16]", "augment=[]", "evaluate=[]",
                   'geometry=[{use="disc"}]'):  # fmt: skip
        words += ["--set", change]
    answer = spinefx("demo", *words)
    assert answer.code == 0, answer.err
    assert "drawing 4 patients" in answer.err
    assert "4 cases: 4 done" in answer.out
    assert (tmp_path / "demo" / "run" / "report.html").is_file()
    drawn = (tmp_path / "demo" / "data" / "masks" / "1_t2.mha").stat().st_mtime_ns
    again = spinefx("demo", *words)
    assert "nothing to do" in again.out
    assert "drawing" not in again.err
    assert (tmp_path / "demo" / "data" / "masks" / "1_t2.mha").stat().st_mtime_ns == drawn
