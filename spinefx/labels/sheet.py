"""One rectangle of cells out of a csv or xlsx file, read within limits.

Limits come first: a label table of a large study has some ten thousand cells, so whatever claims millions is refused
before it is parsed.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spinefx.contract.errors import LabelTableError
from spinefx.labels.cells import Cell

MAX_BYTES = 32 * 2**20
"""Most bytes of a csv file, or of an xlsx file once inflated."""
MAX_CELLS = 500_000
MAX_COLUMNS = 500
MAX_ROWS = 100_000
MAX_TEXT = 2_000
"""Most characters of one cell."""


@dataclass(frozen=True)
class Sheet:
    """Cells of one sheet.

    where : how messages name it, `annotations.xlsx "Sheet1"` or `gradings.csv`.
    rows : line number (1-based, as a spreadsheet shows it) -> cells; blank rows are left out.
    notes : what a reader must know about the sheet (hidden rows).   lost : cells that say nothing though they should
        (formulas saved without their values).
    """

    where: str
    rows: Mapping[int, Sequence[Cell]]
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def check_file(path: Path) -> None:
    """LabelTableError unless `path` is a regular file of a sensible size with a known ending."""
    if not path.is_file():
        what = "is not a regular file" if path.exists() else "does not exist"
        raise LabelTableError(f"table {path} {what}; give the path of an xlsx or csv file, relative to the TOML")
    if path.suffix.lower() not in (".csv", ".tsv", ".txt", ".xlsx", ".xlsm"):
        raise LabelTableError(f"{path.name}: cannot read {path.suffix or 'this'} files; save it as .xlsx or .csv")
    size = path.stat().st_size
    if size == 0:
        raise LabelTableError(f"{path.name}: the file is empty")
    if size > MAX_BYTES:
        raise LabelTableError(
            f"{path.name}: {size / 2**20:.0f} MiB, at most {MAX_BYTES >> 20} MiB are read; keep only the label columns"
        )


def check_row(where: str, line: int, cells: Sequence[Cell]) -> None:
    """LabelTableError if a row is wider, or a cell of it longer, than a label table's."""
    if len(cells) > MAX_COLUMNS:
        raise LabelTableError(
            f"{where} row {line}: a value in column {len(cells)}, at most {MAX_COLUMNS} are read; "
            "delete what lies far off the table"
        )
    for column, cell in enumerate(cells, start=1):
        if isinstance(cell, str) and len(cell) > MAX_TEXT:
            raise LabelTableError(
                f"{where} row {line}, column {column}: {len(cell)} characters in one cell, at most {MAX_TEXT}"
            )


def read_csv(path: Path) -> Sheet:
    """The cells of a csv file (comma, semicolon, tab or bar; UTF-8, UTF-16 with a mark, or Windows-1252), as text."""
    check_file(path)
    text = _decoded(path.name, path.read_bytes())
    delimiter = _delimiter(text)
    rows: dict[int, Sequence[Cell]] = {}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    total = line = 0
    try:
        for cells in reader:
            line += 1  # the record, not the physical line: a quoted line break is part of its cell
            total += len(cells)
            if not any(cell.strip() for cell in cells):
                continue
            while cells and not cells[-1].strip():
                cells.pop()
            check_row(path.name, line, cells)
            rows[line] = tuple(cells)
            check_size(path.name, len(rows), total)
    except csv.Error as error:
        raise LabelTableError(f"{path.name} row {line + 1}: {error}; check the quotes there") from error
    return Sheet(path.name, rows)


def check_size(where: str, rows: int, cells: int) -> None:
    """LabelTableError if there are more rows or cells than a label table has."""
    if rows > MAX_ROWS or cells > MAX_CELLS:
        raise LabelTableError(f"{where}: more than {MAX_ROWS} rows or {MAX_CELLS} cells; keep only the label columns")


def _decoded(name: str, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encodings = ["utf-32"]
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data:
        raise LabelTableError(f"{name}: holds NUL bytes, so it is no csv file; save the table as csv (UTF-8)")
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise LabelTableError(f"{name}: is neither UTF-8, UTF-16 nor Windows-1252 text; save it as csv (UTF-8)")


def _delimiter(text: str) -> str:
    """The sign that splits most of the first lines into the same number (over one) of cells."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:20]
    best, score = ",", 0
    for sign in (",", ";", "\t", "|"):
        counts = [line.count(sign) for line in lines]
        common = max(set(counts), key=lambda n: (counts.count(n) if n else 0, n), default=0)
        if common and counts.count(common) * 100 + common > score:
            best, score = sign, counts.count(common) * 100 + common
    return best
