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
    return _answers(_fitted(x[fit], y[fit], kind, strength), x, kind)


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
        for i, strength in enumerate(STRENGTHS):
            said = _answers(_fitted(x[inside], y[inside], kind, strength), x[outside], kind)
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
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = (
        LogisticRegression(C=strength, solver="newton-cholesky", max_iter=200)
        if kind == "binary"
        else Ridge(alpha=1 / strength)
    )
    model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a separable fold: the penalty still bounds the fit
        model.fit(x, y)
    return model


def _answers(model: Any, x: Array, kind: str) -> Array:
    said = model.predict_proba(x)[:, 1] if kind == "binary" else model.predict(x)
    return np.asarray(said, np.float64)
