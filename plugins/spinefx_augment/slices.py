"""Thick slices: every channel that the encoder sees is averaged over slabs and interpolated back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Change, Sample
from spinefx_augment.options import LowResolutionOptions

Image = NDArray[np.float32]
_AXES = {"head": 0, "back": 1, "left": 2}


@dataclass(frozen=True, eq=False)
class Thick:
    """Slabs along one axis of a sample, as a function of its image. weights : (n, n), each row sums to 1."""

    axis: int
    weights: Image

    def __call__(self, image: Image) -> Image:
        """The image (c, z, y, x) as it looks in these slices."""
        moved = np.moveaxis(image, self.axis + 1, -1) @ self.weights.T
        return np.ascontiguousarray(np.moveaxis(moved, -1, self.axis + 1), np.float32)


class LowResolution:
    """Augmenter `low-resolution`."""

    def __init__(self, options: LowResolutionOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """Slices of a thickness between the sample's own spacing and the options', laid at random. Four numbers are drawn."""
        o = self.options
        chance, share, phase, turn = rng.random(4)
        axis = _AXES.get(o.axis, int(turn * 3))
        spacing = sample.grid.spacing[axis]
        thickness = spacing + (o.thickness_mm - spacing) * share
        if chance >= o.probability or thickness <= spacing:
            return Change()
        return Change(intensity=Thick(axis, slab_weights(sample.grid.shape[axis], thickness / spacing, phase)))


def slab_weights(n: int, thickness: float, phase: float) -> Image:
    """(n, n) weights that average n positions over slabs of `thickness` positions and interpolate linearly between them.

    phase : 0..1, where the first slab begins, as a share of the thickness.
    """
    first = -phase * thickness
    slabs = int(np.ceil((n - first) / thickness))
    edges = first + np.arange(slabs + 1) * thickness
    low, high = np.maximum(edges[:-1, None], np.arange(n)), np.minimum(edges[1:, None], np.arange(1, n + 1))
    down = np.maximum(high - low, 0.0)
    kept = down.sum(axis=1) > 1e-9
    down, centres = down[kept] / down[kept].sum(axis=1, keepdims=True), ((edges[:-1] + edges[1:]) / 2)[kept]
    up = np.stack([np.interp(np.arange(n) + 0.5, centres, row) for row in np.eye(len(centres))], axis=1)
    whole: Image = (up @ down).astype(np.float32)
    return whole
