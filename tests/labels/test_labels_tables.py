"""Label tables as people keep them: what can be read is read, what cannot is named with file, line and remedy."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from openpyxl import Workbook

from spinefx.api import LabelRow, LabelTableError
from spinefx.labels import LabelKey, LabelOptions, read_labels
from spinefx.labels.cells import level_of, number_of, patient_of

LEVEL_KEY = LabelKey(patient="Who", level="Level")


def csv(folder: Path, text: str, name: str = "grades.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


def xlsx(folder: Path, rows: list[list], name: str = "grades.xlsx", **extra) -> Path:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for change in extra.get("changes", ()):
        change(sheet)
    book.save(folder / name)
    return folder / name


def read(path: Path, key: LabelKey | None = LEVEL_KEY, **more):
    return read_labels(LabelOptions(table=path, key=key, **more))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("L5-S1", "L5-S1"), ("l5/s1", "L5-S1"), ("L5S1", "L5-S1"), (" L5 - S1 ", "L5-S1"), ("S1-L5", "L5-S1"),
        ("L4/5", "L4-L5"), ("L4–L5", "L4-L5"), ("Th12-L1", "T12-L1"), ("T10-T9", "T9-T10"), ("L5", "L5"), ("th12", "T12"),
        ("L5-L6", "L5-L6"), ("L6-S1", "L6-S1"), ("T12-T13", "T12-T13"), ("C2_C3", "C2-C3"),
        ("disc 4", None), ("L45", None), ("", None), (4, None), ("L4-L5-S1", None), ("L4 bulge", None),
    ],
)  # fmt: skip
def test_levels_are_read_in_the_spellings_people_use(written, meant) -> None:
    assert level_of(written) == meant


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (3, 3.0), ("3,5", 3.5), ("3.5", 3.5), (" 7 ", 7.0), ("1e3", 1000.0), (True, 1.0), ("yes", 1.0), ("No", 0.0),
        ("<5", None), ("1,234", None), ("#DIV/0!", None), ("n/a", None), ("", None), (None, None), ("tall", None),
        (float("inf"), None), (float("nan"), None), ("1e999", None),
    ],
)  # fmt: skip
def test_numbers_are_read_and_never_guessed(cell, number) -> None:
    found, why = number_of(cell)
    assert found == number
    assert bool(why) == (number is None and str(cell) not in ("n/a", "", "None", "nan"))


def test_patients_are_compared_as_text() -> None:
    assert [patient_of(v) for v in (1, 1.0, "1", " 1 ", "1.0", "01", "P-7")] == ["1"] * 5 + ["01", "P-7"]


def test_a_csv_with_semicolons_and_decimal_commas_is_read(tmp_path: Path) -> None:
    path = csv(tmp_path, "Who;Level;Height\n1;L4-L5;9,5\n1;L5-S1;8,25\n2;L4-L5;\n")
    labels = read(path)
    np.testing.assert_array_equal(labels.columns["Height"], [9.5, 8.25, np.nan])
    assert labels.kinds["Height"] == "continuous"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    labels = read(csv(tmp_path, "Who,Level,Grösse\n1,L4-L5,3\n", encoding=encoding))
    assert list(labels.columns) == ["Grösse"]


def test_kinds_follow_from_the_values(tmp_path: Path) -> None:
    rows = "".join(
        f"{i},L4-L5,{i % 2},{i % 5},{i * 1.7},{'ab'[i % 2]},{('yes', 'no')[i % 2]},2020-01-{i + 1:02},free text {i}\n"
        for i in range(20)
    )
    labels = read(csv(tmp_path, "Who,Level,Binary,Grade,Measure,Group,Word,Day,Story\n" + rows))
    kinds = {"Binary": "binary", "Grade": "ordinal", "Measure": "continuous", "Group": "nominal", "Word": "binary"}
    assert dict(labels.kinds) == kinds
    assert labels.categories["Group"] == ("a", "b")
    assert any('column "Story" holds free text' in p for p in labels.problems)
    assert any('column "Day" holds' in p for p in labels.problems)


def test_none_is_a_grade_among_words_and_missing_but_named_among_numbers(tmp_path: Path) -> None:
    """Stenosis is read as none, mild, severe: the healthy discs are no gaps."""
    table = "Who,Level,Stenosis,Modic,Height\n" + "".join(
        f"{n},L5-S1,{('none', 'none', 'mild', 'severe', '')[n % 5]},{('None', 1, 2, 3, 3)[n % 5]},7.{n}\n"
        for n in range(1, 21)
    )
    labels = read(csv(tmp_path, table))
    assert labels.kinds["Stenosis"] == "nominal"
    assert labels.categories["Stenosis"] == ("mild", "none", "severe")
    assert np.bincount(labels.columns["Stenosis"][np.isfinite(labels.columns["Stenosis"])].astype(int)).tolist() == [
        4,
        8,
        4,
    ]
    assert labels.kinds["Modic"] == "ordinal"
    assert np.isnan(labels.columns["Modic"]).sum() == 4
    named = [p for p in labels.problems if "'None' may be a grade or no value; counts as missing" in p]
    assert len(named) == 4
    assert all('"Modic"' in p for p in named)


def test_ids_written_once_are_filled_down_and_remarks_kept(tmp_path: Path) -> None:
    rows = [["Who", "Level", "Grade", None], [1, "L5-S1", 3], ["scoliosis", "L4-L5", 2], [None, "L3-L4", 1, "faint"],
            [2, "L5-S1", 3], [None, "L4-L5", 4], ["P7", "L5-S1", 2], [None, "L4-L5", 2]]  # fmt: skip
    labels = read(xlsx(tmp_path, rows))
    assert [r.patient for r in labels.rows] == ["1", "1", "1", "2", "2", "P7", "P7"]
    assert [(r.row, r.text) for r in labels.remarks] == [
        (LabelRow("1"), "scoliosis"),
        (LabelRow("1", "L3-L4"), "faint"),
    ]


def test_remarks_are_told_from_ids_that_are_not_numbers(tmp_path: Path) -> None:
    rows = [["Who", "Level", "Grade"], ["P-01", "L5-S1", 3], ["L5-S PLIF", "L4-L5", 2], ["P-02", "L5-S1", 1],
            [None, "L4-L5", 2], ["P-13", "L4-L5", 2]]  # fmt: skip
    labels = read(xlsx(tmp_path, rows))
    assert [r.patient for r in labels.rows] == ["P-01", "P-01", "P-02", "P-02", "P-13"]
    assert [r.text for r in labels.remarks] == ["L5-S PLIF"]


def test_a_blank_id_under_a_repeated_level_is_not_guessed(tmp_path: Path) -> None:
    rows = [["Who", "Level", "Grade"], [1, "L5-S1", 3], [None, "L4-L5", 2], [None, "L5-S1", 4]]
    labels = read(xlsx(tmp_path, rows))
    assert len(labels.rows) == 2
    assert any("row 4" in p and "comes again" in p for p in labels.problems)


def test_a_patient_table_has_one_row_each_and_no_filling_down(tmp_path: Path) -> None:
    labels = read(csv(tmp_path, "Who,Age\n1,40\n,50\n2,60\n"), LabelKey(patient="Who"))
    assert labels.rows == (LabelRow("1"), LabelRow("2"))
    assert any('row 3: no patient in "Who"' in p for p in labels.problems)


def test_merged_cells_count_for_all_their_rows(tmp_path: Path) -> None:
    rows = [["Who", "Level", "Grade"], ["A", "L5-S1", 3], [None, "L4-L5", None], ["B", "L5-S1", 1]]
    changes = [lambda sheet: sheet.merge_cells("A2:A3"), lambda sheet: sheet.merge_cells("C2:C3")]
    labels = read(xlsx(tmp_path, rows, changes=changes))
    assert [r.patient for r in labels.rows] == ["A", "A", "B"]
    np.testing.assert_array_equal(labels.columns["Grade"], [3, 3, 1])


def test_hidden_rows_and_formulas_without_values_are_said(tmp_path: Path) -> None:
    def hide(sheet) -> None:
        sheet.row_dimensions[3].hidden = True

    rows = [["Who", "Level", "Grade"], [1, "L5-S1", "=1+2"], [2, "L5-S1", 4], [3, "L5-S1", 2]]
    labels = read(xlsx(tmp_path, rows, changes=[hide]))
    assert any("1 hidden rows" in p and "(3)" in p for p in labels.problems)
    assert any("1 formulas" in p and "C2" in p for p in labels.problems)
    np.testing.assert_array_equal(labels.columns["Grade"], [np.nan, 4, 2])


@pytest.mark.parametrize("written", ["<v/>", "<v></v>", "<v />", ""])
def test_a_formula_without_its_value_is_said_however_the_empty_value_is_written(tmp_path: Path, written: str) -> None:
    """openpyxl writes <v></v> where lxml is installed and <v/> where it is not."""
    path = xlsx(tmp_path, [["Who", "Level", "Grade"], [1, "L5-S1", "=1+2"], [2, "L5-S1", 4]])
    with ZipFile(path) as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = re.sub(rb"(?<=</f>)(<v ?/>|<v></v>)", written.encode(), parts[sheet])
    assert b"</f>" + written.encode() + b"</c>" in parts[sheet]
    with ZipFile(path, "w") as other:
        for name, content in parts.items():
            other.writestr(name, content)
    assert any("1 formulas" in p and "C2" in p for p in read(path).problems)


def test_a_header_below_a_title_and_blank_rows_is_found(tmp_path: Path) -> None:
    rows = [["Our study"], [], ["Who", "Level", "Grade"], [], [1, "L5-S1", 3], [], [2, "L5-S1", 4]]
    labels = read(xlsx(tmp_path, rows))
    assert len(labels.rows) == 2


def test_equal_repetitions_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    labels = read(csv(tmp_path, "Who,Level,G\n1,L5-S1,3\n1,L5/S1,3\n2,L5-S1,1\n2,L5-S1,4\n3,L5-S1,2\n"))
    assert [r.patient for r in labels.rows] == ["1", "3"]
    assert any("rows 2, 3" in p and "used once" in p for p in labels.problems)
    assert any("rows 4, 5" in p and "contradicting" in p for p in labels.problems)


def test_a_table_by_level_whose_key_names_no_level_is_told_so(tmp_path: Path) -> None:
    path = csv(tmp_path, "Who,Level,Grade\n1,L5-S1,3\n1,L4-L5,2\n2,L5-S1,1\n2,L4-L5,4\n")
    told = "rows 4, 5: patient 2 has contradicting rows, and so has every other; which column of `key` holds the level?"
    with pytest.raises(LabelTableError, match=re.escape(told)) as error:
        read(path, LabelKey(patient="Who"), targets=("Grade",))
    assert error.value.option == ("key",)


def test_bounds_and_spreadsheet_errors_are_missing_and_named_with_their_row(tmp_path: Path) -> None:
    body = "".join(f"{i},L5-S1,{i}\n" for i in range(3, 20))
    labels = read(csv(tmp_path, "Who,Level,CRP\n1,L5-S1,<5\n2,L5-S1,#DIV/0!\n" + body))
    assert np.isnan(labels.columns["CRP"][:2]).all()
    assert any("row 2" in p and "'<5'" in p for p in labels.problems)
    assert any("row 3" in p and "spreadsheet error" in p for p in labels.problems)


def test_a_level_against_its_disc_number_is_reported_and_the_number_used(tmp_path: Path) -> None:
    path = csv(tmp_path, "Who,IVD,Level,G\n1,8,T10-T9,3\n1,1,L5-S1,2\n1,0,L5-S1,2\n")
    labels = read(path, LabelKey(patient="Who", level="Level", ivd="IVD"))
    assert [r.level for r in labels.rows] == ["T10-T11", "L5-S1"]
    assert any("row 2" in p and "used as T10-T11" in p for p in labels.problems)
    assert any("row 4" in p and "no disc" in p for p in labels.problems)


def test_a_misspelt_target_names_the_closest_column(tmp_path: Path) -> None:
    path = xlsx(tmp_path, [["Who", "Level", "Pfirrman grade"], [1, "L5-S1", 3]])
    with pytest.raises(
        LabelTableError, match=r'grades\.xlsx "Sheet": no column "Pfirrmann grade"; closest: "Pfirrman grade"'
    ):
        read(path, targets=("Pfirrmann grade",))
    with pytest.raises(LabelTableError, match='no column "who"; closest: "Who"'):
        read(path, LabelKey(patient="who", level="Level"))
    with pytest.raises(LabelTableError, match='no sheet "Shet"; closest: "Sheet"'):
        read(path, sheet="Shet")


def test_an_unknown_table_without_key_says_which_key_it_wants(tmp_path: Path) -> None:
    with pytest.raises(LabelTableError, match=r'key = \{patient = "...", level = "..."\}.*Name, Stage'):
        read(csv(tmp_path, "Name,Stage\na,1\n"), None)


def test_two_sheets_with_such_a_table_want_a_name(tmp_path: Path) -> None:
    book = Workbook()
    for title in ("first", "second"):
        sheet = book.create_sheet(title)
        sheet.append(["Who", "Level", "G"])
        sheet.append([1, "L5-S1", 2 if title == "first" else 3])
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(LabelTableError, match="several sheets"):
        read(tmp_path / "two.xlsx")
    assert read(tmp_path / "two.xlsx", sheet="second").columns["G"][0] == 3


def test_covariates_are_no_targets_and_targets_default_to_the_rest(tmp_path: Path) -> None:
    labels = read(csv(tmp_path, "Who,Level,Age,A,B\n1,L5-S1,40,1,0\n2,L5-S1,50,0,1\n"), covariates=("Age",))
    assert labels.targets == ("A", "B")
    assert labels.covariates == ("Age",)


def test_repeated_column_names_are_both_kept(tmp_path: Path) -> None:
    labels = read(csv(tmp_path, "Who,Level,Grade,Grade\n1,L5-S1,1,2\n2,L5-S1,2,1\n"))
    assert list(labels.columns) == ["Grade", "Grade (2)"]


def test_no_table_gives_no_labels() -> None:
    assert read_labels(LabelOptions()).rows == ()


def test_the_phantoms_tables_need_no_key(tmp_path: Path) -> None:
    from spinefx.phantom.write import write_cohort

    write_cohort(tmp_path, patients=2, levels=5, series=("t1", "t2"), images=False)
    for name in ("radiological_gradings.csv", "annotations.xlsx"):
        assert len(set(read(tmp_path / name, None).rows)) == 10
    truth = read(tmp_path / "truth.csv", None, targets=("disc.height_mm",))
    assert truth.kinds["disc.height_mm"] == "continuous"
    assert LabelRow("1", "L5-S1") in truth.rows
    assert "case" not in truth.columns
