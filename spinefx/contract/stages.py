"""What each kind of plugin must be able to do. Protocols: no inheritance needed, only the methods.

An offer's `build(options)` returns an object of one of these kinds; building must be cheap, heavy imports belong
inside the methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from spinefx.contract.case import Case
from spinefx.contract.features import Features
from spinefx.contract.findings import Findings
from spinefx.contract.labels import Labels
from spinefx.contract.marks import Mark
from spinefx.contract.samples import Change, Split
from spinefx.contract.scan import Sample, Scan
from spinefx.contract.study import Study


@runtime_checkable
class Loader(Protocol):
    """Finds cases, and reads them."""

    def cases(self) -> Sequence[Case]:
        """Every case there is, from names and headers only; DataError names what is wrong with the whole."""
        ...

    def load(self, case: Case) -> Scan:
        """Images and mask of one case; DataError names what is wrong with it, and the case is quarantined."""
        ...


@runtime_checkable
class LabelSource(Protocol):
    """A loader that brings its own labels may have this too; used where `[labels]` names no table."""

    def labels(self) -> Labels:
        """The labels, with every column as target unless the plan names some."""
        ...


@runtime_checkable
class Weighing(Protocol):
    """A loader that can tell from headers how large a case is may have this too; workers are then chosen to fit memory."""

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, 0 where that cannot be told without reading it; raises nothing."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Gives a scan its mask."""

    def segment(self, scan: Scan) -> Scan:
        """The scan with a mask on the grid of one of its images."""
        ...


@runtime_checkable
class Preprocessor(Protocol):
    """Changes images, mask or grid of a scan before samples are cut; geometry is measured before it."""

    def process(self, scan: Scan) -> Scan:
        """The changed scan; the input is not touched."""
        ...


@runtime_checkable
class Augmenter(Protocol):
    """Draws a random change for a sample; the engine applies it."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """The change, from `rng` alone; strength 0 draws the identity."""
        ...


@runtime_checkable
class ScanAnalyser(Protocol):
    """Measures anatomy, one scan at a time, on the grid of its mask."""

    def measure(self, scan: Scan) -> Features:
        """One row per structure, or one per case; NaN with a reason instead of a guess."""
        ...


@runtime_checkable
class MarkSource(Protocol):
    """A scan analyser may have this too: what it measured, as a reader would draw it; shown in the run's `qc/`."""

    def marks(self, scan: Scan) -> Sequence[Mark]:
        """The lines and texts for one scan; the same as `measure` took its numbers from."""
        ...


@runtime_checkable
class LatentAnalyser(Protocol):
    """Measures the latents of the whole cohort, once. Offered with `Plugin(scope="latents")`."""

    def measure_latents(self, study: Study) -> tuple[Features, Findings]:
        """Numbers per sample, and what was found about the space as a whole."""
        ...


GeometryAnalyser = ScanAnalyser | LatentAnalyser


@runtime_checkable
class Evaluator(Protocol):
    """Judges: sees features, latents, labels and splits; says what was found, beside its baseline."""

    def evaluate(self, study: Study) -> Findings:
        """Tables, figures, sentences, warnings."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A latent analyser or an evaluator whose options name patients or labels may have this too: what cannot work is told first."""

    def foresee(self, split: Split, labels: Labels) -> None:
        """DataError names what the options ask for that is not there; called before anything is computed.

        split : every patient of the cohort as `[split]` deals them; whose cases are quarantined is not known yet.
        """
        ...
