"""`agreement`: how far two raters agree. No feature can go with a label further than the label goes with itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from spinefx.api import Column, DataError, Findings, Labels, Split, Study, Table
from spinefx_stats import AgreementOptions
from spinefx_stats.patients import Patients, Statistic
from spinefx_stats.perturbed import perturbed
from spinefx_stats.scales import CORRELATION, PLAIN, SHARE, Scale
from spinefx_stats.weighted import Array, intraclass, kappa, mean, quadratic_kappa
from spinefx_stats.words import Cell, between

FEWEST_ROWS = 10
MEASURES = (
    ("kappa", "Kappa"), ("quadratic_kappa", "Quadratic kappa"), ("equal", "Share equal"), ("icc", "ICC(2,1)"),
    ("difference", "Second minus first"),
)  # fmt: skip


class Agreement:
    """Evaluator: two label columns against each other over all rows of the label table; features of perturbed masks."""

    def __init__(self, options: AgreementOptions) -> None:
        self.options = options

    def foresee(self, split: Split, labels: Labels) -> None:
        """DataError where a pair is of columns that the label table has not, or that cannot be compared."""
        whys = [why for pair in self.options.pairs if (why := self._lacking(labels, *pair))]
        if whys:
            raise DataError(" ".join(whys))

    def evaluate(self, study: Study) -> Findings:
        """Kappas, ICC and share of equal labels for every pair, with intervals over patients; the same of perturbed masks."""
        self.foresee(study.split, study.labels)
        labels, rows, sentences, warnings = study.labels, [], [], []
        owners = [row.patient for row in labels.rows]
        if not self.options.pairs and not self.options.perturbations:
            warnings.append(
                "Agreement: neither `pairs` of label columns nor `perturbations` are asked for, so there is nothing to compare."
            )
        for first, second in self.options.pairs:
            a, b = _coded(labels, first), _coded(labels, second)
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() < FEWEST_ROWS:
                warnings.append(f"Agreement of {first!r} and {second!r}: {int(both.sum())} rows have both; not judged.")
                continue
            patients = Patients(owners, study.seed, self.options.resamples).of(both)
            kind = labels.kinds.get(first, "ordinal")
            found = dict(self._measured(a[both], b[both], kind, patients))
            cells = [cell for name, _ in MEASURES for cell in found.get(name, (None, None, None))]
            rows.append((first, second, kind, int(both.sum()), patients.count, *cells))
            lead, word = ("icc", "an ICC of") if kind == "continuous" else ("kappa", "kappa")
            sentences.append(
                f"{first} and {second} agree with {word} {between(*found[lead])} over {int(both.sum())} rows of "
                f"{patients.count} patients."
            )
        steady = perturbed(study, self.options) if self.options.perturbations else Findings()
        tables = (*([_table(rows)] if rows else []), *steady.tables)
        return Findings(tables, steady.figures, (*sentences, *steady.sentences), (*warnings, *steady.warnings))

    @staticmethod
    def _lacking(labels: Labels, first: str, second: str) -> str:
        """Why the two columns cannot be compared, or ""."""
        lacking = [name for name in (first, second) if name not in labels.columns]
        if lacking:
            known = ", ".join(labels.columns) or "none"
            return f"pairs: no label column {lacking[0]!r}; the table has {known}."
        kinds = [labels.kinds.get(name, "ordinal") for name in (first, second)]
        if "nominal" in kinds and kinds[0] != kinds[1]:
            return f"pairs: {first!r} is {kinds[0]}, {second!r} {kinds[1]}; names and numbers cannot be compared."
        return ""

    def _measured(self, a: Array, b: Array, kind: str, patients: Patients) -> Iterator[tuple[str, tuple[Cell, ...]]]:
        """(measure, (value, low, high)) of those that suit the kind of label."""
        grades = tuple(float(v) for v in np.unique([a, b]))
        asked: dict[str, tuple[Statistic, Scale]] = {}
        if kind != "continuous":
            asked["kappa"] = partial(kappa, a, b, grades), CORRELATION
            asked["equal"] = partial(mean, (a == b).astype(np.float64)), SHARE
        if kind in ("ordinal", "binary"):
            asked["quadratic_kappa"] = partial(quadratic_kappa, a, b, grades), CORRELATION
        if kind in ("ordinal", "continuous"):
            asked["icc"] = partial(intraclass, np.stack([a, b], axis=1)), CORRELATION
            asked["difference"] = partial(mean, b - a), PLAIN
        for name, (statistic, scale) in asked.items():
            value = float(patients.whole(statistic))
            low, high = patients.interval(patients.bootstrap(statistic), value, scale)
            yield name, (value, float(low), float(high))


def _coded(labels: Labels, name: str) -> Array:
    """The column as numbers that mean the same in every column: a category's place among all names of the table."""
    values = np.asarray(labels.columns[name], np.float64)
    if labels.kinds.get(name) != "nominal":
        return values
    plain = {one: " ".join(one.casefold().split()) for several in labels.categories.values() for one in several}
    order = sorted(set(plain.values()))
    codes = np.array([order.index(plain[one]) for one in labels.categories[name]] + [np.nan])
    return np.asarray(codes[np.where(np.isfinite(values), values, -1).astype(np.intp)], np.float64)


def _table(rows: list[tuple[Cell, ...]]) -> Table:
    columns = [
        Column("first", "First"), Column("second", "Second"), Column("kind", "Kind"), Column("n", "Rows"),
        Column("patients", "Patients"),
    ]  # fmt: skip
    for name, title in MEASURES:
        columns += [Column(name, title), Column(f"{name}_low", "low"), Column(f"{name}_high", "high")]
    caption = (
        "All rows of the label table that have both, also of patients without an image here. low and high bound 95 % "
        "intervals of a bootstrap over patients. Kappa takes every disagreement alike, quadratic kappa "
        "and ICC (two-way random, absolute agreement, single rater) take far ones as worse, which suits ordered grades and "
        "measures only; names are compared as names. A measure that does not suit the kind of label is left out."
    )
    return Table("agreement", "Agreement between raters", tuple(columns), tuple(rows), caption)
