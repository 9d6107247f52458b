"""Tables of paths that are built to hurt end in one message, quickly."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from spinefx_io.sheet import read_sheet

from spinefx.api import DataError


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def replace_part(path: Path, part: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in (parts | {part: content}).items():
            new.writestr(name, data)


def sheet_xml(rows: str, head: str = "") -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?>{head}<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def test_a_cell_far_away_costs_no_memory(tmp_path):
    path = workbook(tmp_path / "far.xlsx", [["id"], ["a"]])
    rows = f'<row r="1">{cell("A1", "id")}</row><row r="2">{cell("A2", "a")}</row>'
    far = f'<row r="1048576">{cell("XFD1048576", "x")}</row>'
    replace_part(path, "xl/worksheets/sheet1.xml", sheet_xml(rows + far))
    assert load_workbook(path, read_only=True).worksheets[0].max_row in (None, 1048576)
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 100000 rows"):
        read_sheet(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_entities_that_multiply_are_not_expanded(tmp_path):
    path = workbook(tmp_path / "laughs.xlsx", [["id"], ["a"]])
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE x [<!ENTITY l0 "{"ha" * 50}">{entities}]>'
    replace_part(path, "xl/worksheets/sheet1.xml", sheet_xml(f'<row r="1">{cell("A1", "&l11;")}</row>', head))
    tracemalloc.start()
    with pytest.raises(DataError, match="declares a document type"):
        read_sheet(path)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_a_workbook_that_inflates_beyond_all_reason_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("spinefx_io.sheet._INFLATED_BYTES", 2 << 20)
    path = workbook(tmp_path / "bomb.xlsx", [["id"], ["a"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as part:
        part.write(bytes(3_000_000))
    with pytest.raises(DataError, match="inflates to more than 2 MB"):
        read_sheet(path)


def test_a_workbook_whose_xml_is_broken_is_refused(tmp_path):
    path = workbook(tmp_path / "broken.xlsx", [["id"], ["a"]])
    replace_part(path, "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row>")
    with pytest.raises(DataError, match=r"broken.xlsx: "):
        read_sheet(path)


def test_formulas_are_read_as_their_kept_values_and_numbers_as_people_write_them(tmp_path):
    path = workbook(
        tmp_path / "table.xlsx", [["id", "age", "path"], [7, 61.0, "=1+1"], [None, None, None], [8.5, True, "x"]]
    )
    rows = read_sheet(path)
    assert [row["id"] for row in rows] == ["7", "8.5"]
    assert rows[0]["age"] == "61"
    assert rows[0]["path"] == ""
    assert [row["line"] for row in rows] == ["2", "4"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"id\n" + b'"' + b"x" * 200_000, b"", b"\n\n"])
def test_a_csv_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"table.csv: "):
        read_sheet(tmp_path / "table.csv")


def test_a_sheet_that_is_not_there_lists_those_that_are(tmp_path):
    path = workbook(tmp_path / "table.xlsx", [["id"], ["a"]])
    with pytest.raises(DataError, match=r"no sheet 'cases'; it has Sheet"):
        read_sheet(path, sheet="cases")
