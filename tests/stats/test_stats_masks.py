"""Mask overlap and surface distance against shapes of known distance, and PCA against a singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from spinefx_stats import components
from spinefx_stats.components import Masks, fit_components
from spinefx_stats.pictures import panel
from spinefx_stats.shapes import likeness
from stats_simulated import GRID, ellipsoid, rows_of

from spinefx.api import Grid, Row, Sample, SampleList

THICK = Grid((6, 20, 40), (4.0, 1.0, 0.5))


def test_a_block_moved_by_known_millimetres_gives_known_overlap_and_distance() -> None:
    first = np.zeros((6, 20, 40), bool)
    first[2:4, 5:15, 10:30] = True
    second = np.roll(first, 4, axis=2)
    found = likeness(first, second, THICK)
    assert found.iou == pytest.approx(16 / 24)
    assert found.dice == pytest.approx(2 * 16 / 40)
    assert likeness(first, first, THICK).assd_mm == 0
    sheet = np.zeros((6, 20, 40), bool)
    sheet[1] = True
    apart = likeness(sheet, np.roll(sheet, 2, axis=0), THICK)
    assert (apart.iou, apart.hd95_mm) == (0, pytest.approx(8.0))
    assert apart.assd_mm == pytest.approx(6.0), (
        "the sides that face each other are a slice nearer than those that do not"
    )


def test_spheres_about_one_middle_are_apart_by_the_difference_of_their_radii() -> None:
    grid = Grid((24, 30, 36), (1.2, 1.0, 0.8))
    first, second = (ellipsoid(np.full(3, r), grid) > 0.5 for r in (8.0, 10.5))
    found = likeness(first, second, grid)
    assert 2.0 < found.assd_mm < 2.6, "the nearest of many rough elements is a little too near"
    assert 2.3 < found.hd95_mm < 3.1


def test_surface_distances_are_near_those_between_all_rim_voxels() -> None:
    first, second = (ellipsoid(np.array(r)) > 0.5 for r in ([3.2, 9.0, 10.0], [4.1, 8.0, 11.0]))

    def rim(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        inner = np.all([np.roll(padded, s, a) for a in range(3) for s in (-1, 1)], axis=0)
        return np.argwhere(padded & ~inner) * np.array(GRID.spacing)

    distances = cdist(rim(first), rim(second))
    every = np.concatenate([distances.min(axis=1), distances.min(axis=0)])
    found = likeness(first, second, GRID)
    assert found.assd_mm == pytest.approx(every.mean(), abs=0.2)
    assert found.hd95_mm == pytest.approx(np.percentile(every, 95), abs=0.5)


def test_two_empty_masks_are_alike() -> None:
    nothing = np.zeros(GRID.shape, bool)
    alike = likeness(nothing, nothing, GRID)
    assert (alike.iou, alike.dice) == (1.0, 1.0)
    assert np.isnan(alike.assd_mm)
    assert np.isnan(alike.hd95_mm)


def test_an_empty_mask_overlaps_nothing_and_has_no_surface() -> None:
    full, empty = np.ones((3, 3, 3), bool), np.zeros((3, 3, 3), bool)
    small = Grid((3, 3, 3), (1.0, 1.0, 1.0))
    found = likeness(full, empty, small)
    assert found.iou == 0
    assert np.isnan(found.assd_mm)


@pytest.fixture(scope="module")
def samples() -> SampleList:
    rng, rows = np.random.default_rng(4), rows_of(12)
    masks = [ellipsoid(np.array([3, 9, 10]) + rng.normal(size=3)) for _ in rows]
    return SampleList(tuple(Sample(row, mask[None], mask, GRID) for row, mask in zip(rows, masks, strict=True)))


@pytest.mark.parametrize("held", [True, False])
def test_components_are_those_of_a_singular_value_decomposition(
    samples: SampleList, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not held:
        monkeypatch.setattr(components, "HELD_BYTES", 0)
    train = {str(p) for p in range(8)}
    masks = Masks(samples)
    found = fit_components(masks, train, 3, seed=1)
    assert found is not None
    data = np.stack([s.mask.ravel() for s in samples]).astype(np.float64)
    inside = np.array([s.patient in train for s in samples])
    center = data[inside].mean(axis=0)
    _, size, axes = np.linalg.svd(data[inside] - center, full_matrices=False)
    np.testing.assert_allclose(found.variances, size[:3] ** 2 / inside.sum(), rtol=2e-3)
    np.testing.assert_allclose(np.abs((found.axes @ axes[:3].T).diagonal()), 1, atol=2e-3)
    expected = center + (data - center) @ axes[:3].T @ axes[:3]
    assert np.abs(found.rebuilt(found.scores(masks)) - expected).mean() < 2e-3


def test_more_components_than_samples_are_refused(samples: SampleList) -> None:
    assert fit_components(Masks(samples), {"0"}, 4, seed=1) is None


def test_pictures_have_the_head_up_and_the_back_at_the_right_in_any_orientation() -> None:
    mask = np.zeros((8, 10, 6), np.float32)  # (z, y, x) of an identity direction: head, back, left
    mask[6, 2:9, 1:5] = 1  # a bar near the head
    mask[1:7, 8, 1:5] = 1  # a bar near the back
    straight = panel("a", mask, mask, Grid(mask.shape)).pixels
    height, width = straight.shape[0], (straight.shape[1]) // 3
    assert straight[: height // 3, :width].mean() > straight[-height // 3 :, :width].mean() * 1.5
    assert straight[:, width // 2 : width].mean() > straight[:, : width // 2].mean() * 1.5
    # the same structure stored slice-first, feet first and front last
    turned = np.ascontiguousarray(mask.transpose(2, 0, 1)[:, ::-1, ::-1])
    axes = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])  # array axes: left, foot, front
    grid = Grid(turned.shape, direction=axes[::-1].T)
    np.testing.assert_array_equal(panel("b", turned, turned, grid).pixels, straight)


def test_samples_of_different_shapes_are_refused() -> None:
    from spinefx.api import DataError

    small = np.zeros((2, 2, 2), np.float32)
    odd = Sample(Row("1", "1", "disc", "L1-L2"), small[None], small, Grid((2, 2, 2)))
    mask = ellipsoid(np.array([3.0, 9, 10]))
    first = Sample(Row("0", "0", "disc", "L1-L2"), mask[None], mask, GRID)
    with pytest.raises(DataError, match="different shapes"):
        fit_components(Masks(SampleList((first, odd, odd, odd))), {"0", "1"}, 1, seed=1)
