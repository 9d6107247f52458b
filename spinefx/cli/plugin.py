"""`spinefx plugin new` and `plugin test`: for authors of plugins."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, counted, dump, say, table, warn
from spinefx.cli.scaffold import KINDS, package

if TYPE_CHECKING:
    from spinefx.testing import Subject, Verdict


@click.group()
def plugin() -> None:
    """Write a plugin of your own, and test it.

    What is installed already: spinefx plugins. A whole plugin may also be one file, named in [run] plugins.
    """


@plugin.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin does.")
@click.option("--cpp", is_flag=True, help="With a kernel of its own in C++, built by CMake and pybind11.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to put it; a folder NAME here unless given."
)
def new(name: str, kind: str, cpp: bool, out: Path | None) -> int:
    """Write a package with a plugin that works.

    NAME is the plugin's and the package's, in kebab-case (bone-density). The package holds options, the work, tests that
    pass at once, a README and a pipeline that uses it.
    """
    from spinefx.store.files import atomic_write_bytes

    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise click.UsageError(f"{name!r} is no name for a plugin; take small letters, digits and single hyphens")
    if name.replace("-", "_") in sys.stdlib_module_names or name.replace("-", "_") == "spinefx":
        raise click.UsageError(f"a package named {name.replace('-', '_')!r} would hide another one; take another name")
    folder = out or Path(name)
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is there already, and not empty; choose another place with --out")
    for path, content in package(name, kind, cpp=cpp).items():
        atomic_write_bytes(folder / path, content.encode())
    say(f"wrote {folder}; next:")
    say(f"  cd {folder}")
    say('  pip install -e ".[test]"')
    say("  spinefx plugin test")
    if kind == "loader":
        say(f"  python tests/test_{name.replace('-', '_')}.py      # writes phantoms for the pipeline to read")
    say("  spinefx run pipeline.toml")
    return 0


@plugin.command()
@click.argument("source", default=".")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PLUGIN.KEY=VALUE",
    help="An option that the plugin is tried with: --set our-pacs.root=data. Repeatable.",
)
@as_json
def test(source: str, overrides: tuple[str, ...], json_: bool) -> int:
    """Check that a plugin keeps the contract.

    SOURCE is a package's folder (this one unless given), a plugin file, or the name of an installed package or plugin.
    Every fault is told with what to do. A package's own tests may hold options and truths that this does not know: run
    them with pytest.
    """
    from spinefx.testing import verdicts
    from spinefx.testing.elsewhere import Elsewhere

    subjects = list(_subjects(source, _options(overrides)))
    processes: dict[str, Elsewhere] = {}
    found: list[Verdict] = []
    try:
        for subject in subjects:
            mine = list(verdicts(subject, processes))
            found += mine
            if not json_:
                _tell(subject, mine)
    finally:
        for process in processes.values():
            process.close()
    if json_:
        dump([vars(verdict) for verdict in found])
    failed = sum(verdict.outcome == "failed" for verdict in found)
    if not json_:
        say(f"{counted(failed, 'fault')} in {counted(len(subjects), 'plugin')}" if failed else "no fault was found")
    return 2 if failed else 0


def _tell(subject: Subject, verdicts: Sequence[Verdict]) -> None:
    say(f"{subject.kind.replace('_', ' ')} {subject.name}")
    rows = []
    for verdict in verdicts:
        said = "" if verdict.outcome == "failed" else verdict.said
        rows.append((verdict.outcome, verdict.check.replace("study_s", "study's").replace("_", " "), said))
    table(("outcome", "check", ""), rows)
    for verdict in verdicts:
        if verdict.outcome == "failed":
            say(f"- {verdict.said}")
    say()


def _subjects(source: str, options: dict[str, dict[str, Any]]) -> Iterator[Subject]:
    """The plugins to check; a folder is that of a package, whose entry points name its modules."""
    import importlib

    from spinefx.contract.errors import PluginError
    from spinefx.testing import subjects_of

    folder = Path(source)
    if not folder.is_dir():
        yield from subjects_of(source, options=options)
        return
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        points = project["entry-points"]["spinefx"]
    except FileNotFoundError:
        raise PluginError(
            f"{folder.absolute()} holds no pyproject.toml; name a package's folder, a plugin file or an installed plugin"
        ) from None
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(
            f"{folder / 'pyproject.toml'} offers no plugin ({type(error).__name__}: {error}); it needs a table "
            '[project.entry-points.spinefx] with a line such as our_plugin = "our_plugin"'
        ) from error
    home = folder / "src" if (folder / "src").is_dir() else folder
    if str(home.absolute()) not in sys.path:
        sys.path.append(str(home.absolute()))  # at the end: what is installed, with its compiled kernel, goes first
    for value in points.values():
        module = str(value).partition(":")[0]
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise PluginError(
                f"{module} cannot be imported: {error}; is it installed?   (pip install -e {folder})"
            ) from error
        warn(f"testing {found.__file__}")
        subjects = subjects_of(found)
        mine = {name: given for name, given in options.items() if name in {s.name for s in subjects}}
        yield from subjects_of(subjects, options=mine)


def _options(overrides: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`our-pacs.root=data` as {plugin: {key: value}}."""
    found: dict[str, dict[str, Any]] = {}
    for override in overrides:
        match = re.fullmatch(r"([a-z0-9-]+)\.(\w+)=(.*)", override)
        if match is None:
            raise click.UsageError(f"--set {override}: wanted PLUGIN.KEY=VALUE, as in --set our-pacs.root=data")
        try:
            value = tomllib.loads(f"value = {match[3]}")["value"]
        except tomllib.TOMLDecodeError:
            value = match[3]
        found.setdefault(match[1], {})[match[2]] = value
    return found
