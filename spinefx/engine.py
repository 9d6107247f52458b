"""The corridor: plan -> casework -> cohort -> report. Nothing else lives here.

run = Engine(Plan.read("pipeline.toml")).run()
print(run.summary())
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, PlanError, SpinefxError, StoreError
from spinefx.contract.features import Features, Row
from spinefx.contract.samples import Split
from spinefx.contract.stages import Loader
from spinefx.plan import Plan
from spinefx.report import render
from spinefx.store.cache import Cache
from spinefx.store.claims import claim, claimed
from spinefx.store.files import make_folder, sweep
from spinefx.store.keys import Fingerprints
from spinefx.store.lock import locked
from spinefx.store.log import Log
from spinefx.store.publish import publish
from spinefx.store.records import features_of
from spinefx.store.run import Run
from spinefx.store.samples import StoredSamples, places
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import CaseResult
from spinefx.work.cases.roster import loader_of, roster
from spinefx.work.checked import Checked, foreseen, labels_of
from spinefx.work.cohort.account import account
from spinefx.work.cohort.cohort import Cohort
from spinefx.work.cohort.flow import strata
from spinefx.work.cohort.found import Found
from spinefx.work.cohort.learned import Lesson, Segmented, kept_by, learns
from spinefx.work.cohort.split import deal
from spinefx.work.folder import (
    RunFolder,
    cache_root,
    finished_record,
    known_files,
    refuse_strangers,
    remember_files,
)
from spinefx.work.observers import Observers
from spinefx.work.preview import Reasons, Step, case_steps, cohort_steps, lesson_step
from spinefx.work.rounds import rounds


class Engine:
    """Runs a plan.

    Parameters
    ----------
    plan : a checked plan.
    observers : objects with `spinefx_*` observer hooks, beside those of the installed plugins.
    segmenter : the folder of a fitted segmenter to use, where the plan's would be fitted.

    Raises
    ------
    SpinefxError
        From `run`, for whatever concerns the whole (plan, labels, disk); a failing case is quarantined instead.
    """

    def __init__(self, plan: Plan, *, observers: Sequence[object] = (), segmenter: Path | None = None) -> None:
        self.plan, self.segmenter = plan, segmenter
        self.out: Path = plan.run.out
        self.cache = Cache(cache_root(self.out))
        self._observers = observers
        self._named = False

    @cached_property
    def loader(self) -> Loader:
        """The plan's loader."""
        return loader_of(self.plan)

    def check(self) -> Checked:
        """Find the cases and read the labels; DataError names what is wrong with either, PlanError what is asked of them in vain."""
        cases = roster(self.loader, self.plan)
        labels, stratify = labels_of(self.plan, self.loader), self.plan.split.stratify
        if stratify and stratify not in labels.columns:
            raise PlanError(
                f"[split] stratify = {stratify!r} is no label; there are {sorted(labels.columns) or 'none'}"
            )
        foreseen(self.plan, self._deal({case.patient for case in cases}), labels)
        return Checked(cases, labels)

    def _deal(
        self, patients: Collection[str], strata: Mapping[str, object] | None = None, *, lost: Collection[str] = ()
    ) -> Split:
        section = self.plan.split
        shares = {"test": section.test, "validation": section.validation, "folds": section.folds}
        return deal(patients, seed=self.plan.run.seed, strata=strata, lost=lost, **shares)  # type: ignore[arg-type]

    def preview(self) -> list[Step]:
        """What a run would find done and what it would do, and why, without doing it."""
        checked = self.check()
        fingerprints = Fingerprints(known_files(self.cache.root))
        reasons = Reasons(self.plan, finished_record(self.out))
        lesson = self.lesson(checked, fingerprints)
        steps = [lesson_step(lesson, reasons)] if lesson else []
        listed = list(case_steps(self.work(lesson, len(checked.cases)), checked.cases, fingerprints, reasons))
        with suppress(StoreError):  # it only looks: what cannot be remembered is read again
            remember_files(self.cache.root, fingerprints.known)
        steps += [step for step, _ in listed]
        results = [result for _, result in listed if result is not None]
        if len(results) == len(checked.cases) and (cohort := self._cohort(checked, results, lesson)) is not None:
            steps += cohort_steps(cohort, reasons)
        return steps

    def lesson(self, checked: Checked, fingerprints: Fingerprints) -> Lesson | None:
        """The fit that the plan's segmenter needs before casework; None where it needs none."""
        if self.segmenter is not None or not learns(self.plan.segment):
            return None
        patients = sorted({case.patient for case in checked.cases})
        rows = [Row("", row.patient, "", row.level) for row in checked.labels.rows]
        named = self.plan.split.stratify
        split = self._deal(patients, strata(named, patients, rows, checked.labels) if named else None)
        return Lesson(self.plan, self.cache, self.loader, checked.cases, split, fingerprints)

    def _taught(self, checked: Checked, watch: Observers, started: Callable[[str], None]) -> Lesson | None:
        """The lesson, learned."""
        fingerprints = Fingerprints(known_files(self.cache.root))
        if lesson := self.lesson(checked, fingerprints):
            lesson.started, lesson.epoch_done = started, watch.epoch_done
            lesson.learned()
            remember_files(self.cache.root, fingerprints.known)
        return lesson

    def work(self, lesson: Lesson | None, cases: int) -> Casework:
        """What does that many cases, with its segmenter as far as that is fitted."""
        segmenter = lesson.model if lesson else self.segmenter
        waiting, share = lesson is not None and segmenter is None, self.plan.report.pictures / max(cases, 1)
        return Casework(self.plan, self.cache.root, segmenter, waiting=waiting, pictured=share)

    def run(self) -> Run:
        """Do what is not done yet; the run as its folder holds it."""
        refuse_strangers(make_folder(self.out))
        with locked(self.out):
            sweep(self.out)
            log = Log(self.out / "log.jsonl")
            watch = Observers(self.plan.registry.hooks, self._observers, log)
            folder = RunFolder(self.out, self.plan)
            try:
                run = self._run(folder, watch, log)
            except BaseException as error:
                known = isinstance(error, SpinefxError)
                code = (
                    error.exit_code
                    if isinstance(error, SpinefxError)
                    else 130
                    if isinstance(error, KeyboardInterrupt)
                    else 1
                )
                private = self.plan.run.hash_ids is not None and not self._named  # no case has a pseudonym yet
                said = str(error) if known and not private else type(error).__name__
                log.write("run stopped", exit_code=code, error=said)
                folder.stopped(code, said)
                watch.run_done(self.out, code)
                raise
            if place := self.plan.run.publish:  # the run is finished and stays so, whatever becomes of its copy
                publish(self.out, place)
            return run

    def _run(self, folder: RunFolder, watch: Observers, log: Log) -> Run:
        begun = time.perf_counter()
        checked = self.check()
        self._named = True
        log.write("run started", cases=len(checked.cases), seed=self.plan.run.seed)
        folder.started(len(checked.cases))
        watch.run_started(self.plan.to_json(), self.out, len(checked.cases))
        if claimed(self.cache.root, self.out) is None:
            claim(self.cache.root, self.out, ())

        worked: list[str] = []

        def started(step: str) -> None:
            worked.append(step)
            folder.at(step)
            log.write("step started", step=step)

        lesson = self._taught(checked, watch, started)
        folder.segmenter = lesson.model if lesson else self.segmenter
        results = self.casework(checked.cases, watch, log, lesson)
        worked += [step for result in results for step in result.done]

        cohort = self._cohort(checked, results, lesson)
        found: list[Found] = []
        features = Features((), {})
        if cohort is not None:
            cohort.started, cohort.epoch_done = started, watch.epoch_done
            cohort.note = lambda text: log.write("note", text=text)
            features = cohort.anatomy
            if cohort.encoded:
                features, found = cohort.measured()
                found += cohort.evaluated(features)
            for failure in cohort.failures:
                log.write("stage failed", **vars(failure))
            told = list(account(results, cohort, features, found))
            told += [("masks", lesson.told())] if lesson else []
            found = [*(folder.of_engine(name, findings) for name, findings in told), *found]
        failed = cohort.failures if cohort is not None else []
        code = 4 if failed or any(result.failure for result in results) else 0
        new = folder.finish(
            results=results,
            cohort=cohort,
            features=features,
            found=found,
            worked=bool(worked),
            exit_code=code,
            seconds=time.perf_counter() - begun,
            cache=self.cache,
        )
        if new:
            render(self.out)
        self._claim(results, cohort, lesson)
        log.write("run done", exit_code=code, steps=len(worked))
        watch.run_done(self.out, code)
        return Run(self.out)

    def cohort(self, watch: Observers, log: Log) -> Cohort:
        """The cohort with its casework done and nothing fitted; DataError where no case is left."""
        checked = self.check()
        watch.run_started(self.plan.to_json(), self.out, len(checked.cases))
        lesson = self._taught(checked, watch, lambda step: None)
        cohort = self._cohort(checked, self.casework(checked.cases, watch, log, lesson), lesson)
        if cohort is None:
            raise DataError("every case was quarantined; spinefx check --data says why")
        return cohort

    def _claim(self, results: Sequence[CaseResult], cohort: Cohort | None, lesson: Lesson | None) -> None:
        """Tell the cache what this run stands on; fits for folds are kept as long as the main fit is the same."""
        keys = {key for result in results if result.keys for key in (*result.keys.all, result.keys.segment)}
        keys |= {lesson.key} if lesson else set()
        before = claimed(self.cache.root, self.out) or frozenset()
        if cohort is not None:
            keys |= cohort.stands_on()
            if cohort.fit_key(cohort.fitting_patients) in before:
                keys |= {key for key in before if self.cache.fit_folder(key).is_dir()}
        if keys != before:
            claim(self.cache.root, self.out, keys)

    def casework(
        self, cases: Sequence[Case], watch: Observers, log: Log, lesson: Lesson | None = None
    ) -> list[CaseResult]:
        """Every case done, cached or quarantined; in the loader's order, whoever finished first."""
        return rounds(self.work(lesson, len(cases)), self.loader, cases, watch, log)

    def _cohort(self, checked: Checked, results: Sequence[CaseResult], lesson: Lesson | None) -> Cohort | None:
        """The once-only steps, or None where no case is left to do them on."""
        kept = [result for result in results if result.keys is not None and result.failure is None]
        if not kept:
            return None
        found = [place for result in kept for place in places(self.cache, result.keys.samples)]  # type: ignore[union-attr]
        samples = StoredSamples(self.cache, tuple(found))
        tables = [features_of(self.cache.require(key)) for result in kept for key in result.keys.features]  # type: ignore[union-attr]
        labels, section = checked.labels, self.plan.split
        patients = sorted({row.patient for row in samples.rows})
        groups = strata(section.stratify, patients, samples.rows, labels) if section.stratify else None
        lost = {case.patient for case in checked.cases} - set(patients)
        split = kept_by(lesson.split, frozenset(patients)) if lesson else self._deal(patients, groups, lost=lost)
        return Cohort(
            plan=self.plan,
            cache=self.cache,
            samples=samples,
            anatomy=Features.joined(tables),
            labels=labels,
            split=split,
            facts={case.id: case.facts for case in checked.cases},
            scans=Segmented.of(self.work(lesson, len(checked.cases)), checked.cases, kept),
        )
