"""Linear mixed models: rows of one patient share an intercept. Knows arrays only.

With one random intercept everything but one number has a closed form: the ratio of the two variances. It is sought over
its whole range, so that there is no start to choose and no convergence to doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinefx_stats.terms import Design, Fitted, Term, too_few, varies_within
from spinefx_stats.weighted import Array

LINEAR = "linear mixed model (REML)"
LARGEST = 1e4
"""The patients' variance is sought up to this multiple of the rest."""
GRID = 60
ZERO = 1e-6
"""A patients' variance below this multiple of the rest is zero."""


def linear(y: Array, design: Design) -> Fitted:
    """y ~ terms + (1 | patient), restricted maximum likelihood; intervals from Student's t.

    Notes
    -----
    Laird and Ware, Biometrics 38:963 (1982); the profile over the variances' ratio: Bates et al., J Stat Softw 67:1 (2015).
    Variance explained by the fixed terms: Nakagawa and Schielzeth, Methods Ecol Evol 4:133 (2013).
    """
    from scipy.stats import t

    head = (LINEAR, len(y), design.people)
    if why := too_few(y, design, binary=False):
        return Fitted(*head, note=why)
    if not varies_within(y, design.codes):
        return Fitted(
            *head, note="the outcome is the same in all rows of a patient: no row tells more than its patient"
        )
    scale = float(y.std())
    found = _fitted(_Sums.of((y - y.mean()) / scale, design))
    if found.ratio > LARGEST / 2:
        return Fitted(*head, note="the terms leave nothing of the outcome within patients")
    estimates, errors = found.estimates * scale, found.errors * scale
    estimates[0] += float(y.mean())
    degrees = [design.degrees(column) for column in design.matrix.T]
    terms = tuple(
        Term(name, b, b - t.ppf(0.975, df) * se, b + t.ppf(0.975, df) * se, float(2 * t.sf(abs(b) / se, df)), df)
        for name, b, se, df in zip(design.terms, estimates.tolist(), errors.tolist(), degrees, strict=True)
    )
    between, within = found.ratio * found.within * scale**2, found.within * scale**2
    fixed = float((design.matrix[:, 1:] @ estimates[1:]).var())
    note = "" if found.ratio else "patients do not differ beyond these terms: their variance is at zero"
    return Fitted(*head, terms, between, within, fixed / (fixed + between + within), note)


@dataclass(frozen=True, eq=False)
class _Sums:
    """All that the likelihood needs of rows: products of [terms, outcome] over all rows, and their sums by patient.

    products : (k + 1, k + 1).   sums : (g, k + 1).   counts : (g,) rows of each patient.
    """

    products: Array
    sums: Array
    counts: Array

    @classmethod
    def of(cls, y: Array, design: Design) -> _Sums:
        columns = np.column_stack([design.matrix, y])
        sums = np.stack([np.bincount(design.codes, column).astype(np.float64) for column in columns.T], axis=1)
        return cls(columns.T @ columns, sums, np.bincount(design.codes).astype(np.float64))


@dataclass(frozen=True, eq=False)
class _Found:
    """At one ratio of variances: coefficients with standard errors, the rows' variance, -2 log restricted likelihood."""

    ratio: float
    estimates: Array
    errors: Array
    within: float
    deviance: float


def _at(sums: _Sums, ratio: float) -> _Found:
    """Generalised least squares where a patient's variance is `ratio` times the rows'."""
    weights = ratio / (1 + ratio * sums.counts)
    whole = sums.products - (sums.sums * weights[:, None]).T @ sums.sums
    inner, right = whole[:-1, :-1], whole[:-1, -1]
    inverse = np.linalg.inv(inner)
    estimates = inverse @ right
    free = sums.counts.sum() - len(estimates)
    within = max(float(whole[-1, -1] - right @ estimates), 1e-300) / free
    deviance = free * np.log(within) + np.log1p(ratio * sums.counts).sum() + np.linalg.slogdet(inner)[1]
    return _Found(ratio, estimates, np.sqrt(within * np.diag(inverse)), within, float(deviance))


def _fitted(sums: _Sums) -> _Found:
    """The ratio of least deviance: zero, or where a grid over the logarithm and then Brent's method find it."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(np.log(ZERO), np.log(LARGEST), GRID)
    tried = [_at(sums, float(np.exp(point))).deviance for point in grid]
    best = int(np.argmin(tried))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    refined = minimize_scalar(
        lambda point: _at(sums, float(np.exp(point))).deviance, bounds=ends, method="bounded", options={"xatol": 1e-7}
    )
    inside, zero = _at(sums, float(np.exp(refined.x))), _at(sums, 0.0)
    return inside if inside.deviance < zero.deviance - 1e-9 and inside.ratio > 2 * ZERO else zero
