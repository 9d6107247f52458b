"""The autoencoder learns shapes that PCA cannot, gives the same bytes, and says what it cannot do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from learn_samples import cohort, conv_ae, fitting, iou, split
from spinefx_autoencoder import ConvAeOptions, PcaOptions
from spinefx_autoencoder.conv_ae import ConvAe
from spinefx_autoencoder.losses import LogShape
from spinefx_autoencoder.pca import Pca

from spinefx import kernels
from spinefx.api import DataError, Encoder, Grid, Row, Sample, SampleList, StageError


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    samples, truth = cohort(16)
    train, validation, test = split(samples, validation=2, test=4)
    model = conv_ae(epochs=20, batch=4)
    history = model.fit(fitting(train, validation, tmp_path_factory.mktemp("work")))
    return model, history, samples, truth, (train, validation, test)


def test_four_latents_rebuild_unseen_shapes_better_than_four_components(fitted, tmp_path):
    model, _, _, _, (train, validation, test) = fitted
    pca = Pca(PcaOptions(latent_dim=4))
    pca.fit(fitting(train, validation, tmp_path))
    ours, theirs = (iou(e.decode(e.encode(test).z), test) for e in (model, pca))
    assert ours > theirs + 0.02


def test_latents_explain_true_height_and_tilt_of_unseen_patients(fitted):
    model, _, samples, truth, (_, _, test) = fitted
    z = model.encode(samples).z
    held = np.isin([s.patient for s in samples], [s.patient for s in test])
    design = np.column_stack([z, np.ones(len(z))])
    for column in (0, 2):
        weights = np.linalg.lstsq(design[~held], truth[~held, column], rcond=None)[0]
        wrong = truth[held, column] - design[held] @ weights
        assert 1 - wrong.var() / truth[held, column].var() > 0.7


def test_training_latents_are_white_and_ordered_by_what_they_change(fitted):
    model, _, _, _, (train, _, _) = fitted
    z = model.encode(train).z.astype(np.float64)
    assert np.allclose(z.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(np.cov(z.T), np.eye(4), atol=1e-3)
    masks = model.decode(z.astype(np.float32)).reshape(len(z), -1)
    change = np.linalg.norm(z.T @ masks, axis=1)
    assert (np.diff(change) <= 1e-3 * change[0]).all()


def test_history_has_one_entry_per_epoch_with_losses_that_fall(fitted):
    _, history, _, _, _ = fitted
    assert [h["epoch"] for h in history] == list(range(1, len(history) + 1))
    assert {"train_loss", "validation_loss", "validation_iou"} <= set(history[0])
    assert history[-1]["train_loss"] < 0.5 * history[0]["train_loss"]


def test_maps_are_the_bottleneck_before_it_is_flattened(fitted):
    model, _, samples, _, _ = fitted
    latents = model.encode(samples)
    assert latents.maps is not None
    assert latents.maps.shape == (len(samples), 8, 4, 6, 6)


def test_a_sample_is_encoded_alike_alone_and_in_company(fitted):
    model, _, samples, _, _ = fitted
    together = model.encode(samples)
    alone = model.encode(SampleList((samples[5],)))
    assert np.array_equal(together.z[5], alone.z[0])
    assert np.array_equal(together.maps[5], alone.maps[0])


def test_encoders_are_what_the_contract_asks_for():
    assert isinstance(conv_ae(), Encoder)
    assert isinstance(Pca(PcaOptions()), Encoder)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    train, validation, _ = split(cohort(6)[0], validation=1, test=1)
    found = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        model = conv_ae(epochs=2)
        model.fit(fitting(train, validation, tmp_path / name, seed=seed))
        model.save(tmp_path / name / "model")
        found.append((tmp_path / name / "model" / "weights.safetensors").read_bytes())
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_fitting_leaves_torch_as_it_was(tmp_path):
    threads, before = torch.get_num_threads(), torch.random.get_rng_state()
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    conv_ae(epochs=1, threads=threads + 1).fit(fitting(train, validation, tmp_path))
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.equal(before, torch.random.get_rng_state())


def test_samples_are_made_ready_by_one_thread_of_the_core_which_is_put_back(tmp_path):
    before, seen = kernels.threads(), []
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    plain = fitting(train, validation, tmp_path)

    def augment(index: int, epoch: int) -> Sample:
        seen.append(kernels.threads())
        return plain.augment(index, epoch)

    kernels.set_threads(3)
    try:
        conv_ae(epochs=1).fit(replace(plain, augment=augment))
        assert set(seen) == {1}
        assert kernels.threads() == 3
    finally:
        kernels.set_threads(before)


@pytest.mark.parametrize("decoder", ["atlas", "conv"])
def test_intensity_channels_are_seen_and_rebuilt_beside_the_mask(tmp_path, decoder):
    train, validation, _ = split(cohort(6, channels=2)[0], validation=1, test=1)
    model = conv_ae(epochs=2, decoder=decoder)
    model.fit(fitting(train, validation, tmp_path))
    assert model.kind.channels.intensities == (1,)
    changed = SampleList(tuple(Sample(s.row, np.stack([s.mask, s.image[1] * 0.5]), s.mask, s.grid) for s in validation))
    assert not np.allclose(model.encode(validation).z, model.encode(changed).z)
    assert model.decode(model.encode(validation).z).shape == (len(validation), 16, 24, 24)


def test_training_stops_when_validation_stops_getting_better(tmp_path):
    samples, _ = cohort(5)
    train, validation, _ = split(samples, validation=1, test=1)
    noise = np.random.default_rng(0).random((16, 24, 24)).round().astype(np.float32)
    useless = SampleList(tuple(Sample(s.row, noise[None], noise, s.grid) for s in validation))
    history = conv_ae(epochs=30, patience=2).fit(fitting(train, useless, tmp_path))
    assert len(history) < 30


def test_a_fit_without_validation_patients_keeps_the_last_epoch(tmp_path):
    train, _, _ = split(cohort(4)[0], validation=1, test=1)
    model = conv_ae(epochs=2)
    history = model.fit(fitting(train, SampleList(()), tmp_path))
    assert len(history) == 2
    assert model.facts["fitted"]["best_epoch"] == 2


def test_a_loss_that_breaks_down_is_an_error_that_names_the_epoch(tmp_path):
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    with pytest.raises(StageError, match=r"epoch 1, step \d+ of .* lower lr"):
        conv_ae(bce_weight=1e38).fit(fitting(train, validation, tmp_path))


def test_a_sample_that_is_not_finite_is_named(tmp_path):
    samples, _ = cohort(4)
    broken = np.full_like(samples[1].image, np.nan)
    bad = SampleList((samples[0], Sample(samples[1].row, broken, samples[1].mask, samples[1].grid)))
    with pytest.raises(DataError, match="p0_t2:disc:L2 holds numbers that are not finite"):
        conv_ae().fit(fitting(bad, SampleList(()), tmp_path))


def test_samples_of_another_grid_are_refused_with_the_reason(fitted):
    model, _, _, _, _ = fitted
    mask = np.zeros((16, 24, 24), np.float32)
    other = SampleList((Sample(Row("a", "a", "disc", "L1"), mask[None], mask, Grid((16, 24, 24), (2.0, 2.0, 2.0))),))
    with pytest.raises(DataError, match="this encoder was made for"):
        model.encode(other)
    with pytest.raises(DataError, match="2 channels, this encoder was made for 1"):
        model.encode(cohort(1, channels=2)[0])


@pytest.mark.parametrize("shape", [(4, 24, 24), (33, 24, 24)])
def test_a_shape_that_strides_do_not_allow_is_told_with_its_axis(tmp_path, shape):
    mask = np.zeros(shape, np.float32)
    sample = Sample(Row("a", "a", "disc", "L1"), mask[None], mask, Grid(shape))
    with pytest.raises(DataError, match=f"has {shape[0]} along z"):
        ConvAe(ConvAeOptions()).fit(fitting(SampleList((sample,)), SampleList(()), tmp_path))


def test_what_is_not_fitted_says_so():
    with pytest.raises(DataError, match="not fitted yet"):
        conv_ae().encode(cohort(1)[0])
    with pytest.raises(DataError, match="not fitted yet"):
        Pca(PcaOptions()).decode(np.zeros((1, 4), np.float32))


def test_latents_of_another_size_are_refused(fitted):
    with pytest.raises(DataError, match=r"wanted \(n, 4\)"):
        fitted[0].decode(np.zeros((2, 3), np.float32))


def test_log_covariance_equals_the_matrix_logarithm_of_the_mask_s_covariance():
    from scipy.linalg import logm

    samples, _ = cohort(1)
    sample = samples[0]
    index = np.stack(np.meshgrid(*(np.arange(n) for n in sample.grid.shape), indexing="ij"), -1).reshape(-1, 3)
    points = index * np.array(sample.grid.spacing)
    wanted = logm(np.cov(points.T, aweights=sample.mask.ravel().astype(np.float64), ddof=0)).real
    found = LogShape(sample.grid.shape, sample.grid.spacing, torch.device("cpu"))(torch.tensor(sample.mask[None]))[
        0
    ].numpy()
    upper = [wanted[0, 0], wanted[1, 1], wanted[2, 2], *(2**0.5 * wanted[i] for i in ((0, 1), (0, 2), (1, 2)))]
    assert np.allclose(found, upper, atol=2e-3)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_rate_rises_over_a_twentieth_of_the_steps_then_falls_as_asked(tmp_path, schedule):
    train, _, _ = split(cohort(3)[0], validation=0, test=0)
    options = {"epochs": 40, "batch": len(train) // 2, "lr": 0.01, "schedule": schedule}
    history = conv_ae(**options).fit(fitting(train, SampleList(()), tmp_path))
    share = np.array([h["epoch"] for h in history]) / 40
    fall = (1 + np.cos(np.pi * share)) / 2 + 1e-3 if schedule == "cosine" else 1.0
    np.testing.assert_allclose([h["lr"] for h in history], 0.01 * np.minimum(1, share / 0.05) * fall, rtol=1e-9)


def test_a_loss_of_training_is_the_mean_over_samples_however_they_fall_into_batches(tmp_path):
    train, _, _ = split(cohort(4)[0], validation=0, test=0)
    told = {}
    for batch in (5, len(train)):
        model = conv_ae(epochs=1, batch=batch, lr=1e-12, decorrelation_weight=0.0)
        plain = replace(fitting(train, train, tmp_path / str(batch)), augment=lambda index, epoch: train[index])
        told[batch] = model.fit(plain)[0]
    assert len(train) % 5, "batches of unlike sizes"
    assert told[5]["train_loss"] == pytest.approx(told[len(train)]["train_loss"], rel=1e-4)
    assert told[5]["train_loss"] == pytest.approx(told[5]["validation_loss"], rel=1e-4)
