"""Applying what augmenters drew: all spatial parts fused into one resampling of image and mask, then intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.samples import Change, SampleSet
from spinefx.contract.scan import Sample
from spinefx.contract.stages import Augmenter
from spinefx.work.chance import generator


@dataclass(frozen=True)
class Augmentation:
    """(index, epoch) -> augmented sample: equal for equal arguments, whoever asks.

    most : bytes of voxels that stay in memory, of the samples that were read first; the others are read in every epoch.
    """

    samples: SampleSet
    augmenters: Sequence[Augmenter]
    seed: int
    most: int = 256 << 20
    _kept: dict[int, Sample] = field(default_factory=dict, repr=False)

    def __call__(self, index: int, epoch: int) -> Sample:
        """The sample of that number as it looks in that epoch."""
        sample = self._kept.get(index) or self.samples[index]
        if (len(self._kept) + 1) * (sample.image.nbytes + sample.mask.nbytes) <= self.most:
            self._kept[index] = sample
        rng = generator(self.seed, sample.id, epoch)
        return changed(sample, [augmenter.draw(sample, rng) for augmenter in self.augmenters])


@dataclass(frozen=True)
class Pull:
    """Where each output point takes its value: input point = matrix @ point + field(point), in mm."""

    matrix: NDArray[np.float64]
    field: NDArray[np.float32] | None

    def then_moved(self, forward: NDArray[np.float64], grid: Grid) -> Pull:
        """After this, every point moves by the affine `forward`."""
        backward: NDArray[np.float64] = np.linalg.inv(forward).astype(np.float64)
        field = None if self.field is None else kernels.warp(self.field, grid, grid, matrix=backward)
        return Pull(self.matrix @ backward, field)

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.field is None and np.array_equal(self.matrix, np.eye(4))

    def of(self, values: NDArray[np.float32], grid: Grid, *, fill: float = 0.0) -> NDArray[np.float32]:
        """`values` (z, y, x), moved; themselves where nothing moves."""
        if self.still:
            return values
        moved: NDArray[np.float32] = kernels.warp(
            values, grid, grid, matrix=self.matrix, displacement=self.field, fill=fill
        )
        return moved

    def then_displaced(self, displacement: NDArray[np.float32], grid: Grid) -> Pull:
        """After this, every output point looks `displacement` further."""
        turned = _turned(displacement, self.matrix[:3, :3])
        if self.field is not None:
            turned += kernels.warp(self.field, grid, grid, displacement=displacement)
        return Pull(self.matrix, turned)


def _turned(vectors: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """A new array of `vectors` (3, z, y, x), each times `matrix`; slice by slice, too little for BLAS to wake its threads for."""
    out = np.empty(vectors.shape, np.float32)
    given, taken = (one.reshape(3, len(one[0]), -1).swapaxes(0, 1) for one in (vectors, out))
    np.matmul(matrix.astype(np.float32), given, out=taken)
    return out


def changed(sample: Sample, changes: Sequence[Change]) -> Sample:
    """The sample with all `changes`: spatial parts in order, as one resampling; then intensities in order."""
    grid = _along_its_axes(sample.grid)
    pull = Pull(np.eye(4), None)
    for change in changes:
        if change.matrix is not None:
            pull = pull.then_moved(change.matrix, grid)
        if change.displacement is not None:
            pull = pull.then_displaced(change.displacement, grid)
    redrawn = pull
    for change in changes:
        if change.outline is not None:
            redrawn = redrawn.then_displaced(change.outline, grid)
    mask, drawn = pull.of(sample.mask, grid), sample.drawn()

    def moved(number: int) -> NDArray[np.float32]:
        if number not in drawn or redrawn is not pull or not np.array_equal(sample.image[number], sample.mask):
            return _channel(sample, number, redrawn if number in drawn else pull, grid)
        return mask

    parts = [moved(number) for number in range(len(sample.image))]
    alone = len(parts) == 1 and all(change.intensity is None for change in changes)
    image = parts[0][None] if alone else np.stack(parts)  # a copy costs as much as a third of the resampling
    for change in changes:
        if change.intensity is not None:
            image = change.intensity(image)
    return Sample(sample.row, image, mask, sample.grid, sample.channels)


def _along_its_axes(grid: Grid) -> Grid:
    """The same box with its middle at 0 and its axes along the coordinates'."""
    x, y, z = (-(n - 1) / 2 * s for n, s in zip(grid.shape[::-1], grid.spacing[::-1], strict=True))
    return Grid(grid.shape, grid.spacing, (x, y, z))


def _channel(sample: Sample, number: int, pull: Pull, grid: Grid) -> NDArray[np.float32]:
    """One channel, moved; what comes in from outside is 0, and far outside where the channel is a distance."""
    values = sample.image[number]
    outside = sample.channels and sample.channels[number] == "distance"
    return pull.of(values, grid, fill=float(values.max()) if outside else 0.0)
