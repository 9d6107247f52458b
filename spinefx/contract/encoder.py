"""What an encoder must be able to do, and what it gets to fit itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.samples import Latents, SampleSet
from spinefx.contract.scan import Sample


@dataclass(frozen=True, eq=False)
class Fitting:
    """What an encoder gets to fit itself.

    train, validation : samples of the training and validation patients; no other exists here.
    augment : (index into train, epoch) -> the augmented sample, equal for equal arguments and seed.
    seed : whole number; all randomness comes from it.
    workspace : a folder that outlives a kill; checkpoints go there, and a fit that finds one goes on from it.
    device : `cpu`, `cuda`, `cuda:1`, ...
    epoch_done : call it after every epoch with its number, the total, and the losses by name.
    note : call it with what a reader of the log and the report should know.
    """

    train: SampleSet
    validation: SampleSet
    augment: Callable[[int, int], Sample]
    seed: int
    workspace: Path
    device: str = "cpu"
    epoch_done: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, epochs, losses: None
    note: Callable[[str], None] = lambda text: None


@runtime_checkable
class Encoder(Protocol):
    """Learns latents, and turns samples into latents and latents into masks."""

    def fit(self, fitting: Fitting) -> Sequence[Mapping[str, float]]:
        """Fit; return one mapping of losses per epoch (empty where there are no epochs). Goes on from
        `fitting.workspace` where an interrupted fit left a checkpoint, with the numbers of an uninterrupted one."""
        ...

    def encode(self, samples: SampleSet) -> Latents:
        """Latents of all samples, in order."""
        ...

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) latents -> (n, z, y, x) float32 mask probabilities on the samples' grid."""
        ...

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors`, `model.json` and `card.md` into `folder`."""
        ...

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else."""
        ...
