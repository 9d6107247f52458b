"""`predict`: what is there is found, what is not gives one half, and nobody is judged by who saw him."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from spinefx_stats import PredictOptions
from spinefx_stats.cohort import cohort_of
from spinefx_stats.models import predicted
from spinefx_stats.predict import Predict
from stats_simulated import cell, clustered, rows_of, split_of, study_of, table

from spinefx.api import Features, Latents

FAST = PredictOptions(resamples=100, pca=False)


def planted(seed: int = 0, patients: int = 40, **more):
    rng, rows = np.random.default_rng(seed), rows_of(patients)
    z = rng.normal(size=(len(rows), 3))
    level = np.array([int(row.level[1]) for row in rows], float)
    narrow = (2 * z[:, 0] + level + 0.8 * rng.normal(size=len(rows)) > 4).astype(float)
    grade = np.clip(np.round(3 + z[:, 0] + 0.5 * rng.normal(size=len(rows))), 1, 5)
    labels = {
        "Narrowing": ("binary", narrow), "Pfirrmann": ("ordinal", grade),
        "Height": ("continuous", z @ [1.0, 1.0, 0] + 0.3 * rng.normal(size=len(rows))),
    }  # fmt: skip
    geometry = {"height_mm": z[:, 0] + rng.normal(size=len(rows)), "width_mm": clustered(rng, rows)[:, 0]}
    return study_of(z, rows, geometry=geometry, labels=labels, **more)


@pytest.fixture(scope="module")
def found():
    return Predict(FAST).evaluate(planted())


def at(findings, kind: str, protocol: str, features: str, column: str, target: str = "Narrowing"):
    where = {"target": target, "protocol": protocol, "features": features}
    return cell(table(findings, f"prediction-{kind}"), where, column)


def test_planted_effects_are_found_beside_their_baselines(found) -> None:
    assert at(found, "binary", "held out", "latents", "auc") > 0.75
    assert at(found, "binary", "held out", "latents", "auc") > at(found, "binary", "held out", "geometry", "auc")
    assert at(found, "binary", "held out", "level", "auc") > 0.55
    assert at(found, "binary", "held out", "level + geometry + latents", "over_level_low") > 0
    assert at(found, "ordinal", "held out", "latents", "spearman", "Pfirrmann") > 0.7
    assert at(found, "ordinal", "held out", "latents", "quadratic_kappa", "Pfirrmann") > 0.5
    assert at(found, "continuous", "held out", "latents", "r2", "Height") > 0.8


def test_the_majority_baseline_says_the_larger_class_and_nothing_else(found) -> None:
    for protocol in ("held out", "folds"):
        assert at(found, "binary", protocol, "majority", "auc") == 0.5
        assert at(found, "binary", protocol, "majority", "balanced_accuracy") == 0.5
        assert at(found, "binary", protocol, "majority", "macro_f1") < 0.5


def test_the_majority_baseline_of_grades_says_the_most_frequent_one_not_their_rounded_mean() -> None:
    rng, rows = np.random.default_rng(3), rows_of(40)
    grade = rng.choice([1.0, 3.0, 5.0], len(rows), p=[0.5, 0.1, 0.4])  # the mean rounds to 3, which hardly anybody has
    study = study_of(rng.normal(size=(len(rows), 2)), rows, labels={"Pfirrmann": ("ordinal", grade)})
    found = Predict(FAST).evaluate(study)
    tested = np.array([study.split.part[row.patient] == "test" for row in rows])
    exact = at(found, "ordinal", "held out", "majority", "exact", "Pfirrmann")
    assert exact == pytest.approx((grade[tested] == 1).mean())
    assert at(found, "ordinal", "held out", "majority", "quadratic_kappa", "Pfirrmann") == pytest.approx(0)


def test_sentences_name_how_many_were_judged(found) -> None:
    (n, people) = (at(found, "binary", "held out", "latents", column) for column in ("n", "patients"))
    assert found.sentences[0].startswith(f"Narrowing, {n} rows of {people} held-out patients, AUC: ")


def test_folds_print_no_number_for_an_encoder_that_saw_their_patients(found) -> None:
    for features in ("latents", "geometry + latents", "level + geometry + latents"):
        assert at(found, "binary", "folds", features, "auc") is None
        assert "refit_encoder" in at(found, "binary", "folds", features, "note")
    assert at(found, "binary", "folds", "geometry", "auc") > 0.6


def test_a_refitted_encoder_is_asked_without_the_fold_it_is_judged_on() -> None:
    asked: list[frozenset[str]] = []
    study = planted()

    def refit(patients) -> Latents:
        asked.append(frozenset(patients))
        return study.latents

    object.__setattr__(study, "refit", refit)
    found = Predict(PredictOptions(resamples=100, pca=False, refit_encoder=True)).evaluate(study)
    folds = [frozenset(p for p, f in study.split.fold.items() if f == k) for k in range(5)]
    assert [everybody - one for one in folds for everybody in [frozenset(study.split.fold)]] == asked
    assert at(found, "binary", "folds", "latents", "auc") > 0.75
    assert at(found, "binary", "folds", "latents", "n") == len(study.latents.rows)


def test_permuted_labels_give_one_half_in_both_protocols() -> None:
    areas: dict[str, list[float]] = {"held out": [], "folds": []}
    for seed in range(12):
        rng, rows = np.random.default_rng([1, seed]), rows_of(40)
        z = clustered(rng, rows, columns=3)
        labels = {"Coin": ("binary", (clustered(rng, rows)[:, 0] > 0).astype(float))}
        geometry = {"a": clustered(rng, rows)[:, 0], "b": clustered(rng, rows)[:, 0]}
        one = Predict(FAST).evaluate(study_of(z, rows, geometry=geometry, labels=labels, seed=seed))
        areas["held out"].append(at(one, "binary", "held out", "latents", "auc", "Coin"))
        areas["folds"].append(at(one, "binary", "folds", "geometry", "auc", "Coin"))
    for values in areas.values():
        assert abs(np.mean(values) - 0.5) < 0.05


def test_a_latent_that_memorises_the_patient_does_not_help() -> None:
    held_out, leaky, published = [], [], []
    both = PredictOptions(resamples=100, pca=False, protocol="as-published")
    for seed in range(8):
        rng, rows = np.random.default_rng([2, seed]), rows_of(40, series=2)
        own = {row.patient: rng.normal(size=40) for row in rows}
        z = np.stack([own[row.patient] for row in rows])  # the patient's name, as forty numbers
        owner = {name: float(rng.random() > 0.5) for name in sorted(own)}
        y = np.array([owner[row.patient] for row in rows])
        one = Predict(both).evaluate(study_of(z, rows, labels={"Coin": ("binary", y)}, seed=seed))
        published.append(at(one, "binary", "as published (leaks)", "latents", "auc", "Coin"))
        held_out.append(at(one, "binary", "held out", "latents", "auc", "Coin"))
        shuffled = rng.permutation(len(y))
        p = cross_val_predict(LogisticRegression(), z[shuffled], y[shuffled], cv=5, method="predict_proba")[:, 1]
        leaky.append(roc_auc_score(y[shuffled], p))
    assert np.mean(leaky) > 0.9  # what folds that share patients would have printed
    assert np.mean(published) > 0.9  # and what the as-published protocol prints, marked
    assert abs(np.mean(held_out) - 0.5) < 0.12
    assert any("no evidence" in w for w in one.warnings)


def test_pca_scores_are_fitted_without_the_patients_they_are_judged_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from spinefx_stats import protocols

    seen: list[set[str]] = []
    real = protocols.fit_components

    def spy(masks, patients, d, *, seed):
        seen.append(set(patients))
        return real(masks, patients, d, seed=seed)

    monkeypatch.setattr(protocols, "fit_components", spy)
    study = planted(patients=20)
    rng = np.random.default_rng(0)
    radii = np.array([3.0, 9, 10]) + rng.normal(size=(100, 3)) * 0.5
    other = study_of(study.latents.z, study.latents.rows, radii=radii)
    object.__setattr__(study, "samples", other.samples)
    found = Predict(PredictOptions(resamples=100)).evaluate(study)
    assert not seen[0] & study.split.patients("test")
    for k, patients in enumerate(seen[1:]):
        assert not patients & {p for p, f in study.split.fold.items() if f == k}
    assert len(seen) == 6
    assert at(found, "binary", "folds", "pca", "columns") == 3


def test_too_few_of_a_class_is_a_warning_with_the_counts_and_no_number() -> None:
    rows = rows_of(20)
    rare = (np.arange(len(rows)) < 2).astype(float)
    labels = {
        "Rare": ("binary", rare),
        "Never": ("binary", np.zeros(len(rows))),
        "Gone": ("ordinal", np.full(len(rows), np.nan)),
    }
    found = Predict(FAST).evaluate(study_of(np.zeros((len(rows), 2)), rows, labels=labels))
    assert any("Rare, folds: 2 positive rows of 1 patient among" in w for w in found.warnings)
    assert any("Never" in w for w in found.warnings)
    assert any("Gone, held out: 0 rows" in w for w in found.warnings)
    assert not any(t.name.startswith("prediction") for t in found.tables)


def test_missing_geometry_is_imputed_from_the_fitting_rows() -> None:
    rng = np.random.default_rng(0)
    x, codes = rng.normal(size=(120, 2)), np.repeat(np.arange(24), 5)
    y = (x[:, 0] > 0).astype(float)
    fit = codes < 16
    holes = x.copy()
    holes[rng.random(x.shape) < 0.2] = np.nan
    holes[:, 1][fit] = np.nan  # a column that the fitting rows lack altogether
    p = predicted(holes, y, "binary", fit, codes)
    assert np.isfinite(p).all()
    assert roc_auc_score(y[~fit], p[~fit]) > 0.85
    outliers = holes.copy()
    outliers[~fit] += 1000  # what is judged must not move the scaling
    np.testing.assert_allclose(predicted(outliers, y, "binary", fit, codes)[fit], p[fit])


def test_predictions_equal_a_scikit_learn_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from spinefx_stats import models

    monkeypatch.setattr(models, "STRENGTHS", (0.5,))
    rng = np.random.default_rng(1)
    x, codes = rng.normal(size=(100, 4)) * [1, 10, 0.1, 5], np.repeat(np.arange(20), 5)
    x[rng.random(x.shape) < 0.1] = np.nan
    z = np.nan_to_num(x) @ [1, 0.1, 0, 0] + rng.normal(size=100)
    fit = codes < 14
    for kind, y, last in (
        ("binary", (z > 0).astype(float), LogisticRegression(C=0.5, tol=1e-8, max_iter=1000)),
        ("ordinal", z, Ridge(alpha=2)),
    ):
        model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), last).fit(x[fit], y[fit])
        expected = model.predict_proba(x)[:, 1] if kind == "binary" else model.predict(x)
        np.testing.assert_allclose(predicted(x, y, kind, fit, codes), expected, atol=1e-5)


def test_the_proof_names_every_patient_once(found) -> None:
    proof = table(found, "split-proof")
    counts = {row[0]: row[1] for row in proof.rows}
    assert counts["training"] + counts["validation"] + counts["held out"] == 40
    assert [count for name, count in counts.items() if " and " in name] == [0, 0, 0]
    assert [row[3] for row in table(found, "fold-proof").rows] == [0] * 5


def test_covariates_come_from_the_label_table_and_from_the_loader() -> None:
    study = planted(patients=12)
    facts = {row.case: {"age": 30.0 + int(row.patient), "sex": "F" if int(row.patient) % 2 else "M", "mR": 3}
             for row in study.latents.rows}  # fmt: skip
    object.__setattr__(study, "facts", facts)
    cohort = cohort_of(study, facts=("age", "sex"))
    assert list(cohort.covariates) == ["age", "sex = M"]
    found = Predict(FAST).evaluate(study)
    assert at(found, "binary", "held out", "level + covariates", "columns") == 7


def test_without_held_out_patients_only_folds_are_judged() -> None:
    found = Predict(FAST).evaluate(planted(split=split_of(40, test=0)))
    names = {row[1] for row in table(found, "prediction-binary").rows}
    assert names == {"folds"}
    assert any("held out" in w for w in found.warnings)
    first = found.sentences[0]
    assert "rows of 40 patients, each fold judged by what was fitted on the others, AUC: " in first
    level = at(found, "binary", "folds", "level", "auc")
    assert f"level {level:.3f}" in first


def test_equal_seeds_give_equal_findings() -> None:
    first, second = (Predict(FAST).evaluate(planted(patients=15)) for _ in range(2))
    assert repr(first.tables) == repr(second.tables)
    assert first.sentences == second.sentences


def test_every_offer_builds_without_its_libraries() -> None:
    import subprocess
    import sys

    code = (
        "import sys, spinefx_stats as s\n"
        "for plugin in s.spinefx_evaluators(): plugin.options()\n"
        "print(sorted({'scipy', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_predict_gives_radiomics_a_rung_of_their_own_and_says_a_loss_as_a_loss() -> None:
    rng, rows = np.random.default_rng(0), rows_of(40)
    z = rng.normal(size=(len(rows), 3))
    hidden = rng.normal(size=len(rows))
    labels = {"Narrowing": ("binary", (hidden + 0.3 * rng.normal(size=len(rows)) > 0).astype(float))}
    study = study_of(z, rows, geometry={"height_mm": rng.normal(size=len(rows))}, labels=labels)
    columns = {**study.features.columns, "radiomics.t2_stat_mean": hidden, "radiomics.morph_volume": z[:, 0]}
    found = Predict(PredictOptions(resamples=100, pca=False)).evaluate(replace(study, features=Features(rows, columns)))
    scores, where = table(found, "prediction-binary"), {"protocol": "held out", "target": "Narrowing"}
    assert cell(scores, where | {"features": "radiomics"}, "auc") > 0.9
    assert cell(scores, where | {"features": "radiomics"}, "columns") == 2
    assert cell(scores, where | {"features": "geometry"}, "columns") == 1, "no part of geometry"
    assert any("less than radiomic features" in sentence for sentence in found.sentences)
