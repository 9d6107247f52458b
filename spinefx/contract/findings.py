"""What an evaluator found, as plain data: tables, figures and sentences.

Nothing here draws. A figure holds its numbers; the report draws them, `findings.json` keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """A table's column: `name` for machines, `title` for people, unit, one line of explanation."""

    name: str
    title: str = ""
    unit: str = ""
    about: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of plain values under named columns; NaN and None print as missing. `name` is kebab-case."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """One line, cloud or set of bars: x and y of equal length; `low` and `high` bound an interval; `labels` name points."""

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """A small picture: pixels (h, w) or (h, w, 3) uint8."""

    caption: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Figure:
    """Numbers to draw.

    kind : `line`, `scatter`, `bars` use `series`; `heatmap` uses `matrix` (rows x columns, NaN allowed) with
    `row_names` and `column_names`; `pictures` uses `panels`, laid out `per_row` to a row.
    """

    name: str
    title: str
    kind: Literal["line", "scatter", "bars", "heatmap", "pictures"]
    x_label: str = ""
    y_label: str = ""
    series: tuple[Series, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    per_row: int = 4
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found, in the order in which a reader should meet it.

    sentences : plain text, each a claim that stands beside its baseline.
    warnings : what limits the claims (too few patients, a class missing); never dropped by the report.
    """

    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
