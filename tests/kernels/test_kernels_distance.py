"""Distances: the reference's, SciPy's and MONAI's numbers; what is refused; what must not change them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import turn, volume
from scipy.ndimage import distance_transform_edt

from spinefx import kernels
from spinefx.api import Grid, GridError
from spinefx.kernels import _core, reference_distance

MM = st.sampled_from([0.4, 1.0, 1.9, 4.0])
SPACINGS = st.tuples(MM, MM, MM)
SHAPES = st.tuples(*[st.integers(1, 9)] * 3)
LABELS = st.sampled_from(["uint16", "uint8"])


def coarse(shape, dtype, seed):
    """Labels in blocks, so that runs of every length are there, touching and apart."""
    rng = np.random.default_rng(seed)
    small = volume(tuple(-(-n // 3) for n in shape), dtype, seed, labels=int(rng.integers(1, 4)))
    whole = small.repeat(3, 0).repeat(3, 1).repeat(3, 2)[: shape[0], : shape[1], : shape[2]]
    return np.ascontiguousarray(np.where(rng.random(shape) < rng.choice([0.6, 0.97, 1.0]), whole, 0).astype(dtype))


@settings(max_examples=150)
@given(SHAPES, SPACINGS, LABELS, st.booleans(), st.integers(0, 10**6))
def test_distances_are_the_references(shape, spacing, dtype, background, seed):
    labels = coarse(shape, dtype, seed)
    ours, theirs = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _core.distance_transform(labels, spacing, background, ours)
    reference_distance.distance_transform(labels, spacing, background, theirs)
    np.testing.assert_allclose(ours, theirs, rtol=3e-7)


@settings(max_examples=60)
@given(st.tuples(*[st.integers(1, 40)] * 3), SPACINGS, st.integers(0, 10**6))
def test_distances_are_scipys_label_by_label(shape, spacing, seed):
    labels = coarse(shape, "uint8", seed)
    wanted = np.zeros(shape)
    for value in np.unique(labels):
        inside = labels == value
        far = np.full(shape, np.inf) if inside.all() else distance_transform_edt(inside, sampling=spacing)
        wanted[inside] = far[inside] if value else -far[inside]
    ours = kernels.distance_transform(labels, Grid(shape, spacing), signed=True)
    np.testing.assert_allclose(ours, wanted, rtol=3e-7)
    plain = kernels.distance_transform(labels, Grid(shape, spacing))
    np.testing.assert_array_equal(plain, np.where(labels > 0, ours, 0))


@settings(max_examples=80)
@given(SHAPES, SPACINGS, LABELS, st.integers(0, 10**6))
def test_surface_distances_are_the_references(shape, spacing, dtype, seed):
    first, second = coarse(shape, dtype, seed), coarse(shape, dtype, seed + 1)
    ours = _core.surface_distances(first, second, spacing, 90.0, [0.0, 1.0, 3.0])
    theirs = reference_distance.surface_distances(first, second, spacing, 90.0, [0.0, 1.0, 3.0])
    np.testing.assert_array_equal(ours[0], theirs[0])
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@settings(max_examples=80)
@given(st.tuples(*[st.integers(1, 12)] * 2, st.integers(1, 90)), SPACINGS, LABELS, st.integers(0, 10**6))
def test_surface_areas_are_the_references_label_by_label(shape, spacing, dtype, seed):
    labels = coarse(shape, dtype, seed)
    ours, theirs = _core.surface_areas(labels, spacing), reference_distance.surface_areas(labels, spacing)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)


def test_surface_areas_are_those_of_marching_cubes():
    from skimage.measure import marching_cubes, mesh_surface_area

    small = ellipsoids((20, 60, 70), (3.0, 0.7, 0.5), scale=0.6)
    labels = ellipsoids((20, 60, 70), (3.0, 0.7, 0.5)).astype(np.uint16)
    labels[small] = 301
    value, area = kernels.surface_areas(labels, Grid(labels.shape, (3.0, 0.7, 0.5)))
    for v, a in zip(value, area, strict=True):
        padded = np.pad(labels == v, 1).astype(np.float32)
        mesh = marching_cubes(padded, 0.5, spacing=(3.0, 0.7, 0.5), method="lorensen")
        assert a == pytest.approx(mesh_surface_area(*mesh[:2]), rel=1e-4)
    assert value.tolist() == [1, 301]
    assert kernels.surface_areas(np.zeros((3, 4, 5), np.uint8), Grid((3, 4, 5)))[0].size == 0


def ellipsoids(shape, spacing, shift=(0.0, 0.0, 0.0), scale=1.0):
    place = (np.stack(np.indices(shape), -1) - np.array(shape) / 2) * spacing - shift
    return ((place / np.array([9.0, 7.0, 5.0]) / scale) ** 2).sum(-1) < 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.6)])
def test_surface_distances_are_monais(spacing):
    metrics = pytest.importorskip("monai.metrics")
    torch = pytest.importorskip("torch")
    from monai.metrics.utils import get_edge_surface_distance

    shape = tuple(int(26 / s) for s in spacing)
    first, second = ellipsoids(shape, spacing), ellipsoids(shape, spacing, (0.9, 0.4, 1.3), 0.85)
    found = kernels.surface_distances(first, second, Grid(shape, spacing), tolerances_mm=(0.5, 1.0, 2.0))
    a, b = (torch.from_numpy(m)[None, None].float() for m in (first, second))
    for share, tolerance in zip(found.nsd[0], found.tolerances_mm, strict=True):
        dice = metrics.compute_surface_dice(
            a, b, [tolerance], include_background=True, spacing=spacing, use_subvoxels=True
        )
        assert share == pytest.approx(float(dice), rel=1e-5)
    edges, distances, areas = get_edge_surface_distance(
        a[0, 0].bool(), b[0, 0].bool(), spacing=spacing, use_subvoxels=True, symmetric=True
    )
    heavy = [area[edge].numpy().astype(np.float64) for area, edge in zip(areas, edges, strict=True)]
    far = [d.numpy().astype(np.float64) for d in distances]
    np.testing.assert_allclose(found.area_mm2[0], [h.sum() for h in heavy], rtol=1e-5)
    assert found.hd_mm[0] == pytest.approx(max(d.max() for d in far), rel=1e-6)
    assert found.hd95_mm[0] == pytest.approx(
        max(reference_distance._percentile(d, h, 95) for d, h in zip(far, heavy, strict=True)), rel=1e-6
    )
    mean = sum(float(d @ h) for d, h in zip(far, heavy, strict=True)) / sum(h.sum() for h in heavy)
    assert found.assd_mm[0] == pytest.approx(mean, rel=1e-5)


def test_a_shifted_box_is_as_far_as_it_was_shifted():
    first = np.zeros((20, 20, 20), np.uint8)
    first[5:15, 5:15, 5:15] = 7
    second = np.roll(first, 3, axis=2)
    found = kernels.surface_distances(first, second, Grid(first.shape, (1.0, 1.0, 0.5)), tolerances_mm=(1.4, 1.5))
    assert found.value.tolist() == [7]
    assert found.hd_mm[0] == found.hd95_mm[0] == 1.5
    assert found.nsd[0, 0] < 0.9
    assert found.nsd[0, 1] == 1.0
    assert found.area_mm2[0, 0] == pytest.approx(2 * (100 + 2 * 50), rel=0.06)


def test_a_label_of_one_map_only_is_infinitely_far_and_shares_nothing():
    first, second = np.zeros((4, 4, 4), np.uint16), np.zeros((4, 4, 4), np.uint8)
    first[1, 1, 1], second[2, 2, 2] = 300, 5
    found = kernels.surface_distances(first, second, Grid(first.shape))
    assert found.value.tolist() == [5, 300]
    assert np.isinf([found.hd_mm, found.hd95_mm, found.assd_mm]).all()
    assert (found.nsd == 0).all()
    assert (found.area_mm2 > 0).tolist() == [[False, True], [True, False]]
    assert len(kernels.surface_distances(second * 0, second * 0, Grid(first.shape))) == 0


def test_a_motion_of_the_grid_and_a_swap_of_the_maps_change_no_distance():
    first, second = coarse((9, 8, 7), "uint8", 1), coarse((9, 8, 7), "uint8", 2)
    grid = Grid(first.shape, (2.0, 0.7, 0.9))
    moved = Grid(grid.shape, grid.spacing, (9.0, 1.0, -4.0), turn("oblique", 5))
    here = kernels.surface_distances(first, second, grid)
    for same in (kernels.surface_distances(first, second, moved), kernels.surface_distances(second, first, grid)):
        np.testing.assert_allclose(here.hd95_mm, same.hd95_mm)
        np.testing.assert_allclose(here.assd_mm, same.assd_mm)
        np.testing.assert_allclose(here.nsd, same.nsd)
    wide = Grid(grid.shape, (4.0, 1.4, 1.8))
    np.testing.assert_allclose(kernels.surface_distances(first, second, wide).assd_mm, 2 * here.assd_mm)


def test_any_layout_and_out_give_the_same_distances():
    labels = coarse((9, 8, 30), "uint16", 4)
    grid, out = Grid(labels.shape, (2.0, 0.7, 0.9)), np.empty(labels.shape, np.float32)
    wanted = kernels.distance_transform(labels, grid)
    assert kernels.distance_transform(np.asfortranarray(labels), grid, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(kernels.distance_transform(labels[::-1], grid), wanted[::-1])


LABEL = np.ones((4, 4, 4), np.uint8)
CUBE = Grid((4, 4, 4))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.distance_transform(LABEL.astype(np.int32), CUBE), TypeError, "uint16, uint8 or bool"),
        (lambda: kernels.distance_transform(LABEL[1:], CUBE), GridError, r"\(3, 4, 4\)"),
        (lambda: kernels.distance_transform(LABEL, CUBE, out=np.empty((4, 4, 4))), ValueError, "float32.*float64"),
        (lambda: kernels.distance_transform(LABEL, CUBE, out=np.empty((4, 4, 8), np.float32)[..., ::2]), ValueError, "C-c"),
        (lambda: kernels.surface_distances(LABEL, LABEL[1:], CUBE), GridError, r"\(3, 4, 4\)"),
        (lambda: kernels.surface_distances(LABEL, LABEL, CUBE, tolerances_mm=[-1]), ValueError, ">= 0.*-1"),
        (lambda: kernels.surface_distances(LABEL, LABEL, CUBE, tolerances_mm=[np.nan]), ValueError, "finite.*nan"),
        (lambda: kernels.surface_distances(LABEL, LABEL, CUBE, percentile=0), ValueError, "percentile.*got 0"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
