"""Pages that are made of the code: options of every plugin and section, commands, the error catalogue.

MkDocs calls `on_files` and `on_page_markdown`. Links to files outside docs/ lead to copies of them in the site.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files

from spinefx.cli.app import COMMANDS, app
from spinefx.cli.options import described
from spinefx.contract import errors
from spinefx.plan import Registry
from spinefx.plan.schema import ENGINE_SECTIONS

ROOT = Path(__file__).resolve().parents[2]
REMEDIES = {
    "PlanError": ("a key, value or name in the TOML or on the command line", "mend what the message names; it gives file, line and "
                  "column, and the nearest right name. `spinefx check` finds all of them at once"),
    "PluginError": ("a plugin that is not installed, does not import, or shares its name with another",
                    "`spinefx plugins` lists what is there and what failed to load; `SPINEFX_DISABLE=name` leaves one out; "
                    "`use = \"dist:name\"` picks one of two"),
    "DataError": ("a file that is missing, damaged or of another kind than its name says",
                  "`spinefx check --data` opens every scan and lists all such files; a single case is quarantined and the rest go on"),
    "GridError": ("image and mask that do not lie on one grid, or a header with impossible geometry",
                  "export the mask again from the image it was drawn on; the message says how many mm apart they are"),
    "SchemeError": ("mask values that the label scheme does not know",
                    "name the right scheme in `[data]`, or write one of your own (see the page on data)"),
    "LabelTableError": ("a label table without the column that the plan asks for, or one that cannot be joined",
                        "the message gives the columns that are there and the closest; `[labels] key` says which tell whose label it is"),
    "StageError": ("a plugin failed on one case",
                   "`spinefx explain CASE` gives stage, plugin and cause; mend the case or the plugin and run again: only it is redone"),
    "StoreError": ("a full disk, no right to write, a damaged artefact, or another run that holds the folder",
                   "make room or end the other run; the same command goes on where it stopped. `spinefx cache verify` finds damage"),
    "SpinefxError": ("a bug of ours, unless a branch below says otherwise", "report it with the traceback that `--debug` prints"),
}  # fmt: skip
"""Error -> cause, remedy."""


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated."""
    pages = {"plugins": _plugins, "sections": _sections, "commands": _commands, "errors": _errors}
    for name, lines in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content="\n".join(lines()) + "\n"))
    for path in sorted(_linked()):
        files.append(File.generated(config, f"files/{path.as_posix()}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links that leave docs/ lead to the copies."""
    return re.sub(r"\]\(\.\./([^)#]+)", r"](files/\1", markdown)


def _linked() -> set[Path]:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
    return {Path(target) for text in texts for target in re.findall(r"\]\(\.\./([^)#]+)", text)}


def _table(model: Any) -> Iterator[str]:
    rows = described(model)
    if not rows:
        yield "No options."
        return
    yield "| option | type | default | unit | meaning |\n|---|---|---|---|---|"
    for row in rows:
        cells = [row["key"], row["type"], row["default"], row["unit"], row["description"]]
        cells = [cell.replace("|", "\\|").replace("<", "&lt;").replace("{", "&#123;") for cell in cells]
        yield f"| `{cells[0]}` | {cells[1]} | {cells[2]} | {cells[3]} | {cells[4]} |"


def _plugins() -> Iterator[str]:
    yield "# Plugins and their options\n\nMade from the options' schemas; `spinefx plugins show NAME` prints the same.\n"
    kind = ""
    for offer in Registry.discover().offers():
        if offer.dist != "spinefx":
            continue
        if offer.kind != kind:
            kind = offer.kind
            yield f"\n## {kind.replace('_', ' ').capitalize()}s"
        yield f"\n### {offer.name}\n\n{offer.plugin.summary} Version {offer.plugin.version}.\n"
        yield from _table(offer.plugin.options)
        yield from (f"\n- {reference}" for reference in offer.plugin.references)


def _sections() -> Iterator[str]:
    yield "# Sections of a pipeline\n\nThe engine's own; those of plugins take the [plugin's options](plugins.md).\n"
    for name, model in ENGINE_SECTIONS.items():
        yield f"\n## [{name}]\n"
        yield from _table(model)


def _commands() -> Iterator[str]:
    yield "# Commands\n\nWhat `--help` prints.\n"
    for name in COMMANDS:
        context = click.Context(app, info_name="spinefx", max_content_width=100)
        command = app.get_command(context, name)
        if command is not None:
            yield from _command(command, name, context)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100)
    yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _command(found, inner, context)


def _errors() -> Iterator[str]:
    yield "# Errors\n\nEvery message says where, what was wanted, what was found and what to do. The exit code tells which branch.\n"
    yield f"```text\n{inspect.getdoc(errors)}\n```\n\n| error | exit code | cause | remedy |\n|---|---|---|---|"
    found = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, errors.SpinefxError)]
    for error in found:
        cause, remedy = REMEDIES[error.__name__]
        yield f"| `{error.__name__}` | {error.exit_code} | {cause} | {remedy} |"
    yield "| interrupt | 130 | Ctrl-C, SIGTERM or a batch system's time limit | the same command goes on from there |"
