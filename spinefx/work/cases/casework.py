"""One case: load, segment, preprocess, measure, cut. Every step has a key; what is there already is not done again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, StageError
from spinefx.contract.features import Features
from spinefx.contract.marks import Mark
from spinefx.contract.orient import oriented
from spinefx.contract.pseudonyms import Pseudonyms
from spinefx.contract.scan import Sample, Scan
from spinefx.contract.stages import MarkSource
from spinefx.plan import Plan, Stage
from spinefx.store.cache import Cache
from spinefx.store.keys import Fingerprints, step_key
from spinefx.store.records import png, put_features
from spinefx.store.samples import put_samples
from spinefx.work.cases import cut
from spinefx.work.cases.masks import masked, models, put_mask
from spinefx.work.cases.outcome import CaseResult, Failure, Keys, Task, at, wanted
from spinefx.work.cases.roster import loader_of, pseudonyms, teller
from spinefx.work.cases.strangers import watched
from spinefx.work.chance import uniform
from spinefx.work.pictures import glance, measured, volumes

PICTURE = 2
"""Raised when the same scan is pictured differently; part of the cache key."""
_LAID = 1
"""Raised when scans are handed on in another order of axes; part of the cache key."""


class Casework:
    """Does cases by a plan; one in each worker.

    Parameters
    ----------
    plan : the plan.   root : the cache's folder.   segmenter : the fitted one's folder, where the plan's must be fitted.
    waiting : whether that one is not fitted yet, so that no key of a case is known.
    pictured : the share of all cases that get pictures; which ones hangs on their ids alone.
    """

    def __init__(
        self, plan: Plan, root: Path, segmenter: Path | None = None, *, waiting: bool = False, pictured: float = 1.0
    ) -> None:
        self.plan, self.segmenter, self.waiting, self.pictured = plan, segmenter, waiting, pictured
        self.cache = Cache(root)
        self._remarks: list[str] = []

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Casework:
        """The same in a worker process."""
        segmenter = payload["segmenter"]
        fitted = Path(segmenter) if segmenter else None
        return cls(Plan.from_json(payload["plan"]), Path(payload["cache"]), fitted, pictured=payload["pictured"])

    def payload(self) -> dict[str, Any]:
        """What `from_payload` makes the same of."""
        segmenter = str(self.segmenter) if self.segmenter else None
        told = {"plan": self.plan.to_json(), "cache": str(self.cache.root), "segmenter": segmenter}
        return told | {"pictured": self.pictured}

    @cached_property
    def analysers(self) -> tuple[Stage, ...]:
        """The analysers that measure scans, in the plan's order."""
        return tuple(stage for stage in self.plan.geometry if stage.offer.plugin.scope == "scan")

    @cached_property
    def _names(self) -> Pseudonyms | None:
        return pseudonyms(self.plan)

    @cached_property
    def _later(self) -> list[str]:
        """What preprocessing does after the picture was taken, in the TOML's words."""
        return [stage.in_words() for stage in self.plan.preprocess]

    @cached_property
    def _built(self) -> dict[int, Any]:
        return {}

    def _stage(self, stage: Stage) -> Any:
        """The stage's object, built once."""
        if id(stage) not in self._built:
            built: Any = loader_of(self.plan) if stage is self.plan.data else stage.build()
            if stage is self.plan.segment and self.segmenter is not None:
                built.load(self.segmenter)
            self._built[id(stage)] = built
        return self._built[id(stage)]

    @cached_property
    def _learned(self) -> list[Mapping[str, str]]:
        return models(self.plan.segment, self.segmenter)

    @cached_property
    def showing(self) -> tuple[Stage, ...]:
        """The analysers that say what a reader would draw."""
        return tuple(stage for stage in self.analysers if isinstance(self._stage(stage), MarkSource))

    def keys(self, case: Case, fingerprint: str) -> Keys:
        """Where the results of a case whose files have this fingerprint lie."""
        loaded: Any = stage_key(self.plan.data, fingerprint)
        segment = stage_key(self.plan.segment, [loaded, *self._learned] if self._learned else loaded)
        laid = step_key("orient", "scan", version=_LAID, options=None, parents=segment)
        last = laid
        for stage in self.plan.preprocess:
            last = stage_key(stage, last)
        sample = self.plan.sample
        drawn = self.pictured >= 1 or uniform(self.plan.run.seed, f"picture {case.id}") < self.pictured
        showing = self.showing if drawn else ()
        return Keys(
            segment=segment,
            features=tuple(stage_key(stage, laid) for stage in self.analysers),
            samples=step_key("cut", "sample", version=cut.VERSION, options=sample.model_dump(), parents=last),
            picture=step_key("picture", "case", version=PICTURE, options=self._later, parents=segment) if drawn else "",
            volumes=volumes.key(segment) if drawn and self.plan.report.viewer else "",
            measured=measured.key([stage_key(stage, segment) for stage in showing]) if showing else "",
        )

    def __call__(self, task: Task) -> CaseResult:
        """Do one case; whatever goes wrong with it ends in the result, but a full disk ends the run."""
        begun = time.perf_counter()
        fingerprints = Fingerprints(dict(task.known))
        case = task.case
        done: tuple[str, ...] = ()
        keys, failure = None, None
        self._remarks.clear()
        try:
            with at("loader", self.plan.data.use):
                keys = self.keys(case, fingerprints.of_case(case))
            done = tuple(self._do(case, keys))
        except StageError as error:
            failure = Failure.of(error, teller(self._names, case))
        outcome = "quarantined" if failure else "done" if done else "cached"
        seconds = time.perf_counter() - begun
        known, remarks = dict(fingerprints.known), tuple(dict.fromkeys(self._remarks))
        return CaseResult(case.id, case.patient, outcome, seconds, keys, done, failure, known, remarks)

    @contextmanager
    def _at(self, kind: str, stage: Stage, case: Case, scan: Scan | None = None) -> Iterator[None]:
        """A plugin at work on a case: what goes wrong is named, what it should not do is remarked."""
        name = f"{case.id} {kind} {stage.name}"
        with at(kind, stage.use), watched(name, self.plan.run.seed, partial(self._remark, kind, stage), scan):
            yield

    def _remark(self, kind: str, stage: Stage, what: str) -> None:
        self._remarks.append(f"{kind} {stage.use} {what}")

    def _do(self, case: Case, keys: Keys) -> Iterator[str]:
        """Do what is missing; yields the name of each step that ran."""
        missing = {key for key in keys.all if self.cache.get(key) is None}
        if not missing:
            return
        scan = self.scan(case, keys.segment)
        laid = oriented(scan)  # so that no number depends on how a file was written
        yield "load"
        for stage, key in zip(self.analysers, keys.features, strict=True):
            if key in missing:
                with self._at("geometry", stage, case, laid):
                    features = _of_case(wanted(Features, self._stage(stage).measure(laid)), case)
                    put_features(self.cache, key, features.prefixed(stage.offer.plugin.name))
                yield f"geometry {stage.use}"
        if keys.picture in missing:
            with at("picture", "case"):
                drawn = glance.captioned(glance.case_picture(scan), glance.caption(scan, self._later))
                self.cache.put(keys.picture, {"png": np.frombuffer(png(drawn), np.uint8)})
            yield "picture"
        if keys.volumes in missing:
            with at("picture", "volumes"):
                volumes.put(self.cache, keys.volumes, scan)
            yield "volumes"
        if keys.measured in missing:
            marks: list[Mark] = []
            for stage in self.showing:
                with self._at("geometry", stage, case, laid):
                    marks += [wanted(Mark, mark) for mark in self._stage(stage).marks(laid)]
            with at("picture", "measured"):
                measured.put(self.cache, keys.measured, scan, marks)
            yield "picture measured"
        if keys.samples in missing:
            self._cut(laid, keys.samples)
            yield "cut"

    def scan(self, case: Case, key: str) -> Scan:
        """The loaded scan with its mask; a mask that a segmenter made is kept, one that the loader brought is not."""
        with self._at("loader", self.plan.data, case):
            scan = wanted(Scan, self._stage(self.plan.data).load(case))
        if (kept := masked(self.cache, key, scan)) is not None:
            return kept
        segmented = self.segmented(scan)
        if segmented.mask is not scan.mask:
            put_mask(self.cache, key, segmented)
        return segmented

    def _cut(self, scan: Scan, key: str) -> None:
        samples, notes = self.samples(scan)
        with at("cut", "sample"):
            put_samples(self.cache, key, samples, notes=notes)

    def samples(self, scan: Scan) -> tuple[list[Sample], list[str]]:
        """The samples of a scan that has its mask, preprocessed as the plan says, and what a reader should know."""
        for stage in self.plan.preprocess:
            with self._at("preprocess", stage, scan.case, scan):
                scan = wanted(Scan, self._stage(stage).process(scan))
        sample = self.plan.sample
        with at("cut", "sample"):
            box = cut.Box(sample.shape, sample.spacing)
            samples, notes = cut.cut(
                scan,
                box,
                structures=sample.structures,
                channels=sample.channels,
                margin=sample.margin,
                frame=sample.frame,
            )
        return samples, list(dict.fromkeys([*scan.case.notes, *scan.notes, *notes]))

    def segmented(self, scan: Scan) -> Scan:
        """A scan in memory with its mask, as the plan's segmenter gives it."""
        with self._at("segment", self.plan.segment, scan.case, scan):
            segmented = wanted(Scan, self._stage(self.plan.segment).segment(scan))
            fresh = segmented.require_mask() is not scan.mask
        return segmented.replace(reference=scan.mask) if fresh else segmented


def stage_key(stage: Stage, parents: Any) -> str:
    """Key of a plan's stage on `parents`."""
    plugin = stage.offer.plugin
    return step_key(
        stage.kind, plugin.name, version=plugin.version, options=stage.options.model_dump(), parents=parents
    )


def _of_case(features: Features, case: Case) -> Features:
    """The features, if every row is this case's: those of another would meet that case's own."""
    for row in features.rows:
        if (row.case, row.patient) != (case.id, case.patient):
            raise DataError(f"gave a row of case {row.case!r}, patient {row.patient!r}; wanted only rows of this case")
    return features
