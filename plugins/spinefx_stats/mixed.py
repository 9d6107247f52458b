"""Linear mixed models: rows of one patient share an intercept. Knows arrays only; statsmodels fits.

A fit that did not converge has no numbers, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spinefx_stats.terms import Design, Fitted, Term, attempt, too_few
from spinefx_stats.weighted import Array

LINEAR = "linear mixed model (REML)"
OPTIMISERS = ("bfgs", "powell", "cg")
"""Tried in this order, until one ends inside the parameter space. statsmodels' default first choice is not among them: on
cohorts whose patients plainly differ it has reported convergence at a variance of zero with an infinite likelihood."""

BOUND = 1e-6
"""A patients' variance below this share of the rest is zero."""


def linear(y: Array, design: Design) -> Fitted:
    """y ~ terms + (1 | patient), restricted maximum likelihood; intervals from Student's t.

    Notes
    -----
    Laird and Ware, Biometrics 38:963 (1982). Variance explained by the fixed terms: Nakagawa and Schielzeth, Methods
    Ecol Evol 4:133 (2013).
    """
    from scipy.stats import t
    from statsmodels.regression.mixed_linear_model import MixedLM

    head = (LINEAR, len(y), int(design.codes.max()) + 1)
    if why := too_few(y, design, binary=False):
        return Fitted(*head, note=why)
    scale = float(y.std())
    scaled = (y - y.mean()) / scale
    found, told = _inside(MixedLM(scaled, design.matrix, groups=design.codes))
    if found is None and _patients_differ(scaled, design):
        return Fitted(*head, note=f"did not converge ({told or 'no optimiser got there'})")
    if found is None:
        found = _Found.least_squares(scaled, design.matrix)
    estimates, errors = found.estimates * scale, found.errors * scale
    estimates[0] += float(y.mean())
    degrees = [design.degrees(column) for column in design.matrix.T]
    terms = tuple(
        Term(name, b, b - t.ppf(0.975, df) * se, b + t.ppf(0.975, df) * se, float(2 * t.sf(abs(b) / se, df)), df)
        for name, b, se, df in zip(design.terms, estimates.tolist(), errors.tolist(), degrees, strict=True)
    )
    between, within = found.between * scale**2, found.within * scale**2
    fixed = float((design.matrix[:, 1:] @ estimates[1:]).var())
    note = "" if found.between else "patients do not differ beyond these terms: their variance is at zero"
    return Fitted(*head, terms, between, within, fixed / (fixed + between + within), note)


@dataclass(frozen=True, eq=False)
class _Found:
    """What an optimiser ended at, in the outcome's standard deviations."""

    estimates: Array
    errors: Array
    between: float
    within: float

    @classmethod
    def least_squares(cls, y: Array, matrix: Array) -> _Found:
        """What a mixed model is where patients do not differ."""
        from statsmodels.regression.linear_model import OLS

        result = OLS(y, matrix).fit()
        return cls(np.array(result.params), np.array(result.bse), 0.0, float(result.mse_resid))


def _inside(model: Any) -> tuple[_Found | None, str]:
    """The first optimum inside the parameter space with a finite likelihood; None, and a warning, where there is none."""
    first = ""
    for optimiser in OPTIMISERS:
        result, told = attempt(lambda by=optimiser: model.fit(reml=True, method=by))
        first = first or told
        if result is None or not result.converged or not np.isfinite(result.llf):
            continue
        between, within = float(np.asarray(result.cov_re)[0, 0]), float(result.scale)
        if between > BOUND * within and np.isfinite(result.bse_fe).all():
            return _Found(np.array(result.fe_params), np.array(result.bse_fe), between, within), ""
    return None, first


def _patients_differ(y: Array, design: Design) -> bool:
    """Whether analysis of variance finds a patients' variance above a hundredth of the rest: then zero is no answer."""
    left = y - design.matrix @ np.linalg.lstsq(design.matrix, y, rcond=None)[0]
    counts = np.bincount(design.codes).astype(np.float64)
    means = np.bincount(design.codes, left) / counts
    people, rows = len(counts), len(y)
    within = ((left - means[design.codes]) ** 2).sum() / max(rows - people, 1)
    between = (counts * means**2).sum() / max(people - 1, 1)
    size = (rows - (counts**2).sum() / rows) / max(people - 1, 1)
    return bool((between - within) / size > 0.01 * within)
