"""The scores of each kind of target are scikit-learn's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics
from spinefx_stats.patients import Patients
from spinefx_stats.scores import NAMES, Said, difference, scored

PATIENTS = Patients([str(i // 3) for i in range(60)], 1, 200)


def _said(y: np.ndarray, said: np.ndarray, *, cut: float = 0.5, usual: float = 1.0, constant: bool = False) -> Said:
    n = len(y)
    return Said(y, said, np.zeros(n, np.intp), np.full(n, cut), np.full(n, usual), PATIENTS, constant)


def test_of_a_measure() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(10, 3, 60)
    said = 0.7 * y + rng.normal(2, 2, 60)
    found = scored(_said(y, said), "continuous")
    assert found.values == pytest.approx(
        {
            "r2": metrics.r2_score(y, said),
            "spearman": spearmanr(y, said)[0],
            "mae": metrics.mean_absolute_error(y, said),
        }
    )
    assert found.low < found.values["r2"] < found.high


def test_of_a_grade() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(1, 6, 60).astype(float)
    said = y + rng.normal(0, 1.0, 60)
    nearest = np.clip(np.round(said), 1, 5)
    assert scored(_said(y, said), "ordinal").values == pytest.approx(
        {
            "spearman": spearmanr(y, said)[0],
            "quadratic_kappa": metrics.cohen_kappa_score(y, nearest, weights="quadratic"),
            "mae": np.abs(y - said).mean(),
            "exact": (y == nearest).mean(),
        }
    )
    dull = scored(_said(y, np.full(60, 2.9), usual=4.0, constant=True), "ordinal")
    assert dull.values["exact"] == pytest.approx((y == 4.0).mean()), "a baseline says the grade that is met most often"
    assert dull.values["mae"] == pytest.approx(np.abs(y - 2.9).mean())


def test_of_a_yes_or_no() -> None:
    rng = np.random.default_rng(2)
    y = (rng.random(60) < 0.3).astype(float)
    said = np.clip(0.3 * y + rng.uniform(0, 0.6, 60), 0, 1)
    hard = (said >= 0.35).astype(float)
    assert scored(_said(y, said, cut=0.35), "binary").values == pytest.approx(
        {
            "auc": metrics.roc_auc_score(y, said),
            "average_precision": metrics.average_precision_score(y, said),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, hard),
            "macro_f1": metrics.f1_score(y, hard, average="macro"),
            "brier": metrics.brier_score_loss(y, said),
        }
    )
    dull = scored(_said(y, np.full(60, 0.4), cut=0.3, usual=0.0, constant=True), "binary")
    assert dull.values["balanced_accuracy"] == pytest.approx(0.5)
    assert dull.values["macro_f1"] == pytest.approx(metrics.f1_score(y, np.zeros(60), average="macro"))


@pytest.mark.parametrize("kind", NAMES)
def test_every_score_has_a_title_and_differences_are_of_the_leading_one(kind: str) -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(60) < 0.5).astype(float)
    good, bad = (scored(_said(y, np.clip(y + rng.normal(0, s, 60), 0, 1)), kind) for s in (0.3, 3.0))
    assert list(good.values) == list(NAMES[kind])
    gap, low, high = difference(good, bad, PATIENTS, kind)
    leading = {"binary": "auc", "ordinal": "spearman", "continuous": "r2"}[kind]
    assert gap == pytest.approx(good.values[leading] - bad.values[leading])
    assert 0 < low < gap < high
