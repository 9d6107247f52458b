"""The C++ core equals its NumPy reference, for any number of threads and any instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import grid_pairs, turn, volume

from spinefx import kernels
from spinefx.api import Grid
from spinefx.kernels import _core, reference, reference_measures
from spinefx.kernels.sampling import index_matrix

PIXELS = st.sampled_from(["float32", "int16", "uint16", "uint8"])
LABELS = st.sampled_from(["int16", "uint16", "uint8"])
SHAPES = st.tuples(*[st.integers(1, 14)] * 3)


def both(data, shape, matrix, method, *more, antialias=False):
    ours, theirs = np.empty(shape, data.dtype), np.empty(shape, data.dtype)
    _core.sample(data, ours, matrix, method, antialias, 7, *more)
    reference.sample(data, theirs, matrix, method, antialias, 7, *more)
    return ours, theirs


@settings(max_examples=200)
@given(grid_pairs(), PIXELS, st.integers(0, 10**6), st.booleans())
def test_linear_is_the_references(grids, dtype, seed, displaced):
    source, target = grids
    more = displacement(source, target, seed) if displaced else ()
    ours, theirs = both(volume(source.shape, dtype, seed), target.shape, index_matrix(source, target), "linear", *more)
    if dtype == "float32":
        np.testing.assert_allclose(ours, theirs, atol=2e-3, rtol=1e-5)
    else:
        assert np.abs(ours.astype(np.int64) - theirs).max() <= 1
        assert (ours == theirs).mean() > 0.9 or ours.size < 100


@settings(max_examples=200)
@given(
    grid_pairs(),
    st.sampled_from(["float32", "float16", "int16", "uint16", "uint8"]),
    st.integers(0, 10**6),
    st.booleans(),
    st.sampled_from([("cubic", False), ("sinc", False), ("linear", True), ("sinc", True)]),
)
def test_filters_of_several_voxels_are_the_references(grids, dtype, seed, displaced, how):
    source, target = grids
    method, antialias = how
    more = displacement(source, target, seed) if displaced else ()
    data = volume(source.shape, dtype, seed)
    ours, theirs = both(data, target.shape, index_matrix(source, target), method, *more, antialias=antialias)
    span = max(float(np.ptp(data.astype(np.float64))), 7.0)
    if dtype == "float32":
        np.testing.assert_allclose(ours, theirs, atol=2e-6 * span)
    elif dtype == "float16":
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), atol=2e-6 * span, rtol=1.1e-3)
    else:
        assert np.abs(ours.astype(np.int64) - theirs).max() <= 1
        assert (ours == theirs).mean() > 0.9 or ours.size < 100


@settings(max_examples=60)
@given(grid_pairs(), st.integers(0, 10**6), st.booleans())
def test_linear_and_nearest_of_half_precision_are_the_floats_rounded_once(grids, seed, displaced):
    source, target = grids
    more = displacement(source, target, seed) if displaced else ()
    data = volume(source.shape, "float16", seed)
    for method in ("linear", "nearest"):
        ours = np.empty(target.shape, np.float16)
        wide = np.empty(target.shape, np.float32)
        _core.sample(data, ours, index_matrix(source, target), method, False, 7, *more)
        _core.sample(data.astype(np.float32), wide, index_matrix(source, target), method, False, 7, *more)
        np.testing.assert_array_equal(ours, wide.astype(np.float16))


@settings(max_examples=200)
@given(grid_pairs(), LABELS, st.integers(0, 10**6), st.sampled_from(["nearest", "label-smooth"]), st.booleans())
def test_nearest_and_votes_are_the_references_to_the_bit(grids, dtype, seed, method, displaced):
    source, target = grids
    more = displacement(source, target, seed) if displaced else ()
    data = volume(source.shape, dtype, seed, labels=4)
    ours, theirs = both(data, target.shape, index_matrix(source, target), method, *more)
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=80)
@given(grid_pairs(most=9), LABELS, st.integers(0, 10**6))
def test_label_thin_is_the_references_to_the_bit(grids, dtype, seed):
    source, target = grids
    data = volume(source.shape, dtype, seed, labels=4)
    ours, theirs = both(data, target.shape, index_matrix(source, target), "label-thin")
    np.testing.assert_array_equal(ours, theirs)
    matrix = index_matrix(source, target)
    assert _core.lost(data, ours, matrix) == reference.lost(data, theirs, matrix)


def displacement(source, target, seed):
    field = np.random.default_rng(seed).normal(scale=2, size=(3, *target.shape)).astype(np.float32)
    return field, np.linalg.inv(source.affine[:3, :3])


@settings(max_examples=80)
@given(SHAPES, st.sampled_from(["uint16", "uint8"]), PIXELS, st.integers(0, 10**6))
def test_label_sums_are_the_references(shape, dtype, pixel, seed):
    labels, image = volume(shape, dtype, seed, labels=5), volume(shape, pixel, seed)
    percents = [0.0, 5.0, 50.0, 33.3, 100.0]
    ours, theirs = (core.all_sums(labels, image, percents) for core in (_core, reference_measures))
    for a, b in zip(ours[:5], theirs[:5], strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(ours[5:], theirs[5:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-6)
    for a, b in zip(_core.label_sums(labels), theirs[:5], strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=60)
@given(SHAPES, st.integers(1, 3), st.integers(0, 10**6))
def test_soft_moments_are_the_references(shape, channels, seed):
    maps = np.random.default_rng(seed).random((2, channels, *shape)).astype(np.float32)
    np.testing.assert_allclose(_core.soft_moments(maps), reference_measures.soft_moments(maps), rtol=1e-5)


@settings(max_examples=60)
@given(SHAPES, st.integers(0, 10**6), st.integers(0, 6))
def test_surfaces_are_the_references(shape, seed, rounds):
    labels = volume(shape, "uint8", seed, labels=2)
    affine = Grid(shape, (1.0, 0.5, 2.0), (3.0, 4.0, 5.0), turn("oblique", seed)).affine
    ours, theirs = _core.surface(labels, 2, affine, rounds), reference_measures.surface(labels, 2, affine, rounds)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-9)
    assert sorted(map(tuple, ours[1].tolist())) == sorted(map(tuple, theirs[1].tolist()))


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(1, 40), st.integers(0, 10**6), st.sampled_from([0.0, 1e6]))
def test_neighbours_and_geodesics_are_the_references(count, width, seed, far):
    rng = np.random.default_rng(seed)
    points = np.round(rng.normal(size=(count, width)), 1) + far  # rounded: many ties and copies
    k = int(rng.integers(1, count))
    index, distance = _core.neighbours(points, k)
    wanted = reference_measures.neighbours(points, k)
    np.testing.assert_allclose(distance, wanted[1], rtol=1e-9, atol=1e-7)
    if far == 0:
        np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[index], axis=2), distance, rtol=1e-12)
    sources = np.array([0, count - 1])
    paths = reference_measures.geodesics(index, distance, sources)
    np.testing.assert_allclose(_core.geodesics(index, distance, sources), paths, rtol=1e-12)


METHODS = ("linear", "nearest", "label-smooth", "label-thin")


def everything():
    """One result of every kernel, large enough that threads share the work."""
    rng = np.random.default_rng(1)
    labels = (rng.integers(0, 6, (40, 60, 70)) * (rng.random((40, 60, 70)) < 0.2)).astype(np.uint16)
    image = rng.normal(size=labels.shape).astype(np.float32)
    source = Grid(labels.shape, (2.0, 0.7, 0.7))
    found = []
    for direction in (np.eye(3), turn("permuted", 2), turn("oblique", 3)):
        target = Grid((50, 50, 50), (1.0, 1.0, 1.0), (5.0, 5.0, 5.0), direction)
        field = rng.normal(size=(3, *target.shape)).astype(np.float32)
        found += [kernels.warp(labels, source, target, method=m) for m in METHODS]
        found += [kernels.resample(image, source, target), kernels.warp(image, source, target, displacement=field)]
        for method, antialias in (("cubic", False), ("sinc", False), ("linear", True), ("sinc", True)):
            found += [kernels.resample(image, source, target, method=method, antialias=antialias)]
        found += [kernels.warp(image, source, target, displacement=field, method="cubic")]
        found += [kernels.resample(image.astype(np.float16), source, target, method=m) for m in ("linear", "cubic")]
    statistics = kernels.label_statistics(labels, source, image, percents=[5, 50])
    found += [statistics.covariance_mm2, statistics.mean, statistics.std, statistics.percentiles]
    found += [kernels.distance_transform(labels, source, signed=True), kernels.smooth_labels(labels, source)]
    found += [kernels.surface_distances(labels, labels[::-1], source).assd_mm]
    found += [kernels.soft_moments(rng.random((9, 8, 16, 16, 16)).astype(np.float32))]
    found += list(kernels.neighbours(rng.normal(size=(400, 30)), 6))
    found += [kernels.geodesics(rng.normal(size=(400, 3)), 6, range(20))]
    return [np.ascontiguousarray(a).tobytes() for a in found]


def test_one_thread_and_four_give_the_same_bytes():
    before = kernels.threads()
    try:
        kernels.set_threads(1)
        alone = everything()
        kernels.set_threads(4)
        assert everything() == alone
    finally:
        kernels.set_threads(before)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_gives_the_same_bytes(isa, tmp_path):
    script = "import sys, test_kernels_twins as t; open(sys.argv[1], 'wb').write(b''.join(t.everything()))"
    path = tmp_path / "bytes"
    environment = {**os.environ, "SPINEFX_ISA": isa, "PYTHONPATH": os.path.dirname(__file__)}  # noqa: PTH120
    done = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True)
    if "is not to be had on this machine" in done.stderr:
        pytest.skip(f"this machine has no {isa}")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == b"".join(everything())
