"""`manifest`: a table of paths, in csv or xlsx, with every wrong row named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from io_files import write_pair
from openpyxl import Workbook
from spinefx_io import ManifestOptions, spinefx_loaders

from spinefx.api import DataError, Loader

HEADER = ["id", "who", "t2", "seg", "age", "name"]
ROWS = [
    ["a", "p1", "images/1_t2.mha", "masks/1_t2.mha", 61, "Jane Roe"],
    ["b", "p1", "images/2_t2.mha", "", "n/a", "John Doe"],
]


def loader(table: Path, **options: object) -> Loader:
    chosen = {"patient": "who", "images": ("t2",), "mask": "seg", "facts": ("age",), "scheme": "spider"} | options
    built: Loader = next(p for p in spinefx_loaders() if p.name == "manifest").build(
        ManifestOptions(table=table, **chosen)
    )
    return built


def write_csv(path: Path, rows: list[list[object]], mark: str = ",") -> Path:
    path.write_text("".join(mark.join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture
def tree(tmp_path: Path, small) -> Path:
    write_pair(tmp_path, "1_t2", small)
    write_pair(tmp_path, "2_t2", small)
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolon", "xlsx"])
def test_rows_become_cases_whatever_the_table_is_kept_in(tree, small, kind):
    table = tree / ("cases.xlsx" if kind == "xlsx" else "cases.tsv" if kind == "tsv" else "cases.csv")
    if kind == "xlsx":
        book = Workbook()
        for row in [HEADER, *ROWS]:
            book.active.append(row)
        book.save(table)
    else:
        write_csv(table, [HEADER, *ROWS], {"csv": ",", "tsv": "\t", "semicolon": ";"}[kind])
    one = loader(table)
    first, second = one.cases()
    assert (first.id, first.patient, dict(first.facts)) == ("a", "p1", {"age": 61.0})
    assert (second.notes, dict(second.facts)) == (("no mask",), {"age": "n/a"})
    scan = one.load(first)
    assert np.array_equal(scan.mask.labels, small[1].labels)
    assert one.load(second).mask is None


def test_names_of_people_stay_in_the_table(tree):
    one = loader(write_csv(tree / "cases.csv", [HEADER, *ROWS]))
    assert "Jane" not in repr(one.cases())


def test_a_missing_column_names_the_nearest(tree):
    table = write_csv(tree / "cases.csv", [HEADER, *ROWS])
    with pytest.raises(DataError, match=r"cases.csv: no column 'segm'; closest: 'seg'"):
        loader(table, mask="segm").cases()


def test_rows_without_or_with_equal_ids_are_all_listed(tree):
    rows = [HEADER, *ROWS, ["", "p2", "x", "y", 1, ""], ["a", "p3", "x", "y", 1, ""]]
    with pytest.raises(DataError, match=r"line 4 has no id; line 5 names 'a' again \(first in line 2\)"):
        loader(write_csv(tree / "cases.csv", rows)).cases()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("images/9_t2.mha", "cannot be opened"),
        ("/etc/hostname.mha", "under none of the data folders"),
        ("../outside.mha", "leads out of the data folder|cannot be opened"),
    ],
)
def test_a_path_that_is_not_there_or_leads_out_fails_that_case_alone(tree, small, path, says):
    write_pair(tree.parent / "elsewhere", "1_t2", small)
    (tree.parent / "outside.mha").write_bytes((tree.parent / "elsewhere" / "images" / "1_t2.mha").read_bytes())
    one = loader(write_csv(tree / "cases.csv", [HEADER, ["c", "p9", path, "", "", ""], *ROWS]))
    first, second, _ = one.cases()
    with pytest.raises(DataError, match=says):
        one.load(first)
    assert one.load(second).mask is not None


def test_an_empty_a_doubled_or_a_missing_table_is_refused(tree):
    with pytest.raises(DataError, match="has no rows"):
        loader(write_csv(tree / "cases.csv", [HEADER])).cases()
    with pytest.raises(DataError, match="'id' is there twice"):
        loader(write_csv(tree / "cases.csv", [["id", "id"], ["a", "b"]])).cases()
    with pytest.raises(DataError, match="does not exist"):
        loader(tree / "none.csv").cases()
    (tree / "broken.xlsx").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match=r"broken.xlsx: is not an xlsx file"):
        loader(tree / "broken.xlsx").cases()
