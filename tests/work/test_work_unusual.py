"""How far a sample lies from those that a model was fitted on, and how likely that is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.stats import kstest

from spinefx.contract.features import Row
from spinefx.contract.samples import Latents
from spinefx.work.cohort.recipe import Recipe


def _latents(z: np.ndarray) -> Latents:
    return Latents(tuple(Row(f"c{i}", f"p{i}", "disc", "L1-L2") for i in range(len(z))), z.astype(np.float32))


def _recipe(z: np.ndarray) -> Recipe:
    return Recipe({}, (), 1, frozenset(), {}, z.mean(axis=0), np.cov(z.T), len(z))


def test_distances_are_scipy_s_to_the_middle_of_the_training_latents() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(3, 3))
    train, new = rng.normal(size=(40, 3)) @ mix + 5, rng.normal(size=(6, 3)) @ mix + 5
    latents = _latents(new)
    inverse = np.linalg.inv(np.cov(train.T))
    wanted = [mahalanobis(one, train.mean(axis=0), inverse) for one in latents.z.astype(float)]
    assert _recipe(train).distances(latents)[0] == pytest.approx(wanted)


def test_of_the_same_population_one_in_twenty_is_called_unlikely_at_five_per_cent() -> None:
    rng = np.random.default_rng(1)
    chances = []
    for _ in range(300):
        train = rng.normal(2, 3, size=(15, 4))
        chances.append(_recipe(train).distances(_latents(rng.normal(2, 3, size=(1, 4))))[1][0])
    assert kstest(chances, "uniform").pvalue > 0.01
    far = _recipe(rng.normal(size=(15, 4))).distances(_latents(np.full((1, 4), 6.0)))[1]
    assert far[0] < 0.01


def test_too_few_samples_call_none_unlikely_and_say_so() -> None:
    few = _recipe(np.random.default_rng(2).normal(size=(5, 4)))
    distances, chances = few.distances(_latents(np.full((2, 4), 9.0)))
    assert np.isfinite(distances).all()
    assert np.isnan(chances).all()
    assert "too few for 4 latents" in few.doubts[0]
