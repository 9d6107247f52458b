"""The decoder's metric and its geodesics on surfaces whose lengths are known."""

from __future__ import annotations

import numpy as np
import pytest
from spinefx_latent import SpaceOptions
from spinefx_latent.metric import anisotropy, magnification, path, pull_back
from spinefx_latent.space import Space
from test_learn_latent import Known, study

RADIUS = 3.0


def sphere(z: np.ndarray) -> np.ndarray:
    """(n, 3) points of a sphere at (latitude, longitude): a decoder whose metric and geodesics are in every textbook."""
    latitude, longitude = z.T
    flat = np.cos(latitude)
    return RADIUS * np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def test_the_metric_of_a_sphere_is_the_textbook_s() -> None:
    points = np.array([[0.0, 0.3], [0.7, -1.0], [1.2, 2.0]])
    found = pull_back(sphere, points)
    for metric, (latitude, _) in zip(found, points, strict=True):
        assert np.allclose(metric, RADIUS**2 * np.diag([1.0, np.cos(latitude) ** 2]), atol=0.1)
    stretch = RADIUS * np.sqrt(np.cos(points[:, 0]))
    assert np.allclose(magnification(found), stretch, rtol=0.01)
    assert np.allclose(anisotropy(found), 1 / np.cos(points[:, 0]), rtol=0.01)


def test_a_geodesic_of_a_sphere_is_its_great_circle() -> None:
    start, end = np.array([0.8, 0.0]), np.array([0.8, 2.0])
    a, b = sphere(np.stack([start, end]))
    angle = np.arccos(a @ b / RADIUS**2)
    chords = 8 * 2 * RADIUS * np.sin(angle / 16)  # eight segments are chords of the circle
    found = path(sphere, start, end, rounds=20)
    assert found.geodesic == pytest.approx(chords, rel=2e-3)
    assert found.straight == pytest.approx(8 * 2 * RADIUS * np.cos(0.8) * np.sin(2.0 / 16), rel=1e-6)
    assert found.detour > 1.05
    assert found.points[4][0] > 0.9  # over the north, as aeroplanes fly


def test_in_a_flat_space_the_straight_line_is_the_geodesic() -> None:
    turn = np.random.default_rng(0).normal(size=(3, 40))
    found = path(lambda z: z @ turn, np.zeros(3), np.array([1.0, -2.0, 0.5]))
    assert found.detour == pytest.approx(1.0, abs=1e-6)
    assert found.geodesic == pytest.approx(np.linalg.norm(np.array([1.0, -2.0, 0.5]) @ turn))


def test_space_tells_of_the_metric_with_intervals_and_leaves_it_out_with_a_reason() -> None:
    z = np.random.default_rng(1).normal(size=(60, 4)) * [1.0, 1.0, 0.5, 0.5]
    one = study(z, patients=20, levels=3)
    found = Space(SpaceOptions(resamples=50, metric_points=12, geodesics=3)).measure_latents(one)[1]
    pulled = next(t for t in found.tables if t.name == "pull-back")
    assert [row[0] for row in pulled.rows][:3] == ["magnification, all directions", "anisotropy", "stretch along z0"]
    for _, median, low, high, p5, p95 in pulled.rows:
        assert p5 <= median <= p95
        assert low <= median <= high
    ratio = next(t for t in found.tables if t.name == "geodesics").rows[2]
    assert ratio[2] >= 1.0
    said = next(sentence for sentence in found.sentences if "straight lines" in sentence)
    middle, least, most = (100 * (value - 1) for value in ratio[1:])
    assert f"{middle:.0f} % ({least:.0f} % to {most:.0f} %) longer" in said
    still = Known()
    z[:, 3] = 0.0
    less = Space(SpaceOptions(resamples=0)).measure_latents(study(z, patients=20, levels=3, encoder=still))[1]
    assert any("a latent never varies" in warning for warning in less.warnings)
    assert "pull-back" not in [t.name for t in less.tables]
    none = Space(SpaceOptions(resamples=0, metric_points=0)).measure_latents(one)[1]
    assert not {"pull-back", "geodesics"} & {t.name for t in none.tables}
