"""The local shape of clouds: of planes, spheres and cylinders in many dimensions, and distances that are exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from spinefx import kernels


def turned(points, dimensions=24, seed=1):
    """Points (n, m) in `dimensions` dimensions, turned and moved."""
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimensions, dimensions)))[0][: points.shape[1]]
    return points @ axes + 7.0, axes


def test_a_plane_is_flat_and_its_tangents_are_the_plane():
    cloud, axes = turned(np.random.default_rng(0).normal(size=(600, 3)))
    found = kernels.tangent_spaces(cloud, 3, k=12)
    assert (found.flatness > 1 - 1e-9).all()
    assert found.curvature.max() < 1e-6
    np.testing.assert_allclose(
        found.basis @ found.basis.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (600, 3, 3)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.norm(found.basis @ axes.T, axis=2), 1, atol=1e-9)
    np.testing.assert_allclose(np.diff(found.spread, axis=1).max(), 0, atol=1e-12)


@pytest.mark.parametrize("radius", [0.5, 4.0])
@pytest.mark.parametrize("dimension", [1, 2])
def test_a_sphere_is_bent_by_one_over_its_radius(radius, dimension):
    points = np.random.default_rng(2).normal(size=(1500, dimension + 1))
    cloud, _ = turned(radius * points / np.linalg.norm(points, axis=1, keepdims=True))
    found = kernels.tangent_spaces(cloud, dimension, k=20)
    assert np.median(found.curvature) == pytest.approx(1 / radius, rel=0.03)
    radial = (cloud - 7.0)[:, None] @ found.basis.transpose(0, 2, 1)
    assert np.median(np.abs(radial)) / radius < 0.03


def test_a_cylinder_is_bent_by_half_as_much_and_a_saddle_on_average_not_at_all():
    a, b = np.random.default_rng(6).uniform(-1, 1, (2, 1500))
    middle = (np.abs(a) < 0.8) & (np.abs(b) < 0.8)
    shapes = {0.25: (2 * np.sin(a / 2), 2 * np.cos(a / 2), b), 0.0: (a, b, (a**2 - b**2) / 8)}
    for wanted, surface in shapes.items():
        cloud, _ = turned(np.stack(surface, axis=1))
        found = kernels.tangent_spaces(cloud, 2, k=30)
        assert np.median(found.curvature[middle]) == pytest.approx(wanted, abs=0.06)


def test_tangents_do_not_depend_on_pieces_and_scale_with_the_points(monkeypatch):
    cloud = np.random.default_rng(3).normal(size=(300, 5))
    whole = kernels.tangent_spaces(cloud, 2, k=10)
    monkeypatch.setattr("spinefx.kernels.tangents.PIECE", 1000)
    parts = kernels.tangent_spaces(cloud, 2, k=10)
    np.testing.assert_array_equal(whole.spread, parts.spread)
    wide = kernels.tangent_spaces(3 * cloud, 2, k=10)
    np.testing.assert_allclose(wide.curvature, whole.curvature / 3)
    np.testing.assert_allclose(wide.flatness, whole.flatness)


def test_copies_of_a_point_are_flat_and_not_bent():
    found = kernels.tangent_spaces(np.ones((30, 4)), 2, k=5)
    assert (found.flatness == 1).all()
    assert (found.curvature == 0).all()


def test_pairwise_distances_are_scipys_in_pieces_and_exact_for_near_points(monkeypatch):
    monkeypatch.setattr("spinefx.kernels.tangents.PIECE", 5000)
    rng = np.random.default_rng(4)
    cloud, others = rng.normal(size=(300, 8)) + 1e6, rng.normal(size=(70, 8)) + 1e6
    for given, wanted in (((cloud,), cdist(cloud, cloud)), ((cloud, others), cdist(cloud, others))):
        pieces = list(kernels.pairwise_distances(*given))
        assert len(pieces) > 3
        np.testing.assert_array_equal(np.concatenate([piece for _, piece in pieces]), wanted)
        assert [rows.start for rows, _ in pieces[1:]] == [rows.stop for rows, _ in pieces[:-1]]


CLOUD = np.random.default_rng(5).normal(size=(9, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.tangent_spaces(CLOUD, 4), ValueError, "dimension <= 3.*got dimension 4"),
        (lambda: kernels.tangent_spaces(CLOUD, 2, k=9), ValueError, "k < 9.*k 9"),
        (lambda: kernels.tangent_spaces(CLOUD, 2, k=2), ValueError, "dimension < k.*k 2"),
        (lambda: kernels.tangent_spaces(CLOUD[0], 1), TypeError, r"\(n, d\)"),
        (lambda: kernels.pairwise_distances(CLOUD, CLOUD[:, :2]), ValueError, "3 dimensions, others 2"),
        (lambda: kernels.pairwise_distances(CLOUD * np.nan), ValueError, "finite"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
