"""Searching over options: what an encoder holds of patients that it has not seen, for each choice, beside PCA's.

Everything happens inside the training and validation patients of a plan; its test patients take no part, so a run with
the best choice is as honest as one without a search. Points come from Optuna's samplers, repeats from seeds; each fit has
a key, so that a sweep that was stopped goes on, and one that is widened does what is new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from spinefx.contract.errors import PlanError, StageError
from spinefx.contract.samples import Part, Split
from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.plan.source import Source, with_overrides
from spinefx.store.lock import locked
from spinefx.store.log import Log
from spinefx.work.cohort.cohort import Cohort
from spinefx.work.cohort.split import deal
from spinefx.work.observers import Observers

Value = int | float | str | bool
Sampler = Literal["grid", "random", "tpe"]
SIZES = ("encode.latent_dim", (2, 3, 4, 8, 16, 32))
"""What is searched first: the number of latents."""
_AT_ONCE = 32
_INSIDE = ("encode", "augment")


@dataclass(frozen=True)
class Axis:
    """One option that is searched: `values`, or all between `low` and `high` (by factors where `log`)."""

    key: str
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    @classmethod
    def parse(cls, text: str) -> Axis:
        """`encode.latent_dim=2,4,8`, `encode.lr=1e-4..1e-2`, `encode.width=16..128`; PlanError for anything else."""
        key, equals, given = (part.strip() for part in text.partition("="))
        if not equals or key.partition(".")[0] not in _INSIDE or "." not in key or not given:
            raise PlanError(
                f"--over {text}: wanted encode.KEY=2,4,8 or encode.KEY=LOW..HIGH (also augment.0.KEY); other sections "
                "change the samples, which is another run"
            )
        if ".." in given:
            ends = [end for end in map(_value, given.split("..", 1)) if isinstance(end, int | float)]
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise PlanError(f"--over {text}: {given} is no range; wanted LOW..HIGH with two numbers")
            low, high = float(ends[0]), float(ends[1])
            whole = all(isinstance(end, int) for end in ends)
            return cls(key, (), low, high, log=low > 0 and high / low >= 10, whole=whole)
        return cls(key, tuple(dict.fromkeys(_value(part) for part in given.split(","))))

    @property
    def least(self) -> Value:
        """The lower end of a range."""
        return int(self.low) if self.whole else self.low

    @property
    def most(self) -> Value:
        """The upper end of a range."""
        return int(self.high) if self.whole else self.high

    def suggest(self, trial: Any) -> Value:
        """The value that an Optuna trial takes here."""
        if self.values:
            found: Value = trial.suggest_categorical(self.key, self.values)
        elif self.whole:
            found = trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log)
        else:
            found = trial.suggest_float(self.key, self.low, self.high, log=self.log)
        return found


def _value(text: str) -> Value:
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


@dataclass(frozen=True)
class Score:
    """What one choice held of unseen patients: mean IoU for each repeat and part, and of PCA of the same size.

    iou : the parts of the first repeat, then of the next.   repeats : how many there are.
    failed : why the choice could not be fitted; it has no IoU then, and takes no part in what is chosen.
    """

    choice: Mapping[str, Value]
    iou: tuple[float, ...]
    pca: tuple[float, ...]
    failed: str = ""
    repeats: int = 1

    @property
    def mean(self) -> float:
        """Over repeats and parts; NaN where it failed."""
        return float(np.mean(self.iou)) if self.iou else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean over parts, each the mean of its repeats: those judge the same patients again; 0 for one part."""
        parts = np.reshape(self.iou, (self.repeats, -1)).mean(axis=0)
        return float(np.std(parts, ddof=1) / math.sqrt(len(parts))) if len(parts) > 1 else 0.0


@dataclass
class Sweep:
    """A search over some options of a plan.

    folds : parts of the training patients that are held out in turn.   repeats : seeds for each.
    trials : points tried; every combination where the sampler is `grid`.
    told : called with each score as it comes.
    """

    plan: Plan
    axes: Sequence[Axis]
    sampler: Sampler = "grid"
    trials: int = 20
    repeats: int = 1
    folds: int = 3
    told: Callable[[Score], None] = lambda score: None
    _pca: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def run(self, observers: Sequence[object] = ()) -> list[Score]:
        """The scores in the order in which they were tried; equal for equal arguments."""
        if self.sampler == "grid" and any(not axis.values for axis in self.axes):
            raise PlanError("a grid needs values for every option; name them, or take the sampler tpe or random")
        for axis in self.axes:
            for value in axis.values or (axis.least, axis.most):
                self._planned({axis.key: value}, 0)  # refused before work begins
        engine = Engine(self.plan, observers=observers)
        with locked(engine.out):
            log = Log(engine.out / "log.jsonl")
            watch = Observers(self.plan.registry.hooks, observers, log)
            cohort = engine.cohort(watch, log)
            cohort.epoch_done = watch.epoch_done
            cohort.note = lambda text: log.write("note", text=text)
            inside = cohort.fitting_patients
            if len(inside) < self.folds:
                raise PlanError(
                    f"{len(inside)} patients cannot be dealt to {self.folds} parts; lower --folds to {len(inside)}"
                )
            self.cohort = replace(cohort, samples=cohort.samples.of_patients(inside))
            self.parts = deal(inside, seed=self.plan.run.seed, test=0.0, validation=0.15, folds=self.folds)
            scores = self._searched()
            watch.run_done(engine.out, 0)
        return scores

    def _searched(self) -> list[Score]:
        try:
            import optuna
        except ImportError as error:
            raise PlanError("spinefx sweep needs Optuna; pip install 'spinefx[sweep]'") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        seed = self.plan.run.seed % 2**32
        scores: list[Score] = []
        if self.sampler == "grid":
            space = {axis.key: list(axis.values) for axis in self.axes}
            sampler: Any = optuna.samplers.GridSampler(space, seed=seed)
            trials = math.prod(len(axis.values) for axis in self.axes)
        elif self.sampler == "random":
            sampler, trials = optuna.samplers.RandomSampler(seed=seed), self.trials
        else:
            sampler, trials = optuna.samplers.TPESampler(seed=seed), self.trials

        def tried(trial: Any) -> float:
            choice = {axis.key: axis.suggest(trial) for axis in self.axes}
            known = next((score for score in scores if score.choice == choice), None)
            if known is None:
                known = self._score(choice)
                scores.append(known)
                self.told(known)
            if known.failed:
                raise optuna.TrialPruned
            return known.mean

        optuna.create_study(direction="maximize", sampler=sampler).optimize(tried, n_trials=trials)
        return scores

    def _score(self, choice: Mapping[str, Value]) -> Score:
        try:
            found = [self._held(self._planned(choice, r), k) for r in range(self.repeats) for k in range(self.folds)]
        except StageError as error:
            return Score(dict(choice), (), (), str(error))
        size = getattr(self._planned(choice, 0).encode.options, "latent_dim", 0)
        return Score(dict(choice), tuple(found), self._components(size), repeats=self.repeats)

    def _components(self, size: int) -> tuple[float, ...]:
        """The same of PCA with as many components, for each part; empty where it is not installed or samples are too few."""
        names = {offer.name for offer in self.plan.registry.offers("encoder")}
        if size and "pca" in names and size not in self._pca:
            plan = self._altered({"encode": {"use": "pca", "latent_dim": size}}, self.plan.run.seed)
            try:
                self._pca[size] = tuple(self._held(plan, k) for k in range(self.folds))
            except StageError as error:
                self.cohort.note(f"no PCA of {size} components beside it: {error}")
                self._pca[size] = ()
        return self._pca.get(size, ())

    def _planned(self, choice: Mapping[str, Value], repeat: int) -> Plan:
        """The plan with this choice, and the seed of this repeat."""
        problems: list[Any] = []
        texts = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in choice.items()]
        tables = with_overrides(Source("plan", self.plan.sections()), texts, problems).tables
        if problems:
            raise PlanError(problems)
        return self._altered({name: tables[name] for name in _INSIDE}, self.plan.run.seed + repeat)

    def _altered(self, changes: Mapping[str, Any], seed: int) -> Plan:
        sections = {**self.plan.sections(), **changes}
        sections["run"] = {**sections["run"], "seed": seed}
        return Plan.of(sections, self.plan.base, registry=self.plan.registry)

    def _held(self, plan: Plan, fold: int) -> float:
        """Mean IoU of the samples of this part's patients with themselves, by an encoder that never saw them."""
        part: dict[str, Part] = {
            p: "test" if self.parts.fold[p] == fold else self.parts.part[p] for p in self.parts.part
        }
        cohort = Cohort(
            plan=plan,
            cache=self.cohort.cache,
            samples=self.cohort.samples,
            anatomy=self.cohort.anatomy,
            labels=self.cohort.labels,
            split=Split(part, self.parts.fold),
            epoch_done=self.cohort.epoch_done,
            note=self.cohort.note,
        )
        encoder = cohort.encoder
        held = cohort.samples.of_patients(cohort.split.patients("test"))
        z = encoder.encode(held).z
        overlaps: list[float] = []
        for start in range(0, len(held), _AT_ONCE):
            for number, made in enumerate(encoder.decode(z[start : start + _AT_ONCE]) > 0.5, start):
                drawn = held[number].mask > 0.5
                overlaps.append(float((drawn & made).sum() / max(int((drawn | made).sum()), 1)))
        return float(np.mean(overlaps))


def chosen(scores: Sequence[Score], key: str = SIZES[0]) -> tuple[Score, Score]:
    """The best score, and the one with the least `key` that is within one standard error of it.

    Raises
    ------
    StageError
        If every choice failed; with the reason of the first.

    Notes
    -----
    Breiman et al., Classification and Regression Trees (1984): the one-standard-error rule.
    """
    fitted = [score for score in scores if not score.failed]
    if not fitted:
        raise StageError(f"no choice could be fitted: {scores[0].failed}")
    best = max(fitted, key=lambda score: score.mean)
    near = [score for score in fitted if score.mean >= best.mean - best.error]
    return best, min(near, key=lambda score: (score.choice.get(key, 0), -score.mean))
