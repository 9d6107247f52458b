"""The join is said aloud: who met, who was left over, whose id only looks alike."""

from __future__ import annotations

import numpy as np
import pytest

from spinefx.api import LabelRow, Labels, Row
from spinefx.labels import audit


def labels_of(*rows: LabelRow) -> Labels:
    return Labels(rows, {"G": np.zeros(len(rows))})


def disc(patient: str, level: str, series: str = "t2") -> Row:
    return Row(f"{patient}_{series}", patient, "disc", level)


def test_both_sides_are_accounted_for_over_all_series() -> None:
    labels = labels_of(LabelRow("1", "L5-S1"), LabelRow("1", "L4-L5"), LabelRow("9", "L5-S1"))
    rows = [disc("1", "L5-S1"), disc("1", "L5-S1", "t1"), disc("2", "L5-S1"), Row("1_t2", "1", "spine")]
    found = audit(labels, rows)
    assert found.matched == (LabelRow("1", "L5-S1"),)
    assert found.only_images == (LabelRow("2", "L5-S1"),)
    assert found.only_table == (LabelRow("1", "L4-L5"), LabelRow("9", "L5-S1"))
    assert found.ambiguous == ()
    counts = {row[0]: row[1] for row in found.table().rows}
    assert list(counts.values()) == [1, 1, 2, 0]


def test_ids_that_only_look_alike_are_named_and_not_joined() -> None:
    found = audit(
        labels_of(LabelRow("7", "L5-S1"), LabelRow("abc", "L5-S1")), [disc("007", "L5-S1"), disc("ABC", "L5-S1")]
    )
    assert found.matched == ()
    assert found.ambiguous == (("007", "7"), ("ABC", "abc"))


@pytest.mark.parametrize(("image", "table"), [("ivd01", "ivd1"), ("P-007b", "p-7B"), ("0", "00")])
def test_zeros_inside_an_id_make_ids_look_alike_too(image: str, table: str) -> None:
    assert audit(labels_of(LabelRow(table, "L5-S1")), [disc(image, "L5-S1")]).ambiguous == ((image, table),)
    assert audit(labels_of(LabelRow("ivd1", "L5-S1")), [disc("ivd100", "L5-S1")]).ambiguous == ()


def test_a_label_of_the_patient_covers_all_levels() -> None:
    found = audit(labels_of(LabelRow("1"), LabelRow("2")), [disc("1", "L5-S1"), disc("1", "L4-L5")])
    assert found.matched == (LabelRow("1"),)
    assert found.only_images == ()
    assert found.only_table == (LabelRow("2"),)


def test_what_is_left_over_is_told_by_patient() -> None:
    levels = ("L5-S1", "L4-L5", "L3-L4", "L2-L3")
    rows = [LabelRow(str(n), level) for n in range(1, 10) for level in levels[: 1 if n == 1 else 4]]
    told = {row[0]: row[1:] for row in audit(labels_of(*rows), []).table().rows}
    count, which = told["label without a structure"]
    assert count == 33
    assert which.startswith("patient 1: L5-S1; patient 2: 4 levels; ")
    assert which.endswith("and 3 more patients")
    whole = audit(labels_of(LabelRow("2")), [disc("1", "L5-S1")]).table().rows
    assert whole[2][2] == "patient 2"
