"""A small table of texts from csv or xlsx, read with limits: for tables that name files, not for clinical labels."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spinefx.api import DataError

_FILE_BYTES = 64 << 20
_INFLATED_BYTES = 512 << 20
_CSV_LINE = 1 << 20
_ROWS, _COLUMNS = 100_000, 256


def read_sheet(path: Path, *, sheet: str = "") -> list[dict[str, str]]:
    """Rows of a .csv, .tsv or .xlsx table as column -> text, blank rows left out; `line` holds the row's line number.

    Raises
    ------
    DataError
        If the table is missing, too big, not readable, or names a column twice.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such table")
    if path.stat().st_size > _FILE_BYTES:
        raise DataError(f"{path.name}: {path.stat().st_size} bytes, more than a table of cases can have")
    try:
        rows = _xlsx(path, sheet) if path.suffix.lower() == ".xlsx" else _csv(path)
        header = [text.strip() for text in next(rows, [])]
        named = [name for name in header if name]
        if not named:
            raise DataError(f"{path.name}: its first row names no columns")
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise DataError(f"{path.name}: column {twice[0]!r} is there twice")
        out = []
        for line, row in enumerate(rows, start=2):
            if line > _ROWS:
                raise DataError(f"{path.name}: more than {_ROWS} rows")
            if any(text.strip() for text in row):
                cells = {name: text.strip() for name, text in zip(header, row, strict=False) if name}
                out.append({name: cells.get(name, "") for name in named} | {"line": str(line)})
    except (OSError, UnicodeDecodeError, csv.Error, zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise DataError(f"{path.name}: cannot be read: {error}") from error
    return out


def _csv(path: Path) -> Iterator[Sequence[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(_CSV_LINE)
        file.seek(0)
        mark = max("\t;,", key=first.count)
        for row in csv.reader(file, delimiter=mark):
            yield row[:_COLUMNS]


def _xlsx(path: Path, sheet: str) -> Iterator[Sequence[str]]:
    from openpyxl import load_workbook

    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > _INFLATED_BYTES:
            raise DataError(f"{path.name}: inflates to more than {_INFLATED_BYTES >> 20} MB")
        for part in archive.namelist():
            if part.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.open(part).read(1 << 16):
                raise DataError(f"{path.name}: {part[:80]!r} declares a document type, which no workbook does")
    book = load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet and sheet not in book.sheetnames:
            raise DataError(f"{path.name}: no sheet {sheet!r}; it has {', '.join(book.sheetnames)}")
        page = book[sheet] if sheet else book.worksheets[0]
        for row in page.iter_rows(max_row=_ROWS + 1, max_col=_COLUMNS, values_only=True):
            yield [] if row.count(None) == len(row) else [_text(value) for value in row]
    finally:
        book.close()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
