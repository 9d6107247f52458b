"""`agreement`: how far two raters agree. No feature can go with a label further than the label goes with itself."""

from __future__ import annotations

from functools import partial

import numpy as np

from spinefx.api import Column, Findings, Study, Table
from spinefx_stats import AgreementOptions
from spinefx_stats.patients import Patients
from spinefx_stats.weighted import kappa, mean, quadratic_kappa
from spinefx_stats.words import Cell, between

FEWEST_ROWS = 10


class Agreement:
    """Evaluator: two label columns against each other, over all rows of the label table."""

    def __init__(self, options: AgreementOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """Kappa, quadratically weighted kappa and share of equal labels for every pair, with intervals over patients."""
        labels, rows, sentences, warnings = study.labels, [], [], []
        owners = [row.patient for row in labels.rows]
        if not self.options.pairs:
            warnings.append("Agreement: no `pairs` of label columns are named, so there is nothing to compare.")
        for first, second in self.options.pairs:
            lacking = [name for name in (first, second) if name not in labels.columns]
            if lacking:
                known = ", ".join(labels.columns) or "none"
                warnings.append(f"Agreement: no label column {lacking[0]!r}; the table has {known}.")
                continue
            a, b = labels.columns[first], labels.columns[second]
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() < FEWEST_ROWS:
                warnings.append(f"Agreement of {first!r} and {second!r}: {int(both.sum())} rows have both; not judged.")
                continue
            patients = Patients(owners, study.seed, self.options.resamples).of(both)
            a, b = a[both], b[both]
            grades = tuple(float(v) for v in np.unique([a, b]))
            statistics = (
                partial(kappa, a, b, grades),
                partial(quadratic_kappa, a, b, grades),
                partial(mean, (a == b).astype(np.float64)),
            )
            cells: list[Cell] = []
            for statistic in statistics:
                low, high = patients.interval(patients.bootstrap(statistic))
                cells += [float(patients.whole(statistic)), float(low), float(high)]
            rows.append((first, second, int(both.sum()), patients.count, *cells))
            sentences.append(
                f"{first} and {second} agree with kappa {between(*cells[:3])} over {int(both.sum())} rows."
            )
        columns = [
            Column("first", "First"),
            Column("second", "Second"),
            Column("n", "Rows"),
            Column("patients", "Patients"),
        ]
        for name, title in (("kappa", "Kappa"), ("quadratic_kappa", "Quadratic kappa"), ("equal", "Share equal")):
            columns += [Column(name, title), Column(f"{name}_low", "low"), Column(f"{name}_high", "high")]
        caption = (
            "low and high bound 95 % intervals of a bootstrap over patients. Quadratic kappa suits ordered grades only."
        )
        table = Table("agreement", "Agreement between raters", tuple(columns), tuple(rows), caption)
        return Findings((table,) if rows else (), sentences=tuple(sentences), warnings=tuple(warnings))
