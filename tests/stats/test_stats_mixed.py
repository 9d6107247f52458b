"""`mixed-model`: what analysis of variance gives exactly, what was planted is found, and a fit that fails says so."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from spinefx_stats import MixedModelOptions
from spinefx_stats.mixed import LINEAR, linear
from spinefx_stats.mixed_binary import BAYES, GEE, bayes, gee
from spinefx_stats.mixed_model import MixedModel
from spinefx_stats.terms import Design, independent
from stats_simulated import cell, clustered, rows_of, study_of, table

from spinefx.api import DataError


def grouped(patients: int, rows: int, *, seed: int = 0, between: float = 1.0) -> tuple[np.ndarray, ...]:
    """Feature within patients, patient effect and noise; codes."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(patients), rows)
    return (
        rng.normal(size=patients * rows),
        between * rng.normal(size=patients)[codes],
        rng.normal(size=len(codes)),
        codes,
    )


def test_a_balanced_design_gives_what_analysis_of_variance_gives() -> None:
    _, own, noise, codes = grouped(30, 6)
    x = np.tile(np.arange(6.0), 30)
    y = 2.0 + 0.7 * x + own + noise
    found = linear(y, Design(["x"], x[:, None], codes))
    slope = np.polyfit(x, y, 1)[0]  # balanced: least squares has the same slope
    assert found.term("x").estimate == pytest.approx(slope, abs=1e-6)
    left = y - np.polyval(np.polyfit(x, y, 1), x)
    means = left.reshape(30, 6).mean(axis=1)
    within = ((left.reshape(30, 6) - means[:, None]) ** 2).sum() / (30 * 5 - 1)
    between = 6 * means.var(ddof=1)
    assert found.within == pytest.approx(within, rel=1e-3)
    assert found.between == pytest.approx((between - within) / 6, rel=1e-3)
    error = np.sqrt(within / ((x - x.mean()) ** 2).sum())
    term = found.term("x")
    assert term.df == 30 * 5 - 1
    assert (term.high - term.low) / 2 == pytest.approx(1.976 * error, rel=2e-3)


def test_the_estimates_equal_those_of_statsmodels_own_formula() -> None:
    import pandas as pd
    from statsmodels.formula.api import mixedlm

    x, own, noise, codes = grouped(25, 4, seed=3)
    group = (np.arange(100) % 3 == 0).astype(float)
    y = 1 + 0.5 * x - group + own + noise
    frame = pd.DataFrame({"y": y, "x": x, "g": group, "p": codes})
    theirs = mixedlm("y ~ g + x", frame, groups="p").fit(reml=True)
    ours = linear(y, Design(["g", "x"], np.column_stack([group, x]), codes))
    for name in ("g", "x"):
        assert ours.term(name).estimate == pytest.approx(theirs.fe_params[name], abs=1e-4)
    assert ours.between == pytest.approx(float(theirs.cov_re.iloc[0, 0]), rel=1e-2)
    assert ours.term("constant").estimate == pytest.approx(theirs.fe_params["Intercept"], abs=1e-4)


def test_intervals_of_feature_between_and_within_patients_cover_with_few_patients() -> None:
    hits = np.zeros(2)
    for seed in range(60):
        x, own, noise, codes = grouped(15, 5, seed=seed)
        person = np.random.default_rng([seed, 9]).normal(size=15)[codes]
        y = 0.5 * x + 0.3 * person + own + noise
        found = linear(y, Design(["x", "person"], np.column_stack([x, person]), codes))
        assert found.term("person").df == 13
        for k, (name, truth) in enumerate((("x", 0.5), ("person", 0.3))):
            hits[k] += found.term(name).low <= truth <= found.term(name).high
    assert (hits >= 52).all()  # 60 at 95 %: under 52 once in 200 suites; tests/stats/simulate.py has 2000


def test_patients_that_do_not_differ_are_told_of_and_the_numbers_are_those_of_least_squares() -> None:
    for seed in range(20):
        x, _, noise, codes = grouped(20, 5, seed=seed)
        found = linear(x + noise, Design(["x"], x[:, None], codes))
        if found.between < 1e-6:
            assert "at zero" in found.note
            assert found.term("x").estimate == pytest.approx(np.polyfit(x, x + noise, 1)[0], abs=1e-4)
            return
    pytest.fail("no such cohort was drawn")


def test_an_outcome_of_the_patient_alone_is_not_made_evidence_of_by_its_rows() -> None:
    x, own, noise, codes = grouped(30, 5)
    found = linear(own, Design(["x"], x[:, None], codes))
    assert not found.terms
    assert "same in all rows" in found.note
    found = linear(own + 2 * x, Design(["x"], x[:, None], codes))
    assert not found.terms
    assert "leave nothing" in found.note
    assert linear(own + 0.3 * noise, Design(["x"], x[:, None], codes)).terms


def test_zero_one_outcomes_have_a_population_and_a_patient_effect() -> None:
    x, own, _, codes = grouped(80, 6, seed=1, between=1.5)
    rng = np.random.default_rng(0)
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-(1.0 * x + own)))).astype(float)
    design = Design(["x"], x[:, None], codes)
    over_all, within = gee(y, design), bayes(y, design)
    assert (over_all.model, within.model) == (GEE, BAYES)
    # attenuation: Zeger, Liang, Albert, Biometrics 44:1049 (1988)
    assert over_all.term("x").estimate == pytest.approx(1.0 / np.sqrt(1 + 0.346 * 1.5**2), abs=0.2)
    assert within.term("x").estimate > over_all.term("x").estimate
    assert over_all.term("x").low < over_all.term("x").estimate < over_all.term("x").high
    assert over_all.term("x").p < 1e-6
    assert np.isnan(within.term("x").p)


def test_a_term_that_separates_the_classes_has_no_odds_but_a_reason() -> None:
    x, _, _, codes = grouped(30, 4, seed=2)
    found = gee((x > 0).astype(float), Design(["x"], x[:, None], codes))
    assert not found.terms
    assert "without remainder" in found.note or "did not converge" in found.note


def test_columns_that_others_already_say_are_left_out() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert independent(np.column_stack([a, b, a + b, np.ones(50), a * b])) == (0, 1, 4)


def planted(seed: int = 0, patients: int = 40, series: int = 1):
    rng, rows = np.random.default_rng(seed), rows_of(patients, series=series)
    first = {(r.patient, r.level): i for i, r in enumerate(rows)}
    same = np.array([first[r.patient, r.level] for r in rows])  # series of one disc are one disc
    tilt, noise = clustered(rng, rows)[:, 0][same], clustered(rng, rows, columns=2)[same]
    level = np.array([int(row.level[1]) for row in rows], float)
    suv = 1.5 + 0.2 * tilt + 0.1 * level + 0.3 * noise[:, 0]
    narrow = (tilt + 1.5 * noise[:, 1] > 0.3).astype(float)
    geometry = {"tilt_coronal_deg": tilt, "width_mm": clustered(rng, rows)[:, 0][same], "suv_mean": suv}
    labels = {"Narrowing": ("binary", narrow), "Score": ("continuous", suv)}
    return study_of(rng.normal(size=(len(rows), 2))[same], rows, geometry=geometry, labels=labels)


def test_planted_effects_are_found_beside_the_model_without_the_feature() -> None:
    options = MixedModelOptions(outcomes=("Narrowing", "disc.suv_*"), features=("disc.tilt*", "disc.width*"))
    found = MixedModel(options).evaluate(planted())
    effects = table(found, "mixed-model")
    tilt = {"outcome": "disc.suv_mean", "feature": "disc.tilt_coronal_deg"}
    assert cell(effects, tilt, "model") == LINEAR
    assert cell(effects, tilt, "low") < 0.2 < cell(effects, tilt, "high")
    assert cell(effects, tilt, "finding") is True
    assert cell(effects, tilt, "explained") > cell(effects, tilt, "base") + 0.1
    assert 0.2 < cell(effects, tilt, "icc") < 0.8
    narrow = {"outcome": "Narrowing", "feature": "disc.tilt_coronal_deg"}
    assert cell(effects, narrow, "model") == GEE
    assert cell(effects, narrow, "odds") == pytest.approx(np.exp(cell(effects, narrow, "effect")))
    assert cell(effects, {"outcome": "disc.suv_mean", "feature": "z0"}, "finding") is False
    base = table(found, "mixed-model-base")
    top = cell(base, {"outcome": "disc.suv_mean", "term": "level L5-S1"}, "estimate")
    assert top == pytest.approx(0.4, abs=0.15)  # L5 against L1: four steps of .1
    assert any("disc.suv_mean: of 4 features" in s for s in found.sentences)
    assert {f.kind for f in found.figures} == {"bars"}


def test_a_second_series_of_the_same_discs_adds_nothing() -> None:
    options = MixedModelOptions(outcomes=("Score",), features=("disc.tilt*",), latents=False)
    one, two = (MixedModel(options).evaluate(planted(series=n)) for n in (1, 2))
    where = {"outcome": "Score", "feature": "disc.tilt_coronal_deg"}
    for found in (one, two):
        assert cell(table(found, "mixed-model"), where, "n") == 200
    width = [
        cell(table(f, "mixed-model"), where, "high") - cell(table(f, "mixed-model"), where, "low") for f in (one, two)
    ]
    assert width[0] == pytest.approx(width[1], rel=0.35)


def test_what_is_not_there_and_what_is_too_little_is_said() -> None:
    with pytest.raises(DataError, match="no target and no feature is named 'uptake"):
        MixedModel(MixedModelOptions(outcomes=("uptake.*",))).evaluate(planted())
    found = MixedModel(MixedModelOptions(outcomes=("Score",), latents=False)).evaluate(planted(patients=6))
    assert any("6 patients, 10 are needed" in w for w in found.warnings)
    assert all(np.isnan(row[5]) for row in table(found, "mixed-model").rows)


@pytest.mark.parametrize("outcome", ["Score", "Narrowing"])
def test_an_outcome_without_a_value_says_that_no_patient_is_left(outcome: str) -> None:
    study = planted()
    empty = dict(study.labels.columns) | {outcome: np.full(len(study.labels.rows), np.nan)}
    nothing = replace(study, labels=replace(study.labels, columns=empty))
    found = MixedModel(MixedModelOptions(outcomes=(outcome,), latents=False)).evaluate(nothing)
    assert any(outcome in w and "0 patients, 10 are needed" in w for w in found.warnings)


def test_the_sentence_names_rows_patients_and_the_model_without_the_feature() -> None:
    options = MixedModelOptions(outcomes=("Narrowing", "Score"), features=("disc.tilt*",), latents=False)
    binary, linear_ = MixedModel(options).evaluate(planted()).sentences
    assert "over 200 rows of 40 patients (logistic GEE" in binary
    assert "and the patient" not in binary  # a population-averaged effect is not one within patients
    assert re.search(
        r"over 200 rows of 40 patients \(linear mixed model \(REML\); R² 0\.\d+, 0\.\d+ without it\)", linear_
    )
