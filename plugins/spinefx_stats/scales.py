"""The scales on which estimates are nearly normal with a spread that does not hang on their size.

An interval is made there and brought back, so that it leans the right way and never leaves what is possible. With g
patients the ends are drawn in by 1 / (2 g): a draw that separates all perfectly stays a finite number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spinefx_stats.weighted import Array


@dataclass(frozen=True)
class Scale:
    """There and back: (values, share) -> values, where the share, just below 1, draws the ends in.

    bounds : the largest and smallest value, at which there is no interval: nothing says how far it may be.
    """

    there: Callable[[Array, float], Array]
    back: Callable[[Array, float], Array]
    bounds: tuple[float, ...] = ()


PLAIN = Scale(lambda x, _: x, lambda x, _: x)
"""Means and differences."""

CORRELATION = Scale(
    lambda r, share: np.arctanh(share * np.clip(r, -1.0, 1.0)),
    lambda z, share: np.clip(np.tanh(z) / share, -1.0, 1.0),
    (-1.0, 1.0),
)
"""Fisher's z: correlations, rank-biserial, kappa."""

SHARE = Scale(
    lambda a, share: CORRELATION.there(2 * a - 1, share),
    lambda z, share: (CORRELATION.back(z, share) + 1) / 2,
    (0.0, 1.0),
)
"""Log odds: the AUC, shares."""

EXPLAINED = Scale(
    lambda r2, share: -np.log1p(-share * r2),
    lambda x, share: np.minimum(-np.expm1(-x) / share, 1.0),
    (1.0,),
)
"""Log of the share left unexplained: R²."""
