"""`mixed-model`: a label or an uptake against one feature at a time, given level and covariates, patients random."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, DataError, Figure, Findings, Series, Study, Table
from spinefx_stats import MixedModelOptions
from spinefx_stats.cohort import QUALITY, Cohort, Target, cohort_of
from spinefx_stats.mixed import LINEAR, linear
from spinefx_stats.mixed_binary import BAYES, GEE, bayes, gee
from spinefx_stats.patients import benjamini_hochberg
from spinefx_stats.terms import Design, Fitted
from spinefx_stats.weighted import Array
from spinefx_stats.words import Cell, between

FEATURE = "feature"
CAPTION = (
    "Rows of one patient, structure and level (several series of one person) are averaged first. Each model holds one "
    "feature, scaled to standard deviation 1, beside {given}. Continuous and ordinal outcomes: linear mixed model with a "
    "random intercept per patient (REML), grades taken as numbers, effect in the outcome's unit. 0/1 outcomes: {binary}, "
    "effect in log odds. low and high bound 95 % intervals; q is the false-discovery rate (Benjamini-Hochberg) over this "
    "whole table. A model that did not converge has no number, and the note says why."
)
BINARY: Mapping[str, tuple[str, Callable[[Array, Design], Fitted]]] = {
    "gee": (f"{GEE} (population-averaged)", gee),
    "bayes": (f"{BAYES} (within patients; without p)", bayes),
}


@dataclass(frozen=True)
class Line:
    """One feature for one outcome, beside the same model without the feature."""

    outcome: Target
    feature: str
    fitted: Fitted
    base: Fitted


@dataclass(frozen=True, eq=False)
class Merged:
    """A cohort with one row per patient, structure and level.

    first : (m,) where each merged row first stood.   whose : (n,) merged row of every row.   codes : (m,) patients.
    """

    first: NDArray[np.intp]
    whose: NDArray[np.intp]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, cohort: Cohort) -> Merged:
        """Which rows belong together."""
        keys = [f"{row.patient}\n{row.structure}\n{row.level}" for row in cohort.rows]
        _, first, whose = np.unique(keys, return_index=True, return_inverse=True)
        return cls(first.astype(np.intp), whose.astype(np.intp), cohort.patients.codes[first])

    def mean(self, values: Array) -> Array:
        """(m,) means over the rows that have a value."""
        known = np.isfinite(values)
        count = np.bincount(self.whose, known, len(self.first))
        total = np.bincount(self.whose, np.where(known, values, 0.0), len(self.first))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


class MixedModel:
    """Evaluator: what goes with an outcome once level, covariates and the patient are accounted for."""

    def __init__(self, options: MixedModelOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """Effects of features with intervals, the models without features, a picture of the effects, warnings."""
        options = self.options
        cohort = cohort_of(study, features=options.features, facts=options.facts)
        outcomes = list(self._outcomes(study, cohort))
        if not cohort.rows or not outcomes:
            return Findings(warnings=("No outcome is named for the mixed model: no target label, no `outcomes`.",))
        merged = Merged.of(cohort)
        given = self._given(cohort, merged)
        lines = [line for outcome in outcomes for line in self._lines(cohort, merged, outcome, given)]
        told = ", ".join(["level", *cohort.covariates] if cohort.level_dummies.shape[1] else cohort.covariates)
        told = told or "a constant"
        tables = (self._effects(lines, told), self._bases(lines))
        return Findings(
            tables=tables,
            figures=tuple(self._figures(lines)),
            sentences=tuple(self._sentences(lines, told)),
            warnings=tuple(self._warnings(lines)),
        )

    def _outcomes(self, study: Study, cohort: Cohort) -> Iterator[Target]:
        yield from (t for t in cohort.targets if not self.options.outcomes or self._named(t.name))
        columns = study.features.at(cohort.rows) if self.options.outcomes else {}
        found = [name for name in columns if self._named(name) and not any(fnmatchcase(name, q) for q in QUALITY)]
        known = {target.name for target in cohort.targets}
        lacking = [p for p in self.options.outcomes if not any(fnmatchcase(n, p) for n in (*known, *found))]
        if lacking:
            raise DataError(
                f"mixed-model: no target and no feature is named {lacking[0]!r}; there are {', '.join([*known, *columns])}"
            )
        yield from (Target(name, "continuous", columns[name]) for name in found)

    def _named(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.options.outcomes)

    def _given(self, cohort: Cohort, merged: Merged) -> tuple[list[str], Array]:
        """Names and columns of level (the first is the reference) and covariates."""
        levels = np.unique(cohort.levels)
        dummies = cohort.level_dummies[merged.first][:, 1:]
        names = [f"level {name}" for name in levels[1:]][: dummies.shape[1]]
        columns = [merged.mean(values) for values in cohort.covariates.values()]
        return [*names, *cohort.covariates], np.column_stack([dummies, *columns]) if columns else dummies

    def _lines(self, cohort: Cohort, merged: Merged, outcome: Target, given: tuple[list[str], Array]) -> Iterator[Line]:
        y, (names, columns) = merged.mean(outcome.values), given
        if outcome.kind == "binary":
            y = np.where(np.isfinite(y), (y >= 0.5).astype(np.float64), np.nan)
        fit = BINARY[self.options.binary][1] if outcome.kind == "binary" else linear
        features = dict(cohort.geometry)
        if self.options.latents:
            features |= dict(zip(cohort.latent_names, cohort.latents.T, strict=True))
        for name, values in features.items():
            if name == outcome.name:
                continue
            x = merged.mean(values)
            here = np.isfinite(x) & np.isfinite(y) & np.isfinite(columns).all(axis=1)
            codes = np.unique(merged.codes[here], return_inverse=True)[1].astype(np.intp)
            spread = x[here].std() if here.any() else 0.0
            scaled = (x[here] - x[here].mean()) / spread if spread > 0 else np.zeros(int(here.sum()))
            design = Design([*names, FEATURE], np.column_stack([columns[here], scaled]), codes)
            base = Design(names, columns[here], codes)
            fitted = fit(y[here], design)
            if fitted.terms and FEATURE not in design.terms:
                fitted = Fitted(fitted.model, fitted.n, fitted.patients, note="level and covariates say all of it")
            yield Line(outcome, name, fitted, fit(y[here], base) if fitted.terms else Fitted(fitted.model, 0, 0))

    def _effects(self, lines: list[Line], given: str) -> Table:
        found = [line.fitted.term(FEATURE) for line in lines]
        q = benjamini_hochberg(np.array([term.p for term in found]))
        rows: list[tuple[Cell, ...]] = [
            (
                line.outcome.name, line.feature, line.fitted.model, line.fitted.n, line.fitted.patients, term.estimate,
                term.low, term.high, float(np.exp(term.estimate)) if line.fitted.model != LINEAR else float("nan"),
                term.p, float(value), bool(value <= self.options.fdr), line.fitted.explained, line.base.explained,
                line.fitted.icc if line.fitted.terms else float("nan"), line.fitted.note,
            )
            for line, term, value in zip(lines, found, q, strict=True)
        ]  # fmt: skip
        columns = (
            Column("outcome", "Outcome"), Column("feature", "Feature"), Column("model", "Model"), Column("n", "Rows"),
            Column("patients", "Patients"), Column("effect", "Effect", about="per standard deviation of the feature"),
            Column("low", "low"), Column("high", "high"), Column("odds", "Odds ratio", about="0/1 outcomes"),
            Column("p", "p"), Column("q", "q"), Column("finding", "Finding"),
            Column("explained", "R² of fixed terms"), Column("base", "without the feature", about="its baseline"),
            Column("icc", "ICC", about="share of the rest that belongs to the patient"), Column("note", "Note"),
        )  # fmt: skip
        caption = CAPTION.format(given=given, binary=BINARY[self.options.binary][0])
        return Table("mixed-model", "Mixed models: one feature at a time", columns, tuple(rows), caption)

    def _bases(self, lines: list[Line]) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for outcome in dict.fromkeys(line.outcome.name for line in lines):
            mine = [line.base for line in lines if line.outcome.name == outcome and line.base.terms]
            largest = max(mine, key=lambda base: base.n, default=None)
            for term in largest.terms if largest else ():
                head = (outcome, term.name, largest.model, largest.n, largest.patients) if largest else ()
                rows.append((*head, term.estimate, term.low, term.high, term.p, term.df))
        columns = (
            Column("outcome", "Outcome"), Column("term", "Term"), Column("model", "Model"), Column("n", "Rows"),
            Column("patients", "Patients"), Column("estimate", "Estimate"), Column("low", "low"),
            Column("high", "high"), Column("p", "p"), Column("df", "Degrees of freedom"),
        )  # fmt: skip
        caption = "The same models without a feature: level (against the first) and covariates, in their own units."
        return Table("mixed-model-base", "What level and covariates say alone", columns, tuple(rows), caption)

    def _figures(self, lines: list[Line]) -> Iterator[Figure]:
        for outcome in dict.fromkeys(line.outcome for line in lines):
            drawn = [
                (line.feature, term)
                for line in lines
                if line.outcome is outcome and np.isfinite((term := line.fitted.term(FEATURE)).estimate)
            ]
            drawn = sorted(drawn, key=lambda pair: -abs(pair[1].estimate))[:20]
            if drawn:
                scale = "log odds" if outcome.kind == "binary" else outcome.name
                names, terms = zip(*drawn, strict=True)
                series = Series(
                    "effect",
                    names,
                    *(tuple(getattr(term, part) for term in terms) for part in ("estimate", "low", "high")),
                )
                yield Figure(
                    "mixed-model-" + "".join(c if c.isalnum() else "-" for c in outcome.name.lower()),
                    f"{outcome.name}: effect of one standard deviation of each feature",
                    "bars",
                    "Feature",
                    f"Effect ({scale})",
                    series=(series,),
                    caption="The twenty largest, with 95 % intervals.",
                )

    def _sentences(self, lines: list[Line], given: str) -> Iterator[str]:
        q = benjamini_hochberg(np.array([line.fitted.term(FEATURE).p for line in lines]))
        for outcome in dict.fromkeys(line.outcome for line in lines):
            mine = [(line, v) for line, v in zip(lines, q, strict=True) if line.outcome is outcome and np.isfinite(v)]
            if not mine:
                continue
            found = sum(v <= self.options.fdr for _, v in mine)
            line, _ = min(mine, key=lambda pair: pair[0].fitted.term(FEATURE).p)
            term, fitted = line.fitted.term(FEATURE), line.fitted
            beside = f"; R² {fitted.explained:.3f}, {line.base.explained:.3f} without it" if line.base.terms else ""
            yield (
                f"{outcome.name}: of {len(mine)} features, {found} have an effect given {given}, a patient's rows taken as "
                f"related (false-discovery rate {self.options.fdr:g}); the clearest is {line.feature}, "
                f"{between(term.estimate, term.low, term.high)} per standard deviation over {fitted.n} rows of "
                f"{fitted.patients} patients ({fitted.model}{beside if fitted.model == LINEAR else ''})."
            )

    def _warnings(self, lines: list[Line]) -> Iterator[str]:
        failed: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            if not line.fitted.terms:
                failed.setdefault((line.outcome.name, line.fitted.note), []).append(line.feature)
        for (outcome, note), features in failed.items():
            named = ", ".join(features[:5]) + (f" and {len(features) - 5} more" if len(features) > 5 else "")
            yield f"Mixed model of {outcome}: no number for {named}: {note}."
        flat = {line.outcome.name for line in lines if line.fitted.terms and line.fitted.note}
        for outcome in sorted(flat):
            yield f"Mixed model of {outcome}: in some models the patients' variance is at its bound; see the notes."
