"""Tables and heatmaps made ready for the page: every cell as shown text with its full value beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spinefx.report.folder import Json, mapping, sequence, text
from spinefx.report.numbers import Shown, decimals, is_number, show

FOLD_ABOVE = 40
"""Tables with more rows than this are folded behind their title."""


@dataclass(frozen=True)
class Head:
    """A column's head."""

    title: str
    unit: str = ""
    about: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class TableView:
    """A table as the template draws it; `folded` hides it behind its title."""

    id: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Shown, ...], ...]
    caption: str = ""
    folded: bool = False

    @property
    def crowd(self) -> str:
        """How small the columns must be to stand side by side on paper."""
        return "crowded" if len(self.heads) > 14 else "many" if len(self.heads) > 9 else ""

    @property
    def left_out(self) -> int:
        """Rows that paper goes without."""
        return max(0, len(self.rows) - FOLD_ABOVE)

    @property
    def explained(self) -> tuple[Head, ...]:
        """The columns that come with an explanation."""
        return tuple(head for head in self.heads if head.about)


def titled(name: str) -> str:
    """A machine's name as a title: `mixed-model` -> `Mixed model`."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def column_title(column: Json) -> str:
    """A column's title; its name without the unit where it has none: `disc.height_mm` -> `Disc height`."""
    name, unit = text(column.get("name")), text(column.get("unit"))
    plain = name.removesuffix(f"_{unit}") if unit else name
    return text(column.get("title")) or titled(plain.replace(".", " "))


def table_of(table: Json, prefix: str) -> TableView:
    """A findings table."""
    columns = [mapping(column) for column in sequence(table.get("columns"))]
    rows = [list(sequence(row)) for row in sequence(table.get("rows"))]
    width = max([len(columns), *(len(row) for row in rows)])
    heads = []
    for i in range(width):
        column = columns[i] if i < len(columns) else {}
        title = column_title(column)
        numeric = _numeric(row[i] for row in rows if i < len(row))
        heads.append(Head(title, text(column.get("unit")), text(column.get("about")), numeric))
    name = text(table.get("name"))
    title = text(table.get("title")) or titled(name)
    return _view(f"{prefix}-{slug(name)}", title, heads, rows, caption=text(table.get("caption")))


def plain_table(id_: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], **more: Any) -> TableView:
    """A table of the run's own facts; a column whose every cell is empty is left out."""
    kept = [i for i in range(len(heads)) if any(not show(row[i]).missing for row in rows)] or list(range(len(heads)))
    made = [Head(heads[i], numeric=_numeric(row[i] for row in rows)) for i in kept]
    return _view(id_, title, made, [[row[i] for i in kept] for row in rows], **more)


def figure_table(figure: Json, id_: str) -> TableView | None:
    """The numbers that a figure's series hold, or None where it has none."""
    names = ("low", "high", "labels")
    series = [mapping(entry) for entry in sequence(figure.get("series"))]
    rows: list[list[Any]] = []
    for entry in series:
        x, y = sequence(entry.get("x")), sequence(entry.get("y"))
        extra = [sequence(entry.get(name)) for name in names]
        for i in range(max(len(x), len(y))):
            rows.append([text(entry.get("name")), *(_at(values, i) for values in (x, y, *extra))])
    if not rows:
        return None
    x_title, y_title = text(figure.get("x_label")) or "x", text(figure.get("y_label")) or "y"
    heads = ("Series", x_title, y_title, "Low", "High", "Label")
    view = plain_table(id_, "The numbers of this figure", heads, rows)
    return TableView(view.id, view.title, view.heads, view.rows, folded=True)


def _view(
    id_: str, title: str, heads: Sequence[Head], rows: Sequence[Sequence[Any]], caption: str = "", folded: bool = False
) -> TableView:
    places = [decimals(row[i] for row in rows if i < len(row)) for i in range(len(heads))]
    cells = tuple(tuple(show(_at(row, i), places[i]) for i in range(len(heads))) for row in rows)
    return TableView(id_, title, tuple(heads), cells, caption, folded or len(rows) > FOLD_ABOVE)


def _at(values: Sequence[Any], i: int) -> Any:
    return values[i] if i < len(values) else None


def _numeric(values: Iterable[Any]) -> bool:
    """Whether a column holds numbers only (missing ones aside), and at least one."""
    present = [value for value in values if not show(value).missing]
    return bool(present) and all(show(value).number for value in present)


def slug(name: str) -> str:
    """A name fit for an element's id: letters, digits and hyphens."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(part for part in kept.split("-") if part) or "x"


@dataclass(frozen=True)
class HeatCell:
    """One cell: shown value, strength 0..1, `p`ositive or `n`egative tint, strong enough for light text or not."""

    shown: Shown
    strength: float = 0.0
    tint: str = ""
    strong: bool = False


@dataclass(frozen=True)
class HeatView:
    """A heatmap as a table of tinted cells; `low`, `middle`, `high` label the scale."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]
    low: str
    middle: str
    high: str
    diverging: bool
    corner: str = ""
    side: str = ""


def heat_of(figure: Json) -> HeatView:
    """A `heatmap` figure: tinted around 0 where any value is negative, else from the smallest to the largest."""
    matrix = [list(sequence(row)) for row in sequence(figure.get("matrix"))]
    numbers = [float(value) for row in matrix for value in row if is_number(value)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    diverging = low < 0
    if diverging:
        reach = max(abs(low), abs(high))
        high = 1.0 if 0.2 <= reach <= 1 else reach
        low = -high
    places = decimals(numbers)
    width = max((len(row) for row in matrix), default=0)
    names, columns = sequence(figure.get("row_names")), sequence(figure.get("column_names"))

    def cell(value: Any) -> HeatCell:
        if not is_number(value):
            return HeatCell(show(value))
        span = high if diverging else high - low
        share = (abs(value) if diverging else value - low) / span if span else 0.5
        return HeatCell(show(value, places), round(share, 3), "n" if value < 0 else "p", share > 0.6)

    rows = tuple((text(_at(names, i)), tuple(cell(_at(row, j)) for j in range(width))) for i, row in enumerate(matrix))
    return HeatView(
        columns=tuple(text(_at(columns, j)) for j in range(width)),
        rows=rows,
        low=show(low, None if diverging else places).text,
        middle="0" if diverging else "",
        high=show(high, None if diverging else places).text,
        diverging=diverging,
        corner=text(figure.get("y_label")),
        side=text(figure.get("x_label")),
    )
