"""Every sample of a study rebuilt: by its encoder, by a PCA of the same size, and by one more scan of the same structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Sample, Split, Study
from spinefx_stats import ReconstructionOptions
from spinefx_stats.ceiling import once_more
from spinefx_stats.components import BLOCK, Masks, fit_components
from spinefx_stats.shapes import likeness
from spinefx_stats.weighted import Array
from spinefx_stats.words import part_of

MEASURES = ("iou", "dice", "assd_mm", "hd95_mm")
CEILING = "scanned once more"
"""The method that is none: a structure beside itself after one more scan at its own scan's voxels."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Every sample's likeness under every method: method -> measure -> (n,), NaN where it was not measured.

    methods : the encoder first, then a PCA where there is one.   ceiling : whether `CEILING` was measured, too.
    """

    study: Study
    parts: tuple[str, ...]
    values: dict[str, dict[str, Array]]
    methods: tuple[str, ...]
    ceiling: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """What the tables have rows of."""
        return (*self.methods, CEILING) if self.ceiling else self.methods

    def count(self, method: str, inside: NDArray[np.bool_]) -> int:
        """How many of the samples inside were measured."""
        return int(np.isfinite(self.values[method]["iou"][inside]).sum())

    def mean(self, method: str, inside: NDArray[np.bool_]) -> float | None:
        """Mean IoU of the samples inside; None where none was measured."""
        values = self.values[method]["iou"][inside]
        return float(np.nanmean(values)) if self.count(method, inside) else None

    def rows(self, part: str) -> NDArray[np.bool_]:
        """(n,) bool: which samples lie in the part."""
        return np.array([p == part for p in self.parts], bool)


def measure(study: Study, options: ReconstructionOptions) -> Measured:
    """Every sample decoded, by the encoder and a PCA of the same size."""
    size = study.latents.z.shape[1]
    masks = Masks(study.samples)
    fitted = study.split.patients("train")
    pca = fit_components(masks, fitted, size, seed=study.seed) if options.pca else None
    scores = pca.scores(masks) if pca is not None else None
    methods = ("encoder", f"PCA-{size}")[: 1 if pca is None else 2]
    n = len(study.samples)
    values = {method: {name: np.full(n, np.nan) for name in MEASURES} for method in methods}
    for positions, samples in _blocks(study):
        rebuilt = {"encoder": study.encoder.decode(study.latents.z[positions])}
        if pca is not None and scores is not None:
            rebuilt[methods[1]] = pca.rebuilt(scores[positions]).reshape(len(samples), *masks.shape)
        for method, decoded in rebuilt.items():
            for i, sample, guess in zip(positions, samples, decoded, strict=True):
                like = likeness(sample.mask > 0.5, np.asarray(guess) > 0.5, sample.grid, surface=options.surface)
                for name in MEASURES:
                    values[method][name][i] = getattr(like, name)
    parts = tuple(part_of(study.split, row) for row in study.latents.rows)
    found = Measured(study, parts, values, methods)
    return _with_ceiling(found, options) if options.ceiling else found


def _with_ceiling(measured: Measured, options: ReconstructionOptions) -> Measured:
    """Measured on held-out samples; where there are none, on all."""
    tested = measured.rows("test")
    chosen = np.flatnonzero(tested if tested.any() else np.ones(len(measured.parts), bool))
    found = once_more(measured.study, [int(i) for i in chosen], surface=options.surface)
    if not found:
        return measured
    own = {name: np.full(len(measured.parts), np.nan) for name in MEASURES}
    for i, like in found.items():
        for name in MEASURES:
            own[name][i] = getattr(like, name)
    return replace(measured, values={**measured.values, CEILING: own}, ceiling=True)


def refuse_without(split: Split, patients: Sequence[str]) -> None:
    """Raise what makes a fit without these patients impossible or pointless.

    Raises
    ------
    DataError
        If one of them is not in the cohort, if the split holds patients out already, or if none would be left to train on or to
        stop by.
    """
    unknown = sorted(set(patients) - split.patients())
    if unknown:
        raise DataError(f"without: {', '.join(unknown)} not in the cohort; name patients as the run does")
    if split.patients("test"):
        raise DataError("without: [split] test holds patients out already; leave one of the two away")
    if split.patients("train") <= set(patients):
        raise DataError("without: nobody is left to train on; name fewer patients")
    validation = split.patients("validation")
    if validation and validation <= set(patients):
        raise DataError(
            "without: no validation patient is left, so that the second fit would stop otherwise; leave one out of it"
        )


def without(study: Study, patients: Sequence[str]) -> Study:
    """The study with its encoder fitted once more, without these patients, who are its test patients then.

    Raises
    ------
    DataError
        What `refuse_without` raises, or if the run cannot train another encoder.
    """
    split = study.split
    refuse_without(split, patients)
    if study.fitted is None:
        raise DataError("without: this study cannot fit another encoder; take the option away")
    encoder = study.fitted(split.patients("train", "validation") - set(patients))
    parts = dict(split.part)
    for patient in patients:
        parts[patient] = "test"
    return replace(
        study, encoder=encoder, latents=encoder.encode(study.samples), split=Split(parts, split.fold), history=()
    )


def _blocks(study: Study) -> Iterator[tuple[NDArray[np.intp], list[Sample]]]:
    """Positions and samples, a block at a time."""
    for start in range(0, len(study.samples), BLOCK):
        positions = np.arange(start, min(start + BLOCK, len(study.samples)))
        yield positions, [study.samples[int(i)] for i in positions]
