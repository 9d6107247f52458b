"""Rays and planes: the twins agree, known shapes have their known heights, and motions change nothing."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import turn, volume

from spinefx import kernels
from spinefx.api import Grid
from spinefx.kernels import _core, reference_rays

NEAR = st.floats(-9, 16, allow_nan=False)
STEP = st.sampled_from([0.0, -1.0, 0.5, 0.3, -0.21])
VECTORS = st.tuples(STEP, STEP, STEP)


@settings(max_examples=200)
@given(
    st.tuples(*[st.integers(1, 8)] * 3), st.sampled_from(["uint16", "uint8"]), st.integers(0, 10**6),
    st.tuples(NEAR, NEAR, NEAR), VECTORS, VECTORS, VECTORS, st.integers(0, 40),
)  # fmt: skip
def test_rays_are_the_references(shape, dtype, seed, start, row, column, step, count):
    labels = volume(shape, dtype, seed, labels=2)
    fields = [(value, start, row, column, step, (3, 2, count)) for value in (1, 2, 7)]
    for ours, theirs in zip(_core.cast_rays(labels, fields), reference_rays.cast_rays(labels, fields), strict=True):
        np.testing.assert_allclose(ours[3:], theirs[3:], rtol=1e-6, atol=1e-9)
        same = np.isclose(ours[:3], theirs[:3], rtol=1e-6, atol=1e-6, equal_nan=True)
        assert same.all() or _grazes(labels, fields)


def _grazes(labels, fields):
    """Whether a sample lies on one half to rounding, where either answer is right."""
    shares = []
    for value, start, row, column, step, (rows, columns, count) in fields:
        i, j, k = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(count), indexing="ij")
        place = [s + i * r + j * c + k * d + 2 for s, r, c, d in zip(start, row, column, step, strict=True)]
        shares.append(reference_rays._linear(np.pad((labels == value) * 1.0, 2), place))
    return bool((np.abs(np.array(shares) - 0.5) < 1e-9).any())


@settings(max_examples=100)
@given(st.integers(3, 60), st.integers(0, 10**6), st.booleans(), st.sampled_from([2.0, 3.0, np.inf]))
def test_planes_are_the_references(count, seed, upright, trim):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3)) * (9, 7, 1) @ turn("oblique", seed) + rng.normal(size=3) * 50
    points[rng.random(count) < 0.1] += rng.normal(size=3) * 30
    along = tuple((turn("oblique", seed).T @ (0.1, -0.2, 1)).tolist()) if upright else None
    ours, theirs = _core.fit_plane(points, along, trim, 4), reference_rays.fit_plane(points, along, trim, 4)
    np.testing.assert_array_equal(ours[3], theirs[3])
    for a, b in zip(ours[:3], theirs[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def slab(direction, spacing=(1.5, 0.7, 0.7), thick=8.0, lean=(0.08, -0.05)):
    """A slab between two planes that lean to its frame, in a box that cuts it off; its frame's axes and its middle."""
    grid = Grid((24, 60, 60), spacing, (3.0, -20.0, 7.0), direction)
    middle = grid.to_world(np.array(grid.shape) / 2)
    u, v, w = turn("oblique", 4)
    place = grid.to_world(np.stack(np.indices(grid.shape), -1)) - middle
    height = place @ w - lean[0] * (place @ u) - lean[1] * (place @ v)
    return (np.abs(height) < thick / 2).astype(np.uint16) * 5, grid, middle, (u, v, w)


@pytest.mark.parametrize("kind", ["straight", "permuted", "oblique"])
def test_a_leaning_slab_has_its_planes_and_its_thickness(kind):
    labels, grid, middle, (u, v, w) = slab(turn(kind, 3))
    origin = middle - 6 * u - 6 * v - 9 * w
    rays = kernels.Rays(5, origin, 0.5 * u, 0.5 * v, (25, 25), w, 18.0)
    found = kernels.ray_heights(labels, grid, rays)
    i, j = np.indices((25, 25))
    level = 9 + 0.08 * (0.5 * i - 6) - 0.05 * (0.5 * j - 6)
    assert np.abs(found.last - found.first - 8).mean() < 0.4  # a ray alone knows voxels only
    assert (found.last - found.first).mean() == pytest.approx(8, abs=0.05)
    assert found.length.mean() == pytest.approx(8, abs=0.03)
    assert np.abs(found.middle - level).max() < 0.75
    np.testing.assert_array_equal(found.leave, found.last)
    start = origin + 0.5 * i[..., None] * u + 0.5 * j[..., None] * v
    for end, side in ((found.first, -1), (found.last, 1)):
        plane = kernels.fit_plane((start + end[..., None] * w).reshape(-1, 3), along=w)
        wanted = (w - 0.08 * u + 0.05 * v) / np.linalg.norm([1, 0.08, 0.05])
        assert np.degrees(np.arccos(plane.normal @ wanted)) < 0.5
        assert plane.distance_mm(middle + side * 4 * w) == pytest.approx(0, abs=0.08)
        assert plane.residual_mm < 0.3


def test_rays_along_an_axis_meet_a_box_half_a_voxel_beyond_its_centres():
    labels = np.zeros((10, 9, 8), np.uint8)
    labels[2:5, 3:6, 2:7], labels[6:8, 3:6, 2:7] = 1, 1
    grid = Grid(labels.shape, (2.0, 1.0, 1.0))
    up = kernels.Rays(1, (4.0, 4.0, 0.0), (1, 0, 0), (0, 0, 1), (1, 1), (0, 0, 3.0), 30.0)
    inside = kernels.Rays(1, (4.0, 4.0, 6.0), (1, 0, 0), (0, 0, 1), (1, 1), (0, 0, 1.0), 1.5, step_mm=0.25)
    beside = kernels.Rays(1, (40.0, 4.0, 0.0), (1, 0, 0), (0, 0, 1), (2, 1), (0, 0, 1.0), 30.0)
    found = kernels.ray_heights(labels, grid, [up, inside, beside])
    assert [float(h[0, 0]) for h in (found[0].first, found[0].leave, found[0].last)] == [3.0, 9.0, 15.0]
    assert found[0].length[0, 0] == pytest.approx(10)
    assert (float(found[1].first[0, 0]), float(found[1].leave[0, 0])) == (0.0, 1.5)
    assert np.isnan(found[2].first).all()
    assert (found[2].length == 0).all()


def test_outliers_move_no_plane():
    rng = np.random.default_rng(0)
    points = np.c_[rng.uniform(-20, 20, (400, 2)), rng.normal(scale=0.1, size=400)]
    points[:60, 2] += 6
    for along in (None, (0, 0, 2.0)):
        plane = kernels.fit_plane(points, along=along)
        assert np.degrees(np.arccos(plane.normal[2])) < 0.2
        assert plane.residual_mm < 0.12
        assert plane.kept[60:].mean() > 0.98
        assert not plane.kept[:60].any()
        assert kernels.fit_plane(points, along=along, trim=np.inf).residual_mm > 1


CUBE, ONES = Grid((3, 3, 3)), np.ones((3, 3, 3), np.uint8)


def rays(**changed):
    plain = {"origin": (0, 0, 0), "rows": (1, 0, 0), "columns": (0, 1, 0), "shape": (2, 2), "direction": (0, 0, 1)}
    return kernels.Rays(**{"value": 1, "length_mm": 5.0, **plain, **changed})


LINE = np.outer(np.arange(9.0), (1, 2, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.ray_heights(ONES, CUBE, rays(value=0)), ValueError, "label > 0.*got 0"),
        (lambda: kernels.ray_heights(ONES, CUBE, rays(direction=(0, 0, 0))), ValueError, "direction"),
        (lambda: kernels.ray_heights(ONES, CUBE, rays(origin=(0, np.nan, 0))), ValueError, "finite"),
        (lambda: kernels.ray_heights(ONES, CUBE, rays(length_mm=-1)), ValueError, "> 0.*-1"),
        (lambda: kernels.ray_heights(ONES, CUBE, rays(step_mm=0)), ValueError, "step_mm.*0"),
        (lambda: kernels.ray_heights(ONES, CUBE, rays(shape=(-1, 2))), ValueError, "shape >= 0"),
        (lambda: kernels.ray_heights(ONES * 1.0, CUBE, rays()), TypeError, "uint16, uint8 or bool"),
        (lambda: kernels.fit_plane(LINE), ValueError, "one line"),
        (lambda: kernels.fit_plane(LINE, along=(0, 0, 1)), ValueError, "one line"),
        (lambda: kernels.fit_plane(LINE[:2]), ValueError, "3 points"),
        (lambda: kernels.fit_plane(LINE[:, :2]), TypeError, r"\(n, 3\)"),
        (lambda: kernels.fit_plane(LINE + np.inf), ValueError, "finite"),
        (lambda: kernels.fit_plane(LINE, trim=0), ValueError, "trim must be > 0"),
        (lambda: kernels.fit_plane(LINE, along=(0, 0, 0)), ValueError, "not all 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
