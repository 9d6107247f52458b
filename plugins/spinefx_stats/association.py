"""How strongly two columns go together: the effect with its interval, its p, and what is left of it within levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spinefx_stats.patients import Patients
from spinefx_stats.scales import CORRELATION, EXPLAINED
from spinefx_stats.weighted import Array, pearson, r_squared, rank_biserial, ranks, spearman

Measure = Callable[[Array, Array, Array], Array]
"""(x (n,), y (n,), weights (b, n)) -> (b,) effects in -1..1."""

MEASURES: dict[str, tuple[str, Measure]] = {
    "binary": ("rank-biserial (2 AUC - 1)", rank_biserial),
    "ordinal": ("Spearman", spearman),
    "continuous": ("Spearman", spearman),
}
"""Kind of label -> the rank-based effect that suits it."""

FEWEST_ROWS = 10
FEWEST_OF_A_CLASS = 5


@dataclass(frozen=True)
class Association:
    """An effect over n rows of some patients; NaN where there is too little to say."""

    n: int = 0
    patients: int = 0
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")


def associate(x: Array, y: Array, patients: Patients, measure: Measure, *, test: bool = True) -> Association:
    """The effect of `measure` between x and y (n,) over the rows where both are present.

    Interval from the bootstrap, p (where `test` asks for it) from the jackknife, both over patients.
    """
    both = np.isfinite(x) & np.isfinite(y)
    a, b, behind = x[both], y[both], patients.of(both)
    n = int(both.sum())
    if n < FEWEST_ROWS or not _tells(a) or not _tells(b):
        return Association(n, behind.count)
    statistic = partial(measure, a, b)
    effect = float(behind.whole(statistic))
    low, high = behind.interval(behind.bootstrap(statistic), effect, CORRELATION)
    p = float(behind.p_of_zero(statistic)) if test else float("nan")
    return Association(n, behind.count, effect, float(low), float(high), p)


def associate_within(x: Array, y: Array, given: Array, patients: Patients, *, ranked: bool) -> Association:
    """The partial correlation of x and y given the columns of `given` (n, k): Pearson's, or Spearman's if `ranked`.

    Both are regressed on `given` (and a constant) over the rows where all is present; what remains is correlated.
    Without an interval; p as in `associate`.
    """
    both = np.isfinite(x) & np.isfinite(y) & np.isfinite(given).all(axis=1)
    behind, n = patients.of(both), int(both.sum())
    if n < FEWEST_ROWS + given.shape[1]:
        return Association(n, behind.count)
    one = np.ones((1, n))
    columns = [ranks(values[both], one)[0] if ranked else values[both] for values in (x, y)]
    left = [residuals(values, given[both]) for values in columns]
    if not all(_tells(values) for values in columns) or not all(
        _remains(a, b) for a, b in zip(left, columns, strict=True)
    ):
        return Association(n, behind.count)
    statistic = partial(pearson, left[0], left[1])
    return Association(n, behind.count, float(behind.whole(statistic)), p=float(behind.p_of_zero(statistic)))


def residuals(values: Array, given: Array) -> Array:
    """What least squares on a constant and the columns of `given` leaves of `values`."""
    design = np.column_stack([np.ones(len(values)), given])
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0], np.float64)


def _tells(values: Array) -> bool:
    """Whether the values differ, and, if they are two, whether the rarer one is not too rare to say anything."""
    kinds, counts = np.unique(values, return_counts=True)
    return len(kinds) > 2 or (len(kinds) == 2 and counts.min() >= FEWEST_OF_A_CLASS)


def _remains(left: Array, column: Array) -> bool:
    return bool(left.std() > 1e-9 * max(column.std(), 1e-300))


@dataclass(frozen=True)
class Explained:
    """R^2 of a linear fit: on the rows it was fitted on, and on held-out rows with its interval."""

    fitted_n: int
    held_out_n: int
    patients: int
    fitted: float = float("nan")
    held_out: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


def explain(
    columns: Array, y: Array, fitted: NDArray[np.bool_], tested: NDArray[np.bool_], patients: Patients
) -> Explained:
    """How much of y (n,) a linear function of `columns` (n, d) explains: fitted on `fitted` rows, judged on `tested`."""
    present = np.isfinite(y) & np.isfinite(columns).all(axis=1)
    fit, test = fitted & present, tested & present
    behind = patients.of(test)
    counts = (int(fit.sum()), int(test.sum()), behind.count)
    if counts[0] < columns.shape[1] + FEWEST_ROWS:
        return Explained(*counts)
    center, scale = columns[fit].mean(axis=0), np.maximum(columns[fit].std(axis=0), 1e-12)
    design = np.column_stack([np.ones(len(y)), np.where(present[:, None], (columns - center) / scale, 0.0)])
    said = design @ np.linalg.lstsq(design[fit], y[fit], rcond=None)[0]
    own = float(r_squared(y[fit], said[fit], np.ones((1, counts[0])))[0])
    if counts[1] < FEWEST_ROWS or not np.ptp(y[test]) > 0:
        return Explained(*counts, own)
    statistic = partial(r_squared, y[test], said[test])
    held_out = float(behind.whole(statistic))
    low, high = behind.interval(behind.bootstrap(statistic), held_out, EXPLAINED)
    return Explained(*counts, own, held_out, float(low), float(high))
