"""Random label volumes of sheets and strands one voxel thin, and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid

KINDS = {1: "sheet", 2: "sheet", 3: "strand", 4: "strand", 5: "block"}
"""Label -> what is drawn with it."""


def thin_volume(seed: int, side: int = 24) -> tuple[NDArray[Any], Grid]:
    """Two oblique sheets, two strands and a block in uint16, and a grid of drawn spacing."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices((side, side, side))
    labels = np.zeros((side, side, side), np.uint16)
    corner = rng.integers(2, side - 8, 3)
    labels[tuple(slice(c, c + w) for c, w in zip(corner, rng.integers(4, 8, 3), strict=True))] = 5
    for value in (1, 2):
        slope, level = rng.uniform(-0.6, 0.6, 2), rng.uniform(4, side - 4)
        height = level + slope[0] * (y - side / 2) + slope[1] * (x - side / 2)
        patch = (np.abs(y - side / 2) < rng.uniform(4, 9)) & (np.abs(x - side / 2) < rng.uniform(4, 9))
        sheet = (z == np.round(height)) & patch
        labels[np.transpose(sheet, rng.permutation(3))] = value
    for value in (3, 4):
        ends = rng.uniform(1, side - 2, (2, 3))
        steps = np.linspace(*ends, int(np.abs(ends[1] - ends[0]).max()) + 1)
        labels[tuple(np.round(steps).astype(int).T)] = value
    spacing = rng.uniform(0.6, 1.6, 3)
    return labels, Grid(labels.shape, tuple(spacing.tolist()))  # type: ignore[arg-type]


def coarser(grid: Grid, factor: float) -> Grid:
    """A grid over the same box whose voxels are `factor` as wide."""
    shape = tuple(max(1, round(n / factor)) for n in grid.shape)
    spacing = tuple(n * s / m for n, s, m in zip(grid.shape, grid.spacing, shape, strict=True))
    origin = grid.to_world((np.asarray(spacing) / grid.spacing - 1) / 2)
    return Grid(shape, spacing, tuple(origin.tolist()), grid.direction)  # type: ignore[arg-type]
