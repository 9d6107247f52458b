"""`read_rows`: a table of texts with its header in the first row, for tables that name files, people or levels."""

from __future__ import annotations

from pathlib import Path

from spinefx.contract.errors import LabelTableError
from spinefx.labels.cells import Cell
from spinefx.labels.sheet import Sheet, read_csv
from spinefx.labels.workbook import is_workbook, read_sheets


def read_rows(path: Path, *, sheet: str = "") -> list[dict[str, str]]:
    """Rows of a csv, tsv or xlsx table as column -> text, blank rows left out; `line` holds the row's number.

    sheet : which sheet of an xlsx; the first where empty.

    Raises
    ------
    LabelTableError
        If the table is missing, beyond the limits, not readable, names a column twice, or holds formulas without values.
    """
    page = _page(path, sheet)
    if page.lost:
        raise LabelTableError(page.lost[0])
    rows = ((line, [_text(cell) for cell in cells]) for line, cells in page.rows.items())
    _, header = next(rows, (0, []))
    named = [name for name in header if name]
    if not named:
        raise LabelTableError(f"{page.where}: its first row names no columns")
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise LabelTableError(f"{page.where}: column {twice[0]!r} is there twice")
    out = []
    for line, row in rows:
        cells = {name: text for name, text in zip(header, row, strict=False) if name}
        if any(cells.values()):
            out.append({name: cells.get(name, "") for name in named} | {"line": str(line)})
    return out


def _page(path: Path, sheet: str) -> Sheet:
    if not is_workbook(path):
        return read_csv(path)
    sheets = read_sheets(path)
    if sheet and sheet not in sheets:
        raise LabelTableError(f"{path.name}: no sheet {sheet!r}; it has {', '.join(sheets)}")
    return sheets[sheet] if sheet else next(iter(sheets.values()))


def _text(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
