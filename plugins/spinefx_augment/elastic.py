"""Smooth bending: random displacements of control points, cubic B-splines between them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Change, Grid, Sample
from spinefx_augment.options import ElasticOptions, MaskJitterOptions
from spinefx_augment.smooth import products


class Elastic:
    """Augmenter `elastic`."""

    def __init__(self, options: ElasticOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """A displacement (3, z, y, x) in mm; its standard deviation at a control point is the options' amplitude."""
        o = self.options
        if rng.random() >= o.probability or o.amplitude_mm == 0.0:
            return Change()
        return Change(displacement=bend(sample.grid, o.amplitude_mm, o.control_mm, rng))


class MaskJitter:
    """Augmenter `mask-jitter`."""

    def __init__(self, options: MaskJitterOptions) -> None:
        self.options = options

    def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
        """A displacement of the outline alone, as `elastic` draws it."""
        o = self.options
        if rng.random() >= o.probability or o.amplitude_mm == 0.0:
            return Change()
        return Change(outline=bend(sample.grid, o.amplitude_mm, o.control_mm, rng))


def bend(grid: Grid, amplitude_mm: float, control_mm: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(3, z, y, x) smooth random displacement in mm; `amplitude_mm` is its standard deviation at a control point."""
    z, y, x = (spline_weights(n, spacing / control_mm) for n, spacing in zip(grid.shape, grid.spacing, strict=True))
    points = rng.standard_normal((3, z.shape[1], y.shape[1], x.shape[1])) * amplitude_mm
    return products(points, z, y, x)


def spline_weights(n: int, step: float) -> NDArray[np.float64]:
    """(n, m) weights of m control points one unit apart for n positions `step` units apart; each row sums to 1.

    Notes
    -----
    Uniform cubic B-splines: Rueckert et al., IEEE Trans Med Imaging 18:712 (1999).
    """
    position = (np.arange(n) - (n - 1) / 2) * step
    cells = max(1, math.ceil(float(position[-1] - position[0]) + 1e-9))
    place = position + cells / 2
    first = np.clip(np.floor(place).astype(int), 0, cells - 1)
    t = place - first
    basis = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6.0
    weights = np.zeros((n, cells + 3))
    for k in range(4):
        weights[np.arange(n), first + k] = basis[:, k]
    return weights
