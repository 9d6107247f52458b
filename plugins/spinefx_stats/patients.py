"""Patients as the unit of chance: bootstrap intervals, jackknife tests, false-discovery control.

Discs of one patient are alike, and a patient may have several series, so rows are never resampled: whole patients are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from spinefx_stats.scales import PLAIN, Scale
from spinefx_stats.weighted import Array, mean

Statistic = Callable[[Array], Array]
"""Weights (b, n) -> values (b,) or (b, ...)."""

FEWEST = 6
"""With fewer patients than this no interval and no p-value is given."""

_CHUNK = 250_000  # weights at a time: small enough for a processor's cache


@dataclass(frozen=True, eq=False)
class Patients:
    """The patients behind n rows.

    names : (n,) the patient of each row.   seed : of the bootstrap.   resamples : how many.
    """

    names: Sequence[str]
    seed: int
    resamples: int = 1000

    @cached_property
    def codes(self) -> NDArray[np.intp]:
        """(n,) whole numbers, equal for rows of one patient."""
        return np.unique(np.asarray(self.names, dtype=str), return_inverse=True)[1].astype(np.intp)

    @property
    def count(self) -> int:
        """Number of patients."""
        return int(self.codes.max()) + 1 if len(self.names) else 0

    def of(self, rows: NDArray[np.bool_]) -> Patients:
        """The patients behind the chosen rows."""
        names = [name for name, chosen in zip(self.names, rows, strict=True) if chosen]
        return Patients(names, self.seed, self.resamples)

    def whole(self, statistic: Statistic) -> Array:
        """The statistic of the rows as they are."""
        return np.asarray(statistic(np.ones((1, len(self.names))))[0], np.float64)

    def bootstrap(self, statistic: Statistic) -> Array:
        """(resamples, ...) the statistic with patients drawn anew, with replacement; the same draws for every call."""
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, self.count, 0x5B1E]))
        count, step = self.count, max(1, _CHUNK // max(len(self.names), 1))
        out = []
        for start in range(0, self.resamples, step):
            size = min(step, self.resamples - start)
            drawn = rng.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)
            out.append(statistic(drawn[:, self.codes]))
        return np.concatenate(out)

    def jackknife(self, statistic: Statistic) -> Array:
        """(patients, ...) the statistic with each patient left out in turn."""
        return np.concatenate(
            [
                statistic((self.codes[None, :] != part[:, None]).astype(np.float64))
                for part in np.array_split(np.arange(self.count), max(1, self.count * len(self.names) // _CHUNK))
            ]
        )

    def interval(self, drawn: Array, estimate: Array | float, scale: Scale = PLAIN) -> tuple[Array, Array]:
        """95 % bounds about the estimate (...) from bootstrap draws (b, ...), made on the scale that suits the statistic.

        NaN with fewer than six patients, where over a tenth of the draws are undefined, and for an estimate at its bound.

        Notes
        -----
        Student's t with patients - 1 degrees of freedom times the draws' standard deviation, widened by
        sqrt(n / (n - 1)) since a bootstrap of n patients is that much too narrow (Hesterberg, Am Stat 69:371, 2015).
        Percentiles of the draws, tried before, held the truth too seldom near the ends of a scale (docs/judgement.md).
        """
        from scipy.stats import t

        n, estimate = self.count, np.asarray(estimate, np.float64)
        nothing = np.full(drawn.shape[1:], np.nan)
        if n < FEWEST:
            return nothing, nothing
        share = 1 - 1 / (2 * n)
        undefined = np.isnan(drawn).mean(axis=0) > 0.1
        at_bound = np.isin(estimate, scale.bounds)
        away = scale.there(np.where(undefined, 0.0, drawn), share)
        reach = t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1)) * np.nanstd(away, axis=0, ddof=1)
        middle = scale.there(estimate, share)
        low, high = (
            np.where(undefined | at_bound, np.nan, scale.back(middle + side * reach, share)) for side in (-1, 1)
        )
        return low, high

    def mean(self, values: Array) -> tuple[float, float, float]:
        """The mean of the rows' values (n,) and its 95 % bounds."""
        middle = float(values.mean())
        low, high = self.interval(self.bootstrap(partial(mean, values)), middle)
        return middle, float(low), float(high)

    def p_of_zero(self, statistic: Statistic) -> Array:
        """Two-sided p that a correlation-like statistic (-1..1) is zero, from leaving out each patient in turn.

        Notes
        -----
        Student's t with (patients - 1) degrees of freedom, on Fisher's z, with the delete-one-cluster standard error
        (Tukey; close to the CR3 of Bell and McCaffrey): it keeps its level with few and unequal clusters.
        """
        from scipy.stats import t

        estimate = np.arctanh(np.clip(self.whole(statistic), -0.999999, 0.999999))
        if self.count < FEWEST:
            return np.full(np.shape(estimate), np.nan)
        left_out = np.arctanh(np.clip(self.jackknife(statistic), -0.999999, 0.999999))
        g = self.count
        error = np.sqrt((g - 1) / g * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(error > 0, np.abs(estimate) / error, np.nan)
        return np.asarray(2 * t.sf(score, g - 1), np.float64)


def benjamini_hochberg(p: Array) -> Array:
    """q-values: the false-discovery rate at which each test would just be a finding. NaN stays NaN and does not count.

    Notes
    -----
    Benjamini and Hochberg, J R Stat Soc B 57:289 (1995).
    """
    flat = np.asarray(p, np.float64).ravel()
    out = np.full(flat.shape, np.nan)
    present = np.flatnonzero(np.isfinite(flat))
    order = present[np.argsort(flat[present], kind="stable")]
    scaled = flat[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out.reshape(np.shape(p))
