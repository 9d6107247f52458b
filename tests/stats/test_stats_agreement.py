"""`agreement`: two raters in one table, kappa as scikit-learn gives it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from spinefx_stats import AgreementOptions
from spinefx_stats.agreement import Agreement
from spinefx_stats.weighted import intraclass
from stats_simulated import cell, rows_of, study_of, table

from spinefx.api import DataError, Features, LabelRow, Labels, Row


def test_two_raters_agree_as_scikit_learn_says_with_intervals_around() -> None:
    rng, rows = np.random.default_rng(0), rows_of(30)
    first = rng.integers(1, 6, len(rows)).astype(float)
    second = np.where(rng.random(len(rows)) < 0.6, first, rng.integers(1, 6, len(rows)))
    second[:7] = np.nan
    study = study_of(np.zeros((len(rows), 1)), rows, labels={"A": ("ordinal", first), "B": ("ordinal", second)})
    found = Agreement(AgreementOptions(pairs=(("A", "B"),), resamples=200)).evaluate(study)
    where, one = {"first": "A", "second": "B"}, table(found, "agreement")
    assert cell(one, where, "n") == len(rows) - 7
    assert cell(one, where, "kappa") == pytest.approx(cohen_kappa_score(first[7:], second[7:]))
    assert cell(one, where, "quadratic_kappa") == pytest.approx(
        cohen_kappa_score(first[7:], second[7:], weights="quadratic")
    )
    assert cell(one, where, "kappa_low") < cell(one, where, "kappa") < cell(one, where, "kappa_high")
    people = len({row.patient for row in rows[7:]})
    assert found.sentences[0].endswith(f" over {len(rows) - 7} rows of {people} patients.")
    assert "also of patients without an image here" in one.caption


def test_pairs_that_cannot_be_compared_are_told_before_anything_is_computed() -> None:
    rows = rows_of(12)
    names = {"A": ("ordinal", np.ones(len(rows))), "B": ("ordinal", np.ones(len(rows)))}
    study = study_of(np.zeros((len(rows), 1)), rows, labels=names)
    lacking = Agreement(AgreementOptions(pairs=(("A", "B"), ("A", "C"))))
    for told in (partial(lacking.foresee, study.split, study.labels), partial(lacking.evaluate, study)):
        with pytest.raises(DataError, match="no label column 'C'; the table has A, B"):
            told()
    mixed = replace(study.labels, kinds={"A": "ordinal", "B": "nominal"}, categories={"B": ("none", "some")})
    with pytest.raises(DataError, match="'A' is ordinal, 'B' nominal; names and numbers cannot be compared"):
        Agreement(AgreementOptions(pairs=(("A", "B"),))).foresee(study.split, mixed)


def test_icc_equals_the_published_example_s() -> None:
    """Shrout and Fleiss, Psychol Bull 86:420 (1979), table 2: six targets, four judges, ICC(2,1) = .29."""
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    assert intraclass(ratings, np.ones((1, 6)))[0] == pytest.approx(0.29, abs=0.005)
    doubled = intraclass(ratings, np.array([[2.0, 1, 1, 1, 1, 1]]))[0]
    assert doubled == pytest.approx(intraclass(ratings[[0, 0, 1, 2, 3, 4, 5]], np.ones((1, 7)))[0])


@pytest.mark.parametrize("raters", [2, 3, 5])
def test_icc_is_that_of_a_two_way_analysis_of_variance(raters: int) -> None:
    """McGraw and Wong, Psychol Methods 1:30 (1996): ICC(A,1) from mean squares, by sums over rows, raters and cells."""
    rng = np.random.default_rng(raters)
    ratings = 3 * rng.normal(size=(14, 1)) + rng.normal(size=(14, raters)) + 0.7 * np.arange(raters)
    n, k = ratings.shape
    grand, rows, columns = ratings.mean(), ratings.mean(axis=1), ratings.mean(axis=0)
    between_rows = k * ((rows - grand) ** 2).sum() / (n - 1)
    between_raters = n * ((columns - grand) ** 2).sum() / (k - 1)
    left = ((ratings - rows[:, None] - columns + grand) ** 2).sum() / ((n - 1) * (k - 1))
    wanted = (between_rows - left) / (between_rows + (k - 1) * left + k / n * (between_raters - left))
    assert intraclass(ratings, np.ones((1, n)))[0] == pytest.approx(wanted, rel=1e-9)


def test_measures_have_an_icc_and_a_difference_but_no_kappa() -> None:
    rng, rows = np.random.default_rng(1), rows_of(30)
    true = 5 * rng.normal(size=len(rows))
    labels = {
        name: ("continuous", true + shift + rng.normal(size=len(rows))) for name, shift in (("A", 0.0), ("B", 1.0))
    }
    found = Agreement(AgreementOptions(pairs=(("A", "B"),))).evaluate(
        study_of(np.zeros((len(rows), 1)), rows, labels=labels)
    )
    where, one = {"first": "A"}, table(found, "agreement")
    assert cell(one, where, "kappa") is None
    assert cell(one, where, "icc_low") < 25 / (25 + 1 + 0.5) < cell(one, where, "icc_high")
    assert cell(one, where, "difference_low") < 1.0 < cell(one, where, "difference_high")


def test_named_labels_are_compared_by_name_not_by_place_in_a_list() -> None:
    rows = rows_of(12)
    places = tuple(LabelRow(row.patient, row.level) for row in rows)
    first = np.arange(len(rows)) % 3.0
    labels = Labels(
        places,
        {"A": first, "B": np.array([2.0, 0.0, 1.0])[first.astype(int)], "Grade": first},
        {"A": "nominal", "B": "nominal", "Grade": "ordinal"},
        {"A": ("none", "Type 1", "type 2"), "B": ("type 1", "Type 2", "none ")},
    )
    study = replace(study_of(np.zeros((len(rows), 1)), rows), labels=labels)
    found = Agreement(AgreementOptions(pairs=(("A", "B"),))).evaluate(study)
    one = table(found, "agreement")
    assert cell(one, {"first": "A"}, "kappa") == pytest.approx(1.0)
    assert cell(one, {"first": "A"}, "quadratic_kappa") is None


def test_a_feature_that_outlines_do_not_touch_is_steady_and_one_that_is_all_outline_is_not() -> None:
    rng, rows = np.random.default_rng(4), rows_of(12)
    radii = rng.uniform([2.5, 7, 8], [4.0, 10, 11], (len(rows), 3))

    def measure(masks, like) -> Features:
        at = tuple(Row(f"shape-{i}", "", "disc", like.row.level) for i in range(len(masks)))
        volume = masks.sum(axis=(1, 2, 3)) * like.grid.voxel_mm3
        first = masks[:, masks.shape[1] // 2, :, masks.shape[3] // 2]
        rim = first[:, :3].sum(axis=1) + np.abs(np.diff(masks, axis=2)).sum(axis=(1, 2, 3)) % 1.0
        return Features(at, {"disc.volume_mm3": volume.astype(float), "disc.rim": rim.astype(float)})

    study = replace(study_of(radii, rows, radii=radii), measure=measure)
    options = AgreementOptions(perturbations=2, perturb_mm=0.4, samples=40)
    found = Agreement(options).evaluate(study)
    one = table(found, "mask-perturbation")
    assert cell(one, {"feature": "disc.volume_mm3"}, "icc") > 0.85
    assert cell(one, {"feature": "disc.rim"}, "icc") < 0.6
    assert cell(one, {"feature": "disc.volume_mm3"}, "n") == 40
    assert cell(one, {"feature": "disc.volume_mm3"}, "difference") > 0
    wilder = Agreement(options.model_copy(update={"perturb_mm": 1.0})).evaluate(study)
    assert cell(table(wilder, "mask-perturbation"), {"feature": "disc.volume_mm3"}, "icc") < cell(
        one, {"feature": "disc.volume_mm3"}, "icc"
    )
    again = Agreement(options).evaluate(study)
    assert table(again, "mask-perturbation").rows == one.rows
