"""The baseline is PCA as others compute it."""

from __future__ import annotations

import numpy as np
import pytest
from learn_samples import cohort, fitting, split
from sklearn.decomposition import PCA
from spinefx_autoencoder import PcaOptions
from spinefx_autoencoder.pca import Pca

from spinefx.api import DataError


def test_scores_and_masks_equal_scikit_learn_s_up_to_sign(tmp_path):
    samples, _ = cohort(8)
    train, _, test = split(samples, validation=0, test=2)
    ours = Pca(PcaOptions(latent_dim=5))
    assert list(ours.fit(fitting(train, test, tmp_path))) == []
    flat = np.stack([s.mask.ravel() for s in train]).astype(np.float64)
    theirs = PCA(5, svd_solver="full").fit(flat)
    unseen = np.stack([s.mask.ravel() for s in test]).astype(np.float64)
    scores = theirs.transform(unseen)
    found = ours.encode(test).z
    assert np.allclose(np.abs(found), np.abs(scores), atol=1e-3)
    wanted = np.clip(theirs.inverse_transform(scores), 0, 1)
    assert np.allclose(ours.decode(found).reshape(len(test), -1), wanted, atol=1e-4)
    explained = ours.facts["fitted"]["explained"]
    assert np.allclose(explained, theirs.explained_variance_ratio_, atol=1e-5)


def test_reading_block_by_block_gives_the_same_components(tmp_path):
    samples, _ = cohort(6, levels=16)
    whole, blocks = Pca(PcaOptions(latent_dim=3)), Pca(PcaOptions(latent_dim=3, memory_mb=1))
    for model in (whole, blocks):
        model.fit(fitting(samples, samples, tmp_path))
    assert blocks._block < len(samples) <= whole._block
    assert np.allclose(blocks.components, whole.components, atol=1e-5)


def test_intensities_are_weighted_in_and_left_out_at_weight_0(tmp_path):
    samples, _ = cohort(5, channels=2)
    seen, blind = Pca(PcaOptions(latent_dim=3)), Pca(PcaOptions(latent_dim=3, intensity_weight=0.0))
    for model in (seen, blind):
        model.fit(fitting(samples, samples, tmp_path))
    voxels = samples[0].mask.size
    assert seen.components.shape == (3, 2 * voxels)
    assert blind.components.shape == (3, voxels)
    plain = Pca(PcaOptions(latent_dim=3))
    masks_only, _ = cohort(5)
    plain.fit(fitting(masks_only, masks_only, tmp_path))
    assert np.allclose(np.abs(plain.components @ blind.components.T), np.eye(3), atol=1e-2)


def test_too_few_samples_for_the_components_are_told(tmp_path):
    samples, _ = cohort(1)
    with pytest.raises(DataError, match="3 training samples cannot give 3 components"):
        Pca(PcaOptions(latent_dim=3)).fit(fitting(samples, samples, tmp_path))
