"""`dimension`: shapes of two free radii need two latents, and the evaluator says so beside PCA."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spinefx_stats import DimensionOptions
from spinefx_stats.dimension import Dimension
from stats_simulated import cell, ellipsoid, rows_of, study_of, table

from spinefx.api import Latents


class First:
    """Knows the first `size` radii; takes the others to be their mean, and a random error per seed."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.noise = size, 0.1 * np.random.default_rng(seed).normal()

    def decode(self, z: np.ndarray) -> np.ndarray:
        full = np.tile([3.0, 9.0, 10.0], (len(z), 1))
        full[:, : self.size] = np.asarray(z)[:, :3]
        return np.stack([ellipsoid(row + self.noise) for row in full])


@pytest.fixture(scope="module")
def found():
    rng, rows = np.random.default_rng(0), rows_of(20)
    radii = np.column_stack([rng.uniform(2, 4.5, 100), rng.uniform(7, 11, 100), np.full(100, 10.0)])
    asked: list[tuple[int, int]] = []

    def sized(size: int, seed: int) -> tuple[First, Latents]:
        asked.append((size, seed))
        return First(size, seed), Latents(rows, radii[:, :size].astype(np.float32))

    study = replace(study_of(radii, rows, radii=radii, sized=sized), encoder=First(3, 1))
    return asked, Dimension(DimensionOptions(sizes=(1, 2, 3), seeds=2, resamples=100)).evaluate(study)


def test_every_size_is_fitted_with_every_seed_but_the_run_s_own(found) -> None:
    assert found[0] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2)]


def test_two_free_radii_need_two_latents(found) -> None:
    sizes = table(found[1], "latent-size")
    iou = [cell(sizes, {"method": "encoder", "size": n}, "iou") for n in (1, 2, 3)]
    assert iou[1] > iou[0] + 0.05
    assert iou[2] - iou[1] < 0.02
    assert cell(sizes, {"method": "encoder", "size": 2}, "spread") > 0
    assert any(s.startswith("encoder: the best") and "2 are the fewest" in s for s in found[1].sentences)
    for n in (1, 2, 3):
        line = {"method": "PCA", "size": n}
        assert cell(sizes, line, "low") <= cell(sizes, line, "iou") <= cell(sizes, line, "high")
    assert cell(sizes, {"method": "PCA", "size": 3}, "iou") >= cell(sizes, {"method": "PCA", "size": 1}, "iou")


def test_a_run_without_another_training_or_test_patients_says_so() -> None:
    study = study_of(np.zeros((10, 3)), rows_of(2))
    assert "cannot train" in Dimension(DimensionOptions()).evaluate(study).warnings[0]
