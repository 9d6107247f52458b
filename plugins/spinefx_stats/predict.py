"""`predict`: what predicts the labels in patients never seen, each feature set beside level alone and the majority."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spinefx.api import Column, Figure, Findings, Series, Study, Table
from spinefx_stats import PredictOptions
from spinefx_stats.calibration import calibration_figure
from spinefx_stats.cohort import Cohort, Target, cohort_of
from spinefx_stats.components import Masks
from spinefx_stats.decision import Worth, decision_figure, decision_rows, decision_table, worths
from spinefx_stats.proof import folds_table, split_proof
from spinefx_stats.protocols import FOLDS, HELD_OUT, LEAKING, Ladder, Protocol, as_published, folds, held_out, run
from spinefx_stats.scores import LEADING, NAMES, Said, Scored, difference, scored
from spinefx_stats.words import Cell, between, several, signed


@dataclass(frozen=True)
class Result:
    """One feature set for one target under one protocol; `scored` None where `note` says why there is no number."""

    target: Target
    protocol: str
    features: str
    columns: int
    n: int = 0
    patients: int = 0
    positives: int = 0
    scored: Scored | None = None
    gain: tuple[float, float, float] | None = None
    said: Said | None = None
    note: str = ""


class Predict:
    """Evaluator: what predicts what."""

    def __init__(self, options: PredictOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """Score tables by kind of target, bars, the proof that no patient was on both sides."""
        options = self.options
        cohort = cohort_of(study, features=options.features, facts=options.facts, resamples=options.resamples)
        warnings: list[str] = []
        if not cohort.rows or not cohort.targets:
            return Findings(warnings=("No label is named as target, so nothing is predicted.",))
        ladder = Ladder(study, cohort, Masks(study.samples) if options.pca else None)
        protocols: dict[str, Callable[[], Protocol]] = {
            HELD_OUT: lambda: held_out(ladder),
            FOLDS: lambda: folds(ladder, refit_encoder=options.refit_encoder),
        }
        if options.protocol == "as-published":
            protocols[LEAKING] = lambda: as_published(ladder)
            warnings.append(
                "Rows marked 'as published (leaks)' share patients between fitting and judging: no evidence."
            )
        if options.refit_encoder and study.refit is None:
            warnings.append("refit_encoder was asked for, but this run cannot train another encoder.")
        results: list[Result] = []
        for name, build in protocols.items():
            targets = list(self._judged(name, cohort, warnings))
            if not targets:
                continue  # before encoders and PCAs are fitted for nothing
            protocol = build()
            if not protocol.rounds:
                warnings.append(f"Protocol {name!r}: no patients on one side, so nothing is judged there.")
            for target in targets if protocol.rounds else ():
                results += self._target(protocol, target, cohort)
        curves = self._curves(results)
        decided = [row for r, curve in curves for row in decision_rows(r.target.name, r.protocol, r.features, curve)]
        kinds = [kind for kind in NAMES if any(result.target.kind == kind for result in results)]
        return Findings(
            tables=(
                *(_table(kind, [r for r in results if r.target.kind == kind]) for kind in kinds),
                *([decision_table(decided)] if decided else []),
                split_proof(study, cohort),
                folds_table(cohort),
            ),
            figures=tuple(f for f in (*_figures(kinds, results), *_decisions(curves)) if f is not None),
            sentences=tuple(_sentences(results)),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _judged(self, protocol: str, cohort: Cohort, warnings: list[str]) -> Iterator[Target]:
        """The targets with enough labelled rows on both sides; a warning for each of the others."""
        for target in cohort.targets:
            if few := self._too_few(protocol, target, cohort):
                warnings.append(f"{target.name}, {protocol}: {few}; not judged.")
            else:
                yield target

    def _curves(self, results: Sequence[Result]) -> list[tuple[Result, list[Worth]]]:
        """Decision curves of what predicts binary targets in patients that were not fitted on."""
        judged = (
            r
            for r in results
            if r.said is not None and r.target.kind == "binary" and r.protocol != LEAKING and r.features in CALIBRATED
        )
        return [(r, worths(r.said, self.options.thresholds)) for r in judged if r.said and self.options.thresholds]

    def _target(self, protocol: Protocol, target: Target, cohort: Cohort) -> list[Result]:
        out: list[Result] = []
        level: Scored | None = None
        for name, columns in protocol.rounds[0].sets.items():
            width = 0 if columns is None else columns.shape[1]
            found = run(protocol, name, target, cohort)
            if found is None:
                out.append(Result(target, protocol.name, name, width, note=protocol.missing.get(name, "not computed")))
                continue
            result = scored(found, target.kind)
            level = result if name == "level" else level
            gain = None
            if level is not None and name not in ("majority", "level"):
                gain = difference(result, level, found.patients, target.kind)
            positives = int(found.y.sum()) if target.kind == "binary" else 0
            counts = (width, len(found.y), found.patients.count, positives)
            out.append(Result(target, protocol.name, name, *counts, scored=result, gain=gain, said=found))
        return out

    def _too_few(self, protocol: str, target: Target, cohort: Cohort) -> str:
        """Why there are too few labelled rows on one side, or ""."""
        present, least = np.isfinite(target.values), self.options.minimum_class
        if protocol == HELD_OUT:
            sides = {"fitting patient": cohort.fitted & present, "held-out patient": cohort.tested & present}
        else:
            sides = {"patient": (cohort.fold >= 0) & present}
        for side, rows in sides.items():
            people = cohort.patients.of(rows).count
            if target.kind != "binary":
                if rows.sum() < 2 * least or people < 2 or np.ptp(target.values[rows]) == 0:
                    return f"{several(int(rows.sum()), 'row')} of {several(people, side)} with a value, or all the same one"
                continue
            for value, word in ((1.0, "positive"), (0.0, "negative")):
                mine = rows & (target.values == value)
                who = cohort.patients.of(mine).count
                if mine.sum() < least or who < 2:
                    return (
                        f"{several(int(mine.sum()), f'{word} row')} of {several(who, 'patient')} among "
                        f"{several(people, side)}, {least} rows of 2 patients are needed"
                    )
        return ""


def _table(kind: str, results: Sequence[Result]) -> Table:
    lead = LEADING[kind]
    rows: list[tuple[Cell, ...]] = []
    for r in results:
        scores = r.scored
        values: list[Cell] = [scores.values[name] if scores else None for name in NAMES[kind]]
        bounds: list[Cell] = [scores.low, scores.high] if scores else [None, None]
        gain: list[Cell] = list(r.gain) if r.gain else [None, None, None]
        head: list[Cell] = [r.target.name, r.protocol, r.features, r.columns, r.n, r.patients]
        rows.append(
            (*head, *([r.positives] if kind == "binary" else []), values[0], *bounds, *gain, *values[1:], r.note)
        )
    title = NAMES[kind][lead]
    columns = [
        Column("target", "Target"), Column("protocol", "Patients judged"), Column("features", "Features"),
        Column("columns", "Columns"), Column("n", "Rows"), Column("patients", "Patients"),
        *([Column("positives", "Positive rows")] if kind == "binary" else []),
        Column(lead, title), Column("low", f"{title}, low"), Column("high", f"{title}, high"),
        Column("over_level", f"{title} over level alone", about="paired, same rows"),
        Column("over_level_low", "low"), Column("over_level_high", "high"),
        *(Column(name, text) for name, text in NAMES[kind].items() if name != lead),
        Column("note", "Note"),
    ]  # fmt: skip
    caption = (
        "Held out: fitted on training and validation patients, judged on test patients, whom the encoder never saw. Folds: "
        "every patient judged once by a model fitted on the other folds, PCA refitted in each, and rank-based scores compare only rows that one model judged. low and high bound 95 % "
        "intervals of a bootstrap over patients; differences are paired. Imputation, scaling and penalty are fitted on the "
        "fitting patients alone."
    )
    if kind == "binary":
        caption += (
            " A row counts as positive from the share of positives among the fitting rows on; the majority baseline says the "
            "larger class. Covariates come with level."
        )
    elif kind == "ordinal":
        caption += (
            " The majority baseline says the most frequent grade of the fitting rows; its MAE is that of their mean."
        )
    else:
        caption += " The majority baseline says the mean of the fitting rows."
    return Table(f"prediction-{kind}", f"Prediction of {kind} targets", tuple(columns), tuple(rows), caption)


CALIBRATED = ("level", "geometry", "latents", "level + geometry + latents")


def _figures(kinds: Sequence[str], results: Sequence[Result]) -> Iterator[Figure | None]:
    """Bars by kind and protocol; for binary targets calibration, over folds where all patients are judged."""
    for kind in kinds:
        for name in (HELD_OUT, FOLDS, LEAKING):
            yield _bars(kind, name, results)
    for target in dict.fromkeys(r.target for r in results if r.target.kind == "binary"):
        for name in (HELD_OUT, FOLDS):
            mine = (r for r in results if r.target is target and r.protocol == name and r.features in CALIBRATED)
            yield calibration_figure(target.name, name, {r.features: r.said for r in mine if r.said is not None})


def _decisions(curves: Sequence[tuple[Result, list[Worth]]]) -> Iterator[Figure | None]:
    for target, protocol in dict.fromkeys((r.target.name, r.protocol) for r, _ in curves):
        mine = {r.features: curve for r, curve in curves if (r.target.name, r.protocol) == (target, protocol)}
        yield decision_figure(target, protocol, mine)


def _bars(kind: str, protocol: str, results: Sequence[Result]) -> Figure | None:
    mine = [r for r in results if r.target.kind == kind and r.protocol == protocol and r.scored is not None]
    if not mine:
        return None
    series = []
    for name in dict.fromkeys(r.features for r in mine):
        bars = [(r.target.name, r.scored) for r in mine if r.features == name and r.scored is not None]
        y, low, high = (
            tuple(v) for v in zip(*((s.values[LEADING[kind]], s.low, s.high) for _, s in bars), strict=True)
        )
        series.append(Series(name, tuple(text for text, _ in bars), y, low, high))
    title = NAMES[kind][LEADING[kind]]
    name = f"prediction-{kind}-{re.sub('[^a-z]+', '-', protocol).strip('-')}"
    return Figure(name, f"{title}, {protocol}", "bars", "Target", title, series=tuple(series))


def _sentences(results: Sequence[Result]) -> list[str]:
    """One per target: the latents, held out, beside level alone; a loss is said as a loss. Folds where nobody is held out."""
    out = []
    judging = HELD_OUT if any(r.protocol == HELD_OUT and r.scored for r in results) else FOLDS
    whom = "held-out patients" if judging == HELD_OUT else "patients, each fold judged by what was fitted on the others"
    for target in dict.fromkeys(r.target for r in results):
        found = {r.features: r for r in results if r.target is target and r.protocol == judging and r.scored}
        title = NAMES[target.kind][LEADING[target.kind]]
        said = [
            f"{name} {between(value, r.scored.low, r.scored.high)}"
            for name in ("latents", "radiomics", "geometry", "pca", "level", "majority")
            if (r := found.get(name)) is not None and r.scored is not None
            if np.isfinite(value := r.scored.values[LEADING[target.kind]])
        ]
        if not said:
            continue
        judged = next(iter(found.values()))
        text = f"{target.name}, {judged.n} rows of {judged.patients} {whom}, {title}: {', '.join(said)}."
        gain = found["latents"].gain if "latents" in found else None
        if gain is not None:
            verdict = "more than" if gain[1] > 0 else "less than" if gain[2] < 0 else "not clearly other than"
            text += f" The latents say {verdict} the level alone ({signed(*gain)})."
        if "latents" in found and "radiomics" in found:
            text += _against_radiomics(found["latents"], found["radiomics"])
        out.append(text)
    return out


def _against_radiomics(latents: Result, radiomics: Result) -> str:
    """The paired difference, said as a loss where it is one; "" where they were not judged on the same rows."""
    if not (latents.scored and radiomics.scored and latents.said and radiomics.said) or latents.n != radiomics.n:
        return ""
    gap = difference(latents.scored, radiomics.scored, latents.said.patients, latents.target.kind)
    verdict = "more than" if gap[1] > 0 else "less than" if gap[2] < 0 else "not clearly other than"
    return f" They say {verdict} radiomic features ({signed(*gap)})."
