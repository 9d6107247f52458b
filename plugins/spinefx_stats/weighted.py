"""Statistics under row weights, many weightings at once.

A patient drawn twice by the bootstrap is a weight of 2, a patient left out by the jackknife a weight of 0: so each
statistic is written once, and intervals cost a few matrix products. Throughout: x, y, score are (n,) without NaN,
w is (b, n) >= 0, and the result is (b,) with NaN where a weighting leaves nothing to compute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def divided(top: Array, bottom: Array) -> Array:
    """`top / bottom`, NaN where the divisor is not above zero."""
    safe = np.where(bottom > 0, bottom, 1.0)
    return np.where(bottom > 0, top / safe, np.nan)


def mean(x: Array, w: Array) -> Array:
    """Weighted mean."""
    return divided(w @ x, w.sum(axis=1))


def pearson(x: Array, y: Array, w: Array) -> Array:
    """Pearson's r. `x` and `y` may also both be (b, n), one row per weighting."""
    if x.ndim == 1:
        return _pearson_fast(x, y, w)
    total = w.sum(axis=1)
    x = x - divided((w * x).sum(axis=1), total)[:, None]
    y = y - divided((w * y).sum(axis=1), total)[:, None]
    sxx, syy, sxy = (w * x * x).sum(axis=1), (w * y * y).sum(axis=1), (w * x * y).sum(axis=1)
    return _correlation(sxy, sxx, syy, total, np.ptp(x, axis=1), np.ptp(y, axis=1))


def _correlation(sxy: Array, sxx: Array, syy: Array, total: Array, spread_x: Array, spread_y: Array) -> Array:
    """sxy / sqrt(sxx syy), NaN where one of them does not vary beyond rounding."""
    flat = (sxx <= 1e-20 * total * spread_x**2) | (syy <= 1e-20 * total * spread_y**2)
    return np.clip(np.where(flat, np.nan, divided(sxy, np.sqrt(np.maximum(sxx * syy, 0.0)))), -1.0, 1.0)


def _pearson_fast(x: Array, y: Array, w: Array) -> Array:
    """`pearson` for one x and y under all weightings, through one matrix product."""
    x, y = x - x.mean(), y - y.mean()
    sums = w @ np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    total, sx, sy, sxx, syy, sxy = sums.T
    mx, my = divided(sx, total), divided(sy, total)
    spread = np.full_like(total, np.ptp(x)), np.full_like(total, np.ptp(y))
    return _correlation(sxy - total * mx * my, sxx - total * mx**2, syy - total * my**2, total, *spread)


def ranks(x: Array, w: Array) -> Array:
    """(b, n) mid-ranks as if every row stood there as often as its weight says (up to a constant)."""
    order = np.argsort(x, kind="stable")
    cumulated = np.cumsum(np.take(w, order, axis=1), axis=1)
    run = np.cumsum(np.append(False, x[order][1:] != x[order][:-1]))  # which run of ties each sorted value is in
    upper = np.take(cumulated, np.append(_starts(x[order])[1:], len(x)) - 1, axis=1)
    middle = upper.copy()
    middle[:, 1:] += upper[:, :-1]
    middle /= 2
    inverse = np.empty_like(order)
    inverse[order] = run
    return np.take(middle, inverse, axis=1)


def _starts(ordered: Array) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def spearman(x: Array, y: Array, w: Array) -> Array:
    """Spearman's rho."""
    return pearson(ranks(x, w), ranks(y, w), w)


def spearman_within(x: Array, y: Array, w: Array, *, strata: NDArray[np.intp]) -> Array:
    """Spearman's rho of rows compared within their stratum only: ranks there, as shares, pooled about their means."""
    groups = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    if len(groups) == 1:
        return spearman(x, y, w)
    first, second = np.empty_like(w), np.empty_like(w)
    constant = np.ones(2, bool)
    for rows in groups:
        mine = w[:, rows]
        total = np.maximum(mine.sum(axis=1), 1e-300)[:, None]
        constant &= [np.ptp(x[rows]) == 0, np.ptp(y[rows]) == 0]
        for out, values in ((first, x), (second, y)):
            share = ranks(values[rows], mine) / total  # the weighted mean of mid-rank shares is one half
            out[:, rows] = share
    return np.full(len(w), np.nan) if constant.any() else pearson(first, second, w)


def auc(score: Array, y: Array, w: Array, *, strata: NDArray[np.intp] | None = None) -> Array:
    """Area under the ROC curve: the share of positive-negative pairs in the right order, ties half.

    strata : (n,) whole numbers. Only pairs within a stratum count: scores of different folds come from different
        models and are not to be compared.
    """
    groups = [slice(None)] if strata is None else [np.flatnonzero(strata == s) for s in np.unique(strata)]
    won, pairs = np.zeros(len(w)), np.zeros(len(w))
    for rows in groups:
        order = np.argsort(score[rows], kind="stable")
        sorted_w, starts = np.take(w[:, rows], order, axis=1), _starts(score[rows][order])
        positive = sorted_w * (y[rows][order] > 0.5)
        negative = sorted_w - positive
        if len(starts) < len(order):
            positive, negative = (np.add.reduceat(part, starts, axis=1) for part in (positive, negative))
        below = np.cumsum(negative, axis=1)
        won += np.einsum("bi,bi->b", positive, below) - np.einsum("bi,bi->b", positive, negative) / 2
        pairs += positive.sum(axis=1) * below[:, -1]
    return divided(won, pairs)


def rank_biserial(x: Array, y: Array, w: Array) -> Array:
    """2 AUC - 1 of `x` for the 0/1 labels `y`: -1..1, 0 where x tells nothing."""
    return 2 * auc(x, y, w) - 1


def average_precision(score: Array, y: Array, w: Array) -> Array:
    """Average precision: precision at each threshold, weighted by the recall gained there."""
    order = np.argsort(-score, kind="stable")
    starts = _starts(score[order])
    ends = np.append(starts[1:], len(score)) - 1
    true = np.cumsum(w[:, order] * (y[order] > 0.5), axis=1)[:, ends]
    every = np.cumsum(w[:, order], axis=1)[:, ends]
    gained = np.diff(true, axis=1, prepend=0.0)
    precision = np.where(every > 0, true / np.where(every > 0, every, 1.0), 0.0)
    return divided((gained * precision).sum(axis=1), true[:, -1])


def _confusion(y: Array, predicted: Array, w: Array) -> tuple[Array, Array, Array, Array]:
    yes, said = y > 0.5, predicted > 0.5
    cells = np.stack([yes & said, yes & ~said, ~yes & said, ~yes & ~said], axis=1).astype(np.float64)
    tp, fn, fp, tn = (w @ cells).T
    return tp, fn, fp, tn


def balanced_accuracy(y: Array, predicted: Array, w: Array) -> Array:
    """Mean of sensitivity and specificity of the 0/1 predictions."""
    tp, fn, fp, tn = _confusion(y, predicted, w)
    return (divided(tp, tp + fn) + divided(tn, tn + fp)) / 2


def macro_f1(y: Array, predicted: Array, w: Array) -> Array:
    """Mean of the F1 of both classes; a class never predicted has F1 0, and without one class there is none."""
    tp, fn, fp, tn = _confusion(y, predicted, w)
    both = (tp + fn > 0) & (tn + fp > 0)
    return np.where(both, divided(tp, tp + (fp + fn) / 2) / 2 + divided(tn, tn + (fp + fn) / 2) / 2, np.nan)


def brier(y: Array, probability: Array, w: Array) -> Array:
    """Mean squared error of the probabilities."""
    return mean((probability - y) ** 2, w)


def r_squared(y: Array, predicted: Array, w: Array) -> Array:
    """1 - residual over total sum of squares about the mean of `y` under the same weights."""
    total = w.sum(axis=1)
    y_mean = divided(w @ y, total)
    spread = w @ (y - y.mean()) ** 2 - total * (y_mean - y.mean()) ** 2
    return 1 - divided(w @ (y - predicted) ** 2, np.where(spread > 1e-20 * total * np.ptp(y) ** 2, spread, 0.0))


def net_benefit(y: Array, probability: Array, threshold: float, w: Array) -> Array:
    """True positives less false ones, weighted by the odds of the threshold, per row: what treating from there on is worth.

    Notes
    -----
    Vickers and Elkin, Med Decis Making 26:565 (2006).
    """
    worth = np.where(y > 0.5, 1.0, -threshold / (1 - threshold)) * (probability >= threshold)
    return mean(worth, w)


def intraclass(ratings: Array, w: Array) -> Array:
    """ICC(2,1) of ratings (n, k): how far single ratings agree in their values, raters a sample of many.

    Notes
    -----
    Two-way random effects, absolute agreement, single rater: Shrout and Fleiss, Psychol Bull 86:420 (1979).
    """
    k, total = ratings.shape[1], w.sum(axis=1)
    middle = ratings.mean(axis=1)
    away = ratings - middle[:, None]
    spread = divided(w @ (middle - middle.mean()) ** 2, total) - divided(w @ (middle - middle.mean()), total) ** 2
    raters = (divided(w @ away, total[:, None]) ** 2).sum(axis=1)
    rows = k * total * spread / (total - 1)
    columns = total * raters / (k - 1)
    rest = np.maximum(w @ (away**2).sum(axis=1) - total * raters, 0.0) / ((total - 1) * (k - 1))
    return divided(rows - rest, rows + (k - 1) * rest + k * (columns - rest) / total)


def quadratic_kappa(y: Array, predicted: Array, grades: Sequence[float], w: Array) -> Array:
    """Cohen's kappa with quadratic weights; `y` and `predicted` hold values of `grades`."""
    return _kappa(y, predicted, grades, w, (np.subtract.outer(np.arange(len(grades)), np.arange(len(grades)))) ** 2.0)


def kappa(y: Array, predicted: Array, grades: Sequence[float], w: Array) -> Array:
    """Cohen's kappa: agreement beyond chance, every disagreement alike."""
    return _kappa(y, predicted, grades, w, 1.0 - np.eye(len(grades)))


def _kappa(y: Array, predicted: Array, grades: Sequence[float], w: Array, cost: Array) -> Array:
    steps = np.asarray(grades, np.float64)
    first = (y[:, None] == steps).astype(np.float64)
    second = (predicted[:, None] == steps).astype(np.float64)
    total = w.sum(axis=1)
    seen = w @ ((first @ cost) * second).sum(axis=1)
    chance = ((w @ first) @ cost * (w @ second)).sum(axis=1)
    return 1 - divided(seen * total, chance)
