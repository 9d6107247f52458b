"""What a plan would work on, found before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, LabelTableError, PlanError, PluginError, Problem
from spinefx.contract.labels import Labels
from spinefx.contract.samples import Split
from spinefx.contract.stages import Foreseeing, LabelSource, Loader
from spinefx.labels import read_labels
from spinefx.plan import Plan
from spinefx.work.cases.roster import asked, pseudonyms


@dataclass(frozen=True)
class Checked:
    """What a plan would work on: the cases found and the labels read."""

    cases: tuple[Case, ...]
    labels: Labels

    @property
    def unlabelled(self) -> tuple[str, ...]:
        """Patients with images and no label."""
        known = {row.patient for row in self.labels.rows}
        return tuple(sorted({case.patient for case in self.cases} - known)) if known else ()

    @property
    def unseen(self) -> tuple[str, ...]:
        """Patients with labels and no image."""
        return tuple(sorted({row.patient for row in self.labels.rows} - {case.patient for case in self.cases}))


def labels_of(plan: Plan, loader: Loader) -> Labels:
    """The labels of a plan: its table's, or those that its loader brings; DataError names what is wrong with them."""
    section = plan.labels
    if section.table is not None:
        names = pseudonyms(plan)
        try:
            return read_labels(section, named=str if names is None else names.of)
        except LabelTableError as error:
            where = plan.where("labels", *error.option)
            raise LabelTableError(f"{where}: {error}", option=error.option) from error
    if not isinstance(loader, LabelSource):
        if section.targets or section.covariates:
            raise PlanError(f"[labels] names no table, and loader {plan.data.use!r} brings no labels")
        return Labels()
    with asked(plan, "labels"):
        own = loader.labels()
    try:
        return replace(own, targets=section.targets or own.targets, covariates=section.covariates or own.covariates)
    except DataError as error:
        raise DataError(f"{plan.source} [labels]: {error}; loader {plan.data.use!r} brings them") from error


def foreseen(plan: Plan, split: Split, labels: Labels) -> None:
    """Ask latent analysers and evaluators for patients and labels that their options name and that are not there.

    Raises
    ------
    PlanError
        Naming the place of every stage that could never do what it is asked for.
    PluginError
        If a stage cannot be built, or fails to tell.
    """
    problems = []
    listed = [("geometry", n, stage) for n, stage in enumerate(plan.geometry) if stage.scope == "latents"]
    for section, number, stage in [*listed, *(("evaluate", n, stage) for n, stage in enumerate(plan.evaluate))]:
        built = stage.build()
        if not isinstance(built, Foreseeing):
            continue
        try:
            built.foresee(split, labels)
        except DataError as error:
            problems.append(Problem(plan.where(section, number), f"{stage.use}: {error}"))
        except Exception as error:
            raise PluginError(
                f"{plan.where(section, number)}: {stage.use} fails before the run: {type(error).__name__}: {error}"
            ) from error
    if problems:
        raise PlanError(problems)
