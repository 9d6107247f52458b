"""Decision curves: net benefit as its definition says, with intervals that hold the truth, and a coin that helps nobody."""

from __future__ import annotations

import numpy as np
import pytest
from spinefx_stats import PredictOptions
from spinefx_stats.decision import worths
from spinefx_stats.patients import Patients
from spinefx_stats.predict import Predict
from spinefx_stats.scores import Said
from stats_simulated import cell, clustered, rows_of, study_of, table


def said(y: np.ndarray, probability: np.ndarray, owners: list[str], seed: int = 0) -> Said:
    return Said(
        y, probability, np.zeros(len(y), np.intp), np.full(len(y), 0.5), np.zeros(len(y)), Patients(owners, seed, 300)
    )


def test_net_benefit_is_true_less_false_positives_at_the_threshold_s_odds() -> None:
    y, p = np.array([1.0, 1, 0, 0, 0] * 8), np.array([0.9, 0.2, 0.6, 0.1, 0.2] * 8)
    found = {w.threshold: w for w in worths(said(y, p, [str(i // 5) for i in range(40)]), (0.25, 0.5))}
    assert found[0.5].value == pytest.approx(0.2 - 0.2)
    assert found[0.25].value == pytest.approx(0.2 - 0.2 / 3)
    assert found[0.25].everybody == pytest.approx(0.4 - 0.6 / 3)
    assert found[0.25].gain[0] == pytest.approx(0.2 - 0.2 / 3 - (0.4 - 0.6 / 3))
    assert found[0.5].gain[0] == pytest.approx(0.0)  # beside nobody, since treating all would harm


def test_intervals_of_net_benefit_cover_it() -> None:
    rng, rows, hits, runs = np.random.default_rng(4), rows_of(30), 0, 200
    many = clustered(rng, rows_of(20000), columns=2).T
    owners = [row.patient for row in rows]

    def drawn(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (parts[0] + parts[1] > 0.7).astype(float), 1 / (1 + np.exp(-1.5 * parts[0]))

    y, p = drawn(many)
    truth = ((y > 0.5) & (p >= 0.3)).mean() - ((y < 0.5) & (p >= 0.3)).mean() * 0.3 / 0.7
    for run in range(runs):
        one = worths(said(*drawn(clustered(rng, rows, columns=2).T), owners, run), (0.3,))[0]
        hits += one.low <= truth <= one.high
    assert 0.92 <= hits / runs <= 0.98


def test_predict_says_what_acting_on_its_predictions_is_worth() -> None:
    rng, rows = np.random.default_rng(2), rows_of(60)
    z = clustered(rng, rows, columns=2)
    labels = {
        "Narrow": ("binary", (z[:, 0] + 0.3 * rng.normal(size=len(rows)) > 0.3).astype(float)),
        "Coin": ("binary", (rng.random(len(rows)) < 0.4).astype(float)),
    }
    study = study_of(z, rows, labels=labels, geometry={"a": z[:, 0], "b": z[:, 1]})
    found = Predict(PredictOptions(resamples=200, pca=False, protocol="as-published")).evaluate(study)
    curve = table(found, "decision-curve")
    where = {"protocol": "held out", "features": "latents", "threshold": 0.4}
    assert cell(curve, where | {"target": "Narrow"}, "gain_low") > 0.05
    assert cell(curve, where | {"target": "Coin"}, "gain_low") < 0.02
    assert "as published (leaks)" not in {row[1] for row in curve.rows}
    drawn = next(f for f in found.figures if f.name == "decision-narrow-held-out")
    assert [s.name for s in drawn.series][:2] == ["nobody", "everybody"]
    by_name = {s.name: s for s in drawn.series}
    at = by_name["latents"].x.index(0.4)
    assert by_name["latents"].y[at] == cell(curve, where | {"target": "Narrow"}, "net_benefit")
    none = Predict(PredictOptions(resamples=100, pca=False, thresholds=())).evaluate(study)
    assert not [t for t in none.tables if t.name == "decision-curve"]


def test_nothing_is_fitted_for_targets_that_nobody_can_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(20)
    y = np.full(len(rows), np.nan)
    y[:5] = [0, 1, 0, 1, 1]
    asked: list[object] = []
    study = study_of(np.zeros((len(rows), 2)), rows, labels={"Rare": ("binary", y)}, geometry={"a": np.arange(100.0)})
    object.__setattr__(study, "refit", asked.append)
    monkeypatch.setattr("spinefx_stats.protocols.fit_components", lambda *a, **k: asked.append(a))
    found = Predict(PredictOptions(resamples=100, refit_encoder=True)).evaluate(study)
    assert asked == []
    assert any("Rare, folds" in warning for warning in found.warnings)
    assert table(found, "split-proof").rows
