"""The documents build offline without a warning, their links lead somewhere, and their code runs or says why not."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from spinefx.cli import main
from spinefx.cli.app import COMMANDS, app
from spinefx.plan import Plan
from spinefx.plan.sections import SECTIONS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"(^ *<!-- not run: (.+?) -->\n)?^ *```(\w+)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


PIPELINE = """
[run]
out = "runs/discs"
workers = 1
[data]
use = "phantom"
patients = {patients}
seed = {seed}
levels = 3
spacing_mm = [6.0, 2.0, 2.0]
[labels]
[sample]
shape = [16, 16, 16]
spacing = 3.0
[encode]
use = "conv-ae"
channels = [4, 8]
latent_dim = 2
epochs = 2
[[geometry]]
use = "disc"
[[evaluate]]
use = "reconstruction"
"""


def blocks() -> Iterator[object]:
    for page in PAGES:
        for number, match in enumerate(FENCE.finditer(page.read_text())):
            _, why, language, text = match.groups()
            yield pytest.param(language or "", text, why, id=f"{page.stem}-{number}")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of the pages has it: pipeline.toml, new.toml, and finished runs in runs/discs and runs/other."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "new.toml").write_text(PIPELINE.format(patients=2, seed=9))
    (desk / "pipeline.toml").write_text(PIPELINE.format(patients=6, seed=0))
    for out, size in (("runs/discs", 2), ("runs/other", 3)):
        changes = [f"run.out='{out}'", f"encode.latent_dim={size}"]
        with contextlib.chdir(desk):
            assert main(["run", "pipeline.toml", "--quiet", *(word for c in changes for word in ("--set", c))]) == 0
    return desk


@pytest.mark.parametrize(("language", "text", "why"), list(blocks()))
def test_every_block_of_code_runs_or_says_why_not(
    language: str, text: str, why: str | None, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert language in ("python", "toml", "sh", "text"), "a block of code says what it is"
    monkeypatch.chdir(desk)
    if language == "toml":
        tables = tomllib.loads(text)
        if (
            tables.keys() <= set(SECTIONS) and "data" not in tables
        ):  # a part of a pipeline; whole ones of data-in are run
            Plan.of({"data": {"use": "phantom"}, "encode": {"use": "pca"}, **tables}, desk)
    elif language == "python":
        monkeypatch.syspath_prepend(str(ROOT / "examples"))
        code = compile(text, "docs", "exec")
        if why is None:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(code, {})
    elif language == "sh":
        for line in re.sub(r"\\\n", " ", text).splitlines():
            words = shlex.split(line, comments=True)
            if why is None:
                assert words[0] == "spinefx", "other commands are not run here; say what runs them"
                assert main(words[1:]) == 0, line
            elif words[:1] == ["spinefx"]:
                parsed(words[1:])


def parsed(words: list[str]) -> None:
    """The command is there, and so is each of its options."""
    command, context = app, click.Context(app, info_name="spinefx")
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=found.name)
    command.make_parser(context).parse_args(list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_of_code_hides_behind_mere_indentation(page: Path) -> None:
    rest = FENCE.sub("", re.sub(r"(?m)^:::.*\n(    .*\n)*", "", page.read_text()))
    assert re.findall(r"(?m)^\n {4,}\S.*$", rest) == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_every_command_named_is_there(page: Path) -> None:
    named = set(re.findall(r"(?:^|`|    )spinefx ([a-z]+)\b", page.read_text(), re.MULTILINE))
    assert named - {"is", "and", "judges", "has"} <= set(COMMANDS)


def test_the_site_builds_without_a_warning_and_asks_nobody(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
    command = [
        sys.executable,
        "-P",
        "-m",
        "mkdocs",
        "build",
        "-f",
        ".mkdocs.yml",
        "--strict",
        "-q",
        "-d",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    assert {"index.html", "reference/errors.html", "reference/plugins.html", "api.html"} <= set(pages)
    for name, text in pages.items():
        assert not re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=\"https?://(?!www\.sitemaps)[^\"]+\.(?:js|css|woff2?|png|jpg)", text
        ), name
    assert "spinefx plugin new" in pages["reference/commands.html"]


def test_the_catalogue_knows_every_error() -> None:
    pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
    sys.path.insert(0, str(ROOT / "docs" / "hooks"))
    try:
        import generated
    finally:
        sys.path.pop(0)
    from spinefx.contract import errors

    tree = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, errors.SpinefxError)}
    assert set(generated.REMEDIES) == tree
