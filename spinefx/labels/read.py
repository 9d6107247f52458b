"""`read_labels`: from the `[labels]` of a plan to Labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import LabelTableError
from spinefx.contract.labels import LabelKind, LabelRow, Labels
from spinefx.labels.cells import Cell, text_of
from spinefx.labels.kinds import typed
from spinefx.labels.options import LabelOptions
from spinefx.labels.sheet import Sheet, read_csv
from spinefx.labels.table import Entry, Keyed, keyed, missing_header, no_column
from spinefx.labels.workbook import is_workbook, read_sheets


def read_labels(options: LabelOptions, *, named: Callable[[str], str] = str) -> Labels:
    """The labels that `[labels]` names; empty Labels where it names no table. `named` says what a patient's id becomes.

    Every row of the table is a label row, a remark, or named in `Labels.problems` with its line.

    Raises
    ------
    LabelTableError
        If the file cannot be read within the limits, or a column is not in it; the message names file, sheet, the
        nearest column and what to do.
    """
    if options.table is None:
        return Labels()
    table = _table(options, _sheets(options.table, options.sheet), named)
    entries = _once(table)
    columns, kinds, categories = _columns(table, entries)
    targets = options.targets or tuple(name for name in columns if name not in options.covariates)
    for name in (*options.targets, *options.covariates):
        if name not in columns:
            why = next((p for p in table.problems if p.startswith(f'{table.where}: column "{name}" ')), "")
            raise LabelTableError(why or f"{table.where}: {no_column(name, tuple(columns))}")
    return Labels(
        tuple(entry.row for entry in entries),
        columns,
        kinds,
        categories,
        targets,
        options.covariates,
        tuple(table.remarks),
        tuple(table.problems),
    )


def _sheets(path: Path, wanted: str | None) -> list[Sheet]:
    if not is_workbook(path):
        return [read_csv(path)]
    sheets = read_sheets(path)
    if wanted is None:
        return list(sheets.values())
    if wanted not in sheets:
        raise LabelTableError(f"{path.name}: {no_column(wanted, tuple(sheets)).replace('column', 'sheet')}")
    return [sheets[wanted]]


def _table(options: LabelOptions, sheets: list[Sheet], named: Callable[[str], str]) -> Keyed:
    tables = [table for sheet in sheets if (table := keyed(sheet, options.key, named)) is not None]
    if not tables:
        raise missing_header(sheets, options.key)
    if len(tables) > 1:
        names = ", ".join(table.where.partition(" ")[2] for table in tables)
        raise LabelTableError(f"{options.table}: several sheets hold such a table ({names}); name one with `sheet`")
    if not tables[0].entries:
        odd = "; ".join(tables[0].problems[:3])
        raise LabelTableError(f"{tables[0].where}: no usable row under the header{': ' if odd else ''}{odd}")
    return tables[0]


def _once(table: Keyed) -> list[Entry]:
    """One entry per owner. Equal repetitions count once; contradicting ones are all left out, and said."""
    groups: dict[LabelRow, list[Entry]] = defaultdict(list)
    for entry in table.entries:
        groups[entry.row].append(entry)
    only = table.form.only
    kept = []
    for row, entries in groups.items():
        said = {tuple(text_of(entry.cells[name]) for name in only or table.columns) for entry in entries}
        lines = ", ".join(str(entry.line) for entry in entries[:6])
        owner = f"patient {row.patient}{' ' if row.level else ''}{row.level}"
        if len(said) > 1:
            table.problems.append(f"{table.where} rows {lines}: {owner} has contradicting rows; none is used")
            continue
        if len(entries) > 1 and not only:
            table.problems.append(f"{table.where} rows {lines}: {owner} is repeated with equal values; used once")
        kept.append(entries[0])
    return kept


def _columns(
    table: Keyed, entries: list[Entry]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, LabelKind], dict[str, tuple[str, ...]]]:
    columns: dict[str, NDArray[np.float64]] = {}
    kinds: dict[str, LabelKind] = {}
    categories: dict[str, tuple[str, ...]] = {}
    for name in table.form.only or table.columns:
        cells: list[Cell] = [entry.cells[name] for entry in entries]
        column = typed(cells, table.form.kinds.get(name))
        if column.kind is None:
            table.problems.append(f'{table.where}: column "{name}" {column.reason}; not used')
            continue
        columns[name], kinds[name] = column.values, column.kind
        if column.categories:
            categories[name] = column.categories
        for place, why in column.unread[:20]:
            table.problems.append(f'{table.where} row {entries[place].line}, "{name}": {why}; counts as missing')
        if len(column.unread) > 20:
            table.problems.append(f'{table.where}, "{name}": {len(column.unread) - 20} more cells count as missing')
    return columns, kinds, categories
