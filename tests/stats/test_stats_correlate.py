"""`correlate`: what was planted is found, what was not is not, on rows clustered in patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import roc_auc_score
from spinefx_stats import CorrelateOptions
from spinefx_stats.correlate import Correlate
from stats_simulated import cell, clustered, rows_of, split_of, study_of, table

from spinefx.api import DataError

FAST = CorrelateOptions(resamples=200)


def planted(seed: int = 0, *, series: int = 1):
    rng, rows = np.random.default_rng(seed), rows_of(40, series=series)
    radii = np.array([3.0, 9.0, 10.0]) + rng.uniform(-1, 1, size=(len(rows), 3))
    z = np.column_stack([radii + 0.05 * rng.normal(size=radii.shape), clustered(rng, rows)])
    geometry = {"height_mm": 2 * radii[:, 0]} | {f"noise{i}": clustered(rng, rows)[:, 0] for i in range(6)}
    narrow = (radii[:, 0] + 0.3 * rng.normal(size=len(rows)) < 2.8).astype(float)
    grade = np.clip(np.round(4 - radii[:, 0] + 0.3 * rng.normal(size=len(rows))), 0, 4)
    coin = (clustered(rng, rows)[:, 0] > 0).astype(float)
    labels = {"Narrowing": ("binary", narrow), "Pfirrmann": ("ordinal", grade), "Coin": ("binary", coin)}
    return study_of(z, rows, geometry=geometry, labels=labels, radii=radii)


@pytest.fixture(scope="module")
def study():
    return planted()


@pytest.fixture(scope="module")
def found(study):
    return Correlate(FAST).evaluate(study)


def rows_as_dicts(one) -> list[dict]:
    return [dict(zip([c.name for c in one.columns], row, strict=True)) for row in one.rows]


def test_effects_equal_scipy_and_scikit_learn(study, found) -> None:
    height, z0 = study.features.columns["disc.height_mm"], study.latents.z[:, 0]
    where = {"feature": "z0", "with": "disc.height_mm"}
    assert cell(table(found, "latents-geometry"), where, "effect") == pytest.approx(pearsonr(height, z0)[0])
    labels = study.labels.at(study.latents.rows)
    one = table(found, "correlations")
    rho = spearmanr(z0, labels["Pfirrmann"])[0]
    assert cell(one, {"feature": "z0", "with": "Pfirrmann"}, "effect") == pytest.approx(rho)
    area = roc_auc_score(labels["Narrowing"], z0)
    assert cell(one, {"feature": "z0", "with": "Narrowing"}, "effect") == pytest.approx(2 * area - 1)
    tested = study.split.mask(study.latents.rows, "test")
    held_out = roc_auc_score(labels["Narrowing"][tested], z0[tested])
    assert cell(one, {"feature": "z0", "with": "Narrowing"}, "effect_held_out") == pytest.approx(2 * held_out - 1)


def test_what_was_planted_is_found_and_hardly_anything_else(found) -> None:
    pairs = {(r["feature"], r["with"]) for r in rows_as_dicts(table(found, "latents-geometry")) if r["finding"]}
    assert ("z0", "disc.height_mm") in pairs
    assert len(pairs) <= 2
    pairs = {(r["feature"], r["with"]) for r in rows_as_dicts(table(found, "correlations")) if r["finding"]}
    true = {(f, label) for f in ("z0", "disc.height_mm") for label in ("Narrowing", "Pfirrmann")}
    assert true <= pairs
    assert len(pairs - true) <= 2


def test_held_out_patients_height_is_explained_beside_the_pca(found) -> None:
    one = table(found, "latents-explain")
    assert cell(one, {"feature": "disc.height_mm"}, "r2") > 0.95
    assert cell(one, {"feature": "disc.height_mm"}, "pca_r2") > 0.5
    assert cell(one, {"feature": "disc.noise0"}, "r2") < 0.2
    assert any("disc.height_mm" in s and "R²" in s for s in found.sentences)


def test_false_discoveries_stay_at_their_rate_when_patients_are_clustered() -> None:
    any_found, runs = 0, 30
    for seed in range(runs):
        rng, rows = np.random.default_rng([9, seed]), rows_of(25)
        geometry = {f"noise{i}": clustered(rng, rows, 0.8)[:, 0] for i in range(5)}
        study = study_of(clustered(rng, rows, 0.8, columns=3), rows, geometry=geometry, seed=seed)
        one = table(Correlate(CorrelateOptions(resamples=100, pca=False)).evaluate(study), "latents-geometry")
        any_found += any(r["finding"] for r in rows_as_dicts(one))
    assert any_found / runs <= 0.15  # 5 % expected: with nothing planted every finding is false


def test_series_of_one_patient_do_not_count_as_patients() -> None:
    one = table(Correlate(FAST).evaluate(planted(series=2)), "correlations")
    assert {r["patients"] for r in rows_as_dicts(one)} == {40}
    assert {r["n"] for r in rows_as_dicts(one)} == {400}


def test_a_label_with_one_positive_row_is_never_a_finding() -> None:
    rows = rows_of(20)
    rare = (np.arange(len(rows)) == 3).astype(float)
    alone = np.where(np.arange(len(rows)) < 5, np.arange(len(rows)), np.nan)
    z = np.random.default_rng(0).normal(size=(len(rows), 2))
    z[3] = 9
    found = Correlate(FAST).evaluate(study_of(z, rows, labels={"Rare": ("binary", rare), "Alone": ("ordinal", alone)}))
    assert np.isnan(cell(table(found, "correlations"), {"feature": "z0", "with": "Rare"}, "effect"))
    assert any("No pair of feature and label could be tested" in s for s in found.sentences)
    assert any("'Alone': 5 rows of 1 patients" in w for w in found.warnings)


def test_missing_values_and_case_wide_rows_are_left_out() -> None:
    from spinefx.api import Features, Row

    study = planted(1)
    columns = {name: values.copy() for name, values in study.features.columns.items()}
    columns["disc.height_mm"][:50] = np.nan
    more = Features.joined(
        [Features(study.latents.rows, columns), Features((Row("0_s0", "0", "spine"),), {"spine.x": [1]})]
    )
    object.__setattr__(study, "features", more)
    one = table(Correlate(FAST).evaluate(study), "latents-geometry")
    assert cell(one, {"feature": "z0", "with": "disc.height_mm"}, "n") == len(study.latents.rows) - 50
    assert not any(r["with"] == "spine.x" for r in rows_as_dicts(one))


def test_columns_computed_from_latents_are_no_geometry() -> None:
    from spinefx.api import Features

    study = planted(2)
    z = study.latents.z[:, 0].astype(float)
    columns = {**study.features.columns, "space.mahalanobis": z, "disc.residual_mm": z**2}
    object.__setattr__(study, "features", Features(study.latents.rows, columns))
    one = table(Correlate(FAST).evaluate(study), "latents-geometry")
    assert not {"space.mahalanobis", "disc.residual_mm"} & {r["with"] for r in rows_as_dicts(one)}
    named = CorrelateOptions(resamples=200, features=("*.residual_mm", "space.*"))
    one = table(Correlate(named).evaluate(study), "latents-geometry")
    assert {r["with"] for r in rows_as_dicts(one)} == {"disc.residual_mm"}  # latents are never geometry, named or not


def test_a_misspelt_feature_is_an_error_and_no_empty_table(study) -> None:
    with pytest.raises(
        DataError, match=r"nothing that was measured is named 'disc\.heigth_mm'; there is disc\.height_mm"
    ):
        Correlate(CorrelateOptions(resamples=200, features=("disc.noise*", "disc.heigth_mm"))).evaluate(study)


def test_nominal_labels_are_judged_category_by_category() -> None:
    from spinefx.api import LabelRow, Labels

    study = planted(3)
    rows = tuple(dict.fromkeys(LabelRow(r.patient, r.level) for r in study.latents.rows))
    values = np.random.default_rng(0).integers(0, 3, len(rows)).astype(float)
    labels = Labels(rows, {"Modic": values}, {"Modic": "nominal"}, {"Modic": ("0", "1", "2")}, ("Modic",))
    object.__setattr__(study, "labels", labels)
    one = table(Correlate(FAST).evaluate(study), "correlations")
    assert {r["with"] for r in rows_as_dicts(one)} == {"Modic = 0", "Modic = 1", "Modic = 2"}


def test_a_cohort_of_five_patients_gives_warnings_and_no_tests() -> None:
    rows = rows_of(5)
    rng = np.random.default_rng(0)
    study = study_of(rng.normal(size=(25, 2)), rows, geometry={"height_mm": rng.normal(size=25)}, split=split_of(5))
    found = Correlate(FAST).evaluate(study)
    assert any("5 patients" in w for w in found.warnings)
    assert all(np.isnan(r["p"]) for r in rows_as_dicts(table(found, "latents-geometry")))


def test_a_label_that_no_row_has_is_told_and_stops_nothing() -> None:
    """Labels are of discs, samples of whole spines: no value meets a latent, and the covariate is there all the same."""
    rng, rows = np.random.default_rng(2), rows_of(12)
    age = np.repeat(rng.normal(50, 9, 12), 5)
    labels = {"narrowing": ("binary", np.full(len(rows), np.nan)), "age": ("continuous", age)}
    study = study_of(rng.normal(size=(len(rows), 2)), rows, labels=labels)
    found = Correlate(CorrelateOptions(resamples=100)).evaluate(study)
    assert any("0 rows of 0 patients" in warning for warning in found.warnings)
    assert cell(table(found, "correlations"), {"feature": "z0", "with": "narrowing"}, "n") == 0


def test_where_nobody_is_held_out_no_sentence_and_no_caption_speaks_of_held_out_patients(study, found) -> None:
    caption = next(f.caption for f in found.figures if f.name.startswith("cloud-"))
    assert "over all 40 patients" in caption
    assert "over the 12 held-out ones" in caption
    everybody = replace(study, split=replace(study.split, part=dict.fromkeys(study.split.part, "train")))
    told = Correlate(FAST).evaluate(everybody)
    for text in (*told.sentences, *(f.caption for f in told.figures)):
        assert "nan" not in text
        assert "held-out" not in text
