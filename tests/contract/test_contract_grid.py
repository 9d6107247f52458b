"""Grids agree with SimpleITK, and only with what they are."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from spinefx.api import Grid, GridError

numbers = st.floats(-200, 200, allow_nan=False)


def _rotation(angles: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    return matrix


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(1, 9)] * 3),
    st.tuples(*[st.floats(0.05, 9.0)] * 3),
    st.tuples(numbers, numbers, numbers),
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    st.booleans(),
    st.tuples(*[st.floats(-5, 15)] * 3),
)
def test_a_grid_places_indices_where_simpleitk_does(shape, spacing, origin, angles, flip, index) -> None:  # type: ignore[no-untyped-def]
    direction = _rotation(angles) @ np.diag([1.0, 1.0, -1.0 if flip else 1.0])
    grid = Grid(shape, spacing, origin, direction)
    image = sitk.Image(shape[::-1], sitk.sitkUInt8)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin(origin)
    image.SetDirection(direction.ravel())
    expected = image.TransformContinuousIndexToPhysicalPoint(index[::-1])
    assert np.allclose(grid.to_world(index), expected, atol=1e-8)
    assert np.allclose(grid.to_index(expected), index, atol=1e-8)


def test_grids_are_equal_to_a_ten_thousandth_of_a_millimetre() -> None:
    grid = Grid((4, 5, 6), (4.0, 0.5, 0.5), (1.0, 2.0, 3.0))
    assert grid == Grid((4, 5, 6), (4.0, 0.5, 0.5), (1.00009, 2.0, 3.0))
    assert grid != Grid((4, 5, 6), (4.0, 0.5, 0.5), (1.00011, 2.0, 3.0))
    assert grid != Grid((4, 5, 6), (4.0001, 0.5, 0.5), (1.0, 2.0, 3.0)), "three steps of 0.0001 mm add up"
    assert grid != Grid((4, 5, 7), (4.0, 0.5, 0.5), (1.0, 2.0, 3.0))
    assert Grid.from_json(grid.to_json()) == grid


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (0, 5, 6)}, "three sizes >= 1"),
        ({"spacing": (4.0, 0.0, 0.5)}, "finite mm > 0"),
        ({"spacing": (4.0, float("nan"), 0.5)}, "finite mm > 0"),
        ({"origin": (0.0, float("inf"), 0.0)}, "origin"),
        ({"direction": np.diag([1.0, 1.0, 2.0])}, "not orthonormal"),
        ({"direction": np.eye(2)}, "3x3"),
    ],
)
def test_geometry_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    sane: dict[str, object] = {"shape": (4, 5, 6), "spacing": (4.0, 0.5, 0.5), "origin": (0.0, 0.0, 0.0)}
    with pytest.raises(GridError, match=message):
        Grid(**(sane | change))  # type: ignore[arg-type]


def test_a_crop_keeps_every_voxel_where_it_was() -> None:
    grid = Grid((8, 9, 10), (4.0, 0.5, 0.7), (1.0, 2.0, 3.0), _rotation((0.1, 0.2, 0.3)))
    part = grid.crop((2, -3, 4), (3, 4, 5))
    assert np.allclose(part.to_world((1, 1, 1)), grid.to_world((3, -2, 5)))
