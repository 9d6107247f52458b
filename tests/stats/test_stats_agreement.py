"""`agreement`: two raters in one table, kappa as scikit-learn gives it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from spinefx_stats import AgreementOptions
from spinefx_stats.agreement import Agreement
from stats_simulated import cell, rows_of, study_of, table


def test_two_raters_agree_as_scikit_learn_says_with_intervals_around() -> None:
    rng, rows = np.random.default_rng(0), rows_of(30)
    first = rng.integers(1, 6, len(rows)).astype(float)
    second = np.where(rng.random(len(rows)) < 0.6, first, rng.integers(1, 6, len(rows)))
    second[:7] = np.nan
    study = study_of(np.zeros((len(rows), 1)), rows, labels={"A": ("ordinal", first), "B": ("ordinal", second)})
    found = Agreement(AgreementOptions(pairs=(("A", "B"), ("A", "C")), resamples=200)).evaluate(study)
    where, one = {"first": "A", "second": "B"}, table(found, "agreement")
    assert cell(one, where, "n") == len(rows) - 7
    assert cell(one, where, "kappa") == pytest.approx(cohen_kappa_score(first[7:], second[7:]))
    assert cell(one, where, "quadratic_kappa") == pytest.approx(
        cohen_kappa_score(first[7:], second[7:], weights="quadratic")
    )
    assert cell(one, where, "kappa_low") < cell(one, where, "kappa") < cell(one, where, "kappa_high")
    assert any("no label column 'C'" in warning for warning in found.warnings)
