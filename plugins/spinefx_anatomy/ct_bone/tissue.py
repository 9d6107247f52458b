"""What is bone in a CT, without the table, and where bone closes around the canal. Arrays are (up, back, left), Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_MM = 2.0
"""Voxel size that all of this works on."""

_SKIN_HU = -300.0
_BONE_HU = (130.0, 250.0)
"""Bone begins above the first where it hangs together with what is above the second."""

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Section:
    """A place of the canal, seen in one axial slice: bone around it, something as dense as a vertebral body before it.

    up, back, left : mm from the volume's first voxel.
    """

    up: float
    back: float
    left: float
    area_mm2: float


def patient(image: Image) -> Mask:
    """The patient: what hangs together above the density of skin, opened so that table and clothes come off, holes filled."""
    from scipy import ndimage
    from skimage.morphology import ball

    from spinefx import kernels
    from spinefx.api import Grid

    solid = ndimage.binary_opening(image > _SKIN_HU, ball(3))  # type: ignore[no-untyped-call]
    largest = kernels.keep_largest(np.ascontiguousarray(solid), Grid(image.shape, (STEP_MM,) * 3), connectivity=6)
    return np.stack([ndimage.binary_fill_holes(plane) for plane in largest])


def bone(image: Image, inside: Mask) -> Mask:
    """Bone within the patient, by two thresholds."""
    from skimage.filters import apply_hysteresis_threshold

    found: Any = apply_hysteresis_threshold(np.where(inside, image, -1000), *_BONE_HU)  # type: ignore[no-untyped-call]
    return np.asarray(found, bool)


def sections(image: Image, inside: Mask, bones: Mask) -> list[Section]:
    """Where bone encloses something soft, near the middle of the patient, with a body before it."""
    from scipy import ndimage
    from skimage.morphology import disk

    out = []
    pad, ring = 4, disk(3)  # type: ignore[no-untyped-call]
    for level in range(len(image)):
        if not inside[level].any():
            continue
        middle = float(np.nonzero(inside[level])[1].mean())
        closed = ndimage.binary_closing(np.pad(bones[level], pad), ring)[pad:-pad, pad:-pad]
        holes = ndimage.binary_fill_holes(closed) & ~bones[level]
        parts, _ = ndimage.label(holes)
        for number, box in enumerate(ndimage.find_objects(parts), start=1):
            own = parts[box] == number
            area = float(own.sum()) * STEP_MM**2
            if not 60 <= area <= 950:
                continue
            y, x = (float(c) + s.start for c, s in zip(ndimage.center_of_mass(own), box, strict=True))
            if abs(x - middle) * STEP_MM > 35 or not -30 < float(image[level][box][own].mean()) < 85:
                continue
            near = image[level, max(0, round(y) - 15) : max(1, round(y) - 6), max(0, round(x) - 4) : round(x) + 5]
            behind = bones[level, round(y) + 1 : round(y) + 13, max(0, round(x) - 4) : round(x) + 5]
            if near.size and float(near.mean()) > 70 and behind.any():
                out.append(Section(level * STEP_MM, y * STEP_MM, x * STEP_MM, area))
    return out
