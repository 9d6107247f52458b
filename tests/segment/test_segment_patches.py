"""Training patches: thick slices are moved and mirrored whole; voxels that are even are turned every way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from spinefx_segment import UnetOptions
from spinefx_segment.patches import Shelf
from spinefx_segment.views import View

SHAPE = (6, 20, 20)
OPTIONS = UnetOptions(turn_deg=30, resize=0.2, noise=0.0)


def shelf(spacing: tuple[float, float, float], axis: int) -> Shelf:
    """One scan whose slices along `axis` are -1 and 1 in turn."""
    image = np.ones((30, 30, 30), np.float32)
    np.moveaxis(image, axis, 0)[::2] = -1
    labels = np.zeros(image.shape, np.uint16)
    labels[12:18, 12:18, 12:18] = 1
    spots = {1: np.argwhere(labels)}
    return Shelf(Path("unused"), View(spacing), ("disc",), [image], [labels], [spots])


def steps(spacing: tuple[float, float, float], axis: int) -> np.ndarray:
    """How much neighbouring slices differ in the middle of patches, where shading is nothing."""
    there, found = shelf(spacing, axis), []
    for seed in range(30):
        image, _ = there.patch(np.random.default_rng(seed), SHAPE, OPTIONS)
        a, b, c = (n // 2 for n in SHAPE)
        middle = np.moveaxis(image, axis, 0)[[SHAPE[axis] // 2 - 1, SHAPE[axis] // 2]]
        rest = [(a, b, c)[other] for other in range(3) if other != axis]
        found.append(abs(float(middle[1, rest[0], rest[1]] - middle[0, rest[0], rest[1]])))
    return np.array(found)


@pytest.mark.parametrize(("spacing", "axis"), [((4.0, 1.0, 1.0), 0), ((1.0, 5.0, 1.0), 1), ((0.9, 0.9, 3.0), 2)])
def test_thick_slices_of_a_patch_are_slices_of_the_scan(spacing: tuple[float, float, float], axis: int) -> None:
    # -1 and 1, times a gain of .78 at least; a slice from between two would bring them together
    assert steps(spacing, axis).min() > 1.4


def test_even_voxels_are_turned_every_way() -> None:
    assert np.median(steps((1.0, 1.0, 1.0), 0)) < 1.4


def test_within_thick_slices_patches_are_turned_and_mirrored() -> None:
    there, image = shelf((4.0, 1.0, 1.0), 0), np.zeros((30, 30, 30), np.float32)
    image[:, 15, :] = 1.0
    there.images[0] = image
    seen = [there.patch(np.random.default_rng(seed), SHAPE, OPTIONS)[0][3] for seed in range(10)]
    assert sum(float(np.ptp(one.argmax(axis=0)[5:15])) > 1 for one in seen) >= 5
