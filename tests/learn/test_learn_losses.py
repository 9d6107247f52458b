"""Each term of the loss against the formula written out in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from spinefx_autoencoder import losses
from spinefx_autoencoder.cohort import Channels, Kind
from spinefx_autoencoder.model import Passed
from spinefx_autoencoder.objective import Objective
from spinefx_autoencoder.options import ConvAeOptions, ConvVaeOptions

RNG = np.random.default_rng(0)
SHAPE = (6, 8, 9)
SPACING = (2.0, 1.0, 1.5)
MASK = RNG.random((3, *SHAPE)).astype(np.float32)
LOGITS = RNG.normal(0, 2, (3, *SHAPE)).astype(np.float32)
SAID = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
NOTHING = dict.fromkeys(
    (
        "dice_weight",
        "bce_weight",
        "latent_weight",
        "distance_weight",
        "intensity_weight",
        "ssim_weight",
        "shape_weight",
    ),
    0.0,
)
Z = RNG.normal(size=(3, 4)).astype(np.float32)


def _kind(intensities: tuple[int, ...] = (2, 3), distance: int = 1) -> Kind:
    channels = Channels(4, intensities, (0.0,) * 4, (1.0,) * 4, distance)
    return Kind(SHAPE, SPACING, channels)


def _loss(options, passed: Passed | None = None, image=None, kind: Kind | None = None) -> float:
    outputs = torch.from_numpy(LOGITS)[:, None]
    passed = passed or Passed(outputs, torch.from_numpy(Z), None, torch.zeros(3, 6))
    image = np.stack([MASK, MASK, MASK, MASK], axis=1) if image is None else image
    return float(Objective(options, kind or _kind()).loss(passed, torch.from_numpy(image), torch.from_numpy(MASK)))


def test_dice_is_of_squares_with_one_voxel_s_worth_of_smoothing():
    wanted = [
        1 - (2 * (p * t).sum() + 1) / ((p * p).sum() + (t * t).sum() + 1) for p, t in zip(SAID, MASK, strict=True)
    ]
    assert _loss(ConvAeOptions(**{**NOTHING, "dice_weight": 2.0})) == pytest.approx(2.0 * np.mean(wanted), rel=1e-5)


def test_cross_entropy_is_summed_and_divided_by_what_the_mask_holds():
    every = -(MASK * np.log(SAID) + (1 - MASK) * np.log(1 - SAID))
    wanted = np.mean([e.sum() / m.sum() for e, m in zip(every, MASK, strict=True)])
    assert _loss(ConvAeOptions(**{**NOTHING, "bce_weight": 0.5})) == pytest.approx(0.5 * wanted, rel=1e-5)


def test_small_latents_are_asked_for_by_their_square():
    assert _loss(ConvAeOptions(**{**NOTHING, "latent_weight": 3.0})) == pytest.approx(3.0 * (Z**2).mean(), rel=1e-5)


def test_the_distance_is_in_mm_and_cut_off():
    centimetres = RNG.normal(0, 0.4, (3, *SHAPE)).astype(np.float32)
    image = np.stack([MASK, centimetres, MASK, MASK], axis=1)
    found = np.clip(-LOGITS * min(SPACING) / 4, -5, 5)
    wanted = np.abs(found - np.clip(centimetres * 10, -5, 5)).mean()
    options = ConvAeOptions(**{**NOTHING, "distance_weight": 0.7, "distance_mm": 5.0})
    assert _loss(options, image=image) == pytest.approx(0.7 * wanted, rel=1e-5)


def test_intensities_are_rebuilt_by_their_own_outputs():
    truth = RNG.normal(size=(3, 4, *SHAPE)).astype(np.float32)
    made = RNG.normal(size=(3, 2, *SHAPE)).astype(np.float32)
    outputs = torch.from_numpy(np.concatenate([LOGITS[:, None], made], axis=1))
    passed = Passed(outputs, torch.from_numpy(Z), None, torch.zeros(3, 6))
    wanted = np.abs(made - truth[:, [2, 3]]).mean()
    own = ConvAeOptions(**{**NOTHING, "intensity_weight": 0.5})
    assert _loss(own, passed, truth) == pytest.approx(0.5 * wanted, rel=1e-5)
    likeness = ConvAeOptions(**{**NOTHING, "ssim_weight": 0.5})
    alike = float(losses.ssim(torch.from_numpy(made), torch.from_numpy(truth[:, [2, 3]])))
    assert _loss(likeness, passed, truth) == pytest.approx(0.5 * (1 - alike), rel=1e-5)
    assert _loss(own, kind=_kind(intensities=())) == 0.0


def test_only_a_variational_encoder_pays_for_what_its_latents_tell():
    spread = torch.full((3, 4), -0.4)
    passed = Passed(torch.from_numpy(LOGITS)[:, None], torch.from_numpy(Z), spread, torch.zeros(3, 6))
    wanted = 0.5 * (Z**2 + math.exp(-0.4) - 1 + 0.4).mean(axis=0).sum()
    options = ConvVaeOptions(**NOTHING, beta=0.3, free_bits=0.0)
    assert _loss(options, passed) == pytest.approx(0.3 * wanted, rel=1e-4)
    assert _loss(ConvAeOptions(**NOTHING), passed) == 0.0


def test_nothing_correlates_with_one_latent_or_one_sample():
    for shape in ((5, 1), (1, 5)):
        z = torch.ones(shape, requires_grad=True)
        found = losses.correlation(z)
        found.backward()
        assert float(found.detach()) == 0.0
        assert torch.equal(z.grad, torch.zeros(shape))
