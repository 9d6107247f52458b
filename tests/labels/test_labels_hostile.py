"""Files made to crash, hang or exhaust a reader end in one clear message."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from spinefx.api import LabelTableError
from spinefx.labels import LabelKey, LabelOptions, read_labels

KEY = LabelKey(patient="Who", level="Level")


def refuse(path: Path, match: str) -> None:
    with pytest.raises(LabelTableError, match=match):
        read_labels(LabelOptions(table=path, key=KEY))


def workbook(folder: Path) -> Path:
    book = Workbook()
    for row in (["Who", "Level", "G"], [1, "L5-S1", 3], [2, "L5-S1", 4]):
        book.active.append(row)
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx"


def altered(path: Path, change, part: str = "xl/worksheets/sheet1.xml") -> Path:
    """The workbook with one part of it rewritten."""
    out = path.with_name("altered.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, change(data) if name == part else data)
    return out


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "none.xlsx", "does not exist")
    refuse(tmp_path, "not a regular file")
    os.mkfifo(tmp_path / "pipe.csv")
    refuse(tmp_path / "pipe.csv", "not a regular file")
    (tmp_path / "table.ods").write_bytes(b"x")
    refuse(tmp_path / "table.ods", r"cannot read \.ods")
    (tmp_path / "empty.csv").write_bytes(b"")
    refuse(tmp_path / "empty.csv", "empty")


def test_a_file_that_only_calls_itself_xlsx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fake.xlsx").write_bytes(b"Who,Level,G\n1,L5-S1,3\n")
    refuse(tmp_path / "fake.xlsx", "not an xlsx file")
    with zipfile.ZipFile(tmp_path / "hollow.xlsx", "w") as archive:
        archive.writestr("note.txt", "nothing")
    refuse(tmp_path / "hollow.xlsx", "cannot be read as xlsx")


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    bomb = altered(workbook(tmp_path), lambda data: data + b" " * (64 << 20))
    assert bomb.stat().st_size < 200_000
    refuse(bomb, "inflates to")


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    laughs = b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    evil = altered(workbook(tmp_path), lambda data: data.replace(b"<worksheet", laughs + b"<worksheet", 1))
    refuse(evil, "XML entities")


def test_a_single_cell_far_away_neither_hangs_nor_fills_memory(tmp_path: Path) -> None:
    far_row = altered(
        workbook(tmp_path),
        lambda d: d.replace(b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>9</v></c></row></sheetData>'),
    )
    labels = read_labels(LabelOptions(table=far_row, key=KEY))
    assert len(labels.rows) == 2
    far_column = altered(
        workbook(tmp_path),
        lambda d: d.replace(b"</sheetData>", b'<row r="4"><c r="XFD4"><v>9</v></c></row></sheetData>'),
    )
    refuse(far_column, "column 16384")
    beyond = altered(
        workbook(tmp_path),
        lambda d: d.replace(b"</sheetData>", b'<row r="99999999999"><c r="A9"><v>9</v></c></row></sheetData>'),
    )
    refuse(beyond, "far off the table|cannot be read")


def test_a_workbook_of_a_million_cells_is_refused(tmp_path: Path) -> None:
    many = b'<row r="4">' + b"<c><v>1</v></c>" * 600_000 + b"</row>"
    refuse(
        altered(workbook(tmp_path), lambda d: d.replace(b"</sheetData>", many + b"</sheetData>")),
        "more than 500000 cells",
    )


@pytest.mark.parametrize(
    ("part", "old", "new", "match"),
    [
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b'<row r="9"/>' * 200_000 + b"</sheetData>", "more than 100000 rows"),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b"<a>" * 99_000 + b"</a>" * 99_000 + b"</sheetData>", r"more than \d+ tags"),
        ("xl/styles.xml", b"</styleSheet>", b"<xf/>" * 60_000 + b"</styleSheet>", "more than 50000 tags"),
        ("xl/workbook.xml", b"</sheets>", b'<sheet name="s" sheetId="9"/>' * 20_000 + b"</sheets>", "more than 64 sheets"),
        ("xl/workbook.xml", b"</sheets>", b"</sheets><definedNames>" + b"<definedName/>" * 60_000 + b"</definedNames>", "tags"),
        ("xl/_rels/workbook.xml.rels", b"</Relationships>", b"<Relationship/>" * 60_000 + b"</Relationships>", "tags"),
        ("[Content_Types].xml", b"</Types>", b"<Override/>" * 60_000 + b"</Types>", "tags"),
    ],
)  # fmt: skip
def test_parts_that_would_keep_a_reader_for_minutes_are_refused(tmp_path: Path, part, old, new, match) -> None:
    refuse(altered(workbook(tmp_path), lambda data: data.replace(old, new), part), match)


@pytest.mark.parametrize("prefix", [b"", b"x:"])
@pytest.mark.parametrize(
    ("row", "match"),
    [
        (b'<row r="2"><c r="A2"><v>9</v></c></row>', "row 2 comes after row 3"),
        (b'<row r="4"><c r="C4"><v>3</v></c><c r="A4"><v>7</v></c></row>', "cell A4 is out of its place"),
        (b'<row r="4"><c r="A3"><v>3</v></c></row>', "cell A3 is out of its place"),
    ],
)
def test_rows_and_cells_that_openpyxl_would_drop_are_refused(tmp_path: Path, row, match, prefix) -> None:
    def change(data: bytes) -> bytes:
        whole = data.replace(b"</sheetData>", row + b"</sheetData>")
        if not prefix:
            return whole
        named = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", whole)
        return named.replace(b"xmlns=", b"xmlns:x=")

    refuse(altered(workbook(tmp_path), change), match)


def test_a_workbook_whose_sheets_lie_elsewhere_is_refused(tmp_path: Path) -> None:
    away = b'TargetMode="External" Target="file:///etc/passwd"'
    evil = altered(
        workbook(tmp_path),
        lambda data: data.replace(b'Target="/xl/worksheets/sheet1.xml"', away),
        "xl/_rels/workbook.xml.rels",
    )
    refuse(evil, "holds no sheet")


def test_merged_ranges_over_the_whole_sheet_are_refused(tmp_path: Path) -> None:
    huge = b'</sheetData><mergeCells count="1"><mergeCell ref="A2:XFD1048576"/></mergeCells>'
    refuse(altered(workbook(tmp_path), lambda d: d.replace(b"</sheetData>", huge)), "unmerge")


def test_a_claimed_size_is_not_believed(tmp_path: Path) -> None:
    claimed = altered(
        workbook(tmp_path), lambda d: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', d)
    )
    assert len(read_labels(LabelOptions(table=claimed, key=KEY)).rows) == 2


def test_formulas_are_never_evaluated_and_markup_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "evil.csv"
    path.write_text('Who,Level,G,\n"=cmd|calc",L5-S1,1,<script>alert(1)</script>\n2,L5-S1,0,\n')
    labels = read_labels(LabelOptions(table=path, key=KEY))
    assert labels.rows[0].patient == "=cmd|calc"
    assert labels.remarks[0].text == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\x00\x01\x02Who", "NUL bytes"),
        (b'Who,Level,G\n1,"L5-S1,3\n2,L5-S1,4\n', "check the quotes"),
        (b"Who,Level,G\n1,L5-S1," + b"x" * 5000 + b"\n", "5000 characters"),
        (b"Who,Level,G\n1,L5-S1" + b",1" * 1000 + b"\n", "column 1002"),
        (b"Who,Level,G\n" + b"1,L5-S1,2\n" * 200_000, "more than"),
        (b"Who,Level,G\n", "no usable row"),
        (b"\n\n\n", "no column"),
    ],
)
def test_broken_csv_files_end_in_one_clear_message(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "broken.csv").write_bytes(content)
    refuse(tmp_path / "broken.csv", match)
