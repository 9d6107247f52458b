"""A plugin at work once, on the bench: the same inputs in every process, so that results can be compared between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spinefx.contract.encoder import Encoder, Fitting
from spinefx.contract.samples import Change, SampleList
from spinefx.contract.scan import Sample, Scan
from spinefx.contract.segmenter import SegmenterFitting, TrainableSegmenter
from spinefx.testing.bench import SEED, ScanList, phantom_samples, phantom_scan
from spinefx.testing.study import phantom_study
from spinefx.testing.subject import Subject

DRAWS = 3
"""Changes that an augmenter draws for each sample."""


def exercised(subject: Subject, workspace: Path) -> Any:
    """What a fresh stage object makes of the bench; raises what the plugin raises."""
    stage = subject.build()
    if subject.kind == "geometry_analyser" and subject.plugin.scope == "latents":
        return stage.measure_latents(phantom_study())
    return _EXERCISES[subject.kind](stage, workspace)


def ready(stage: Any, workspace: Path) -> Any:
    """The segmenter, fitted where it has to be."""
    if isinstance(stage, TrainableSegmenter) and not stage.fitted:
        stage.fit(segmenter_fitting(workspace))
    return stage


def segmenter_fitting(workspace: Path) -> SegmenterFitting:
    """Two scans to train on and one to validate with."""
    train, validation = ScanList((phantom_scan(1), phantom_scan(2))), ScanList((phantom_scan(3),))
    return SegmenterFitting(train, validation, SEED, _folder(workspace))


def encoder_fitting(workspace: Path) -> Fitting:
    """Discs of four patients to train on and of two to validate with; augmentation gives them back unchanged."""
    samples = phantom_samples()
    patients = sorted({sample.patient for sample in samples})
    train = SampleList(tuple(s for s in samples if s.patient in patients[:4]))
    validation = SampleList(tuple(s for s in samples if s.patient in patients[4:]))
    return Fitting(train, validation, lambda index, epoch: train[index], SEED, _folder(workspace))


def draws(stage: Any, sample: Sample) -> list[Mapping[str, Any]]:
    """The changes that an augmenter draws for a sample, and what their intensities make of it."""
    found: list[Mapping[str, Any]] = []
    for number in range(DRAWS):
        change: Change = stage.draw(sample, np.random.default_rng(np.random.SeedSequence([SEED, number])))
        spatial = {name: getattr(change, name) for name in ("matrix", "displacement", "outline")}
        image = None if change.intensity is None else change.intensity(sample.image)
        found.append({**spatial, "image": image})
    return found


def _load(stage: Any, _: Path) -> Any:
    cases = list(stage.cases())
    return {"cases": cases, "first": _contents(stage.load(cases[0]))} if cases else {"cases": cases}


def _segment(stage: Any, workspace: Path) -> Any:
    return _contents(ready(stage, workspace).segment(phantom_scan(1)))


def _encode(stage: Encoder, workspace: Path) -> Any:
    losses = stage.fit(encoder_fitting(workspace))
    latents = stage.encode(SampleList(phantom_samples()))
    return {"losses": list(losses), "latents": latents, "decoded": stage.decode(latents.z[:2])}


def _contents(scan: Scan) -> Any:
    """A scan's parts; large arrays as their digests, so that little is kept."""

    def brief(array: np.ndarray[Any, Any]) -> list[Any]:
        return [str(array.dtype), array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]

    images = {name: (brief(image.data), image.grid.to_json()) for name, image in scan.images.items()}
    mask = None if scan.mask is None else (brief(scan.mask.labels), scan.mask.grid.to_json(), scan.mask.scheme.name)
    return {"case": scan.case.id, "images": images, "mask": mask, "notes": scan.notes, "quality": scan.quality}


_EXERCISES: dict[str, Callable[[Any, Path], Any]] = {
    "loader": _load,
    "segmenter": _segment,
    "preprocessor": lambda stage, _: _contents(stage.process(phantom_scan(1))),
    "augmenter": lambda stage, _: [draws(stage, sample) for sample in phantom_samples()[:2]],
    "encoder": _encode,
    "geometry_analyser": lambda stage, _: stage.measure(phantom_scan(1)),
    "evaluator": lambda stage, _: stage.evaluate(phantom_study()),
}


def _folder(workspace: Path) -> Path:
    workspace.mkdir(parents=True, exist_ok=True)
    return workspace
