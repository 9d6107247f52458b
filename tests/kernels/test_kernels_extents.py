"""Oriented boxes and Feret diameters: of shapes whose sizes are known, and as SimpleITK sees them."""

from __future__ import annotations

import numpy as np
import pytest
from kernels_draw import turn

from spinefx import kernels
from spinefx.api import Grid


def shape(kind, direction, half=(16.0, 9.0, 5.0), spacing=(1.2, 0.8, 0.8)):
    """An ellipsoid or a box of these half axes, turned, on a turned grid; its axes and its middle."""
    count = tuple(int(44 / s) for s in spacing)
    grid = Grid(count, spacing, (5.0, -3.0, 40.0), direction)
    middle = grid.to_world(np.array(count) / 2 - (0.6, 0.1, 0.3))
    axes = turn("oblique", 8)
    place = np.abs((grid.to_world(np.stack(np.indices(count), -1)) - middle) @ axes.T) / half
    inside = (place**2).sum(-1) < 1 if kind == "ellipsoid" else place.max(-1) < 1
    return inside.astype(np.uint8) * 9, grid, axes, middle


@pytest.mark.parametrize("kind", ["straight", "permuted", "oblique"])
def test_an_ellipsoid_has_its_axes_its_box_and_its_diameters(kind):
    labels, grid, axes, middle = shape("ellipsoid", turn(kind, 2))
    found = kernels.extents(labels, grid)
    assert found.value.tolist() == [9]
    np.testing.assert_allclose(np.abs(np.sum(found.axes[0] * axes, axis=1)), 1, atol=1e-3)
    assert np.linalg.det(found.axes[0]) == pytest.approx(1)
    np.testing.assert_allclose(found.size_mm[0], (32, 18, 10), atol=0.6)
    np.testing.assert_allclose(found.centre_mm[0], middle, atol=0.3)
    assert found.feret_mm[0] == pytest.approx(32, abs=0.5)
    assert abs(found.feret_axis[0] @ axes[0]) > 0.99
    assert found.feret_least_mm[0] == pytest.approx(10, abs=0.5)


def test_a_turned_boxs_diameter_is_its_diagonal_and_its_least_its_thickness():
    labels, grid, _, _ = shape("box", turn("oblique", 5), half=(14.0, 8.0, 5.0))
    found = kernels.extents(labels, grid)
    np.testing.assert_allclose(found.size_mm[0], (28, 16, 10), atol=1.0)
    assert found.feret_mm[0] == pytest.approx(2 * np.linalg.norm((14, 8, 5)), abs=1.2)
    assert found.feret_least_mm[0] == pytest.approx(10, abs=0.6)


def test_sizes_are_simpleitks_to_a_voxel():
    sitk = pytest.importorskip("SimpleITK")
    labels, grid, _, _ = shape("ellipsoid", np.eye(3))
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(grid.spacing[::-1])
    theirs = sitk.LabelShapeStatisticsImageFilter()
    theirs.ComputeFeretDiameterOn()
    theirs.ComputeOrientedBoundingBoxOn()
    theirs.Execute(image)
    found = kernels.extents(labels, grid)
    assert found.feret_mm[0] == pytest.approx(theirs.GetFeretDiameter(9), abs=1.2)
    np.testing.assert_allclose(sorted(found.size_mm[0]), sorted(theirs.GetOrientedBoundingBoxSize(9)), atol=1.9)


def test_a_motion_changes_no_extent_and_a_single_voxel_has_one():
    labels, grid, _, _ = shape("ellipsoid", np.eye(3))
    moved = Grid(grid.shape, grid.spacing, (0.0, 0.0, 0.0), turn("oblique", 3))
    here, there = kernels.extents(labels, grid), kernels.extents(labels, moved)
    for name in ("size_mm", "feret_mm", "feret_least_mm"):
        np.testing.assert_allclose(getattr(here, name), getattr(there, name), rtol=1e-6)
    one = np.zeros((4, 4, 4), np.uint16)
    one[1, 2, 3] = 3
    found = kernels.extents(one, Grid(one.shape))
    np.testing.assert_allclose(found.size_mm[0], 1.0)
    assert found.feret_mm[0] == pytest.approx(1.0)
    assert found.feret_least_mm[0] == pytest.approx(3**-0.5)
    with pytest.raises(KeyError, match="label 8 is absent"):
        kernels.extents(one, Grid(one.shape), values=[8])
    assert len(kernels.extents(one * 0, Grid(one.shape))) == 0
