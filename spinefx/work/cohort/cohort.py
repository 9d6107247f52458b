"""The cohort, once: fit the encoder, encode, measure the latents, evaluate. Each step has a key, as in casework."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spinefx.contract.encoder import Encoder, Fitting
from spinefx.contract.errors import DataError, StageError
from spinefx.contract.features import Features
from spinefx.contract.findings import Findings
from spinefx.contract.labels import Labels
from spinefx.contract.samples import Latents, Split
from spinefx.contract.segmenter import ScanSet
from spinefx.contract.study import Study
from spinefx.plan import Plan, Stage
from spinefx.store import fits
from spinefx.store.cache import Cache
from spinefx.store.files import atomic_folder, make_folder
from spinefx.store.keys import digest
from spinefx.store.lock import locked
from spinefx.store.records import (
    features_of,
    findings_files,
    latents_of,
    put_features,
    put_findings,
    put_latents,
    row_parts,
)
from spinefx.store.samples import StoredSamples
from spinefx.work.cases.casework import stage_key
from spinefx.work.cases.outcome import Failure, at, wanted
from spinefx.work.cohort.augment import Augmentation
from spinefx.work.cohort.found import Found
from spinefx.work.cohort.inputs import of_columns, of_inputs
from spinefx.work.cohort.instruments import Instruments

EpochDone = Callable[[int, int, Mapping[str, float]], None]


@dataclass
class Cohort:
    """The once-only steps over all samples.

    fits : keys of the fits that were asked for.
    started : called with the name of every step that really runs; nothing is called when all is there already.
    """

    plan: Plan
    cache: Cache
    samples: StoredSamples
    anatomy: Features
    labels: Labels
    split: Split
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scans: ScanSet | None = None
    failures: list[Failure] = field(default_factory=list)
    epoch_done: EpochDone = lambda epoch, epochs, losses: None
    note: Callable[[str], None] = lambda text: None
    started: Callable[[str], None] = lambda step: None
    fits: set[str] = field(default_factory=set)

    def fit_key(self, patients: Collection[str]) -> str:
        """Key of an encoder fitted on these patients' samples."""
        inside = [[row_parts(p.row), p.key] for p in self.samples.places if p.row.patient in patients]
        stopping = self.split.patients("validation")
        parts = {p: "validation" if p in stopping else "train" for p in sorted(patients)}
        chain = digest([inside, parts, self.plan.run.seed, self.plan.run.device.partition(":")[0]])
        for stage in self.plan.augment:
            chain = stage_key(stage, chain)
        return stage_key(self.plan.encode, chain)

    @cached_property
    def fitting_patients(self) -> frozenset[str]:
        """The patients that anything may be fitted on."""
        return self.split.patients("train", "validation")

    @cached_property
    def latents_key(self) -> str:
        """Key of all samples' latents."""
        samples = [[row_parts(p.row), p.key, p.number] for p in self.samples.places]
        return stage_key(self.plan.encode, [self.fit_key(self.fitting_patients), digest(samples)])

    def fitted(self, patients: Collection[str]) -> Path:
        """The model's folder, after fitting on these patients where that was not done before."""
        key = self.fit_key(patients)
        self.fits.add(key)
        folder = self.cache.fit_folder(key)
        model = folder / fits.MODEL
        if fits.sealed(folder) is not None:
            return model
        make_folder(folder)
        with locked(folder), at("encode", self.plan.encode.use):
            if fits.sealed(folder) is None:
                self._fit(patients, folder)
        return model

    def _fit(self, patients: Collection[str], folder: Path) -> None:
        self.started(f"fit {self.plan.encode.use}")
        stopping = self.split.patients("validation") & frozenset(patients)
        train = self.samples.of_patients(frozenset(patients) - stopping)
        validation = self.samples.of_patients(stopping)
        if not len(train):
            raise DataError("no patient is left to train on: those that [split] leaves for it were quarantined")
        augmenters = [stage.build() for stage in self.plan.augment]
        encoder = self.plan.encode.build()
        fitting = Fitting(
            train=train,
            validation=validation,
            augment=Augmentation(train, augmenters, self.plan.run.seed),
            seed=self.plan.run.seed,
            workspace=make_folder(folder / "workspace"),
            device=self.plan.run.device,
            epoch_done=self.epoch_done,
            note=self.note,
        )
        history = encoder.fit(fitting)
        with atomic_folder(folder / fits.MODEL) as temporary:
            encoder.save(temporary)
        fits.seal(folder, list(history))

    @cached_property
    def history(self) -> tuple[Mapping[str, float], ...]:
        """Losses per epoch of the main fit."""
        return fits.sealed(self.fitted(self.fitting_patients).parent) or ()

    @cached_property
    def encoder(self) -> Encoder:
        """The fitted encoder, as loaded from its files."""
        return self._loaded(self.fitting_patients)

    def _loaded(self, patients: Collection[str]) -> Encoder:
        model = self.fitted(patients)
        with at("encode", self.plan.encode.use):
            encoder: Encoder = self.plan.encode.build()
            encoder.load(model)
        return encoder

    @cached_property
    def latents(self) -> Latents:
        """Latents of all samples; test patients' too, by an encoder that never saw them."""
        kept = self.cache.get(self.latents_key)
        if kept is None:
            self.started(f"encode {self.plan.encode.use}")
            with at("encode", self.plan.encode.use):
                latents = self._encoded_by(self.encoder)
            put_latents(self.cache, self.latents_key, latents)
            kept = self.cache.require(self.latents_key)
        return latents_of(kept)

    def refit(self, patients: Collection[str]) -> Latents:
        """Latents of all samples from an encoder fitted on these patients only."""
        return self._encoded_by(self._loaded(frozenset(patients)))

    def sized(self, latent_dim: int, seed: int) -> tuple[Encoder, Latents]:
        """The same with an encoder of another size and seed: fitted on the same patients, and all samples' latents."""
        run, encode = (
            self.plan.run.model_copy(update={"seed": seed}),
            self.plan.encode.with_options(latent_dim=latent_dim),
        )
        other = replace(self, plan=replace(self.plan, run=run, encode=encode))
        return other.encoder, other.latents

    def _encoded_by(self, encoder: Encoder) -> Latents:
        """All samples' latents, checked: who takes another row's for its own is wrong without knowing."""
        latents = wanted(Latents, encoder.encode(self.samples))
        if latents.rows != self.samples.rows:
            raise DataError(f"gave {len(latents.rows)} latents in rows that are not the {len(self.samples)} samples'")
        if not latents.z.shape[1] or not np.isfinite(latents.z).all():
            raise DataError("gave latents that are not finite, or none; its training has failed")
        return latents

    @cached_property
    def _inputs(self) -> str:
        """Digest of everything that latent analysers see."""
        tools = [stage_key(stage, "") for stage in self._instruments.stages]
        seen = of_inputs(self.anatomy, self.labels, self.split, self.facts)
        return digest([self.latents_key, seen, self.plan.run.seed, tools])

    def measured(self) -> tuple[Features, list[Found]]:
        """All features (anatomy's, then the latents'), and what the latent analysers found."""
        tables, found = [self.anatomy], []
        for stage in self.plan.geometry:
            if stage.scope == "latents":
                try:
                    features, more = self._measured(stage)
                except StageError as error:
                    found.append(self._failed(stage, error))
                    continue
                tables.append(features)
                found.append(more)
        return Features.joined(tables), found

    def _failed(self, stage: Stage, error: StageError) -> Found:
        """What stands in the report where a stage failed; the rest goes on."""
        failure = Failure.of(error)
        self.failures.append(failure)
        return Found.failed(stage.kind, stage.name, failure.cause)

    def _measured(self, stage: Stage) -> tuple[Features, Found]:
        key = stage_key(stage, self._inputs)
        table_key = digest([key, "features"])
        name = stage.name
        kept, table = self.cache.get(key), self.cache.get(table_key)
        if kept is None or table is None:
            self.started(f"geometry {stage.use}")
            with at("geometry", stage.use):
                features, findings = stage.build().measure_latents(self._study(self.anatomy))
                put_features(self.cache, table_key, wanted(Features, features).prefixed(name))
                put_findings(self.cache, key, wanted(Findings, findings), stem=f"{name}-{key[:6]}-")
            kept, table = self.cache.require(key), self.cache.require(table_key)
        return features_of(table), Found(stage.kind, name, *findings_files(kept))

    def later_keys(self) -> list[tuple[Stage, str, str]]:
        """Every latent analyser and evaluator with its key; "" where that hangs on latent features not made yet."""
        listed, tables = [], [self.anatomy]
        for stage in self.plan.geometry:
            if stage.scope == "latents":
                key = stage_key(stage, self._inputs)
                table = self.cache.get(digest([key, "features"]))
                listed.append((stage, "geometry", key if table else ""))
                tables += [features_of(table)] if table else []
        whole = all(key for _, _, key in listed)
        columns = of_columns(Features.joined(tables))
        return listed + [(s, "evaluate", self._evaluate_key(s, columns) if whole else "") for s in self.plan.evaluate]

    def stands_on(self) -> set[str]:
        """Keys of everything in the cache that the cohort's results came from, but for the cases' own."""
        later = [key for _, _, key in self.later_keys() if key]
        return {self.latents_key, *self.fits, *later, *(digest([key, "features"]) for key in later)}

    def evaluated(self, features: Features) -> list[Found]:
        """What every evaluator found, in the plan's order."""
        columns = of_columns(features)
        found = []
        for stage in self.plan.evaluate:
            try:
                found.append(self._evaluated(stage, features, columns))
            except StageError as error:
                found.append(self._failed(stage, error))
        return found

    @cached_property
    def encoded(self) -> bool:
        """Whether there are latents; a failing encoder is noted, and anatomy goes on without it."""
        try:
            return self.latents is not None
        except StageError as error:
            self.failures.append(Failure.of(error))
            return False

    def _evaluate_key(self, stage: Stage, columns: str) -> str:
        return stage_key(stage, [self._inputs, columns])

    def _evaluated(self, stage: Stage, features: Features, columns: str) -> Found:
        key = self._evaluate_key(stage, columns)
        name = stage.name
        kept = self.cache.get(key)
        if kept is None:
            self.started(f"evaluate {stage.use}")
            with at("evaluate", stage.use):
                findings = wanted(Findings, stage.build().evaluate(self._study(features)))
                put_findings(self.cache, key, findings, stem=f"{name}-{key[:6]}-")
            kept = self.cache.require(key)
        return Found(stage.kind, name, *findings_files(kept))

    @cached_property
    def _instruments(self) -> Instruments:
        return Instruments(tuple(stage for stage in self.plan.geometry if stage.scope == "scan"))

    def _study(self, features: Features) -> Study:
        return Study(
            samples=self.samples,
            latents=self.latents,
            features=features,
            labels=self.labels,
            split=self.split,
            encoder=self.encoder,
            seed=self.plan.run.seed,
            history=self.history,
            refit=self.refit,
            facts=self.facts,
            scans=self.scans,
            sized=self.sized,
            measure=self._instruments,
            fitted=self._loaded,
        )
