"""The face: what it takes, what it refuses and how it says so; known answers; metamorphic checks."""

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
from spinefx.api import DataError, Grid, GridError
from spinefx.kernels import _core

SOURCE = Grid((6, 7, 8), (1.0, 1.0, 1.0))
TARGET = Grid((3, 4, 5), (2.0, 2.0, 2.0))


def ball(radius_mm=9.0, spacing=(1.0, 1.0, 1.0), direction=None, middle=(0.0, 0.0, 0.0)):
    """A ball of uint16 1 round `middle`, and its grid."""
    shape = tuple(int(2 * radius_mm / s) + 7 for s in spacing)
    grid = Grid(shape, spacing, (0.0, 0.0, 0.0), np.eye(3) if direction is None else direction)
    centre = grid.to_world(np.array(shape) / 2 - (0.2, 0.4, 0.7))  # off the lattice, as real things are
    grid = Grid(shape, spacing, tuple((np.array(middle) - centre).tolist()), grid.direction)
    world = grid.to_world(np.stack(np.indices(shape), -1))
    return (((world - middle) ** 2).sum(-1) < radius_mm**2).astype(np.uint16), grid


def test_channels_and_batches_are_resampled_alike():
    data = volume((2, 3, 6, 7, 8), "float32", 0)
    whole = kernels.resample(data, SOURCE, TARGET)
    assert whole.shape == (2, 3, 3, 4, 5)
    np.testing.assert_array_equal(whole[1, 2], kernels.resample(data[1, 2], SOURCE, TARGET))


def test_any_memory_layout_gives_the_same_result():
    data = volume((6, 7, 8), "int16", 0)
    wanted = kernels.resample(data, SOURCE, TARGET)
    frozen = data.copy()
    frozen.flags.writeable = False
    padded = np.zeros((6, 14, 9), np.int16)
    padded[:, ::2, 1:] = data
    layouts = [np.asfortranarray(data), frozen, padded[:, ::2, 1:], data[::-1].copy()[::-1], data.T.copy().T]
    for same in layouts:
        np.testing.assert_array_equal(kernels.resample(same, SOURCE, TARGET), wanted)


def test_out_is_filled_and_returned():
    data, out = volume((6, 7, 8), "uint8", 0), np.empty((3, 4, 5), np.uint8)
    assert kernels.resample(data, SOURCE, TARGET, out=out) is out
    np.testing.assert_array_equal(out, kernels.resample(data, SOURCE, TARGET))


FILTERS = [("linear", False), ("linear", True), ("cubic", False), ("sinc", False), ("sinc", True)]


@settings(max_examples=100)
@given(grid_pairs(), st.sampled_from(FILTERS), st.sampled_from(["float32", "float16", "uint8", "int16"]))
def test_a_constant_image_stays_constant(grids, how, dtype):
    source, target = grids
    data = np.full(source.shape, 97, dtype)
    found = kernels.resample(data, source, target, method=how[0], antialias=how[1], fill=97)
    np.testing.assert_allclose(found.astype(float), 97, atol=1e-4 if dtype == "float32" else 0)


@pytest.mark.parametrize(("method", "antialias"), FILTERS)
@pytest.mark.parametrize("kind", ["straight", "permuted", "oblique"])
def test_a_filter_gives_back_the_voxels_at_their_own_places(method, antialias, kind):
    grid = Grid((6, 7, 9), (1.5, 1.0, 0.8), (3.0, -4.0, 5.0), turn(kind, 4))
    data = volume(grid.shape, "float32", 2)
    found = kernels.resample(data, grid, grid, method=method, antialias=antialias)
    np.testing.assert_allclose(found, data, atol=1e-3)


def test_antialias_averages_what_a_coarse_grid_cannot_show():
    z, y, x = np.indices((24, 24, 24))
    board = ((z + y + x) % 2 * 200).astype(np.float32)
    source, target = Grid(board.shape), Grid((8, 8, 8), (3.0, 3.0, 3.0), (1.0, 1.0, 1.0))
    for method in ("linear", "sinc"):
        plain = kernels.resample(board, source, target, method=method)
        averaged = kernels.resample(board, source, target, method=method, antialias=True)
        assert np.ptp(plain) > 150
        np.testing.assert_allclose(averaged, 100, atol=8)


def test_whole_numbers_that_overshoot_are_held_to_their_range():
    step = np.zeros((9, 9, 9), np.uint8)
    step[4:] = 255
    fine = Grid((33, 9, 9), (0.25, 1.0, 1.0))
    for method in ("cubic", "sinc"):
        exact = kernels.resample(step.astype(np.float32), Grid(step.shape), fine, method=method)
        assert exact.max() > 256
        assert exact.min() < -1
        found = kernels.resample(step, Grid(step.shape), fine, method=method)
        np.testing.assert_array_equal(found, np.floor(np.clip(exact, 0, 255) + 0.5))


def test_masks_of_bool_stay_bool():
    data = volume((6, 7, 8), "uint8", 0, labels=1).astype(bool)
    for method in ("nearest", "linear", "cubic", "sinc", "label-smooth"):
        found = kernels.resample(data, SOURCE, TARGET, method=method)
        assert found.dtype == bool
        assert found.view(np.uint8).max() <= 1


CUBE = np.ones((2, 2, 2), np.uint8)


def good():
    return volume((6, 7, 8), "float32", 0)


REFUSED = [
    (
        lambda: kernels.resample(good().astype(np.float64), SOURCE, TARGET),
        TypeError,
        "got float64: convert with astype",
    ),
    (lambda: kernels.resample(good(), SOURCE, TARGET, method="label-smooth"), TypeError, "takes uint16.*got float32"),
    (
        lambda: kernels.resample(good(), SOURCE, TARGET, method="lanczos"),
        ValueError,
        "must be one of linear.*'lanczos'",
    ),
    (
        lambda: kernels.resample(good(), SOURCE, TARGET, method="cubic", antialias=True),
        ValueError,
        "antialias.*'cubic'",
    ),
    (lambda: kernels.resample(good(), SOURCE, TARGET, method="nearest", antialias=True), ValueError, "or 'sinc', got"),
    (lambda: kernels.resample(good()[1:], SOURCE, TARGET), GridError, r"\(5, 7, 8\).*\(6, 7, 8\)"),
    (lambda: kernels.resample(good()[0], SOURCE, TARGET), GridError, r"\(7, 8\)"),
    (
        lambda: kernels.resample(good(), SOURCE, TARGET, out=np.empty((3, 4, 6), np.float32)),
        ValueError,
        "out must have",
    ),
    (lambda: kernels.resample(good(), SOURCE, TARGET, out=np.empty((3, 4, 5))), ValueError, "out must have.*float64"),
    (lambda: kernels.resample(good(), SOURCE, TARGET, out=np.empty((5, 4, 3), np.float32).T), ValueError, "C-contig"),
    (lambda: kernels.resample(good().astype(np.int16), SOURCE, TARGET, fill=40000), ValueError, "-32768..32767"),
    (lambda: kernels.resample(good().astype(np.uint8), SOURCE, TARGET, fill=0.5), ValueError, "whole number.*0.5"),
    (lambda: kernels.resample(good().astype(">f4"), SOURCE, TARGET), TypeError, "byte order"),
    (lambda: kernels.warp(good(), SOURCE, TARGET, matrix=np.eye(3)), ValueError, r"\(3, 4\) or \(4, 4\)"),
    (lambda: kernels.warp(good(), SOURCE, TARGET, matrix=np.full((3, 4), np.nan)), ValueError, "finite"),
    (lambda: kernels.warp(good(), SOURCE, TARGET, matrix=np.ones((4, 4))), ValueError, "last row"),
    (lambda: kernels.warp(good(), SOURCE, TARGET, displacement=np.zeros((3, 4, 5), np.float32)), ValueError, "shape"),
    (lambda: kernels.label_statistics(good(), SOURCE), TypeError, "uint16, uint8 or bool, got float32"),
    (lambda: kernels.label_statistics(np.ones((2, 2, 2), np.uint8), SOURCE), GridError, r"\(2, 2, 2\)"),
    (lambda: kernels.label_statistics(CUBE, Grid((2, 2, 2)), CUBE, percents=[101]), ValueError, r"0..100.*101"),
    (lambda: kernels.label_statistics(CUBE, Grid((2, 2, 2)), percents=[50]), ValueError, "no image"),
    (lambda: kernels.soft_moments(good()), TypeError, "n, c, z, y, x"),
    (lambda: kernels.neighbours(np.zeros((4, 2)), 4), ValueError, "k must be in 1..3 for 4 points, got 4"),
    (lambda: kernels.neighbours(np.array([[np.nan], [1.0]]), 1), ValueError, "finite"),
    (lambda: kernels.neighbours(np.zeros(4), 1), TypeError, r"\(n, d\)"),
    (lambda: kernels.geodesics(np.zeros((4, 2)), 2, [4]), ValueError, "0..3, got 4"),
    (lambda: _core.geodesics(np.array([[1], [0]]), np.array([[1.0], [-1.0]]), np.array([0])), ValueError, ">= 0"),
    (lambda: _core.geodesics(np.array([[1], [0]]), np.full((2, 1), np.nan), np.array([0])), ValueError, ">= 0"),
    (lambda: kernels.intrinsic_dimension(np.ones((5, 2))), ValueError, "3 different points, got 1"),
    (lambda: kernels.intrinsic_dimension(np.zeros((5, 2)), "pca"), ValueError, "'twonn' or 'mle', got 'pca'"),
    (lambda: kernels.set_threads(0), ValueError, "1..1024"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
def test_an_empty_map_weighs_nothing(shape):
    maps = np.empty((2, 3, *shape), np.float32)
    np.testing.assert_array_equal(kernels.soft_moments(maps), np.zeros((2, 3, 10)))
    assert kernels.soft_moments(np.empty((0, 3, 4, 4, 4), np.float32)).shape == (0, 3, 10)


def test_out_that_overlaps_the_input_is_refused():
    buffer = np.zeros(6 * 7 * 8 + 60, np.float32)
    data, out = buffer[: 6 * 7 * 8].reshape(6, 7, 8), buffer[6 * 7 * 8 - 1 :][:60].reshape(3, 4, 5)
    with pytest.raises(ValueError, match="overlap"):
        kernels.resample(data, SOURCE, TARGET, out=out)


def test_a_lost_label_is_named_and_label_thin_keeps_it():
    labels = np.zeros((8, 8, 8), np.uint16)
    labels[2, 2, 2] = 21
    source, target = Grid(labels.shape), Grid((3, 3, 3), (3.0, 3.0, 3.0), (0.5, 0.5, 0.5))
    with pytest.raises(kernels.LostLabelError, match=r"lost label\(s\) 21: use method='label-thin'") as caught:
        kernels.resample(labels, source, target, method="label-smooth")
    assert caught.value.labels == (21,)
    assert isinstance(caught.value, DataError)
    assert 21 in kernels.resample(labels, source, target, method="label-thin")


@settings(max_examples=150)
@given(grid_pairs(), st.integers(0, 10**6))
def test_label_thin_never_loses_a_label_unless_there_is_no_room(grids, seed):
    source, target = grids
    labels = np.zeros(source.shape, np.uint16)
    rng = np.random.default_rng(seed)
    for label in range(1, 6):
        labels[tuple(rng.integers(0, source.shape))] = label
    try:
        kernels.resample(labels, source, target, method="label-thin")
    except kernels.LostLabelError:
        assert min(target.shape) < 3  # fewer voxels around a point than labels that claim them


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(["permuted", "oblique"]))
def test_a_rigid_motion_of_a_label_changes_no_measure(seed, kind):
    labels, grid = ball(spacing=(1.5, 1.0, 0.8))
    direction = turn(kind, seed)
    moved = Grid(grid.shape, grid.spacing, (5.0, -9.0, 2.0), direction @ grid.direction)
    here, there = kernels.label_statistics(labels, grid), kernels.label_statistics(labels, moved)
    assert here.volume_mm3 == pytest.approx(there.volume_mm3)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(here.covariance_mm2[0]), np.linalg.eigvalsh(there.covariance_mm2[0]), rtol=1e-9
    )
    np.testing.assert_allclose(direction @ here.covariance_mm2[0] @ direction.T, there.covariance_mm2[0], atol=1e-9)
    assert kernels.surface(labels, grid, 1)[2] == pytest.approx(kernels.surface(labels, moved, 1)[2])


def test_doubled_spacing_doubles_lengths():
    labels, grid = ball()
    double = Grid(grid.shape, (2.0, 2.0, 2.0), tuple(2 * o for o in grid.origin))
    here, there = kernels.label_statistics(labels, grid), kernels.label_statistics(labels, double)
    assert there.volume_mm3[0] == pytest.approx(8 * here.volume_mm3[0])
    np.testing.assert_allclose(there.centroid_mm, 2 * here.centroid_mm, atol=1e-9)
    np.testing.assert_allclose(there.covariance_mm2, 4 * here.covariance_mm2, atol=1e-9)
    assert kernels.surface(labels, double, 1)[2] == pytest.approx(4 * kernels.surface(labels, grid, 1)[2])


@pytest.mark.parametrize("kind", ["straight", "permuted", "oblique"])
@pytest.mark.parametrize("radius_mm", [9.0, 18.0])
def test_a_balls_surface_is_within_two_percent_watertight_and_outward(kind, radius_mm):
    labels, grid = ball(radius_mm, direction=turn(kind, 7), middle=(30.0, -4.0, 11.0))
    vertices, faces, area = kernels.surface(labels, grid, 1)
    assert area == pytest.approx(4 * np.pi * radius_mm**2, rel=0.02)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
    a, b, c = (vertices[faces[:, k]] - (30.0, -4.0, 11.0) for k in range(3))
    volume_mm3 = (np.cross(a, b) * c).sum() / 6
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * radius_mm**3, rel=0.03)


def test_statistics_of_an_image_are_numpys():
    labels, image = volume((9, 8, 7), "uint8", 3, labels=3), volume((9, 8, 7), "float32", 3)
    found = kernels.label_statistics(labels, Grid(labels.shape), image, percents=[10, 50])
    for row, value in enumerate(found.value):
        part = image[labels == value].astype(np.float64)
        assert found.mean[row] == pytest.approx(part.mean())
        assert found.std[row] == pytest.approx(part.std())
        assert (found.minimum[row], found.maximum[row]) == (part.min(), part.max())
        assert found.total[row] == pytest.approx(part.sum())
        np.testing.assert_allclose(found.percentiles[row], np.percentile(part, [10, 50]))
    assert found.row(2) == 1
    with pytest.raises(KeyError, match="label 9 is absent"):
        found.row(9)


def test_a_map_without_labels_has_no_rows_and_no_surface():
    empty = np.zeros((3, 4, 5), np.uint16)
    assert len(kernels.label_statistics(empty, Grid(empty.shape))) == 0
    vertices, faces, area = kernels.surface(empty, Grid(empty.shape), 1)
    assert (vertices.shape, faces.shape, area) == ((0, 3), (0, 3), 0.0)


@pytest.mark.parametrize("method", ["twonn", "mle"])
@pytest.mark.parametrize("dimension", [2, 4])
def test_intrinsic_dimension_finds_the_dimension_of_a_turned_plane(method, dimension):
    rng = np.random.default_rng(5)
    plane = rng.normal(size=(1500, dimension)) @ np.linalg.qr(rng.normal(size=(20, 20)))[0][:dimension]
    assert kernels.intrinsic_dimension(plane, method) == pytest.approx(dimension, rel=0.12)


def test_geodesics_go_along_a_spiral_and_not_across():
    angle = np.linspace(1, 4 * np.pi, 800)
    spiral = np.c_[angle * np.cos(angle), angle * np.sin(angle)]
    length = np.linalg.norm(np.diff(spiral, axis=0), axis=1).sum()
    found = kernels.geodesics(spiral, 4, [0])[0]
    assert found[-1] == pytest.approx(length, rel=0.01)
    assert np.isinf(kernels.geodesics(np.array([[0.0], [1.0], [50.0], [51.0]]), 1, [0])[0, 2:]).all()


def child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter says to `code`."""
    everything = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=everything, capture_output=True, text=True)


def test_without_the_core_the_import_says_how_to_build_it():
    done = child("import sys; sys.modules['spinefx.kernels._core'] = None; import spinefx.kernels")
    assert "pip install -e ." in done.stderr
    assert "ImportError" in done.stderr


def test_the_number_of_threads_is_read_from_the_environment():
    assert child("from spinefx import kernels; print(kernels.threads())", SPINEFX_NUM_THREADS="3").stdout == "3\n"
    done = child("from spinefx import kernels; kernels.threads()", SPINEFX_NUM_THREADS="many")
    assert "ValueError: SPINEFX_NUM_THREADS='many'" in done.stderr


def test_the_kernels_import_neither_torch_nor_simpleitk_nor_skimage():
    heavy = "{'torch', 'SimpleITK', 'itk', 'skimage', 'scipy', 'sklearn'}"
    assert child(f"import sys, spinefx.kernels; print({heavy} & set(sys.modules))").stdout == "set()\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_goes_on_computing():
    code = (
        "import os, numpy as np; from spinefx import kernels; from spinefx.api import Grid\n"
        "kernels.set_threads(3); grid, fine = Grid((40, 80, 80)), Grid((80, 80, 80), (0.5, 1.0, 1.0))\n"
        "data = np.ones(grid.shape, np.float32); kernels.resample(data, grid, fine)\n"
        "pid = os.fork(); kernels.resample(data, grid, fine)\n"
        "print('child' if pid == 0 else os.waitpid(pid, 0)[1], flush=True); os._exit(0)"
    )
    assert child(code).stdout.split() == ["child", "0"]
