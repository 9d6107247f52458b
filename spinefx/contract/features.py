"""Numbers about structures: rows that say whose they are, columns that say what they are and in which unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError
from spinefx.contract.grid import frozen_array

_SHOWN = 12
UNITS = ("mm3", "mm2", "mm", "deg", "ml", "percent", "suv")
"""Units that a feature's name may end in, after an underscore."""


@dataclass(frozen=True, order=True, slots=True)
class Row:
    """Whose number it is: one structure of one case. Case-wide rows have structure `spine` and level ""."""

    case: str
    patient: str
    structure: str
    level: str = ""

    @property
    def id(self) -> str:
        """Unique name of the row in its cohort, `12_t2:disc:L5-S1`."""
        return ":".join(part for part in (self.case, self.structure, self.level) if part)


def unit_of(name: str) -> str:
    """The unit that a feature's name ends in (`height_mm` -> `mm`), or "" for a plain number."""
    tail = name.rpartition("_")[2]
    return tail if tail in UNITS else ""


def source_of(meaning: str) -> tuple[str, str]:
    """Definition and source of a line of the data dictionary; the source is "" where none stands in brackets at its end."""
    found = re.fullmatch(r"(.+?)\s*\(([^()]*\b(?:1[89]|20)\d\d)\)", meaning)
    return (found[1], found[2]) if found else (meaning, "")


@dataclass(frozen=True, eq=False)
class Features:
    """A table of numbers.

    rows : (n,) Row, each once.
    columns : name -> (n,) float64; NaN where missing. A name ends in its unit: `height_mm`, `tilt_deg`.
    reasons : (row, name) -> why that number is missing or doubtful.
    meaning : name -> one line for the data dictionary: definition, and in brackets at its end the source of it with its
    year: `mean height over depth (Farfan et al., J Bone Joint Surg Am 54:492, 1972)`.

    Raises
    ------
    DataError
        If a column's length is not the number of rows, or a row appears twice.
    """

    rows: tuple[Row, ...]
    columns: Mapping[str, NDArray[np.float64]]
    reasons: Mapping[tuple[Row, str], str] = field(default_factory=dict)
    meaning: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = tuple(self.rows)
        if len(set(rows)) != len(rows):
            twice = next(row for row in rows if rows.count(row) > 1)
            raise DataError(f"features have the row {twice.id!r} twice")
        columns = {name: frozen_array(values, np.float64) for name, values in self.columns.items()}
        for name, values in columns.items():
            if values.shape != (len(rows),):
                raise DataError(f"feature {name!r} has shape {values.shape}, wanted ({len(rows)},)")
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "columns", MappingProxyType(columns))
        object.__setattr__(self, "reasons", MappingProxyType(dict(self.reasons)))
        object.__setattr__(self, "meaning", MappingProxyType(dict(self.meaning)))

    def __repr__(self) -> str:
        return f"Features({len(self.rows)} rows, {len(self.columns)} columns: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        """The first rows as a table, for notebooks."""
        from html import escape

        def line(cells: Sequence[str], tag: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

        lines = [line(["row", *self.columns], "th")]
        for number, row in enumerate(self.rows[:_SHOWN]):
            lines.append(line([row.id, *(f"{values[number]:.4g}" for values in self.columns.values())], "td"))
        return f"<table>{''.join(lines)}</table><p>{len(self.rows)} rows</p>"

    @property
    def units(self) -> dict[str, str]:
        """Column name -> unit, "" for a plain number."""
        return {name: unit_of(name) for name in self.columns}

    @classmethod
    def of_case(cls, case: Case, values: Mapping[str, float], **more: Mapping[str, str]) -> Features:
        """One case-wide row (structure `spine`) with these values."""
        row = Row(case.id, case.patient, "spine")
        return cls((row,), {name: np.array([value], np.float64) for name, value in values.items()}, **more)  # type: ignore[arg-type]

    @classmethod
    def of_rows(
        cls,
        rows: Sequence[Row],
        values: Sequence[Mapping[str, float]],
        *,
        reasons: Mapping[tuple[Row, str], str] | None = None,
        meaning: Mapping[str, str] | None = None,
    ) -> Features:
        """A table from one mapping per row; a name that a row lacks is NaN there."""
        names = list(dict.fromkeys(name for value in values for name in value))
        columns = {name: np.array([value.get(name, np.nan) for value in values], np.float64) for name in names}
        return cls(tuple(rows), columns, reasons or {}, meaning or {})

    def prefixed(self, prefix: str) -> Features:
        """The same with every column named `<prefix>.<name>`."""
        return Features(
            self.rows,
            {f"{prefix}.{name}": values for name, values in self.columns.items()},
            {(row, f"{prefix}.{name}"): why for (row, name), why in self.reasons.items()},
            {f"{prefix}.{name}": text for name, text in self.meaning.items()},
        )

    def at(self, rows: Sequence[Row]) -> dict[str, NDArray[np.float64]]:
        """Column name -> values at `rows`, NaN where a row is not in the table."""
        place = {row: i for i, row in enumerate(self.rows)}
        where = np.array([place.get(row, -1) for row in rows], np.intp)
        return {
            name: np.where(where >= 0, values[where], np.nan) if len(self.rows) else np.full(len(rows), np.nan)
            for name, values in self.columns.items()
        }

    @staticmethod
    def joined(parts: Sequence[Features]) -> Features:
        """All tables as one: rows united in order of appearance, columns side by side; a clash of values is DataError."""
        rows = list(dict.fromkeys(row for part in parts for row in part.rows))
        place = {row: i for i, row in enumerate(rows)}
        columns: dict[str, NDArray[np.float64]] = {}
        filled: dict[str, NDArray[np.bool_]] = {}
        for part in parts:
            where = np.array([place[row] for row in part.rows], np.intp)
            for name, values in part.columns.items():
                if name not in columns:
                    columns[name], filled[name] = np.full(len(rows), np.nan), np.zeros(len(rows), bool)
                column, seen = columns[name], filled[name]
                if seen[where].any():
                    raise DataError(f"two analysers give {name!r} for the same structure")
                column[where], seen[where] = values, True
        reasons = {key: why for part in parts for key, why in part.reasons.items()}
        meaning = {name: text for part in parts for name, text in part.meaning.items()}
        return Features(tuple(rows), columns, reasons, meaning)
