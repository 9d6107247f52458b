"""Several people's readings side by side: tables joined by patient and level, every column kept, none mixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.labels import LabelKind, LabelRow, Labels


def renamed(labels: Labels, taken: Collection[str], table: str) -> Labels:
    """The labels with the table's name behind each column whose name is taken: `Grade (second)`."""
    names = {name: f"{name} ({table})" if name in taken else name for name in labels.columns}
    return Labels(
        labels.rows,
        {names[name]: values for name, values in labels.columns.items()},
        {names[name]: kind for name, kind in labels.kinds.items()},
        {names[name]: categories for name, categories in labels.categories.items()},
        remarks=labels.remarks,
        problems=labels.problems,
    )


def joined(parts: Sequence[Labels]) -> Labels:
    """All rows and all columns of some labels; NaN where a table says nothing of a row. The first's rows come first."""
    if len(parts) == 1:
        return parts[0]
    rows: tuple[LabelRow, ...] = tuple(dict.fromkeys(row for part in parts for row in part.rows))
    place = {row: number for number, row in enumerate(rows)}
    columns: dict[str, NDArray[np.float64]] = {}
    kinds: dict[str, LabelKind] = {}
    categories: dict[str, tuple[str, ...]] = {}
    for part in parts:
        own = [place[row] for row in part.rows]
        for name, values in part.columns.items():
            columns[name] = np.full(len(rows), np.nan)
            columns[name][own] = values
        kinds |= part.kinds
        categories |= part.categories
    remarks = tuple(remark for part in parts for remark in part.remarks)
    return Labels(
        rows, columns, kinds, categories, remarks=remarks, problems=tuple(p for part in parts for p in part.problems)
    )


def spread(name: str, columns: Mapping[str, object]) -> list[str]:
    """The columns that a name means: itself, or every rater's reading of it."""
    return [name] if name in columns else [column for column in columns if column.startswith(f"{name} (")]
