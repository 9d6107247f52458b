"""What an evaluator found, as plain data: tables, figures and sentences.

Nothing here draws. A figure holds its numbers; the report draws them, `findings.json` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Shape:
    """A surface that the reader turns in space, and what it measures.

    at : where it stands on each of the figure's sliders, in the slider's unit; 0 is the middle.
    vertices_mm : (n, 3) float32, (x, y, z) with x to the patient's left, y to the back, z to the head.
    faces : (m, 3) int32, indices into the vertices.
    measures : one number for each of the figure's `columns`, NaN where it cannot be measured.
    """

    at: tuple[float, ...]
    vertices_mm: NDArray[np.float32]
    faces: NDArray[np.int32]
    measures: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Figure:
    """Numbers to draw.

    kind : what is drawn, and from which fields.
        `line`, `scatter`, `bars`: `series`.
        `heatmap`: `matrix` (rows x columns, NaN allowed) with `row_names` and `column_names`.
        `pictures`: `panels`, laid out `per_row` to a row.
        `shapes`: `shapes`, moved by `sliders`, with their measures named by `columns`. One latent at a time or a whole
        grid: the reader sees those positions that have a shape.
        `points`: a cloud whose axes the reader chooses: `matrix` (points x `columns`), `row_names` (the points),
        `cases` (whose picture belongs to each point), `groups` (title -> a word per point, for colours).
    """

    name: str
    title: str
    kind: Literal["line", "scatter", "bars", "heatmap", "pictures", "shapes", "points"]
    x_label: str = ""
    y_label: str = ""
    series: tuple[Series, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    per_row: int = 4
    caption: str = ""
    columns: tuple[Column, ...] = ()
    sliders: tuple[Column, ...] = ()
    shapes: tuple[Shape, ...] = ()
    cases: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
