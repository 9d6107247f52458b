"""Batches for training, in an order that depends on seed and epoch alone, read ahead by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from spinefx.api import Fitting
from spinefx_autoencoder.cohort import Array, Kind, stacked

Given = TypeVar("Given")
Made = TypeVar("Made")


class Batch(NamedTuple):
    """One process's part of a batch.

    image : (b, c, z, y, x), intensities standardised.   mask : (b, z, y, x).
    here, whole : which of the batch's `whole` samples these are; where none are, one stands in for them.
    """

    image: Array
    mask: Array
    here: slice
    whole: int


@dataclass
class Batches:
    """Training and validation batches of a fit.

    share : number of samples of a batch -> those of this process.
    memory_mb : validation batches are kept when they fit into this, else read again every epoch.
    """

    fitting: Fitting
    kind: Kind
    size: int
    memory_mb: int
    share: Callable[[int], slice]
    _kept: list[Batch] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-len(self.fitting.train) // self.size)

    def training(self, epoch: int) -> Iterator[Batch]:
        """The augmented training samples of this epoch (from 1), shuffled; the next batch is made meanwhile."""
        order = np.random.default_rng(np.random.SeedSequence([self.fitting.seed, epoch])).permutation(
            len(self.fitting.train)
        )
        parts = [order[i : i + self.size] for i in range(0, len(order), self.size)]

        def made(part: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Batch:
            here = self.share(len(part))
            mine = part[here] if here.stop > here.start else part[:1]
            return Batch(*self.kind.together([self.fitting.augment(int(i), epoch) for i in mine]), here, len(part))

        yield from _ahead(made, parts)

    def validation(self) -> Iterator[Batch]:
        """The validation samples as they are, all of them."""
        samples = self.fitting.validation
        voxels = int(np.prod(self.kind.shape)) * (self.kind.channels.count + 1)
        if len(samples) * voxels * 4 > self.memory_mb * 2**20:
            yield from self._validation()
            return
        if not self._kept:
            self._kept = list(self._validation())
        yield from self._kept

    def _validation(self) -> Iterator[Batch]:
        for image, mask in stacked(self.fitting.validation, self.kind, self.size):
            yield Batch(image, mask, slice(0, len(mask)), len(mask))


def _ahead(make: Callable[[Given], Made], given: list[Given]) -> Iterator[Made]:
    """`make` of each, in order, one ahead of what was asked for, in a thread of its own."""
    with ThreadPoolExecutor(1, thread_name_prefix="spinefx-batches") as pool:
        waiting = [pool.submit(make, item) for item in given[:1]]
        for item in [*given[1:], None]:
            made = waiting.pop().result()
            if item is not None:
                waiting.append(pool.submit(make, item))
            yield made
