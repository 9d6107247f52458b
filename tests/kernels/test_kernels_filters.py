"""Cubic, sinc and antialias agree with SimpleITK and Pillow."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from kernels_draw import grid_pairs, volume
from test_kernels_itk import FILL, clear_of_borders, itk_resample, sitk

from spinefx import kernels
from spinefx.api import Grid


def clear_of_itks_second_mirror(source: Grid, target: Grid):
    """Where ITK's spline does not read beyond an axis of two voxels: it mirrors an index once at each end only."""
    index = source.to_index(target.to_world(np.stack(np.indices(target.shape), -1)))
    clear = np.ones(target.shape, bool)
    for axis, n in enumerate(source.shape):
        if n == 2:
            clear &= index[..., axis] < 1
    return clear


@settings(max_examples=150)
@given(grid_pairs(), st.integers(0, 1000))
def test_cubic_agrees_with_simpleitk_to_a_thousandth_of_the_range(grids, seed):
    source, target = grids
    data = volume(source.shape, "float32", seed)
    ours = kernels.resample(data, source, target, method="cubic", fill=FILL)
    theirs = itk_resample(data, source, target, sitk.sitkBSpline)
    clear = clear_of_borders(source, target, ties=False) & clear_of_itks_second_mirror(source, target)
    assert np.abs(ours - theirs)[clear].max(initial=0) <= 1e-5 * max(float(np.ptp(data)), 1.0)


@settings(max_examples=100)
@given(grid_pairs(), st.integers(0, 1000))
def test_sinc_agrees_with_simpleitk_but_for_weights_that_sum_to_one(grids, seed):
    """ITK leaves the sum of its weights at 1 +- 1e-3 an axis; divided by its own result on a constant image, it is ours."""
    source, target = grids
    data = volume(source.shape, "float32", seed)
    ours = kernels.resample(data, source, target, method="sinc", fill=FILL)
    theirs = itk_resample(data, source, target, sitk.sitkLanczosWindowedSinc)
    ones = itk_resample(np.ones_like(data), source, target, sitk.sitkLanczosWindowedSinc)
    clear = clear_of_borders(source, target, ties=False) & (ones != FILL)
    span = max(float(np.ptp(data)), 1.0)
    assert np.abs(ours - theirs)[clear].max(initial=0) <= 3e-3 * span
    assert np.abs(ours - theirs / ones)[clear].max(initial=0) <= 1e-5 * span


@settings(max_examples=40)
@given(grid_pairs(), st.integers(0, 1000))
def test_cubic_warp_by_a_matrix_and_a_field_agrees_with_simpleitks_composite(grids, seed):
    source, target = grids
    rng = np.random.default_rng(seed)
    data = volume(source.shape, "float32", seed)
    matrix = np.column_stack([np.eye(3) + rng.normal(scale=0.1, size=(3, 3)), rng.normal(size=3)])
    field = rng.normal(scale=0.5, size=(3, *target.shape)).astype(np.float32)
    ours = kernels.warp(data, source, target, matrix=matrix, displacement=field, method="cubic", fill=FILL)
    # ITK has no map of this form: every voxel of the target is asked for as a grid of one voxel.
    place = target.to_world(np.stack(np.indices(target.shape), -1)) @ matrix[:, :3].T + matrix[:, 3]
    place = place + np.moveaxis(field, 0, -1).astype(np.float64)
    for spot in rng.integers(0, target.shape, (12, 3)):
        one = Grid((1, 1, 1), (1.0, 1.0, 1.0), tuple(place[tuple(spot)].tolist()))
        if clear_of_borders(source, one, ties=False).all() and clear_of_itks_second_mirror(source, one).all():
            theirs = itk_resample(data, source, one, sitk.sitkBSpline)
            assert abs(float(ours[tuple(spot)]) - float(theirs[0, 0, 0])) <= 1e-5 * max(float(np.ptp(data)), 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
def test_antialias_is_pillows(height, width, high, wide, seed):
    image = pytest.importorskip("PIL.Image")
    data = volume((1, height, width), "float32", seed)
    source = Grid(data.shape)
    spacing = (1.0, height / high, width / wide)
    target = Grid((1, high, wide), spacing, ((spacing[2] - 1) / 2, (spacing[1] - 1) / 2, 0.0))
    linear = kernels.resample(data, source, target, antialias=True)[0]
    span = float(np.ptp(data)) + 1
    pillow = np.asarray(image.fromarray(data[0]).resize((wide, high), image.Resampling.BILINEAR))
    assert np.abs(linear - pillow).max() <= 1e-5 * span
