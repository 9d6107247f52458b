"""Patients are dealt once, by patient, and hardly move when the cohort changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinefx.contract.errors import PlanError
from spinefx.work.cohort.split import deal

patients = st.sets(st.text("abcdef0123456789", min_size=1, max_size=6), min_size=3, max_size=60)


@given(patients, st.integers(0, 2**40), st.floats(0.05, 0.5), st.floats(0.0, 0.4), st.integers(2, 7))
def test_every_patient_has_one_part_and_one_fold(
    ids: set[str], seed: int, test: float, validation: float, folds: int
) -> None:
    split = deal(ids, seed=seed, test=test, validation=validation, folds=folds)
    assert set(split.part) == set(split.fold) == ids
    assert split.patients("train")
    assert split.patients("test")
    assert not split.patients("train", "validation") & split.patients("test")
    sizes = [sum(f == k for f in split.fold.values()) for k in range(folds)]
    assert sum(sizes) == len(ids)
    assert max(sizes) - min(sizes) <= 1


def test_a_new_patient_moves_hardly_anyone() -> None:
    ids = [f"p{n}" for n in range(100)]
    before = deal(ids, seed=0, test=0.2, validation=0.1, folds=5)
    after = deal([*ids, "new"], seed=0, test=0.2, validation=0.1, folds=5)
    assert sum(before.part[p] != after.part[p] for p in ids) <= 3
    assert sum(before.fold[p] != after.fold[p] for p in ids) <= 6


def test_order_of_patients_does_not_matter_and_the_seed_does() -> None:
    ids = [f"p{n}" for n in range(40)]
    options = {"test": 0.2, "validation": 0.1, "folds": 5}
    assert deal(ids, seed=3, **options) == deal(ids[::-1], seed=3, **options)  # type: ignore[arg-type]
    assert deal(ids, seed=3, **options) != deal(ids, seed=4, **options)  # type: ignore[arg-type]


def test_strata_keep_their_shares_in_every_part() -> None:
    ids = [f"p{n}" for n in range(100)]
    strata = {p: "rare" if n < 20 else "common" for n, p in enumerate(ids)}
    split = deal(ids, seed=1, test=0.2, validation=0.2, folds=5, strata=strata)
    rare = {p for p in ids if strata[p] == "rare"}
    assert 3 <= len(split.patients("test") & rare) <= 5
    assert all(3 <= sum(split.fold[p] == k for p in rare) <= 5 for k in range(5))


def test_a_split_that_leaves_nobody_to_train_on_is_refused() -> None:
    with pytest.raises(PlanError, match="no patient to train on"):
        deal(["a", "b"], seed=0, test=["a", "b"], validation=0.0, folds=2)
    assert deal(["a"], seed=0, test=0.2, validation=0.2, folds=5).part == {"a": "train"}
