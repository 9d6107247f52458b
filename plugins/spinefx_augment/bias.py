"""Smooth shading of image channels, as of a receiver coil."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Change, Sample
from spinefx_augment.options import BiasFieldOptions
from spinefx_augment.smooth import products

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shade:
    """One field over a sample, as a function of its image; `channels` are the ones that it shades."""

    channels: tuple[int, ...]
    field: Image

    def __call__(self, image: Image) -> Image:
        """A shaded copy of the image (c, z, y, x): values above a channel's least are multiplied."""
        out = np.array(image, np.float32)
        for channel in self.channels:
            least = out[channel].min()
            out[channel] = least + (out[channel] - least) * self.field
        return out


class BiasField:
    """Augmenter `bias-field`: the exponential of a random polynomial in the sample's coordinates.

    Notes
    -----
    Van Leemput et al., IEEE Trans Med Imaging 18:885 (1999): polynomial bias fields.
    """

    def __init__(self, options: BiasFieldOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """One field for all channels, its logarithm's standard deviation drawn evenly up to the options' strength."""
        o = self.options
        chance, strength = rng.random(), o.strength * rng.random()
        powers = [p for p in product(range(o.order + 1), repeat=3) if 0 < sum(p) <= o.order]
        weights = rng.standard_normal(len(powers))
        channels = tuple(c for c in range(len(sample.image)) if c not in sample.drawn())
        if chance >= o.probability or strength == 0.0 or not channels:
            return Change()
        z, y, x = (np.linspace(-1.0, 1.0, n)[:, None] ** np.arange(o.order + 1) for n in sample.grid.shape)
        cube = np.zeros((o.order + 1,) * 3)
        for power, weight in zip(powers, weights, strict=True):
            cube[power] = weight
        field = products(cube, z, y, x)
        field -= np.float32(field.mean(dtype=np.float64))
        field *= np.float32(strength / max(float(field.std(dtype=np.float64)), 1e-9))
        return Change(intensity=Shade(channels, np.exp(field, out=field)))
