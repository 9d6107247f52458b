"""Table 1 against the package tableone, and what it counts as a patient's or a structure's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spinefx.contract.features import Row
from spinefx.contract.labels import LabelRow, Labels
from spinefx.contract.samples import Part, Split
from spinefx.work.cohort.table_one import difference, table_one

LEVELS = ("L3-L4", "L4-L5", "L5-S1")


@pytest.fixture(scope="module")
def study() -> tuple[list[Row], Split, Labels, pd.DataFrame]:
    """60 patients with age (some missing), sex and three graded discs each."""
    rng = np.random.default_rng(5)
    patients = [f"p{i:02d}" for i in range(60)]
    rows = [Row(f"{p}_t2", p, "disc", level) for p in patients for level in LEVELS]
    age = rng.normal(55, 14, 60)
    age[[3, 17]] = np.nan
    sex = rng.integers(0, 2, 60).astype(float)
    grade = rng.integers(1, 6, 180).astype(float)
    grade[7] = np.nan
    part: dict[str, Part] = {
        p: "test" if i >= 40 else "validation" if i >= 30 else "train" for i, p in enumerate(patients)
    }
    keys = [LabelRow(p) for p in patients] + [LabelRow(r.patient, r.level) for r in rows]
    none = np.full(60, np.nan), np.full(180, np.nan)
    columns = {"age": np.r_[age, none[1]], "sex": np.r_[sex, none[1]], "grade": np.r_[none[0], grade]}
    kinds = {"age": "continuous", "sex": "nominal", "grade": "ordinal"}
    labels = Labels(tuple(keys), columns, kinds, {"sex": ("F", "M")})  # type: ignore[arg-type]
    frame = pd.DataFrame(
        {
            "age": age,
            "sex": np.where(sex == 1, "M", "F"),
            "side": ["test" if part[p] == "test" else "fitted" for p in patients],
        }
    )
    return rows, Split(part, dict.fromkeys(patients, 0)), labels, frame


def lines(study: tuple[list[Row], Split, Labels, pd.DataFrame], **facts: dict[str, object]) -> list[tuple[str, ...]]:
    rows, split, labels, _ = study
    return [tuple(map(str, row)) for row in table_one(rows, split, labels, facts).rows]


@pytest.mark.filterwarnings("ignore:Setting a new row")
def test_it_says_what_tableone_says(study: tuple[list[Row], Split, Labels, pd.DataFrame]) -> None:
    tableone = pytest.importorskip("tableone", reason="tableone, the independent implementation, is not installed")
    theirs = tableone.TableOne(
        study[3], columns=["age", "sex"], categorical=["sex"], groupby="side", smd=True, decimals=1, include_null=False
    ).tableone["Grouped by side"]
    made = lines(study)
    age = next(line for line in made if line[0] == "age")
    men = next(line for line in made if line[1] == "M")
    women = next(line for line in made if line[0] == "sex")
    assert age[2] == theirs.loc["age, mean (SD)", "Overall"].iloc[0]
    assert age[5] == theirs.loc["age, mean (SD)", "test"].iloc[0]
    assert (age[6], age[7]) == ("2", f"{abs(float(theirs.loc['age, mean (SD)', 'SMD (fitted,test)'].iloc[0])):.2f}")
    assert men[2] == theirs.loc[("sex, n (%)", "M"), "Overall"]
    assert men[5] == theirs.loc[("sex, n (%)", "M"), "test"]
    assert women[7] == f"{abs(float(theirs.loc[('sex, n (%)', 'F'), 'SMD (fitted,test)'])):.2f}"


def test_patients_are_counted_once_and_structures_by_themselves(
    study: tuple[list[Row], Split, Labels, pd.DataFrame],
) -> None:
    made = lines(study)
    assert made[0][:6] == ("Patients", "n", "60", "30", "10", "20")
    at = next(i for i, line in enumerate(made) if line[0] == "Structures")
    assert made[at][2:6] == ("180", "90", "30", "60")
    assert [line[1] for line in made[at + 1 : at + 4]] == list(LEVELS)
    names = list(dict.fromkeys(line[0] for line in made))
    assert names == ["Patients", "age", "sex", "Structures", "Level", "grade"]
    grades = made[next(i for i, line in enumerate(made) if line[0] == "grade") :]
    assert sum(int(line[2].split()[0]) for line in grades) == 179
    assert grades[0][6] == "1"


def test_what_the_loader_knows_of_a_patient_is_told_and_identifiers_are_not(
    study: tuple[list[Row], Split, Labels, pd.DataFrame],
) -> None:
    facts = {row.case: {"bmi": 20.0 + i % 7, "site": "AB"[i % 2], "serial": f"n{i}"} for i, row in enumerate(study[0])}
    names = [line[0] for line in lines(study, **facts)]
    assert {"bmi", "site"} <= set(names)
    assert "serial" not in names


def test_the_difference_of_equal_groups_is_none_and_of_shifted_ones_is_the_shift() -> None:
    values = np.random.default_rng(2).normal(size=4000)
    assert difference(values, values) == 0
    assert difference(values, values + 0.5) == pytest.approx(0.5, abs=0.02)
    assert difference(np.array([0.0, 1] * 50), np.array([0.0, 1] * 50), categories=2) == 0
    assert np.isnan(difference(values, values[:1]))


def test_a_grade_that_is_the_same_everywhere_is_still_a_structure_s(
    study: tuple[list[Row], Split, Labels, pd.DataFrame],
) -> None:
    rows, split, _, _ = study
    keys = tuple(LabelRow(r.patient, r.level) for r in rows)
    labels = Labels(keys, {"listhesis": np.zeros(len(rows))}, {"listhesis": "binary"})
    line = next(line for line in table_one(rows, split, labels, {}).rows if line[0] == "listhesis")
    assert line[2] == "180 (100.0)"
