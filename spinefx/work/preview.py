"""What a run would do, step by step, and why: nothing here computes or writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError
from spinefx.plan import Plan, Stage
from spinefx.store.fits import sealed
from spinefx.store.keys import Fingerprints
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import CaseResult
from spinefx.work.cohort.cohort import Cohort
from spinefx.work.cohort.learned import Lesson

_UNFITTED = "the segmenter is to be fitted first"
COHORT = ""
"""The case of a step that is done once, for all."""


@dataclass(frozen=True)
class Step:
    """One step as it stands before a run.

    case : the case's id, or "" for a step of the whole cohort.   why : why it would run; "" where it is cached.
    stages : what the step hangs on beside its files: `kind name, version of its numbers`, in order.
    """

    case: str
    step: str
    cached: bool
    key: str
    why: str = ""
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reasons:
    """Why steps have no result yet, told from the record of the run before.

    before : `run.json` of the last finished run in the same folder, or an empty mapping.
    """

    plan: Plan
    before: Mapping[str, Any]

    def of(self, stages: Sequence[Stage], sections: Sequence[str] = ()) -> str:
        """Why a step that hangs on these stages and sections would run."""
        if not self.before:
            return "no run in this folder yet"
        changes = [text for stage in stages if (text := self._stage(stage))]
        changes += [text for name in sections if (text := self._section(name))]
        return "; ".join(changes) or "its input has changed or is new"

    def _stage(self, stage: Stage) -> str:
        old = [s for s in self.before["stages"] if (s["kind"], s["name"]) == (stage.kind, stage.name)]
        if not old:
            return f"{stage.name} was not in the last run"
        if any(s["options"] == stage.options_json() and s["offer"] == stage.offer.plugin.version for s in old):
            return ""
        if old[0]["offer"] != stage.offer.plugin.version:
            return f"{stage.name} has version {stage.offer.plugin.version}, had {old[0]['offer']}"
        return f"{stage.name}: {_difference(old[0]['options'], stage.options_json())}"

    def _section(self, name: str) -> str:
        old, new = self.before["plan"]["sections"].get(name), self.plan.sections()[name]
        watched = {"seed"} if name == "run" else set(new)
        was = {key: value for key, value in (old or {}).items() if key in watched}
        now = {key: value for key, value in new.items() if key in watched}
        return "" if was == now else f"[{name}] {_difference(was, now)}"


def _told(stages: Sequence[Stage]) -> tuple[str, ...]:
    return tuple(
        f"{stage.kind.replace('_', ' ')} {stage.name}, version {stage.offer.plugin.version}" for stage in stages
    )


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    changed = [key for key in new if old.get(key) != new[key]]
    return ", ".join(f"{key} is {new[key]}, was {old.get(key)}" for key in changed) or "options have changed"


def lesson_step(lesson: Lesson, reasons: Reasons) -> Step:
    """The fit of the segmenter, before any case."""
    fitted = lesson.model is not None
    why = reasons.of([lesson.plan.data, lesson.plan.segment], ["split", "run"])
    return Step(COHORT, lesson.step, fitted, lesson.key, "" if fitted else why)


def case_steps(
    work: Casework, cases: Sequence[Case], fingerprints: Fingerprints, reasons: Reasons
) -> Iterator[tuple[Step, CaseResult | None]]:
    """Every step of every case; with the last one of a case that is all cached, its result."""
    plan = work.plan
    source = [plan.data, plan.segment]
    hanging: list[tuple[str, list[Stage], list[str]]] = [
        (f"geometry {s.use}", [*source, s], []) for s in work.analysers
    ]
    hanging += [("picture", source, [])]
    hanging += [("picture measured", [*source, *work.showing], [])] if work.showing else []
    hanging += [("cut", [*source, *plan.preprocess], ["sample"])]
    names = [(name, reasons.of(stages, sections), _told(stages)) for name, stages, sections in hanging]
    for case in cases:
        if work.waiting:
            yield from ((Step(case.id, name, False, "", _UNFITTED, stages), None) for name, _, stages in names)
            continue
        try:
            keys = work.keys(case, fingerprints.of_case(case))
        except DataError as error:
            yield Step(case.id, "load", False, "", f"cannot be read: {error}"), None
            continue
        every = (*keys.features, keys.picture, *([keys.measured] if work.showing else []), keys.samples)
        listed = [(name, key) for name, key in zip(names, every, strict=True) if key]
        steps = [
            Step(case.id, name, (cached := key in work.cache), key, "" if cached else why, stages)
            for (name, why, stages), key in listed
        ]
        result = CaseResult(case.id, case.patient, "cached", 0.0, keys) if all(s.cached for s in steps) else None
        yield from ((step, None) for step in steps[:-1])
        yield steps[-1], result


def cohort_steps(cohort: Cohort, reasons: Reasons) -> Iterator[Step]:
    """The once-only steps, as far as their keys can be told without computing."""
    plan = cohort.plan
    fitting = [plan.data, plan.segment, *plan.preprocess, *plan.augment, plan.encode]
    fitted = sealed(cohort.cache.fit_folder(cohort.fit_key(cohort.fitting_patients))) is not None
    why = reasons.of(fitting, ["sample", "split", "run"])
    yield Step(COHORT, f"fit {plan.encode.use}", fitted, cohort.fit_key(cohort.fitting_patients), "" if fitted else why)
    encoded = cohort.latents_key in cohort.cache
    yield Step(COHORT, f"encode {plan.encode.use}", encoded, cohort.latents_key, "" if encoded else why)
    for stage, label, key in cohort.later_keys():
        cached = key != "" and key in cohort.cache
        late = reasons.of([*fitting, *plan.geometry, stage], ["sample", "split", "run", "labels"])
        yield Step(COHORT, f"{label} {stage.use}", cached, key, "" if cached else late)
