"""Tables whose first row names the columns: cases, people, levels. They share the label tables' reader and its limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from spinefx.api import DataError, read_rows


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_numbers_are_read_as_people_write_them_and_rows_keep_their_number(tmp_path):
    path = workbook(
        tmp_path / "table.xlsx",
        [["id", "age", "path"], [7, 61.0, "a  b/1.0.mha"], [None, None, None], [8.5, True, "x"]],
    )
    rows = read_rows(path)
    assert [row["id"] for row in rows] == ["7", "8.5"]
    assert (rows[0]["age"], rows[0]["path"]) == ("61", "a  b/1.0.mha")
    assert [row["line"] for row in rows] == ["2", "4"]


def test_a_formula_without_its_value_is_an_error_and_no_empty_path(tmp_path):
    path = workbook(tmp_path / "table.xlsx", [["id", "path"], [7, "=A2"]])
    with pytest.raises(DataError, match=r'table.xlsx "Sheet": 1 formulas were saved without their values \(B2\)'):
        read_rows(path)


@pytest.mark.parametrize(
    "content",
    ["id;path\n7;ü.mha\n".encode("cp1252"), "id\tpath\r\n7\tü.mha\r\n".encode("utf-16"), "id,path\n7,ü.mha\n".encode("utf-8-sig")],
)  # fmt: skip
def test_encodings_and_delimiters_of_spreadsheets_are_read(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    assert read_rows(tmp_path / "table.csv") == [{"id": "7", "path": "ü.mha", "line": "2"}]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"id\n" + b'"' + b"x" * 200_000, "check the quotes"), (b"", "is empty"), (b"\n\n", "names no columns"),
     (b"id,id\n1,2\n", "'id' is there twice"), (b"id\0\n1\n", "NUL bytes")],
)  # fmt: skip
def test_a_csv_that_is_none_is_refused(tmp_path, content, says):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=f"table.csv.*{says}"):
        read_rows(tmp_path / "table.csv")


def test_a_sheet_that_is_not_there_lists_those_that_are(tmp_path):
    path = workbook(tmp_path / "table.xlsx", [["id"], ["a"]])
    with pytest.raises(DataError, match=r"no sheet 'cases'; it has Sheet"):
        read_rows(path, sheet="cases")
