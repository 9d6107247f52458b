"""Two people read the same spines: both readings are kept, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinefx.api import DataError, LabelRow, LabelTableError
from spinefx.cli import main
from spinefx.labels import LabelKey, LabelOptions, read_labels

KEY = LabelKey(patient="Who", level="Level", rater="Reader")
ROWS = """Who,Level,Reader,Grade,Modic
1,L5-S1,AB,3,II
,L5-S1,CD,4,I
,L4-L5,AB,2,I
2,L5-S1,CD,5,III
2,L5-S1,,5,I
2,L4-L5,CD,1,I
2,L4-L5,CD,2,I
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_readings_of_one_table_become_a_column_for_each_rater(tmp_path: Path) -> None:
    labels = read_labels(LabelOptions(table=write(tmp_path / "t.csv", ROWS), key=KEY, targets=("Grade",)))
    assert labels.rows == (LabelRow("1", "L5-S1"), LabelRow("1", "L4-L5"), LabelRow("2", "L5-S1"))
    assert labels.targets == ("Grade (AB)", "Grade (CD)")
    np.testing.assert_array_equal(labels.columns["Grade (AB)"], [3, 2, np.nan])
    np.testing.assert_array_equal(labels.columns["Grade (CD)"], [4, np.nan, 5])
    assert labels.categories["Modic (AB)"] == labels.categories["Modic (CD)"] == ("I", "II", "III")
    assert len(labels.problems) == 2
    assert 'row 6: nobody in "Reader"; not used' in labels.problems[0]
    assert "rows 7, 8: patient 2 L4-L5 by CD has contradicting rows" in labels.problems[1]


def test_tables_of_two_raters_are_joined_and_none_is_mixed(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", "Who,Level,Grade\n1,L5-S1,3\n1,L4-L5,2\n")
    two = write(tmp_path / "two.csv", "Who,Level,Grade,Age\n1,L4-L5,4,50\n7,L5-S1,1,60\n")
    labels = read_labels(LabelOptions(table=one, others=(two,), key=LabelKey(patient="Who", level="Level")))
    assert labels.targets == ("Grade",)
    assert labels.rows[-1] == LabelRow("7", "L5-S1")
    np.testing.assert_array_equal(labels.columns["Grade"], [3, 2, np.nan])
    np.testing.assert_array_equal(labels.columns["Grade (two)"], [np.nan, 4, 1])
    np.testing.assert_array_equal(labels.columns["Age"], [np.nan, 50, 60])
    with pytest.raises(LabelTableError, match=r"gone.csv does not exist") as caught:
        read_labels(
            LabelOptions(table=one, others=(two, tmp_path / "gone.csv"), key=LabelKey(patient="Who", level="Level"))
        )
    assert caught.value.option == ("others", 1)


PIPELINE = """[data]
use = "phantom"
patients = 4

[labels]
table = "labels.csv"
targets = [
  "Grade",
  "Grode",
]
[labels.key]
patient = "Who"
level = "Level"
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", 'pipeline.toml:9:3 [labels]: labels.csv: no column "Grode"; closest: "Grade"'),
        ('"Level"', '"Levl"', 'pipeline.toml:13:1 [labels]: labels.csv: no column "Levl"; closest: "Level"'),
        ("labels.csv", "lables.csv", "pipeline.toml:6:1 [labels]: table "),
        ("[labels]", '[labels]\nothers = ["no.csv"]', "pipeline.toml:6:11 [labels]: table "),
    ],
)
def test_what_is_wrong_with_a_label_table_is_told_with_its_line_of_the_toml(
    tmp_path: Path, monkeypatch, capsys, old, new, says
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "labels.csv", "Who,Level,Grade\n1,L5-S1,3\n")
    write(tmp_path / "pipeline.toml", PIPELINE.replace(old, new, 1) if old else PIPELINE)
    assert main(["check"]) == DataError.exit_code
    assert capsys.readouterr().err.startswith(f"spinefx: {says}")
