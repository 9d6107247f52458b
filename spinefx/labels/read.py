"""`read_labels`: from the `[labels]` of a plan to Labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import LabelTableError
from spinefx.contract.labels import LabelKind, LabelRow, Labels
from spinefx.labels.cells import Cell, text_of
from spinefx.labels.kinds import typed
from spinefx.labels.options import LabelKey, LabelOptions
from spinefx.labels.raters import joined, renamed, spread
from spinefx.labels.sheet import Sheet, read_csv
from spinefx.labels.table import Entry, Keyed, keyed, missing_header, no_column
from spinefx.labels.workbook import is_workbook, read_sheets


def read_labels(options: LabelOptions, *, named: Callable[[str], str] = str) -> Labels:
    """The labels that `[labels]` names; empty Labels where it names no table. `named` says what a patient's id becomes.

    Every row of a table is a label row, a remark, or named in `Labels.problems` with its line. Where several people read,
    in one table or in `others`, the readings of each are columns of their own.

    Raises
    ------
    LabelTableError
        If a file cannot be read within the limits, or a column is not in it; the message names file, sheet, the
        nearest column and what to do, and the error the option that it is about.
    """
    if options.table is None:
        return Labels()
    table, first = _read(options.table, options, named)
    parts, own = [first], first.columns
    for number, path in enumerate(options.others):
        try:
            parts.append(renamed(_read(path, options, named)[1], own, path.stem))
        except LabelTableError as error:
            raise LabelTableError(str(error), option=("others", number)) from error
    labels = joined(parts)
    for option in ("targets", "covariates"):
        for number, name in enumerate(getattr(options, option)):
            if not spread(name, labels.columns):
                why = next((p for p in table.problems if p.startswith(f'{table.where}: column "{name}" ')), "")
                told = why or f"{table.where}: {no_column(name, tuple(labels.columns))}"
                raise LabelTableError(told, option=(option, number))
    targets, covariates = (
        [c for n in names for c in spread(n, labels.columns)] for names in (options.targets, options.covariates)
    )
    return replace(
        labels, targets=tuple(targets or [name for name in own if name not in covariates]), covariates=tuple(covariates)
    )


def _read(path: Path, options: LabelOptions, named: Callable[[str], str]) -> tuple[Keyed, Labels]:
    """One table, with no targets yet; one that spinefx knows needs no key, though another in `others` may."""
    sheets = _sheets(path, options.sheet if path == options.table else None)
    table = _table(path, sheets, options.key if path == options.table else _key_of_other(sheets, options.key), named)
    entries = _once(table)
    if not entries:
        hint = "" if table.form.level or table.form.number else "; which column of `key` holds the level?"
        raise LabelTableError(f"{table.problems[-1].rpartition(';')[0]}, and so has every other{hint}", option=("key",))
    rows = tuple(dict.fromkeys(entry.row for entry in entries))
    columns, kinds, categories = _columns(table, entries, rows)
    return table, Labels(rows, columns, kinds, categories, remarks=tuple(table.remarks), problems=tuple(table.problems))


def _key_of_other(sheets: list[Sheet], key: LabelKey | None) -> LabelKey | None:
    return key if key is not None and any(keyed(sheet, key) is not None for sheet in sheets) else None


def _sheets(path: Path, wanted: str | None) -> list[Sheet]:
    if not is_workbook(path):
        return [read_csv(path)]
    sheets = read_sheets(path)
    if wanted is None:
        return list(sheets.values())
    if wanted not in sheets:
        raise LabelTableError(
            f"{path.name}: {no_column(wanted, tuple(sheets)).replace('column', 'sheet')}", option=("sheet",)
        )
    return [sheets[wanted]]


def _table(path: Path, sheets: list[Sheet], key: LabelKey | None, named: Callable[[str], str]) -> Keyed:
    tables = [table for sheet in sheets if (table := keyed(sheet, key, named)) is not None]
    if not tables:
        raise missing_header(sheets, key)
    if len(tables) > 1:
        names = ", ".join(table.where.partition(" ")[2] for table in tables)
        raise LabelTableError(f"{path}: several sheets hold such a table ({names}); name one with `sheet`")
    if not tables[0].entries:
        odd = "; ".join(tables[0].problems[:3])
        raise LabelTableError(f"{tables[0].where}: no usable row under the header{': ' if odd else ''}{odd}")
    return tables[0]


def _once(table: Keyed) -> list[Entry]:
    """One entry per owner and rater. Equal repetitions count once; contradicting ones are all left out, and said."""
    groups: dict[tuple[LabelRow, str], list[Entry]] = defaultdict(list)
    for entry in table.entries:
        groups[entry.row, entry.rater].append(entry)
    only = table.form.only
    kept = []
    for (row, rater), entries in groups.items():
        said = {tuple(text_of(entry.cells[name]) for name in only or table.columns) for entry in entries}
        lines = ", ".join(str(entry.line) for entry in entries[:6])
        owner = " ".join(filter(None, ("patient", row.patient, row.level, f"by {rater}" if rater else "")))
        if len(said) > 1:
            table.problems.append(f"{table.where} rows {lines}: {owner} has contradicting rows; none is used")
            continue
        if len(entries) > 1 and not only:
            table.problems.append(f"{table.where} rows {lines}: {owner} is repeated with equal values; used once")
        kept.append(entries[0])
    return kept


def _columns(
    table: Keyed, entries: list[Entry], rows: tuple[LabelRow, ...]
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
        for rater in dict.fromkeys(entry.rater for entry in entries):
            own = f"{name} ({rater})" if rater else name
            columns[own], kinds[own] = _of_rater(column.values, entries, rater, rows), column.kind
            if column.categories:
                categories[own] = column.categories
        for place, why in column.unread[:20]:
            table.problems.append(f'{table.where} row {entries[place].line}, "{name}": {why}; counts as missing')
        if len(column.unread) > 20:
            table.problems.append(f'{table.where}, "{name}": {len(column.unread) - 20} more cells count as missing')
    return columns, kinds, categories


def _of_rater(
    values: NDArray[np.float64], entries: list[Entry], rater: str, rows: tuple[LabelRow, ...]
) -> NDArray[np.float64]:
    """(rows,) one rater's values; NaN where that rater did not read."""
    read = {entry.row: value for entry, value in zip(entries, values, strict=True) if entry.rater == rater}
    return np.array([read.get(row, np.nan) for row in rows])
