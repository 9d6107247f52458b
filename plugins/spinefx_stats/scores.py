"""How good predictions are: the scores of each kind of target, with intervals over patients and paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spinefx_stats import weighted
from spinefx_stats.patients import Patients, Statistic
from spinefx_stats.scales import CORRELATION, EXPLAINED, SHARE
from spinefx_stats.weighted import Array

LEADING = {"binary": "auc", "ordinal": "spearman", "continuous": "r2"}
"""Kind of target -> the score that is compared."""

SCALES = {"binary": SHARE, "ordinal": CORRELATION, "continuous": EXPLAINED}
"""Kind of target -> the scale of that score's interval."""

NAMES: Mapping[str, Mapping[str, str]] = {
    "binary": {
        "auc": "AUC", "average_precision": "Average precision", "balanced_accuracy": "Balanced accuracy",
        "macro_f1": "Macro-F1", "brier": "Brier score",
    },
    "ordinal": {"spearman": "Spearman", "quadratic_kappa": "Quadratic kappa", "mae": "MAE", "exact": "Exact grade"},
    "continuous": {"r2": "R²", "spearman": "Spearman", "mae": "MAE"},
}  # fmt: skip
"""Kind of target -> score -> title."""


@dataclass(frozen=True, eq=False)
class Said:
    """Predictions for rows that were not fitted on.

    y, said : (m,).   strata : (m,) which model said it (the fold).   cut : (m,) the probability from which a row counts
    as positive: the share of positives among the rows that its model was fitted on.   usual : (m,) the most frequent
    value of those rows, which is what a prediction that is `constant` says where a class or a grade is asked for.
    """

    y: Array
    said: Array
    strata: NDArray[np.intp]
    cut: Array
    usual: Array
    patients: Patients
    constant: bool = False


@dataclass(frozen=True)
class Scored:
    """Score -> value, and the 95 % bounds of the leading one; `draws` are its bootstrap values, for paired differences."""

    values: Mapping[str, float]
    low: float
    high: float
    draws: Array = field(repr=False)


def most_frequent(values: Array) -> float:
    """The value that is met most often; the smallest of several."""
    known, counts = np.unique(values, return_counts=True)
    return float(known[counts.argmax()])


def scored(found: Said, kind: str) -> Scored:
    """Every score of the kind."""
    statistics = _statistics(found, kind)
    leading = statistics[LEADING[kind]]
    draws = found.patients.bootstrap(leading)
    values = {name: float(found.patients.whole(statistic)) for name, statistic in statistics.items()}
    low, high = found.patients.interval(draws, values[LEADING[kind]], SCALES[kind])
    return Scored(values, float(low), float(high), draws)


def difference(first: Scored, second: Scored, patients: Patients, kind: str) -> tuple[float, float, float]:
    """The leading score of `first` minus that of `second` on the same rows, and its 95 % bounds (paired draws)."""
    name = LEADING[kind]
    gap = first.values[name] - second.values[name]
    low, high = patients.interval(first.draws - second.draws, gap)
    return gap, float(low), float(high)


def _statistics(found: Said, kind: str) -> dict[str, Statistic]:
    y, said = found.y, found.said
    if kind == "binary":
        hard = found.usual if found.constant else (said >= found.cut).astype(np.float64)
        return {
            "auc": lambda w: weighted.auc(said, y, w, strata=found.strata),
            "average_precision": partial(weighted.average_precision, said, y),
            "balanced_accuracy": partial(weighted.balanced_accuracy, y, hard),
            "macro_f1": partial(weighted.macro_f1, y, hard),
            "brier": partial(weighted.brier, y, said),
        }
    error = np.abs(y - said)
    if kind == "continuous":
        return {
            "r2": partial(weighted.r_squared, y, said),
            "spearman": lambda w: weighted.spearman_within(said, y, w, strata=found.strata),
            "mae": partial(weighted.mean, error),
        }
    grades = np.unique(y)
    nearest = found.usual if found.constant else grades[np.abs(said[:, None] - grades).argmin(axis=1)]
    grades = np.union1d(grades, nearest)
    return {
        "spearman": lambda w: weighted.spearman_within(said, y, w, strata=found.strata),
        "quadratic_kappa": lambda w: weighted.quadratic_kappa(y, nearest, tuple(grades), w),
        "mae": partial(weighted.mean, error),
        "exact": partial(weighted.mean, (nearest == y).astype(np.float64)),
    }
