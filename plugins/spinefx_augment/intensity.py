"""Contrast, brightness, gamma and noise of image channels; a channel that holds the mask is left alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Change, Sample
from spinefx_augment.options import IntensityOptions

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Retouch:
    """Numbers drawn for one sample, as a function of its image; `channels` are the ones that it changes."""

    channels: tuple[int, ...]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    gamma: NDArray[np.float64]
    noise: NDArray[np.float64]
    grain: Image

    def __call__(self, image: Image) -> Image:
        """A changed copy of the image (c, z, y, x)."""
        out = np.array(image, np.float32)
        for i, channel in enumerate(self.channels):
            values = out[channel]
            low, high, spread = values.min(), values.max(), float(values.std(dtype=np.float64))
            if low == high:
                continue
            bent = (high - low) * ((values - low) / (high - low)) ** np.float32(self.gamma[i])
            gain, mean = np.float32(self.gain[i]), bent.mean(dtype=np.float64)
            level = low + mean * (1.0 - self.gain[i]) + spread * self.offset[i]
            out[channel] = bent * gain + np.float32(level) + np.float32(spread * self.noise[i]) * self.grain[i]
        return out


class Intensity:
    """Augmenter `intensity`."""

    def __init__(self, options: IntensityOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """One set of numbers per channel; the identity where every strength is 0."""
        o = self.options
        channels = tuple(c for c in range(len(sample.image)) if c not in sample.drawn())
        if rng.random() >= o.probability or not channels or not (o.gain or o.offset or o.gamma or o.noise):
            return Change()
        unit = rng.uniform(-1.0, 1.0, (4, len(channels)))
        grain = rng.standard_normal((len(channels), *sample.mask.shape), dtype=np.float32)
        change = Retouch(
            channels,
            gain=(1.0 + o.gain) ** unit[0],
            offset=o.offset * unit[1],
            gamma=(1.0 + o.gamma) ** unit[2],
            noise=o.noise * np.abs(unit[3]),
            grain=grain,
        )
        return Change(intensity=change)
