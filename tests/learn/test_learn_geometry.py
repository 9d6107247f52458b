"""Phantoms of few free parameters: their dimension is found, and the traversal says which latent moves which measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from learn_samples import fitting
from phantom_discs import FREE, discs, study_of
from spinefx_autoencoder import PcaOptions
from spinefx_autoencoder.pca import Pca
from spinefx_latent import SpaceOptions, TraversalOptions
from spinefx_latent.space import Space
from spinefx_latent.traversal import Traversal

from spinefx.api import DataError, SampleList, Split
from spinefx.plan import Plan


def pca_of(samples: SampleList, size: int, folder: Path) -> Pca:
    encoder = Pca(PcaOptions(latent_dim=size))
    encoder.fit(fitting(samples, samples, folder))
    return encoder


def table(findings, name: str):
    return next(t for t in findings.tables if t.name == name)


@pytest.mark.parametrize("free", [1, 2, 3])
def test_the_dimension_of_phantoms_is_their_number_of_free_parameters(tmp_path: Path, free: int) -> None:
    samples, truth = discs(100, free=tuple(FREE)[:free], seed=free, spacing=2.0, measured=False)
    study = study_of(samples, truth, pca_of(samples, 8, tmp_path), tmp_path)
    _, findings = Space(SpaceOptions(resamples=20)).measure_latents(study)
    found = {row[0]: row[1:] for row in table(findings, "dimension").rows}
    twonn = found["intrinsic dimension, TwoNN"]
    mle = next(values for name, values in found.items() if "maximum likelihood" in name)
    assert twonn[0] == pytest.approx(free, abs=1.0)
    assert mle[0] == pytest.approx(free, abs=1.0)
    assert twonn[1] < free + 0.5
    assert twonn[2] > free - 0.5


def checked(study, truth, findings, *, size: float) -> None:
    """Sign and rank of every measure as the truth has them: which latents move it, and which one most."""
    sensitivity = table(findings, "sensitivity")
    names = [column.name for column in sensitivity.columns][1:]
    slopes = np.array([row[1:] for row in sensitivity.rows])
    z = study.latents.z.astype(np.float64)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    for name in ("disc.height_mm", "disc.wedge_deg", "disc.depth_mm", "disc.width_mm", "disc.volume_mm3"):
        true = (z * (truth[name] - truth[name].mean())[:, None]).mean(axis=0)
        strong = np.abs(true) > 0.4 * truth[name].std()
        found = slopes[:, names.index(name)]
        assert strong.any(), name
        assert (np.sign(found[strong]) == np.sign(true[strong])).all(), name
        assert np.abs(found).argmax() in np.argsort(-np.abs(true))[:2], name
        if np.sort(np.abs(true))[-2] < 0.8 * np.abs(true).max():
            assert np.abs(found).argmax() == np.abs(true).argmax(), name
        assert np.abs(found[strong]).min() > np.abs(found[~strong]).max(initial=0.0), name
        assert np.allclose(found[strong], true[strong], rtol=size), name


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory):
    """A PCA of five components of discs of four free parameters, walked with the pack's own analyser as instrument."""
    folder = tmp_path_factory.mktemp("walked")
    samples, truth = discs(24, seed=0, spacing=1.5)
    study = study_of(samples, truth, pca_of(samples, 5, folder), folder)
    return study, truth, Traversal(TraversalOptions(reach_sd=2.0, steps=5)).measure_latents(study)[1]


def test_the_traversal_finds_sign_and_rank_of_what_each_latent_truly_moves(walked) -> None:
    """Five components: the fourth of these discs is no parameter but the bend of others, and the wedge comes fifth."""
    checked(*walked, size=0.4)


def test_a_sentence_says_over_which_shapes_its_slope_was_taken(walked) -> None:
    """A shape that is no anatomy ends the walk, so a slope may rest on three shapes on one side of the mean."""
    _, _, findings = walked
    ends = {row[0]: row[1:3] for row in table(findings, "traversal-limits").rows}
    for latent, (low, high) in ends.items():
        told = next(sentence for sentence in findings.sentences if f" of {latent} moves " in sentence)
        steps = int(high - low) + 1  # the fixture's steps are whole standard deviations
        assert told.endswith(f"(over the {steps} anatomical shapes from {low:+g} to {high:+g} standard deviations).")


def test_the_shapes_bear_the_numbers_of_the_table(walked) -> None:
    _, _, findings = walked
    figure = next(f for f in findings.figures if f.kind == "shapes")
    steps = table(findings, "traversal")
    names = [column.name for column in steps.columns]
    assert [c.name for c in figure.columns] == names[3:]
    assert figure.columns[0].unit == "mm"
    for shape in figure.shapes:
        i = int(np.abs(shape.at).argmax())
        row = next(r for r in steps.rows if r[0] == f"z{i}" and r[1] == pytest.approx(shape.at[i]))
        assert row[3:] == pytest.approx(shape.measures)
        width = np.ptp(shape.vertices_mm[:, 0])
        assert width == pytest.approx(shape.measures[names[3:].index("disc.width_mm")], abs=2.5)
    assert not any(name in names for name in ("disc.slices", "disc.touches_border", "disc.bulge_mm"))


def test_a_latent_pushed_too_far_is_flagged_with_the_measure_that_leaves_the_cohort(walked) -> None:
    options = TraversalOptions(reach_sd=9.0, steps=3, pictures=0)
    found = Traversal(options).measure_latents(walked[0])[1]
    _, low, high, below, above = table(found, "traversal-limits").rows[0]  # the first component is mostly height
    assert (low, high) == (0.0, 0.0)
    for text in (below, above):
        assert text.startswith("disc.height")
        assert "training structures have" in text


def test_instruments_measure_a_decoded_shape_as_the_phantom_truly_is(walked) -> None:
    study, truth, _ = walked
    masks = np.stack([study.samples[i].mask for i in range(6)])
    found = study.measure(masks, study.samples[0])
    assert np.allclose(found.columns["disc.height_mm"], truth["disc.height_mm"][:6], atol=0.3)
    assert np.allclose(found.columns["disc.depth_mm"], truth["disc.depth_mm"][:6], atol=0.8)
    assert np.allclose(found.columns["disc.wedge_deg"], truth["disc.wedge_deg"][:6], atol=1.0)
    assert "disc.bulge_mm" not in found.columns  # a bare disc has no neighbours


def test_a_stage_takes_other_options_and_refuses_those_it_does_not_know() -> None:
    plan = Plan.of({"data": {"use": "phantom"}, "encode": {"use": "pca", "latent_dim": 3}})
    other = plan.encode.with_options(latent_dim=5)
    assert (other.options.latent_dim, plan.encode.options.latent_dim) == (5, 3)
    with pytest.raises(DataError, match="pca cannot have"):
        plan.encode.with_options(size=5)


def test_the_space_needs_training_samples(walked) -> None:
    from dataclasses import replace

    with pytest.raises(DataError, match="at least 3"):
        Space(SpaceOptions()).measure_latents(replace(walked[0], split=Split({}, {})))


def test_a_blob_in_a_feature_map_is_found_where_it_is_in_the_patient_s_frame() -> None:
    from spinefx_latent.feature_maps import MEANING, measures

    from spinefx.api import Grid

    direction = np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])  # array (x, y, z) axes run back, foot, right
    box = Grid((16, 24, 32), (2.0, 1.0, 1.5), (5.0, 6.0, 7.0), direction)
    middle = box.to_world((np.array(box.shape) - 1) / 2)
    points = np.moveaxis(box.to_world(np.moveaxis(np.indices(box.shape), 0, -1)), -1, 0) - middle[:, None, None, None]
    left, back, head = points
    turn = np.radians(20.0)
    along = np.cos(turn) * (head - 2.0) - np.sin(turn) * (back - 3.0)
    across = np.sin(turn) * (head - 2.0) + np.cos(turn) * (back - 3.0)
    blob = np.exp(-0.5 * ((left + 4) ** 2 + (across / 1.0) ** 2 / 2.0 + (along / 3.0) ** 2)).astype(np.float32)
    found = dict(zip(MEANING, measures(np.stack([blob, np.ones_like(blob)]), box).T, strict=True))
    centre = (found["left_mm"][0], found["back_mm"][0], found["head_mm"][0])
    assert centre == pytest.approx((-4.0, 3.0, 2.0), abs=0.15)
    assert found["axis_tilt_deg"][0] == pytest.approx(20.0, abs=1.5)
    assert found["axis_coronal_deg"][0] == pytest.approx(0.0, abs=1.0)
    assert found["spread_mm"][0] == pytest.approx(np.sqrt(9 + 2 + 1), rel=0.05)
    assert 0.6 < found["anisotropy"][0] < 0.9
    assert np.isnan(found["left_mm"][1])  # a flat map looks nowhere


def test_feature_maps_give_columns_per_channel_and_say_where_there_are_none(walked) -> None:
    from dataclasses import replace

    from spinefx_latent import FeatureMapsOptions
    from spinefx_latent.feature_maps import FeatureMaps

    study = walked[0]
    none = FeatureMaps(FeatureMapsOptions()).measure_latents(study)
    assert none[0].rows == ()
    assert "no feature maps" in none[1].warnings[0]
    maps = np.random.default_rng(0).random((len(study.latents.rows), 3, 4, 6, 8)).astype(np.float32)
    latents = replace(study.latents, maps=maps)
    features, findings = FeatureMaps(FeatureMapsOptions(channels=2)).measure_latents(replace(study, latents=latents))
    assert {name.partition("_")[0] for name in features.columns} == {"c0", "c1"}
    assert features.units["c0_left_mm"] == "mm"
    assert len(features.columns["c1_spread_mm"]) == len(study.latents.rows)
    assert "2 of 3 channels" in findings.warnings[0]
