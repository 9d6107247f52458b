"""A weight of k is k equal rows: every weighted statistic against scikit-learn and SciPy on the repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn import metrics
from spinefx_stats import weighted


@pytest.fixture(params=range(4))
def drawn(request: pytest.FixtureRequest) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(request.param)
    n = 60
    x = np.round(rng.normal(size=n), 1)  # with ties
    y = (x + rng.normal(size=n) > 0.3).astype(float)
    w = rng.integers(0, 4, size=(3, n)).astype(float)
    return x, y, w, rng.normal(size=n) + x


def repeated(values: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.repeat(values, w.astype(int))


def agree(statistic, reference, w: np.ndarray, *columns: np.ndarray) -> None:
    expected = [reference(*(repeated(c, row) for c in columns)) for row in w]
    np.testing.assert_allclose(statistic(*columns, w), expected, rtol=1e-10, atol=1e-12)


def test_correlations_equal_scipy(drawn) -> None:
    x, _, w, z = drawn
    agree(weighted.pearson, lambda a, b: scipy_stats.pearsonr(a, b)[0], w, x, z)
    agree(weighted.spearman, lambda a, b: scipy_stats.spearmanr(a, b)[0], w, x, np.round(z))


def test_binary_scores_equal_scikit_learn(drawn) -> None:
    x, y, w, _ = drawn
    p, said = 1 / (1 + np.exp(-x)), (x > 0).astype(float)
    agree(weighted.auc, lambda a, b: metrics.roc_auc_score(b, a), w, x, y)
    agree(weighted.average_precision, lambda a, b: metrics.average_precision_score(b, a), w, x, y)
    agree(weighted.balanced_accuracy, metrics.balanced_accuracy_score, w, y, said)
    agree(weighted.macro_f1, lambda a, b: metrics.f1_score(a, b, average="macro"), w, y, said)
    agree(weighted.brier, metrics.brier_score_loss, w, y, p)


def test_grades_and_measures_equal_scikit_learn(drawn) -> None:
    x, _, w, z = drawn
    a, b = (np.clip(np.round(v), -2, 2) for v in (x, z))
    grades = np.arange(-2.0, 3.0)
    kappa = metrics.cohen_kappa_score
    agree(
        lambda y, s, w: weighted.quadratic_kappa(y, s, grades, w),
        lambda y, s: kappa(y, s, weights="quadratic"),
        w,
        a,
        b,
    )
    agree(lambda y, s, w: weighted.kappa(y, s, grades, w), kappa, w, a, b)
    agree(weighted.r_squared, metrics.r2_score, w, x, z)


def test_auc_within_strata_counts_only_pairs_of_one_stratum() -> None:
    score, y = np.array([0.1, 0.2, 5.1, 5.2]), np.array([0.0, 1.0, 0.0, 1.0])
    strata, one = np.array([0, 0, 1, 1]), np.ones((1, 4))
    assert weighted.auc(score, y, one)[0] == 0.75
    assert weighted.auc(score, y, one, strata=strata)[0] == 1.0


def test_spearman_within_strata_ignores_offsets_between_models() -> None:
    rng = np.random.default_rng(0)
    y, strata = rng.normal(size=80), np.repeat([0, 1], 40)
    score, one = y + rng.normal(size=80), np.ones((1, 80))
    shifted = score - 100 * strata
    within = weighted.spearman_within(score, y, one, strata=strata)
    np.testing.assert_allclose(weighted.spearman_within(shifted, y, one, strata=strata), within)
    assert weighted.spearman(shifted, y, one)[0] < within[0]
    each = [scipy_stats.spearmanr(score[strata == s], y[strata == s])[0] for s in (0, 1)]
    np.testing.assert_allclose(within[0], np.mean(each), atol=1e-12)


def test_what_does_not_vary_has_no_correlation() -> None:
    x, w = np.full(8, 3.3), np.ones((2, 8))
    one_left = np.zeros((1, 9))
    one_left[0, 2] = 1
    with np.errstate(all="raise"):
        assert np.isnan(weighted.pearson(np.linspace(0, 1, 9) ** 3, np.linspace(7, 9, 9), one_left)).all()
    assert np.isnan(weighted.pearson(x, np.arange(8.0), w)).all()
    assert np.isnan(weighted.spearman(np.arange(8.0), x, w)).all()
    assert np.isnan(weighted.auc(np.arange(8.0), np.ones(8), w)).all()
    assert np.isnan(weighted.r_squared(x, np.arange(8.0), w)).all()
