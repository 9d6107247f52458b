"""TorchIO's artefacts as an augmenter: how to bring transforms of another library.

    [run]
    plugins = ["torchio_augment.py"]

    [[augment]]
    use = "torchio"
    transforms = ["RandomMotion", "RandomGhosting"]

Only transforms of intensities are taken: where shapes move, image and mask must move as one, which is the engine's work.
TorchIO draws from torch's global generator; a seed drawn from the sample's own generator is put there for the time of the call and
taken out again, so that results hang on seed, sample and epoch alone.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from spinefx.api import Change, Plugin, Sample, hookimpl

Name = Literal["RandomMotion", "RandomGhosting", "RandomSpike", "RandomBlur", "RandomGamma", "RandomBiasField"]


class Options(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `torchio`."""

    transforms: tuple[Name, ...] = Field(("RandomMotion",), min_length=1, description="one of them is drawn each time")
    probability: float = Field(0.5, ge=0, le=1, description="chance that a sample is changed at all")


class TorchIo:
    """Augmenter `torchio`."""

    def __init__(self, options: Options):
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """One transform and its seed; what it does follows from them."""
        chance, which, seed = rng.random(), rng.integers(len(self.options.transforms)), int(rng.integers(2**31))
        channels = [c for c in range(len(sample.image)) if c not in sample.drawn()]
        if chance >= self.options.probability or not channels:
            return Change()
        name = self.options.transforms[int(which)]

        def change(image: np.ndarray) -> np.ndarray:
            import torch
            import torchio

            out = np.array(image, np.float32)
            with torch.random.fork_rng(devices=[]):
                torch.random.default_generator.manual_seed(seed)
                made = getattr(torchio, name)()(torchio.ScalarImage(tensor=torch.from_numpy(out[channels])))
            out[channels] = made.data.numpy()
            return out

        return Change(intensity=change)


@hookimpl
def spinefx_augmenters():
    """The augmenter of this file."""
    return [Plugin("torchio", 1, 1, "Artefacts of TorchIO: motion, ghosting, spikes.", Options, TorchIo)]
