"""Printing: tables on a terminal and plain columns elsewhere, and JSON where it is asked for.

Results go to stdout, progress and warnings to stderr. `NO_COLOR` is honoured.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import click

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, for programs.")
"""The `--json` option."""

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one option: --set encode.epochs=5. Repeatable; lists by number: geometry.0.use=disc.",
)
"""The `--set` option."""

more_plugins = click.option(
    "--with",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="A plugin file to load beside the installed plugins. Repeatable.",
)
"""The `--with` option."""

pipeline_argument = click.argument("pipeline", default="pipeline.toml", type=click.Path())
"""The pipeline file, `pipeline.toml` unless given."""


def plain() -> bool:
    """Whether stdout is no terminal."""
    return not sys.stdout.isatty()


_aside: list[TextIO] = []


@contextmanager
def plugins_aside() -> Iterator[None]:
    """While plugins work, what they print goes to stderr: stdout holds nothing but the result."""
    if not _aside:
        _aside.append(os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace"))
    with redirect_stdout(_aside[0]):
        yield


def say(text: str = "") -> None:
    """A line of the result."""
    click.echo(text)


def warn(text: str) -> None:
    """A line beside the result, on stderr."""
    click.echo(text, err=True)


def dump(data: Any) -> None:
    """The result as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under heads: drawn on a terminal, aligned with spaces elsewhere."""
    (_columns if plain() else _drawn)(heads, rows)


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    everything = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in everything) for i in range(len(heads))]
    for row in everything:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _drawn(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        drawn.add_column(head, style="cyan" if number == 0 else None, no_wrap=number == 0, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(drawn)


def counted(number: int, noun: str, many: str = "") -> str:
    """`1 case`, `2 cases`; `many` where the plural is not the noun and an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {many or f'{noun}s'}"


Printer = Callable[[str], None]
"""Takes a line."""


def spoken_time(seconds: float) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
