"""The models that turn a feature set into predictions; every step is fitted on the fitting rows alone.

Impute (median), standardise, then penalised regression: logistic for 0/1 targets, ridge for grades and measures. The
penalty is chosen by cross-validation over the fitting patients, none of whom is split.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx_stats.weighted import Array

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""Inverse penalties tried."""
INNER_FOLDS = 3


def predicted(x: Array, y: Array, kind: str, fit: NDArray[np.bool_], codes: NDArray[np.intp]) -> Array:
    """(n,) predictions for all rows from a model fitted on the rows `fit`.

    For a binary target they are probabilities. Without columns (k = 0) every row gets the fitting rows' mean.

    x : (n, k) NaN where missing.   y : (n,), finite on `fit`.   codes : (n,) patients as whole numbers.
    """
    if x.shape[1] == 0:
        return np.full(len(y), y[fit].mean())
    strength = _chosen(x[fit], y[fit], kind, codes[fit])
    inside, everybody = _prepared(x[fit], x)
    return _answers(_fitted(inside, y[fit], kind, strength), everybody, kind)


def _prepared(fit: Array, other: Array) -> tuple[Array, Array]:
    """Both with gaps filled by the median and scaled to unit variance, as learnt from `fit` alone."""
    present = np.isfinite(fit)
    median = np.array(
        [np.median(column[known]) if known.any() else 0.0 for column, known in zip(fit.T, present.T, strict=True)]
    )
    filled = np.where(present, fit, median)
    center, spread = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(spread > 1e-12, spread, 1.0)
    return (filled - center) / scale, (np.where(np.isfinite(other), other, median) - center) / scale


def _chosen(x: Array, y: Array, kind: str, codes: NDArray[np.intp]) -> float:
    """The inverse penalty with the least loss over inner folds of whole patients; 1 where there are too few."""
    from sklearn.model_selection import GroupKFold

    people = len(np.unique(codes))
    if people < 2 * INNER_FOLDS:
        return 1.0
    losses = np.zeros(len(STRENGTHS))
    for inside, outside in GroupKFold(INNER_FOLDS).split(x, y, codes):
        if kind == "binary" and np.ptp(y[inside]) == 0:
            continue
        known, asked = _prepared(x[inside], x[outside])
        for i, strength in enumerate(STRENGTHS):
            said = _answers(_fitted(known, y[inside], kind, strength), asked, kind)
            losses[i] += _loss(kind)(y[outside], said)
    return STRENGTHS[int(losses.argmin())]


def _loss(kind: str) -> Callable[[Array, Array], float]:
    return _log_loss if kind == "binary" else _squared_loss


def _log_loss(y: Array, p: Array) -> float:
    kept = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-(y * np.log(kept) + (1 - y) * np.log(1 - kept)).sum())


def _squared_loss(y: Array, said: Array) -> float:
    return float(((y - said) ** 2).sum())


def _fitted(x: Array, y: Array, kind: str, strength: float) -> Any:
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    model = (
        LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-7, max_iter=200)
        if kind == "binary"
        else Ridge(alpha=1 / strength)
    )
    with warnings.catch_warnings(), config_context(assume_finite=True, skip_parameter_validation=True):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a separable fold: the penalty still bounds the fit
        return model.fit(x, y)


def _answers(model: Any, x: Array, kind: str) -> Array:
    """What the model says of prepared rows: probabilities, or values."""
    said = x @ model.coef_.reshape(-1) + np.asarray(model.intercept_).reshape(-1)[0]
    return np.asarray(1 / (1 + np.exp(-np.clip(said, -700, 700))) if kind == "binary" else said, np.float64)
