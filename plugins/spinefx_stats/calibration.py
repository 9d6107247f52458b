"""Whether a probability of .3 comes true three times in ten: predicted against observed shares, in bins of equal size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spinefx.api import Figure, Series
from spinefx_stats.scores import Said
from spinefx_stats.words import slug

BIN_ROWS = 15
"""Rows of a bin, at least; fewer than two bins are not drawn."""
MOST_BINS = 10


def reliability(name: str, found: Said) -> Series | None:
    """Mean probability (x) and share of positives (y) of each bin, with 95 % bounds; None with too few rows.

    Notes
    -----
    Bounds are Wilson's (J Am Stat Assoc 22:209, 1927) with the number of patients in the bin as the count, since rows of
    one patient are alike.
    """
    bins = min(MOST_BINS, len(found.y) // BIN_ROWS)
    if bins < 2 or found.constant:
        return None
    order = np.argsort(found.said, kind="stable")
    x, y, low, high = [], [], [], []
    for part in np.array_split(order, bins):
        share, count = float(found.y[part].mean()), len(np.unique(found.patients.codes[part]))
        middle = (share + 1.92 / count) / (1 + 3.84 / count)
        reach = 1.96 / (1 + 3.84 / count) * float(np.sqrt(share * (1 - share) / count + 0.96 / count**2))
        x.append(float(found.said[part].mean()))
        y.append(share)
        low.append(max(0.0, middle - reach))
        high.append(min(1.0, middle + reach))
    return Series(name, tuple(x), tuple(y), tuple(low), tuple(high))


def calibration_figure(target: str, protocol: str, found: Mapping[str, Said]) -> Figure | None:
    """The curves of several feature sets for one target, with the line on which probabilities are honest."""
    curves = [curve for name, said in found.items() if (curve := reliability(name, said)) is not None]
    if not curves:
        return None
    honest = Series("honest", (0.0, 1.0), (0.0, 1.0))
    return Figure(
        f"calibration-{slug(f'{target} {protocol}')}",
        f"Calibration: {target}, {protocol}",
        "line",
        "Predicted probability",
        "Observed share",
        series=(honest, *curves),
    )
