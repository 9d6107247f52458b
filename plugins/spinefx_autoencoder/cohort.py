"""What an encoder must know of its training samples before it starts: grid, channels, mean and spread.

Knows samples and NumPy; no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Sample, SampleSet

Array = NDArray[np.float32]

FAR_CM = 2.0
"""Distances are cut off here: farther off, they tell of the box and not of the structure."""


@dataclass(frozen=True)
class Channels:
    """The image channels: their number, which hold intensities, and those intensities' mean and spread.

    A channel so named, or that equals the mask in every training sample, is the mask; one named `distance` is the signed
    distance; all others are intensities.

    distance : the number of the channel with the signed distance in mm, -1 where there is none.
    names : of the channels; empty where samples do not name theirs.
    """

    count: int
    intensities: tuple[int, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    distance: int = -1
    names: tuple[str, ...] = ()

    def standard(self, image: Array, *, out: Array | None = None) -> Array:
        """A copy of `image` (c, z, y, x): intensities in standard deviations from the training mean, distances in cm."""
        out = np.empty(image.shape, np.float32) if out is None else out
        out[...] = image
        if self.distance >= 0:
            np.clip(out[self.distance] * np.float32(0.1), -FAR_CM, FAR_CM, out=out[self.distance])
        for channel, mean, spread in zip(self.intensities, self.mean, self.spread, strict=True):
            out[channel] = (out[channel] - np.float32(mean)) / np.float32(spread)
        return out


@dataclass(frozen=True)
class Kind:
    """Which samples fit: grid and channels. `mean` (1 + intensities, z, y, x) is the training samples' average."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    channels: Channels

    def checked(self, sample: Sample) -> Sample:
        """The sample; DataError if it is of another kind or holds numbers that are not finite."""
        grid = sample.grid
        if grid.shape != self.shape or max(abs(a - b) for a, b in zip(grid.spacing, self.spacing, strict=True)) > 1e-4:
            raise DataError(
                f"sample {sample.id} has {grid.shape} voxels of {grid.spacing} mm; this encoder was made for {self.shape} "
                f"of {self.spacing}; use the [sample] shape and spacing of its run"
            )
        if len(sample.image) != self.channels.count:
            raise DataError(
                f"sample {sample.id} has {len(sample.image)} channels, this encoder was made for {self.channels.count}; "
                "use the [sample] channels of its run"
            )
        if self.channels.names and sample.channels and sample.channels != self.channels.names:
            raise DataError(
                f"sample {sample.id} has the channels {', '.join(sample.channels)}, this encoder was made for "
                f"{', '.join(self.channels.names)}; use the [sample] channels of its run"
            )
        if not (np.isfinite(sample.image).all() and np.isfinite(sample.mask).all()):
            raise DataError(f"sample {sample.id} holds numbers that are not finite; mend its image or leave it out")
        return sample

    def together(self, samples: Sequence[Sample]) -> tuple[Array, Array]:
        """Images (b, c, z, y, x), standardised, and masks (b, z, y, x); DataError for a sample of another kind."""
        image = np.empty((len(samples), self.channels.count, *self.shape), np.float32)
        for sample, place in zip(samples, image, strict=True):
            self.channels.standard(self.checked(sample).image, out=place)
        return image, np.stack([sample.mask for sample in samples])

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        c = self.channels
        known = {"count": c.count, "intensities": list(c.intensities), "mean": list(c.mean), "spread": list(c.spread)}
        known |= {"distance": c.distance, "names": list(c.names)} if c.names else {}
        return {"shape": list(self.shape), "spacing": list(self.spacing), "channels": known}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Kind:
        """What `to_json` wrote; KeyError, TypeError or ValueError where it did not."""
        (z, y, x), (sz, sy, sx), c = data["shape"], data["spacing"], data["channels"]
        numbers = tuple(int(i) for i in c["intensities"])
        means, spreads = tuple(float(v) for v in c["mean"]), tuple(float(v) for v in c["spread"])
        if not len(numbers) == len(means) == len(spreads):
            raise ValueError("channel numbers, means and spreads differ in length")
        names = tuple(str(name) for name in c.get("names", ()))
        if names and len(names) != int(c["count"]):
            raise ValueError("channels and their names differ in number")
        channels = Channels(int(c["count"]), numbers, means, spreads, int(c.get("distance", -1)), names)
        return cls((int(z), int(y), int(x)), (float(sz), float(sy), float(sx)), channels)


def survey(samples: SampleSet) -> tuple[Kind, Array]:
    """Kind and average (1 + intensities, z, y, x) of training samples: the mask's mean, then standardised intensities'.

    One pass; memory of one sample. DataError if there is none, or if they differ in grid or channels.
    """
    if not len(samples):
        raise DataError("there are no training samples; check [split] and what [sample] cuts")
    first = samples[0]
    count = len(first.image)
    kind = Kind(first.grid.shape, first.grid.spacing, Channels(count, (), (), ()))
    total = np.zeros((count + 1, *kind.shape))
    squares = np.zeros(count)
    named = first.channels
    is_mask = [name in ("mask", "distance") for name in named] or [True] * count
    for sample in samples:
        kind.checked(sample)
        total[0] += sample.mask
        total[1:] += sample.image
        squares += (sample.image.astype(np.float64) ** 2).mean(axis=(1, 2, 3))
        if not named:
            is_mask = [known and np.array_equal(c, sample.mask) for known, c in zip(is_mask, sample.image, strict=True)]
    average = total / len(samples)
    intensities = tuple(c for c in range(count) if not is_mask[c])
    means = average[1:].mean(axis=(1, 2, 3))
    spread = np.sqrt(np.maximum(squares / len(samples) - means**2, 0.0))
    spread[spread < 1e-6] = 1.0
    channels = Channels(
        count,
        intensities,
        tuple(float(means[c]) for c in intensities),
        tuple(float(spread[c]) for c in intensities),
        named.index("distance") if "distance" in named else -1,
        named,
    )
    standard = [(average[c + 1] - means[c]) / spread[c] for c in intensities]
    return Kind(kind.shape, kind.spacing, channels), np.stack([average[0], *standard]).astype(np.float32)


def stacked(samples: SampleSet, kind: Kind, size: int) -> Iterator[tuple[Array, Array]]:
    """Images (b, c, z, y, x), standardised, and masks (b, z, y, x), `size` samples at a time, in order."""
    for start in range(0, len(samples), size):
        yield kind.together([samples[i] for i in range(start, min(start + size, len(samples)))])
