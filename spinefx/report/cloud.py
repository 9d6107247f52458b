"""A cloud of points whose axes and colours the reader chooses, each point linked to its case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spinefx.report.folder import Json, mapping, sequence, text
from spinefx.report.library import packed
from spinefx.report.numbers import is_number
from spinefx.report.tables import column_title

_AXES = 120
_CELLS = 240_000
"""Columns, and numbers, that a cloud carries at most: the first ones; files beside the report hold the others."""


@dataclass(frozen=True)
class CloudView:
    """The cloud as the template draws it: names of what can lie along an axis, of what can colour, and the data."""

    axes: tuple[str, ...]
    colours: tuple[str, ...]
    points: int
    x: int
    y: int
    data: str
    left_out: int = 0


def cloud_of(figure: Json) -> CloudView | None:
    """The cloud of a `points` figure; None where it has no point or fewer than two columns."""
    columns = [mapping(entry) for entry in sequence(figure.get("columns"))]
    matrix = [sequence(row) for row in sequence(figure.get("matrix"))]
    if not matrix or len(columns) < 2 or any(len(row) != len(columns) for row in matrix):
        return None
    kept = max(2, min(len(columns), _AXES, _CELLS // len(matrix)))
    rows = [[v if is_number(v) else None for v in row[:kept]] for row in matrix]
    left_out, columns = len(columns) - kept, columns[:kept]
    axes = [_axis(column) for column in columns]
    groups = {str(title): list(map(text, sequence(words))) for title, words in mapping(figure.get("groups")).items()}
    groups = {title: words for title, words in groups.items() if len(words) == len(rows)}
    first = _wanted(figure, "x_label", columns, 0)
    told = {
        "axes": axes,
        "rows": rows,
        "names": [text(name) for name in sequence(figure.get("row_names"))],
        "cases": [text(name) for name in sequence(figure.get("cases"))],
        "groups": groups,
    }
    return CloudView(
        axes=tuple(axes),
        colours=tuple(groups),
        points=len(rows),
        x=first,
        y=_wanted(figure, "y_label", columns, 1 if first == 0 else 0),
        data=packed(told),
        left_out=left_out,
    )


def _axis(column: Json) -> str:
    title, unit = column_title(column), text(column.get("unit"))
    return f"{title}, {unit}" if unit else title


def _wanted(figure: Json, key: str, columns: Sequence[Json], otherwise: int) -> int:
    """The place of the column that the figure names for an axis."""
    names = [text(column.get("name")) for column in columns]
    name = text(figure.get(key))
    return names.index(name) if name in names else otherwise
