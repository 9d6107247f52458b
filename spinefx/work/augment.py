"""Applying what augmenters drew: all spatial parts fused into one resampling of image and mask, then intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """(index, epoch) -> augmented sample: equal for equal arguments, whoever asks."""

    samples: SampleSet
    augmenters: Sequence[Augmenter]
    seed: int

    def __call__(self, index: int, epoch: int) -> Sample:
        """The sample of that number as it looks in that epoch."""
        sample = self.samples[index]
        rng = generator(self.seed, sample.id, epoch)
        return changed(sample, [augmenter.draw(sample, rng) for augmenter in self.augmenters])


@dataclass(frozen=True)
class Pull:
    """Where each output point takes its value: input point = matrix @ point + field(point), in world mm."""

    matrix: NDArray[np.float64]
    field: NDArray[np.float32] | None

    def then_moved(self, forward: NDArray[np.float64], grid: Grid) -> Pull:
        """After this, every point moves by the affine `forward`."""
        backward: NDArray[np.float64] = np.linalg.inv(forward).astype(np.float64)
        field = None if self.field is None else _sampled(self.field, grid, matrix=backward)
        return Pull(self.matrix @ backward, field)

    def then_displaced(self, displacement: NDArray[np.float32], grid: Grid) -> Pull:
        """After this, every output point looks `displacement` further."""
        turned = np.einsum("ij,j...->i...", self.matrix[:3, :3], displacement).astype(np.float32)
        if self.field is not None:
            turned = turned + _sampled(self.field, grid, displacement=displacement)
        return Pull(self.matrix, turned)


def _sampled(
    field: NDArray[np.float32],
    grid: Grid,
    *,
    matrix: NDArray[np.float64] | None = None,
    displacement: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    parts = [kernels.warp(part, grid, grid, matrix=matrix, displacement=displacement) for part in field]
    return np.stack(parts)


def changed(sample: Sample, changes: Sequence[Change]) -> Sample:
    """The sample with all `changes`: spatial parts in order, as one resampling; then intensities in order."""
    grid = sample.grid
    centre = grid.to_world((np.array(grid.shape) - 1) / 2)
    to_centre, back = np.eye(4), np.eye(4)
    to_centre[:3, 3], back[:3, 3] = -centre, centre
    pull = Pull(np.eye(4), None)
    for change in changes:
        if change.matrix is not None:
            pull = pull.then_moved(back @ change.matrix @ to_centre, grid)
        if change.displacement is not None:
            pull = pull.then_displaced(change.displacement, grid)
    image, mask = sample.image, sample.mask
    if pull.field is not None or not np.array_equal(pull.matrix, np.eye(4)):
        matrix = pull.matrix
        image = np.stack([kernels.warp(c, grid, grid, matrix=matrix, displacement=pull.field) for c in image])
        mask = kernels.warp(mask, grid, grid, matrix=matrix, displacement=pull.field)
    for change in changes:
        if change.intensity is not None:
            image = change.intensity(image)
    return Sample(sample.row, image, mask, grid)
