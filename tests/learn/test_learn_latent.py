"""The space of latents and the traversal find what was planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learn_samples import SHAPE, SPACING, cohort, ellipsoid
from spinefx_latent import SpaceOptions, TraversalOptions
from spinefx_latent.cloud import mahalanobis, participation_ratio, patient_interval, strangers_distances
from spinefx_latent.decoded import MEASURES, fault_of, picture, pieces, shape_of
from spinefx_latent.space import Space
from spinefx_latent.traversal import Traversal

from spinefx import kernels
from spinefx.api import DataError, Features, Labels, LatentAnalyser, Latents, SampleList, Split, Study


class Known:
    """A stand-in for an encoder: latents are (height, radius, tilt, sway) in known steps."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        return np.stack([ellipsoid(4 + 0.5 * a, 14 + b, 0.1 * c, 0.1 * d) for a, b, c, d in z[:, :4]])


def study(z: np.ndarray, *, patients: int, levels: int, encoder: Any = None) -> Study:
    samples, _ = cohort(patients, levels=levels)
    names = [f"p{i}" for i in range(patients)]
    part = {name: "test" if i >= patients * 4 // 5 else "train" for i, name in enumerate(names)}
    split = Split(part, {name: i % 5 for i, name in enumerate(names)})
    rows = samples.rows
    return Study(
        samples, Latents(rows, z.astype(np.float32)), Features((), {}), Labels((), {}, {}), split, encoder or Known(), 0
    )


def _table(findings, name):
    return next(t for t in findings.tables if t.name == name)


@pytest.fixture(scope="module")
def planar():
    """400 samples on a curved surface of two dimensions in a space of five."""
    rng = np.random.default_rng(0)
    u, v = rng.uniform(-1, 1, (2, 400))
    z = np.column_stack([u, v, u**2, u * v, np.sin(v)])
    return study(z, patients=100, levels=4)


def test_a_planted_dimension_is_found_within_its_interval(planar):
    _, findings = Space(SpaceOptions(resamples=30)).measure_latents(planar)
    rows = {line[0].split(",")[1].strip(): line[1:] for line in _table(findings, "dimension").rows[:2]}
    assert rows["TwoNN"][0] == pytest.approx(2.0, abs=0.4)
    mle = next(values for name, values in rows.items() if name.startswith("maximum"))
    assert mle[0] == pytest.approx(2.0, abs=0.4)
    for value, low, high in rows.values():
        assert low < high
        assert low - 0.3 <= value <= high + 0.3


def test_no_interval_of_a_dimension_leaves_its_estimate_out(planar):
    """Of white latents the participation ratio is at its bound: resamples of fewer patients lie below it throughout."""
    z = planar.latents.z.astype(float)
    train = planar.split.mask(planar.latents.rows, "train")
    white = (z - z[train].mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z[train].T))).T
    study = replace(planar, latents=Latents(planar.latents.rows, white))
    _, findings = Space(SpaceOptions(resamples=30)).measure_latents(study)
    value, low, high = next(r[1:] for r in _table(findings, "dimension").rows if r[0].endswith("of the latents"))
    assert value == pytest.approx(z.shape[1])
    assert not low > value
    assert not high < value


def test_distances_are_measured_against_training_patients_only(planar):
    features, _ = Space(SpaceOptions(resamples=0)).measure_latents(planar)
    train = planar.split.mask(planar.latents.rows, "train")
    moved = planar.latents.z.copy()
    moved[~train] += 50.0
    other = replace(planar, latents=Latents(planar.latents.rows, moved))
    again, findings = Space(SpaceOptions(resamples=0)).measure_latents(other)
    for name in ("mahalanobis", "knn_distance", "log_density"):
        assert np.allclose(features.columns[name][train], again.columns[name][train])
        assert not np.allclose(features.columns[name][~train], again.columns[name][~train])
    held = len(planar.split.mask(planar.latents.rows, "test").nonzero()[0])
    assert findings.sentences[0].startswith(f"{held} of the {held} held-out samples (100 %; ")


def test_mahalanobis_equals_scipy_s_where_samples_are_many():
    from scipy.spatial.distance import mahalanobis as theirs

    rng = np.random.default_rng(0)
    reference = rng.normal(size=(50_000, 3)) @ rng.normal(size=(3, 3))
    points = rng.normal(size=(10, 3))
    inverse = np.linalg.inv(np.cov(reference.T))
    wanted = [theirs(p, reference.mean(axis=0), inverse) for p in points]
    assert np.allclose(mahalanobis(points, reference), wanted, rtol=1e-2)


def test_a_neighbour_of_the_same_patient_does_not_count():
    points = np.array([[0.0], [0.1], [3.0], [7.0]])
    found = strangers_distances(points, ["a", "a", "b", "c"], np.array([True, True, True, False]), 2)
    assert np.allclose(found[0], [3.0, np.inf])
    assert np.allclose(found[3], [4.0, 6.9])


def test_participation_counts_equal_directions():
    assert participation_ratio(np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(3.0)


def test_intervals_over_patients_cover_the_mean_of_clustered_numbers():
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        owners = [f"p{i // 5}" for i in range(100)]
        points = np.repeat(rng.normal(size=20), 5)[:, None] + 0.1 * rng.normal(size=(100, 1))
        low, high = patient_interval(points, owners, lambda p: float(p.mean()), resamples=100, rng=rng)
        hits += low <= 0.0 <= high
    assert hits >= 40


def test_neighbourhoods_kept_and_scrambled_are_told_apart():
    samples, truth = cohort(30)
    good = study((truth - truth.mean(axis=0)) / truth.std(axis=0), patients=30, levels=3)
    good = replace(good, samples=samples)
    bad = replace(good, latents=Latents(good.latents.rows, np.random.default_rng(0).permutation(good.latents.z)))
    kept, lost = (
        dict(_table(Space(SpaceOptions(resamples=0)).measure_latents(s)[1], "fidelity").rows) for s in (good, bad)
    )
    assert kept["trustworthiness"] > 0.8
    assert kept["trustworthiness"] > lost["trustworthiness"] + 0.2
    assert kept["continuity"] > lost["continuity"] + 0.2


def test_correlated_latents_show_in_the_heatmap_and_levels_in_the_map(planar):
    z = np.random.default_rng(0).normal(size=(400, 2))
    z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]
    _, findings = Space(SpaceOptions(resamples=0)).measure_latents(
        replace(planar, latents=Latents(planar.latents.rows, z), encoder=Flat())
    )
    heat = next(f for f in findings.figures if f.kind == "heatmap")
    assert heat.matrix[0][1] == pytest.approx(np.corrcoef(z.T)[0, 1], abs=1e-3)
    cloud = next(f for f in findings.figures if f.kind == "scatter")
    assert [s.name for s in cloud.series] == ["L1", "L2", "L3", "L4"]
    assert sum(len(s.x) for s in cloud.series) == 400


class Flat:
    """Decodes two latents."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        return np.stack([ellipsoid(4 + 0.2 * a, 14 + 0.2 * b, 0, 0) for a, b in z])


def test_landmarks_are_declared_when_they_cut_the_cohort(planar):
    _, findings = Space(SpaceOptions(resamples=0, landmarks=100)).measure_latents(planar)
    assert findings.warnings == ("neighbours and dimension use 100 of 320 training samples, evenly spaced",)


def test_too_few_training_samples_are_an_error_that_says_so(planar):
    empty = replace(planar, split=Split({"p0": "test"}, {"p0": 0}))
    with pytest.raises(DataError, match="at least 3 training samples, got 0"):
        Space(SpaceOptions()).measure_latents(empty)


def test_the_traversal_recovers_which_latent_moves_which_measure():
    rng = np.random.default_rng(0)
    known = study(rng.normal(size=(60, 4)), patients=20, levels=3)
    features, findings = Traversal(TraversalOptions(reach_sd=1.0)).measure_latents(known)
    assert features.rows == ()
    slopes = np.array([line[1:] for line in _table(findings, "sensitivity").rows])
    assert slopes.shape == (4, len(MEASURES))
    for latent, measure, sign in (
        (0, "thickness_mm", 1),
        (1, "depth_mm", 1),
        (2, "tilt_deg", 1),
        (3, "tilt_coronal_deg", -1),
    ):
        column = slopes[:, MEASURES.index(measure)]
        assert np.abs(column).argmax() == latent
        assert np.sign(column[latent]) == sign
    pictures = next(f for f in findings.figures if f.kind == "pictures")
    assert len(pictures.panels) == 4 * 7
    assert findings.warnings == ()
    turned = next(f for f in findings.figures if f.kind == "shapes")
    assert [c.name for c in turned.sliders] == ["z0", "z1", "z2", "z3"]
    assert len(turned.shapes) == 4 * 6 + 1
    taller = next(s for s in turned.shapes if s.at == (1.0, 0, 0, 0))
    assert np.ptp(taller.vertices_mm[:, 2]) == pytest.approx(2 * 4.5, abs=0.3)
    assert taller.measures[MEASURES.index("volume_mm3")] > turned.shapes[0].measures[MEASURES.index("volume_mm3")]


def test_moments_give_the_size_and_tilt_of_a_slab():
    from spinefx.api import Grid

    grid = Grid((40, 60, 60), (0.5, 1.0, 1.0))
    z, y, x = (grid.to_world(np.indices(grid.shape).reshape(3, -1).T).T[::-1]).reshape(3, *grid.shape)
    z, y, x = z - z.mean(), y - y.mean(), x - x.mean()
    up, back = np.cos(0.1) * z + np.sin(0.1) * y, np.cos(0.1) * y - np.sin(0.1) * z
    inside = (np.abs(up) < 4.0) & ((back / 18) ** 2 + (x / 24) ** 2 < 1)
    volume, thickness, depth, width, tilt, coronal = shape_of(inside.astype(np.float32), grid)
    assert volume == pytest.approx(np.pi * 18 * 24 * 8, rel=0.02)
    assert thickness == pytest.approx(8.0, rel=0.03)
    assert (depth, width) == (pytest.approx(36, rel=0.02), pytest.approx(48, rel=0.02))
    assert tilt == pytest.approx(-np.degrees(0.1), abs=0.15)
    assert coronal == pytest.approx(0.0, abs=0.2)


def test_a_shape_in_two_pieces_is_warned_of():
    class Broken(Known):
        def decode(self, z):
            masks = super().decode(z)
            masks[-1, :, 11:13] = 0.0
            return masks

    known = study(np.random.default_rng(0).normal(size=(60, 4)), patients=20, levels=3, encoder=Broken())
    _, findings = Traversal(TraversalOptions(pictures=0, reach_sd=2.0, steps=5)).measure_latents(known)
    assert any("z0 at +2.0" in w and "it falls into 2 pieces" in w for w in findings.warnings)
    limits = {line[0]: line[1:] for line in _table(findings, "traversal-limits").rows}
    assert limits["z0"][:2] == (-2.0, 1.0)
    assert limits["z0"][3] == "it falls into 2 pieces"
    assert pieces(np.zeros(SHAPE, np.float32)) == 0
    assert fault_of(np.zeros(SHAPE, np.float32)) == "nothing is left of it"
    assert fault_of(np.ones(SHAPE, np.float32)) == "it reaches the edge of the sample's box"


def test_pictures_have_square_pixels_and_the_head_up():
    from spinefx.api import Grid

    mask = np.zeros(SHAPE, np.float32)
    mask[-1] = 1.0
    drawn = picture(mask, Grid(SHAPE, SPACING))
    assert drawn.shape == (16, 48 + 2 + 48)
    assert drawn[0, :48].min() == 255
    assert drawn[-1, :48].max() == 0


def test_latent_analysers_are_what_the_contract_asks_for():
    assert isinstance(Space(SpaceOptions()), LatentAnalyser)
    assert isinstance(Traversal(TraversalOptions()), LatentAnalyser)
    assert kernels.soft_moments(np.ones((1, 1, 2, 2, 2), np.float32)).shape == (1, 1, 10)
    assert len(SampleList(())) == 0
