"""Sheets of an xlsx file, read within limits.

openpyxl reads the values (read-only, no formula is ever evaluated). What it does not tell in that mode is read off the
sheet's XML beside it: merged cells, hidden rows, and formulas that were saved without a value.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinefx.contract.errors import LabelTableError
from spinefx.labels.cells import Cell
from spinefx.labels.sheet import MAX_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Sheet, check_file, check_row, check_size

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]{0,200}?\bref="([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})"')
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]{0,400})>")
_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]{0,200}[^/])>((?:[^<]|<(?!/?(?:\w+:)?c\b))*+)</(?:\w+:)?c>"
)  # possessive: linear
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]{0,40}>[^<]")
_PLACE = re.compile(rb'<(?:\w+:)?(?:row\b[^>]{0,400}?\br="(\d{1,7})"|c\b[^>]{0,200}?\br="([A-Z]{1,3})(\d{1,7})")')
_COUNTED = {b"row": MAX_ROWS, b"c": MAX_CELLS, b"si": MAX_CELLS, b"sheet": 64}
"""Element -> how many of it a part may hold."""
_TAGS_BESIDE, _TAGS_EACH = 50_000, 10
"""Tags that a part may hold: so many, and so many for each element that is counted."""
_WORDS = {b"row": "rows", b"c": "cells", b"si": "texts", b"sheet": "sheets"}
_SAVE_AGAIN = "open the file in a spreadsheet and save it again"
_LAST_LINE = 1_048_576
_MAX_MERGED = 10_000


def is_workbook(path: Path) -> bool:
    """Whether a table's ending says that it is a workbook with sheets."""
    return path.suffix.lower() in (".xlsx", ".xlsm")


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Sheet name -> its cells, for every visible sheet (every sheet where none is visible).

    Raises
    ------
    LabelTableError
        If the file is no xlsx, is encrypted, inflates beyond the limits, or declares XML entities.
    """
    check_file(path)
    _check_archive(path)
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
            if not sheets:
                raise LabelTableError(f"{path.name}: holds no sheet; {_SAVE_AGAIN}")
            return {sheet.title: _sheet(path, sheet) for sheet in sheets}
        finally:
            book.close()
    except LabelTableError:
        raise
    except Exception as error:  # openpyxl raises whatever the XML made it stumble over
        raise LabelTableError(
            f"{path.name}: cannot be read as xlsx ({type(error).__name__}: {str(error)[:120]}); {_SAVE_AGAIN}"
        ) from error


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise LabelTableError(f"{path.name}: is encrypted; save it without a password")
            total = sum(part.file_size for part in parts)
            if total > MAX_BYTES or len(parts) > 2_000:
                raise LabelTableError(
                    f"{path.name}: inflates to {total / 2**20:.0f} MiB in {len(parts)} parts, at most "
                    f"{MAX_BYTES >> 20} MiB in 2000 are read; copy the table alone into a new file"
                )
            for part in parts:
                if not part.filename.endswith((".xml", ".rels")):
                    continue
                data = archive.read(part)  # never more than the declared size, which is bounded above
                if b"<!DOCTYPE" in data or b"<!ENTITY" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise LabelTableError(f"{path.name}: {part.filename} declares XML entities, which no xlsx needs")
                if too_much := _too_much(data):
                    raise LabelTableError(
                        f"{path.name}: {part.filename} holds {too_much}; copy the table alone into a new file"
                    )
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise LabelTableError(
            f"{path.name}: is not an xlsx file ({error}); open it in a spreadsheet and save it as .xlsx or .csv"
        ) from error


def _too_much(xml: bytes) -> str:
    """What a part holds more of than the workbook of a label table, in words; each tag costs openpyxl some 40 us."""
    allowed = _TAGS_BESIDE
    for name, most in _COUNTED.items():
        count = sum(xml.count(b"<" + name + end) for end in (b" ", b">", b"/"))
        count += sum(xml.count(b":" + name + end) for end in (b" ", b">", b"/"))
        if count > most:
            return f"more than {most} {_WORDS[name]}"
        allowed += _TAGS_EACH * count
    return f"more than {allowed} tags" if xml.count(b"<") > allowed else ""


def _check_order(where: str, xml: bytes) -> None:
    """LabelTableError unless rows and cells come in order: openpyxl drops those that do not, and says nothing."""
    line, column = 0, ""
    for row, letters, number in _PLACE.findall(xml):
        if row:
            if int(row) <= line:
                raise LabelTableError(f"{where}: row {int(row)} comes after row {line}; {_SAVE_AGAIN}")
            line, column = int(row), ""
            continue
        place = letters.decode().rjust(3)
        if int(number) > line:
            line, column = int(number), ""
        elif int(number) < line or place <= column:
            raise LabelTableError(f"{where}: cell {letters.decode()}{int(number)} is out of its place; {_SAVE_AGAIN}")
        column = place


def _sheet(path: Path, sheet: Any) -> Sheet:
    where = f'{path.name} "{sheet.title}"'
    with zipfile.ZipFile(path) as archive:
        xml = archive.read(sheet._worksheet_path.lstrip("/"))  # what read-only mode leaves out has no public face
    _check_order(where, xml)
    sheet.reset_dimensions()  # the size that a file claims for itself is not to be trusted
    rows: dict[int, Sequence[Cell]] = {}
    total = visited = 0
    for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        visited += len(values)
        if line > _LAST_LINE or visited > 40 * MAX_CELLS:
            raise LabelTableError(f"{where} row {line}: cells far off the table; copy the table alone into a new file")
        cells = list(values)
        while cells and (cells[-1] is None or cells[-1] == ""):
            cells.pop()
        if not cells:
            continue
        check_row(where, line, cells)
        total += len(cells)
        rows[line] = tuple(cells)
        check_size(where, len(rows), total)
    rows = _unmerged(where, rows, xml)
    return Sheet(where, rows, _hidden(where, rows, xml), _unsaved_formulas(where, xml))


def _unmerged(where: str, rows: dict[int, Sequence[Cell]], xml: bytes) -> dict[int, Sequence[Cell]]:
    """The rows with the value of every merged range in all of its cells, as a reader sees it."""
    ranges = _MERGED.findall(xml)
    if len(ranges) > _MAX_MERGED:
        raise LabelTableError(f"{where}: {len(ranges)} merged ranges, at most {_MAX_MERGED}; unmerge the cells")
    out = {line: list(cells) for line, cells in rows.items()}
    last_line, filled = max(rows, default=0), 0
    for first, last in ranges:
        (top, left), (bottom, right) = _place(first), _place(last)
        source = out.get(top, [])
        bottom = min(bottom, last_line)
        filled += max(bottom - top + 1, 0) * max(right - left + 1, 0)
        if right >= MAX_COLUMNS or filled > MAX_CELLS:
            raise LabelTableError(f"{where}: merged cells {first.decode()}:{last.decode()} reach too far; unmerge them")
        if left >= len(source):
            continue
        value = source[left]
        for line in range(top, bottom + 1):
            if line in out:
                out[line].extend([None] * (right + 1 - len(out[line])))
                out[line][left : right + 1] = [value] * (right + 1 - left)
    return {line: tuple(cells) for line, cells in out.items()}


def _place(reference: bytes) -> tuple[int, int]:
    """(row from 1, column from 0) of `C7`."""
    letters = reference.rstrip(b"0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return int(reference[len(letters) :]), column - 1


def _hidden(where: str, rows: dict[int, Sequence[Cell]], xml: bytes) -> tuple[str, ...]:
    hidden = [
        int(number[1])
        for attributes in _ROW.findall(xml)
        if re.search(rb'\bhidden="(1|true)"', attributes) and (number := re.search(rb'\br="(\d{1,7})"', attributes))
    ]
    hidden = [line for line in hidden if line in rows]
    if not hidden:
        return ()
    return (
        f"{where}: {len(hidden)} hidden rows are used like the others ({_listed(hidden)}); delete them if not meant",
    )


def _unsaved_formulas(where: str, xml: bytes) -> tuple[str, ...]:
    if not _FORMULA.search(xml):
        return ()
    lost = [
        reference[1].decode()
        for attributes, body in _CELL.findall(xml)
        if _FORMULA.search(body)
        and not _VALUE.search(body)
        and (reference := re.search(rb'\br="([A-Z]+\d+)"', attributes))
    ]
    if not lost:
        return ()
    return (
        f"{where}: {len(lost)} formulas were saved without their values ({_listed(lost)}) and count as missing; "
        "open the file in a spreadsheet and save it",
    )


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:5])) + (", ..." if len(items) > 5 else "")
