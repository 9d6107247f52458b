"""Resampling agrees with SimpleITK on any pair of grids."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import grid_pairs, volume

from spinefx import kernels
from spinefx.api import Grid

sitk = pytest.importorskip("SimpleITK")
FILL = -7


def itk_image(data, grid: Grid):
    image = sitk.GetImageFromArray(data)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def itk_resample(data, source: Grid, target: Grid, how, transform=None, pixel=None):
    like = sitk.Image([int(n) for n in target.shape[::-1]], sitk.sitkUInt8)
    like.SetSpacing(target.spacing[::-1])
    like.SetOrigin(target.origin)
    like.SetDirection(target.direction.ravel().tolist())
    image = itk_image(data, source)
    found = sitk.Resample(image, like, transform or sitk.Transform(), how, FILL, pixel or image.GetPixelID())
    return sitk.GetArrayFromImage(found)


def clear_of_borders(source: Grid, target: Grid, ties: bool):
    """Where the source index is not within 1e-5 voxels of the border (or of a tie), where ITK's own rounding decides."""
    index = source.to_index(target.to_world(np.stack(np.indices(target.shape), -1)))
    clear = np.ones(target.shape, bool)
    for axis, n in enumerate(source.shape):
        edge = np.minimum(np.abs(index[..., axis] + 0.5), np.abs(index[..., axis] - n + 0.5))
        clear &= edge > 1e-5
        if ties:
            clear &= np.abs(index[..., axis] - np.floor(index[..., axis]) - 0.5) > 1e-5
    return clear


@settings(max_examples=150)
@given(grid_pairs(), st.integers(0, 1000))
def test_linear_agrees_with_simpleitk_to_a_thousandth_of_the_range(grids, seed):
    source, target = grids
    data = volume(source.shape, "float32", seed)
    ours = kernels.resample(data, source, target, fill=FILL)
    theirs = itk_resample(data, source, target, sitk.sitkLinear)
    clear = clear_of_borders(source, target, ties=False)
    span = max(float(np.ptp(data)), 1.0)
    assert np.abs(ours - theirs)[clear].max(initial=0) <= 1e-3 * span


@settings(max_examples=100)
@given(grid_pairs(), st.sampled_from(["int16", "uint16", "uint8"]), st.integers(0, 1000))
def test_linear_of_whole_numbers_is_simpleitks_float_result_rounded_half_up(grids, dtype, seed):
    source, target = grids
    data = volume(source.shape, dtype, seed)
    ours = kernels.resample(data, source, target, fill=3)
    exact = itk_resample(data.astype(np.float64), source, target, sitk.sitkLinear)
    clear = clear_of_borders(source, target, ties=False) & (exact != FILL)
    off = np.abs(ours - exact)[clear]
    assert off.max(initial=0) <= 0.5 + 1e-6 * np.iinfo(dtype).max


@settings(max_examples=150)
@given(grid_pairs(), st.sampled_from(["float32", "int16", "uint16", "uint8"]), st.integers(0, 1000))
def test_nearest_is_exactly_simpleitks(grids, dtype, seed):
    source, target = grids
    data = volume(source.shape, dtype, seed)
    fill = FILL if dtype in ("float32", "int16") else 0
    ours = kernels.resample(data, source, target, method="nearest", fill=fill)
    theirs = itk_resample(data, source, target, sitk.sitkNearestNeighbor)
    clear = clear_of_borders(source, target, ties=True) & (ours != fill)
    np.testing.assert_array_equal(ours[clear], theirs[clear])


def test_whole_grids_with_dyadic_steps_agree_with_simpleitk_ties_and_borders_included():
    rng = np.random.default_rng(4)
    data = rng.integers(-500, 500, (6, 7, 8)).astype(np.int16)
    source = Grid(data.shape, (1.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    target = Grid((14, 26, 16), (0.5, 0.5, 0.5), (-0.5, -1.0, -0.75))
    ours = kernels.resample(data, source, target, method="nearest", fill=FILL)
    np.testing.assert_array_equal(ours, itk_resample(data, source, target, sitk.sitkNearestNeighbor))
    linear = kernels.resample(data.astype(np.float32), source, target, fill=FILL)
    wanted = itk_resample(data.astype(np.float32), source, target, sitk.sitkLinear)
    np.testing.assert_allclose(linear, wanted, atol=1e-3)


@settings(max_examples=60)
@given(grid_pairs(), st.integers(0, 1000))
def test_warp_by_a_matrix_agrees_with_simpleitks_affine_transform(grids, seed):
    source, target = grids
    rng = np.random.default_rng(seed)
    data = volume(source.shape, "float32", seed)
    matrix = np.column_stack([np.eye(3) + rng.normal(scale=0.2, size=(3, 3)), rng.normal(size=3)])
    ours = kernels.warp(data, source, target, matrix=matrix, fill=FILL)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:, :3].ravel().tolist())
    transform.SetTranslation(matrix[:, 3].tolist())
    theirs = itk_resample(data, source, target, sitk.sitkLinear, transform)
    same_view = (ours != FILL) == (theirs != FILL)
    assert same_view.mean() > 0.99
    assert np.abs(ours - theirs)[same_view].max(initial=0) <= 1e-3 * max(float(np.ptp(data)), 1.0)


@settings(max_examples=60)
@given(grid_pairs(), st.integers(0, 1000))
def test_warp_by_a_field_agrees_with_simpleitks_displacement_field(grids, seed):
    source, target = grids
    rng = np.random.default_rng(seed)
    data = volume(source.shape, "float32", seed)
    field = rng.normal(scale=0.8, size=(3, *target.shape)).astype(np.float32)
    ours = kernels.warp(data, source, target, displacement=field, fill=FILL)
    vectors = sitk.GetImageFromArray(np.moveaxis(field, 0, -1).astype(np.float64), isVector=True)
    vectors.CopyInformation(itk_image(np.zeros(target.shape, np.uint8), target))
    theirs = itk_resample(data, source, target, sitk.sitkLinear, sitk.DisplacementFieldTransform(vectors))
    same_view = (ours != FILL) & (theirs != FILL)
    assert np.abs(ours - theirs)[same_view].max(initial=0) <= 1e-3 * max(float(np.ptp(data)), 1.0)
    assert ((ours == FILL) == (theirs == FILL)).mean() > 0.99
