"""A shape that is drawn again in other voxels loses what their size takes, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from spinefx import kernels
from spinefx.api import Grid


def _disc(grid: Grid, shift: float = 0.0) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(grid.to_world(index), -1, 0)
    level = np.sqrt(((x - shift) / 24.0) ** 2 + (y / 17.0) ** 2 + (z / 5.0) ** 2)
    return np.clip((1.0 - level) * 5.0 + 0.5, 0.0, 1.0).astype(np.float32)


GRID = Grid((20, 44, 60), (1.0, 1.0, 1.0), (-29.5, -21.5, -9.5))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a > 0.5, b > 0.5
    return float((a & b).sum() / (a | b).sum())


def test_drawn_in_its_own_voxels_a_mask_comes_back() -> None:
    mask = _disc(GRID)
    assert _iou(kernels.redigitised(mask, GRID, GRID.spacing, shift=(0.0, 0.0, 0.0)), mask) > 0.999


def test_thicker_slices_take_more_and_the_volume_stays() -> None:
    mask = _disc(GRID)
    found = [kernels.redigitised(mask, GRID, (1.0, 1.0, thick), shift=(0.3, 0.3, 0.3)) for thick in (1.0, 4.4, 9.0)]
    kept = [_iou(back, mask) for back in found]
    assert kept[0] > kept[1] > kept[2]
    assert 0.80 < kept[1] < 0.98
    assert float(found[1].sum()) == pytest.approx(float(mask.sum()), rel=0.03)


def test_a_voxel_counts_where_more_than_half_of_it_is_filled() -> None:
    grid = Grid((4, 4, 40))
    mask = np.zeros(grid.shape, np.float32)
    mask[:, :, 10:18] = 1.0
    back = kernels.redigitised(mask, grid, (1.0, 1.0, 10.0), shift=(0.0, 0.0, 0.45))
    assert _iou(back, mask) > 0.6
    none = kernels.redigitised(mask, grid, (1.0, 1.0, 20.0), shift=(0.0, 0.0, 0.5))
    assert none.max() == 0.0, "8 of 20 is less than half"
    with pytest.raises(ValueError, match="must be positive"):
        kernels.redigitised(mask, grid, (1.0, 0.0, 1.0))
