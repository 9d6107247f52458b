"""PCA of masks, fitted on some patients and applied to all, with memory that does not grow with the cohort.

It is the baseline that every latent is held against: the same number of numbers per sample, no network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, SampleSet
from spinefx_stats.weighted import Array

HELD_BYTES = 256 * 2**20
"""Masks are held in memory (as float16) up to this; beyond it they are read anew in every pass."""
BLOCK = 32
PASSES = 30
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Masks:
    """All masks of a sample set as rows of numbers, in blocks."""

    samples: SampleSet

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(z, y, x) of every mask; DataError where samples differ, which no encoder takes either."""
        return tuple(self.samples[0].mask.shape)

    @cached_property
    def _held(self) -> NDArray[np.float16] | None:
        voxels = int(np.prod(self.shape))
        if len(self.samples) * voxels * 2 > HELD_BYTES:
            return None
        held = np.empty((len(self.samples), voxels), np.float16)
        for i, sample in enumerate(self.samples):
            self._check(sample.mask)
            held[i] = sample.mask.reshape(-1)
        return held

    def _check(self, mask: NDArray[np.float32]) -> None:
        if mask.shape != self.shape:
            raise DataError(f"samples have different shapes, {self.shape} and {mask.shape}; [sample] shape fixes one")

    def blocks(self, chosen: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """(positions, (k, voxels) float32) over the chosen samples."""
        for start in range(0, len(chosen), BLOCK):
            part = chosen[start : start + BLOCK]
            if self._held is not None:
                yield part, self._held[part].astype(np.float32)
                continue
            masks = [self.samples[int(i)].mask for i in part]
            for mask in masks:
                self._check(mask)
            yield part, np.stack([mask.reshape(-1) for mask in masks])

    def of_patients(self, patients: Collection[str]) -> NDArray[np.intp]:
        """Positions of the samples of these patients."""
        return np.array([i for i, row in enumerate(self.samples.rows) if row.patient in patients], np.intp)


@dataclass(frozen=True, eq=False)
class Components:
    """A fitted PCA.

    mean : (voxels,).   axes : (d, voxels) orthonormal, largest variance first.   variances : (d,).
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    variances: Array

    def scores(self, masks: Masks) -> Array:
        """(n, d) scores of all samples."""
        out = np.zeros((len(masks.samples), len(self.axes)))
        for part, block in masks.blocks(np.arange(len(masks.samples))):
            out[part] = (block - self.mean) @ self.axes.T
        return out

    def rebuilt(self, scores: Array) -> NDArray[np.float32]:
        """(k, voxels) masks of (k, d) scores."""
        return np.asarray(self.mean + scores.astype(np.float32) @ self.axes, np.float32)


def fit_components(masks: Masks, patients: Collection[str], d: int, *, seed: int) -> Components | None:
    """The first `d` principal components of these patients' masks; None with too few samples for that many.

    Notes
    -----
    Block subspace iteration with Rayleigh-Ritz (Halko, Martinsson, Tropp, SIAM Rev 53:217, 2011), until the variances
    stand still: a few passes over the samples and d + 10 vectors of memory, whatever their number.
    """
    chosen = masks.of_patients(patients)
    if len(chosen) <= d + 1:
        return None
    voxels = int(np.prod(masks.shape))
    mean = np.zeros(voxels)
    for _, block in masks.blocks(chosen):
        mean += block.sum(axis=0, dtype=np.float64)
    center = (mean / len(chosen)).astype(np.float32)
    width = min(d + 10, len(chosen) - 1)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x9CA]))
    basis = np.zeros((voxels, width), np.float32)
    for part, block in masks.blocks(chosen):
        basis += (block - center).T @ rng.standard_normal((len(part), width)).astype(np.float32)
    axes, variances = basis, np.zeros(width)
    for _ in range(PASSES):
        basis, _ = np.linalg.qr(basis)
        gram, basis_next = np.zeros((width, width)), np.zeros_like(basis)
        for _, block in masks.blocks(chosen):
            centered = block - center
            scores = centered @ basis
            gram += scores.T @ scores
            basis_next += centered.T @ scores
        values, turn = np.linalg.eigh(gram)
        axes = basis @ turn[:, ::-1].astype(np.float32)
        still = np.abs(values[::-1][:d] - variances[:d]).max() <= TOLERANCE * max(values[-1], 1e-12)
        basis, variances = basis_next, values[::-1]
        if still:
            break
    return Components(center, _signed(np.ascontiguousarray(axes[:, :d].T)), variances[:d] / len(chosen))


def _signed(axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The axes with their largest entry positive, so that equal data give equal signs."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.asarray(axes * np.where(largest < 0, -1, 1), np.float32)
