"""The segmenter that learns: fitted once, before casework, on the training patients' own masks.

Split first, then fit, then segment: no mask of a test patient is ever seen by the fit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, StageError
from spinefx.contract.findings import Findings
from spinefx.contract.samples import Part, Split
from spinefx.contract.scan import Scan
from spinefx.contract.segmenter import SegmenterFitting, TrainableSegmenter
from spinefx.contract.stages import Loader
from spinefx.plan import Plan, Stage
from spinefx.store import fits
from spinefx.store.cache import Cache
from spinefx.store.files import atomic_folder, make_folder
from spinefx.store.keys import Fingerprints, digest
from spinefx.store.lock import locked
from spinefx.work.cases.casework import Casework, stage_key
from spinefx.work.cases.outcome import CaseResult, at, wanted

SEGMENTER = "segmenter"
"""The fitted segmenter's folder, in the `model` folder of a run."""


def learns(stage: Stage) -> bool:
    """Whether a plan's segmenter must be fitted before it can segment."""
    segmenter = stage.build()
    return isinstance(segmenter, TrainableSegmenter) and not segmenter.fitted


def put_segmenter(stage: Stage, learned: Path | None, folder: Path) -> None:
    """Into `folder`, the model that made the masks: the one fitted here, or elsewhere; nothing where none was fitted."""
    if learned is not None:
        shutil.copytree(learned, folder)
    elif isinstance(segmenter := stage.build(), TrainableSegmenter) and segmenter.fitted:
        segmenter.save(make_folder(folder))


@dataclass(frozen=True)
class Drawn:
    """Scans with the masks that their loader brought: what a segmenter is fitted on.

    Going through them leaves out what cannot be read or has no mask; casework says why.
    """

    loader: Loader
    use: str
    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int, /) -> Scan:
        with at("loader", self.use):
            return wanted(Scan, self.loader.load(self.cases[index]))

    def __iter__(self) -> Iterator[Scan]:
        for index in range(len(self)):
            try:
                scan = self[index]
            except StageError:
                continue
            if scan.mask is not None:
                yield scan


@dataclass(frozen=True)
class Segmented:
    """Scans as they were measured, made again from what the cache holds."""

    work: Casework
    cases: tuple[Case, ...]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, work: Casework, cases: Sequence[Case], results: Sequence[CaseResult]) -> Segmented:
        """The scans of those `cases` that have `results`."""
        keys = {result.case: result.keys.segment for result in results if result.keys}
        kept = tuple(case for case in cases if case.id in keys)
        return cls(work, kept, tuple(keys[case.id] for case in kept))

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int, /) -> Scan:
        return self.work.scan(self.cases[index], self.keys[index])

    def __iter__(self) -> Iterator[Scan]:
        return (self[index] for index in range(len(self)))


@dataclass
class Lesson:
    """The fit of a plan's segmenter on the cases of the training patients."""

    plan: Plan
    cache: Cache
    loader: Loader
    cases: Sequence[Case]
    split: Split
    fingerprints: Fingerprints
    started: Callable[[str], None] = lambda step: None
    epoch_done: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, epochs, losses: None

    @property
    def step(self) -> str:
        """What this step is called."""
        return f"fit {self.plan.segment.use}"

    @cached_property
    def key(self) -> str:
        """Key of the fit: content of the cases it sees, who of them is for early stopping, seed, and the stages."""
        parts = [[part, self._fingerprint(case)] for part in ("train", "validation") for case in self._of(part)]
        chain = stage_key(self.plan.data, digest([parts, self.plan.run.seed, self.plan.run.device.partition(":")[0]]))
        return stage_key(self.plan.segment, [chain, "fit"])

    @property
    def model(self) -> Path | None:
        """The fitted segmenter's folder, or None where it is not fitted yet."""
        folder = self.cache.fit_folder(self.key)
        return folder / fits.MODEL if fits.sealed(folder) is not None else None

    def learned(self) -> Path:
        """The fitted segmenter's folder, after fitting where that was not done before."""
        folder = make_folder(self.cache.fit_folder(self.key))
        with locked(folder), at("segment", self.plan.segment.use):
            if self.model is None:
                self._fit(folder)
        return folder / fits.MODEL

    def _fit(self, folder: Path) -> None:
        self.started(self.step)
        train = self._drawn("train")
        if not len(train):
            raise DataError("no patient is left to train on; lower [split] `test` or `validation`")
        segmenter: Any = self.plan.segment.build()
        fitting = SegmenterFitting(
            train=train,
            validation=self._drawn("validation"),
            seed=self.plan.run.seed,
            workspace=make_folder(folder / "workspace"),
            device=self.plan.run.device,
            epoch_done=self.epoch_done,
        )
        history = segmenter.fit(fitting)
        with atomic_folder(folder / fits.MODEL) as temporary:
            segmenter.save(temporary)
        fits.seal(folder, list(history))

    def told(self) -> Findings:
        """What a reader must know about masks of a segmenter that was fitted on some of these very patients."""
        count = {part: len({case.patient for case in self._of(part)}) for part in ("train", "validation", "test")}
        return Findings(
            sentences=(
                f"Masks were made by {self.plan.segment.use}, fitted on the loader's masks of {count['train']} patients "
                f"({count['validation']} more for early stopping); it never saw a mask of the {count['test']} test patients.",
            ),
            warnings=(
                "Masks of the training patients come from a segmenter that was fitted on these very patients: they are better "
                "than those of new patients, so what is fitted or correlated on them flatters. Only the test part is free of "
                "this.",
            ),
        )

    def _of(self, part: Part) -> tuple[Case, ...]:
        inside = self.split.patients(part)
        return tuple(case for case in self.cases if case.patient in inside)

    def _drawn(self, part: Part) -> Drawn:
        return Drawn(self.loader, self.plan.data.use, self._of(part))

    def _fingerprint(self, case: Case) -> str:
        try:
            return self.fingerprints.of_case(case)
        except DataError:
            return f"{case.id} cannot be read"


def kept_by(split: Split, patients: frozenset[str]) -> Split:
    """The split of those patients that are left; who was dealt where stays there."""
    return Split(
        {p: part for p, part in split.part.items() if p in patients},
        {p: fold for p, fold in split.fold.items() if p in patients},
    )
