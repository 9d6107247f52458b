"""Calibration curves lie on the honest line where probabilities are true, and off it where they are not."""

from __future__ import annotations

import numpy as np
from sklearn.calibration import calibration_curve
from spinefx_stats.calibration import calibration_figure, reliability
from spinefx_stats.patients import Patients
from spinefx_stats.scores import Said
from statsmodels.stats.proportion import proportion_confint


def said(p: np.ndarray, seed: int = 0) -> Said:
    y = (np.random.default_rng(seed).random(len(p)) < np.linspace(0.05, 0.95, len(p))).astype(float)
    names = [str(i // 5) for i in range(len(p))]
    return Said(y, p, np.zeros(len(p), np.intp), np.full(len(p), 0.5), np.zeros(len(p)), Patients(names, 1))


def test_true_probabilities_lie_on_the_line_and_sharpened_ones_do_not() -> None:
    true = np.linspace(0.05, 0.95, 2000)
    honest = reliability("honest", said(true))
    np.testing.assert_allclose(honest.x, honest.y, atol=0.07)
    assert all(low <= x <= high for x, low, high in zip(honest.x, honest.low, honest.high, strict=True))
    sharp = reliability("sharp", said(np.where(true > 0.5, 0.5 + true / 2, true / 3)))
    assert any(not low <= x <= high for x, low, high in zip(sharp.x, sharp.low, sharp.high, strict=True))


def test_bins_of_equal_size_equal_those_of_scikit_learn() -> None:
    found = said(np.linspace(0.05, 0.95, 1000))
    observed, predicted = calibration_curve(found.y, found.said, n_bins=10, strategy="quantile")
    curve = reliability("a", found)
    np.testing.assert_allclose(curve.x, predicted, atol=1e-9)
    np.testing.assert_allclose(curve.y, observed, atol=1e-9)


def test_bounds_are_wilson_s_of_the_patients_in_a_bin() -> None:
    found = said(np.linspace(0.05, 0.95, 1000))
    curve = reliability("a", found)
    for part, y, low, high in zip(np.array_split(np.arange(1000), 10), curve.y, curve.low, curve.high, strict=True):
        patients = len({i // 5 for i in part})
        wanted = proportion_confint(y * patients, patients, method="wilson")
        np.testing.assert_allclose((low, high), wanted, atol=1e-3)


def test_bins_hold_fifteen_rows_and_two_are_enough() -> None:
    assert reliability("a", said(np.linspace(0.1, 0.9, 29))) is None
    assert len(reliability("a", said(np.linspace(0.1, 0.9, 30))).x) == 2


def test_few_rows_draw_nothing() -> None:
    assert reliability("a", said(np.linspace(0.1, 0.9, 20))) is None
    assert calibration_figure("Narrowing", "held out", {}) is None
