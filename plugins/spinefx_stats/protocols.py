"""Who is fitted on and who is judged: the held-out patients, and folds of whole patients.

Held out: fitted on training and validation patients, judged on test patients, whom the encoder never saw either.
Folds: every patient is judged once, by a model fitted on the other folds. Latents take part only when the encoder
itself is refitted on those other folds: an encoder that saw a patient is never judged on that patient.
As published: neither holds; asked for, it is shown beside the others and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Study
from spinefx_stats.cohort import Cohort, Target
from spinefx_stats.components import Masks, fit_components
from spinefx_stats.models import predicted
from spinefx_stats.scores import Said, most_frequent
from spinefx_stats.weighted import Array

HELD_OUT, FOLDS, LEAKING = "held out", "folds", "as published (leaks)"

Columns = Callable[[], Array | None]


@dataclass(frozen=True, eq=False)
class Round:
    """One fit: rows fitted on, rows judged, and the feature sets as they may be known to such a fit."""

    fit: NDArray[np.bool_]
    judge: NDArray[np.bool_]
    sets: Mapping[str, Array | None]


@dataclass(frozen=True, eq=False)
class Protocol:
    """A name, its rounds, and why some sets are missing from it."""

    name: str
    rounds: tuple[Round, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Ladder:
    """The feature sets of a cohort, side by side, from saying nothing to saying all."""

    study: Study
    cohort: Cohort
    masks: Masks | None

    def sets(self, latents: Array | None, scores: Array | None) -> dict[str, Array | None]:
        """Name -> (n, k) columns, None where they may not be used. Sets that hold no column are left out."""
        c = self.cohort
        level, geometry, covariates = c.level_dummies, c.stacked(c.geometry), c.stacked(c.covariates)
        out: dict[str, Array | None] = {"majority": c.nothing}
        if level.shape[1]:
            out["level"] = level
        if covariates.shape[1]:
            out["level + covariates"] = np.hstack([level, covariates])
        if geometry.shape[1]:
            out["geometry"] = geometry
        out["latents"] = latents
        if self.masks is not None:
            out["pca"] = scores
        radiomics = c.stacked(c.radiomics)
        if radiomics.shape[1]:
            out["radiomics"] = radiomics
            if level.shape[1]:
                out["level + radiomics"] = np.hstack([level, covariates, radiomics])
        if geometry.shape[1]:
            out["geometry + latents"] = None if latents is None else np.hstack([geometry, latents])
        if level.shape[1]:
            every = [level, covariates, geometry]
            out["level + geometry"] = np.hstack(every)
            out["level + geometry + latents"] = None if latents is None else np.hstack([*every, latents])
        return out

    def scores(self, fit: NDArray[np.bool_]) -> Array | None:
        """PCA scores of all rows from the masks of the fitting rows' patients alone."""
        if self.masks is None:
            return None
        patients = {row.patient for row, chosen in zip(self.cohort.rows, fit, strict=True) if chosen}
        found = fit_components(self.masks, patients, self.cohort.latents.shape[1], seed=self.study.seed)
        return None if found is None else found.scores(self.masks)


def held_out(ladder: Ladder) -> Protocol:
    """One round: training and validation patients fitted on, test patients judged."""
    cohort = ladder.cohort
    if not cohort.tested.any() or not cohort.fitted.any():
        return Protocol(HELD_OUT, ())
    sets = ladder.sets(cohort.latents, ladder.scores(cohort.fitted))
    return Protocol(HELD_OUT, (Round(cohort.fitted, cohort.tested, sets),), _pca_missing(sets))


def folds(ladder: Ladder, *, refit_encoder: bool) -> Protocol:
    """One round per fold of whole patients."""
    cohort, study, rounds = ladder.cohort, ladder.study, []
    for fold in np.unique(cohort.fold[cohort.fold >= 0]):
        judge = cohort.fold == fold
        fit = (cohort.fold >= 0) & ~judge
        latents = None
        if refit_encoder and study.refit is not None and fit.any():
            patients = {row.patient for row, chosen in zip(cohort.rows, fit, strict=True) if chosen}
            latents = np.asarray(study.refit(frozenset(patients)).z, np.float64)
        rounds.append(Round(fit, judge, ladder.sets(latents, ladder.scores(fit))))
    if len(rounds) < 2:
        return Protocol(FOLDS, ())
    missing = {}
    if any(r.sets.get("latents") is None for r in rounds):
        why = "the encoder saw these patients; refit_encoder = true trains one per fold"
        missing = {name: why for name in rounds[0].sets if "latents" in name}
    return Protocol(FOLDS, tuple(rounds), missing | _pca_missing(rounds[0].sets))


def as_published(ladder: Ladder) -> Protocol:
    """Folds of rows, as in print: a patient's discs on both sides, latents and PCA that saw everybody.

    Kept only to show what leakage is worth beside the honest protocols.
    """
    cohort = ladder.cohort
    rng = np.random.default_rng(np.random.SeedSequence([ladder.study.seed, 0x1EA]))
    count = max(2, len(np.unique(cohort.fold[cohort.fold >= 0])))
    fold = rng.permutation(len(cohort.rows)) % count
    everybody = np.ones(len(cohort.rows), bool)
    sets = ladder.sets(cohort.latents, ladder.scores(everybody))
    rounds = tuple(Round(fold != k, fold == k, sets) for k in range(count))
    return Protocol(LEAKING, rounds, _pca_missing(sets))


def _pca_missing(sets: Mapping[str, Array | None]) -> dict[str, str]:
    few = "pca" in sets and sets["pca"] is None
    return {"pca": "too few samples to fit on for a PCA of this size"} if few else {}


def run(protocol: Protocol, name: str, target: Target, cohort: Cohort) -> Said | None:
    """Predictions of one feature set under the protocol, over all rows that are judged and have a value."""
    present = np.isfinite(target.values)
    said, cut, usual = (np.full(len(present), np.nan) for _ in range(3))
    strata, constant = np.full(len(present), -1, np.intp), False
    for number, this in enumerate(protocol.rounds):
        columns, fit, judge = this.sets.get(name), this.fit & present, this.judge & present
        if columns is None:
            return None
        if not fit.any() or not judge.any() or (target.kind == "binary" and np.ptp(target.values[fit]) == 0):
            continue
        constant = columns.shape[1] == 0
        answers = predicted(columns, target.values, target.kind, fit, cohort.patients.codes)
        said[judge], strata[judge] = answers[judge], number
        cut[judge], usual[judge] = target.values[fit].mean(), most_frequent(target.values[fit])
    judged = np.isfinite(said)
    if not judged.any():
        return None
    values = target.values[judged], said[judged], strata[judged], cut[judged], usual[judged]
    return Said(*values, cohort.patients.of(judged), constant)
