"""Mending of label maps: the twins agree, peers agree, and no label is lost."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import volume

from spinefx import kernels
from spinefx.api import Grid, GridError
from spinefx.kernels import _core, reference_refine

SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(1, 12))
SEEDS = st.integers(0, 10**6)
LABELS = st.sampled_from(["uint16", "uint8"])


def dense(shape, dtype, seed):
    """Labels that fill most of the volume, so that there are cavities and islands."""
    rng = np.random.default_rng(seed)
    return (rng.integers(1, 4, shape) * (rng.random(shape) < rng.choice([0.5, 0.85]))).astype(dtype)


@settings(max_examples=200)
@given(SHAPES, LABELS, SEEDS, st.sampled_from([1, 3, 1000]))
def test_filled_holes_are_the_references(shape, dtype, seed, largest):
    ours, theirs = dense(shape, dtype, seed), dense(shape, dtype, seed)
    assert _core.fill_holes(ours, largest) == reference_refine.fill_holes(theirs, largest)
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=200)
@given(SHAPES, LABELS, SEEDS, st.sampled_from([6, 18, 26]))
def test_largest_pieces_are_the_references(shape, dtype, seed, connectivity):
    ours, theirs = dense(shape, dtype, seed), dense(shape, dtype, seed)
    assert _core.keep_largest(ours, connectivity) == reference_refine.keep_largest(theirs, connectivity)
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=100)
@given(SHAPES, LABELS, SEEDS, st.tuples(*[st.sampled_from([0.0, 0.3, 0.71, 1.6])] * 3), st.sampled_from([0.0, 0.5]))
def test_smoothed_labels_are_the_references_but_for_ties(shape, dtype, seed, sigma, least):
    labels = volume(tuple(-(-n // 2) for n in shape), dtype, seed, labels=3).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    labels = np.ascontiguousarray(labels[: shape[0], : shape[1], : shape[2]])
    ours, theirs = np.empty_like(labels), np.empty_like(labels)
    _core.smooth_labels(labels, ours, sigma, least)
    reference_refine.smooth_labels(labels, theirs, sigma, least)
    shares = np.stack([reference_refine._smoothed((labels == v).astype(float), sigma) for v in range(4)])
    lead = np.diff(np.sort(shares, axis=0)[-2:], axis=0)[0]  # equal shares may round either way
    assert lead[ours != theirs].max(initial=0) < 1e-5 if least == 0 or lead.min() < 1e-5 else (ours == theirs).all()
    assert set(np.unique(ours)) >= set(np.unique(labels)) - {0}


def test_pieces_are_cc3ds():
    cc3d = pytest.importorskip("cc3d")
    labels = dense((20, 40, 60), "uint16", 3)
    for connectivity in (6, 18, 26):
        found = kernels.keep_largest(labels, Grid(labels.shape), connectivity=connectivity)
        pieces = cc3d.connected_components(labels, connectivity=connectivity)
        sizes = np.bincount(pieces.ravel())
        for value in (1, 2, 3):
            best = sizes[np.unique(pieces[labels == value])].max()
            assert (found == value).sum() == best
            kept = np.unique(pieces[found == value])
            assert len(kept) == 1
            np.testing.assert_array_equal(found == value, pieces == kept[0])


def test_a_hollow_ball_is_filled_a_tube_is_not_and_a_label_inside_stays():
    grid = Grid((24, 24, 24), (2.0, 1.0, 1.0))
    place = grid.to_world(np.stack(np.indices(grid.shape), -1)) - grid.to_world((11.5, 11.5, 11.5))
    far = np.linalg.norm(place, axis=-1)
    labels = np.where((far < 9) & (far > 5), 4, 0).astype(np.uint16)
    labels[far < 2] = 9
    filled = kernels.fill_holes(labels, grid)
    assert ((filled == 4) == ((far < 9) & (far >= 2))).all()
    assert ((filled == 9) == (far < 2)).all()
    np.testing.assert_array_equal(kernels.fill_holes(labels, grid, largest_mm3=100), labels)
    labels[:, 11:13, 11:13] = 0  # a way out through both poles
    assert (kernels.fill_holes(labels, grid) == labels)[:, 11:13, 11:13].all()


def test_a_hole_in_one_slice_is_a_hole():
    labels = np.ones((1, 5, 5), bool)
    labels[0, 2, 2] = False
    filled = kernels.fill_holes(labels, Grid(labels.shape))
    assert filled.dtype == bool
    assert filled.all()


def test_smoothing_makes_a_staircase_flat_keeps_the_volume_and_leaves_no_gap():
    grid = Grid((40, 40, 40), (2.0, 1.0, 1.0))
    z, y, _ = np.indices(grid.shape)
    first = 2 * z + y < 60 + 2 * np.random.default_rng(0).integers(-1, 2, grid.shape)
    labels = np.where(first, 1, 2).astype(np.uint8)
    smooth = kernels.smooth_labels(labels, grid, sigma_mm=2.0)
    assert (smooth > 0).all()
    assert (smooth == 1).sum() == pytest.approx((labels == 1).sum(), rel=0.02)
    inner = (slice(4, -4),) * 3
    rough = [
        kernels.surface_distances(m[inner] == 1, (2 * z + y < 60)[inner], Grid((32,) * 3)) for m in (labels, smooth)
    ]
    assert rough[1].assd_mm[0] < 0.5 * rough[0].assd_mm[0]


def test_smoothing_loses_no_strand_no_sheet_and_no_single_voxel():
    labels = np.zeros((20, 20, 20), np.uint16)
    labels[5, 5, :], labels[12], labels[17, 3, 3] = 1, 2, 3
    smooth = kernels.smooth_labels(labels, Grid(labels.shape), sigma_mm=3.0)
    for value in (1, 2, 3):
        assert (smooth == value).sum() >= (labels == value).sum()
    np.testing.assert_array_equal(kernels.smooth_labels(labels, Grid(labels.shape), sigma_mm=0), labels)


def test_refining_takes_any_layout_and_changes_no_input():
    labels = dense((6, 7, 8), "uint8", 1)
    before, grid = labels.copy(), Grid(labels.shape)
    for refine in (kernels.fill_holes, kernels.keep_largest, kernels.smooth_labels):
        np.testing.assert_array_equal(refine(np.asfortranarray(labels), grid), refine(labels, grid))
        np.testing.assert_array_equal(labels, before)


CUBE, ONES = Grid((3, 3, 3)), np.ones((3, 3, 3), np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.fill_holes(ONES.astype(int), CUBE), TypeError, "uint16, uint8 or bool"),
        (lambda: kernels.fill_holes(ONES, CUBE, largest_mm3=0), ValueError, "> 0, got 0"),
        (lambda: kernels.keep_largest(ONES[1:], CUBE), GridError, r"\(2, 3, 3\)"),
        (lambda: kernels.keep_largest(ONES, CUBE, connectivity=8), ValueError, "6, 18 or 26, got 8"),
        (lambda: kernels.smooth_labels(ONES, CUBE, sigma_mm=-1), ValueError, ">= 0, got -1"),
        (lambda: kernels.smooth_labels(ONES, CUBE, sigma_mm=np.inf), ValueError, "finite.*inf"),
        (lambda: kernels.smooth_labels(ONES, CUBE, least=2), ValueError, r"0..1, got 2"),
        (lambda: kernels.smooth_labels(ONES, CUBE, sigma_mm=1e9), ValueError, "0..10000 voxels"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
