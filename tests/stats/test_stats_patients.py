"""Intervals cover, tests keep their level and false discoveries their rate, on rows clustered in patients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import false_discovery_control, pearsonr, t
from spinefx_stats.association import associate, associate_within, explain
from spinefx_stats.patients import Patients, benjamini_hochberg
from spinefx_stats.scales import CORRELATION, EXPLAINED, PLAIN, SHARE, Scale
from spinefx_stats.weighted import auc, pearson, r_squared
from stats_simulated import clustered, rows_of


def names(rows) -> list[str]:
    return [row.patient for row in rows]


def test_patient_bootstrap_covers_a_planted_correlation_at_its_rate() -> None:
    rng, rows, truth, hits, runs = np.random.default_rng(5), rows_of(30), 0.5, 0, 300
    for run in range(runs):
        x, e = clustered(rng, rows, 0.6, columns=2).T
        y = truth * x + np.sqrt(1 - truth**2) * e
        patients = Patients(names(rows), run, resamples=400)
        statistic = partial(pearson, x, y)
        low, high = patients.interval(patients.bootstrap(statistic), patients.whole(statistic), CORRELATION)
        hits += bool(low <= truth <= high)
    assert 0.92 <= hits / runs <= 0.98


@pytest.mark.parametrize("patients", [20, 60])
def test_intervals_of_an_explained_share_cover_it_though_its_draws_are_skewed(patients: int) -> None:
    rng, rows, hits, runs = np.random.default_rng([9, patients]), rows_of(patients), 0, 400
    for run in range(runs):
        x, e = clustered(rng, rows, 0.5, columns=2).T
        statistic = partial(r_squared, 0.6 * x + 0.8 * e, 0.6 * x)
        who = Patients(names(rows), run, resamples=300)
        low, high = who.interval(who.bootstrap(statistic), who.whole(statistic), EXPLAINED)
        hits += bool(low <= 0.36 <= high)
    assert 0.92 <= hits / runs <= 0.98


def test_an_interval_stays_inside_what_is_possible_and_there_is_none_at_the_end() -> None:
    rng, y = np.random.default_rng(3), np.arange(60) % 2.0
    who = Patients([str(i // 4) for i in range(60)], 0, 300)
    near = partial(auc, y + rng.normal(0, 0.45, 60), y)
    low, high = who.interval(who.bootstrap(near), who.whole(near), SHARE)
    assert 0.5 < low < float(who.whole(near)) < high <= 1.0
    perfect = partial(auc, y, y)
    assert np.isnan(who.interval(who.bootstrap(perfect), who.whole(perfect), SHARE)).all()


@pytest.mark.parametrize("scale", [PLAIN, CORRELATION, SHARE, EXPLAINED])
def test_a_scale_leads_there_and_back(scale: Scale) -> None:
    values = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(scale.back(scale.there(values, 0.975), 0.975), values)
    assert (np.diff(scale.there(values, 0.975)) > 0).all()


def test_patient_bootstrap_covers_a_mean_where_a_row_bootstrap_would_not() -> None:
    rng, rows, runs = np.random.default_rng(6), rows_of(12), 300
    by_patient = by_row = 0
    for run in range(runs):
        x = clustered(rng, rows, 0.8)[:, 0]
        for owner, grouped in ((names(rows), True), ([str(i) for i in range(len(rows))], False)):
            patients = Patients(owner, run, resamples=300)
            _, low, high = patients.mean(x)
            by_patient += grouped and bool(low <= 0 <= high)
            by_row += not grouped and bool(low <= 0 <= high)
    assert 0.91 <= by_patient / runs <= 0.985
    assert by_row / runs < 0.8


def test_the_bootstrap_covers_an_auc() -> None:
    rng, rows, hits, runs = np.random.default_rng(8), rows_of(40), 0, 200
    for run in range(runs):
        shared, score = clustered(rng, rows, 0.5, columns=2).T
        y = (shared > 0.4).astype(float)  # clustered labels
        shifted = score + 1.0 * y  # AUC = Phi(1 / sqrt 2) = 0.760
        patients = Patients(names(rows), run, resamples=300)
        statistic = partial(auc, shifted, y)
        low, high = patients.interval(patients.bootstrap(statistic), patients.whole(statistic), SHARE)
        hits += bool(low <= 0.7602 <= high)
    assert 0.91 <= hits / runs <= 0.985


def test_jackknife_p_keeps_its_level_where_rows_are_clustered() -> None:
    rng, rows, runs = np.random.default_rng(7), rows_of(25), 600
    x, y = clustered(rng, rows, 0.8, columns=2 * runs).reshape(len(rows), 2, runs).transpose(1, 2, 0)
    patients = Patients(names(rows), 0)
    p = np.array([patients.p_of_zero(partial(pearson, a, b)) for a, b in zip(x, y, strict=True)])
    assert 0.025 <= (p < 0.05).mean() <= 0.075


def test_the_jackknife_s_p_is_that_of_its_formula_patient_by_patient() -> None:
    names = ["a", "a", "b", "c", "c", "c", "d", "e", "e", "f", "g", "g"]
    rng = np.random.default_rng(4)
    x = rng.normal(size=len(names))
    y = 0.6 * x + rng.normal(size=len(names))
    owners = np.array(names)
    left_out = [np.arctanh(pearsonr(x[owners != one], y[owners != one])[0]) for one in sorted(set(names))]
    g = len(left_out)
    error = np.sqrt((g - 1) / g * sum((z - np.mean(left_out)) ** 2 for z in left_out))
    wanted = 2 * t.sf(abs(np.arctanh(pearsonr(x, y)[0])) / error, g - 1)
    assert Patients(names, 0, 100).p_of_zero(partial(pearson, x, y)) == pytest.approx(wanted, rel=1e-9)


def test_benjamini_hochberg_equals_scipy_and_leaves_gaps_out() -> None:
    p = np.random.default_rng(0).random(50) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p))
    gaps = np.insert(p, [3, 20], np.nan)
    np.testing.assert_allclose(benjamini_hochberg(gaps)[np.isfinite(gaps)], false_discovery_control(p))
    assert np.isnan(benjamini_hochberg(gaps)[~np.isfinite(gaps)]).all()


def test_fewer_than_six_patients_give_no_interval_and_no_p() -> None:
    rng = np.random.default_rng(0)
    found = associate(*rng.normal(size=(2, 50)), Patients([str(i % 5) for i in range(50)], 1), pearson)
    assert np.isfinite(found.effect)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_an_effect_of_level_alone_is_gone_given_level() -> None:
    rng, rows = np.random.default_rng(3), rows_of(40)
    level = np.array([int(row.level[1]) for row in rows], float)
    x, y = level + rng.normal(size=(2, len(rows)))
    dummies = (level[:, None] == np.unique(level)[None, 1:]).astype(float)
    patients = Patients(names(rows), 1)
    assert associate(x, y, patients, pearson).p < 1e-6
    within = associate_within(x, y, dummies, patients, ranked=False)
    assert abs(within.effect) < 0.2
    assert within.p > 0.01
    # the textbook way: correlation of what regression on the dummies leaves
    design = np.column_stack([np.ones(len(x)), dummies])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    np.testing.assert_allclose(within.effect, np.corrcoef(*left)[0, 1])


def test_explained_variance_equals_scikit_learn() -> None:
    from sklearn.linear_model import LinearRegression

    rng, rows = np.random.default_rng(2), rows_of(30)
    z = rng.normal(size=(len(rows), 4))
    y = z @ [1.0, -1, 0.5, 0] + rng.normal(size=len(rows))
    tested = np.array([int(row.patient) < 10 for row in rows])
    found = explain(z, y, ~tested, tested, Patients(names(rows), 1))
    model = LinearRegression().fit(z[~tested], y[~tested])
    np.testing.assert_allclose(found.held_out, model.score(z[tested], y[tested]))
    np.testing.assert_allclose(found.fitted, model.score(z[~tested], y[~tested]))
    assert found.low < found.held_out < found.high


def test_the_same_seed_draws_the_same_patients() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 40))
    draws = [
        Patients([str(i // 4) for i in range(40)], seed, 200).bootstrap(partial(pearson, x, y)) for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
