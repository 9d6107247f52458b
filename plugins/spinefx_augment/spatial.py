"""Mirroring and affine changes about the sample's centre, in world axes (x left, y back, z head)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Change, Sample
from spinefx_augment.options import AffineOptions, FlipOptions


class Flip:
    """Augmenter `flip`: a reflection in the world's sagittal plane through the sample's centre."""

    def __init__(self, options: FlipOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """The reflection with the options' probability, else the identity. One number is always drawn."""
        if rng.random() >= self.options.probability:
            return Change()
        return Change(matrix=np.diag([-1.0, 1.0, 1.0, 1.0]))


class Affine:
    """Augmenter `affine`: rotation, translation, scale and stretch, all about the sample's centre."""

    def __init__(self, options: AffineOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """Stretch and scale along the world's axes first, then the rotation, then the translation.

        Always draws the same count of numbers, so that one option's strength does not change another's draw.
        """
        o = self.options
        chance, unit = rng.random(), rng.uniform(-1.0, 1.0, 10)
        matrix = np.eye(4)
        if chance < o.probability:
            sizes = (1.0 + o.scale) ** unit[0] * (1.0 + o.stretch) ** unit[1:4]
            matrix[:3, :3] = rotation(unit[4:7] * math.radians(o.rotation_deg)) * sizes
            matrix[:3, 3] = unit[7:10] * o.translation_mm
        return Change() if np.array_equal(matrix, np.eye(4)) else Change(matrix=matrix)


def rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) rotation by `angles` (x, y, z) in radians: about x first, then y, then z."""
    out: NDArray[np.float64] = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[b, a], turn[a, b] = math.sin(angle), -math.sin(angle)
        out = turn @ out
    return out
