"""The whole study, as an evaluator or a latent analyser gets it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.encoder import Encoder
from spinefx.contract.features import Features
from spinefx.contract.labels import Labels
from spinefx.contract.samples import Latents, SampleSet, Split
from spinefx.contract.scan import Sample
from spinefx.contract.segmenter import ScanSet

Measure = Callable[[NDArray[np.float32], Sample], Features]
"""(n, z, y, x) mask probabilities on a sample's grid -> one row per shape."""


@dataclass(frozen=True, eq=False)
class Study:
    """Everything an evaluator or a latent analyser may look at.

    rows of `samples`, `latents.rows` agree and are in the same order; `features` and `labels` are asked by row.
    history : one mapping of losses per epoch, as the encoder's fit returned it.
    refit : patients -> latents of all samples from a fresh encoder fitted on these patients only (costs a training).
    sized : (latent size, seed) -> an encoder of the same kind and patients, and its latents of all samples (costs a
        training; DataError where the encoder has no such size).
    scans : the scans with the masks that everything was measured on, loaded when asked for; a mask that a segmenter put in
        place of the loader's has that one beside it, as `scan.reference`.
    fitted : patients -> the fresh encoder itself that `refit` fits on them; it encodes and decodes.
    measure : decoded masks on a sample's grid -> what the plan's scan analysers measure in them, as its features name it.
    """

    samples: SampleSet
    latents: Latents
    features: Features
    labels: Labels
    split: Split
    encoder: Encoder
    seed: int
    history: tuple[Mapping[str, float], ...] = ()
    refit: Callable[[Collection[str]], Latents] | None = None
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sized: Callable[[int, int], tuple[Encoder, Latents]] | None = None
    measure: Measure | None = None
    scans: ScanSet | None = None
    fitted: Callable[[Collection[str]], Encoder] | None = None
