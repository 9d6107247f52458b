"""Array axes reordered and flipped to a named orientation: no voxel changes its value or its place.

Casework hands every scan on in one order of axes, so that no number depends on how a file was written.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan, Volume

TOWARDS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
"""Letter -> world direction (x, y, z), LPS."""


def reorient(data: NDArray[Any], grid: Grid, to: str) -> tuple[NDArray[Any], Grid]:
    """The same voxels with the array axes running `to` (`LPS`), and their grid.

    The result is `data` itself, and the grid the same object, where nothing has to move.
    """
    order, flips = _turn(grid, to)
    if order == (0, 1, 2) and not any(flips):
        return data, grid
    start = np.zeros(3)
    for source, flip in zip(order, flips, strict=True):
        start[source] = grid.shape[source] - 1 if flip else 0
    axes = np.array([grid.axes[source] * (-1 if flip else 1) for source, flip in zip(order, flips, strict=True)])
    x, y, z = (float(v) for v in grid.to_world(start))
    shape = tuple(grid.shape[source] for source in order)
    spacing = tuple(grid.spacing[source] for source in order)
    turned = Grid(shape, spacing, (x, y, z), axes[::-1].T)  # type: ignore[arg-type]
    steps = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    return np.ascontiguousarray(data.transpose(order)[steps]), turned


def oriented(scan: Scan, to: str = "LPS") -> Scan:
    """The scan with images and mask in that orientation; what is there already is passed on as the same object."""
    images = {name: _volume(image, to) for name, image in scan.images.items()}
    mask = scan.mask
    if mask is not None:
        labels, grid = reorient(mask.labels, mask.grid, to)
        mask = mask if grid is mask.grid else LabelMap(labels, grid, mask.scheme)
    if mask is scan.mask and all(images[name] is image for name, image in scan.images.items()):
        return scan
    return scan.replace(images=images, mask=mask)


def _volume(image: Volume, to: str) -> Volume:
    data, grid = reorient(image.data, image.grid, to)
    return image if grid is image.grid else Volume(data, grid)


def _turn(grid: Grid, to: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Which source axis each target axis takes, and whether it is flipped; nearest to `to` over all six orders."""
    wanted = np.array([TOWARDS[letter] for letter in reversed(to)], np.float64)
    cosine = wanted @ grid.axes.T
    order = max(permutations(range(3)), key=lambda p: sum(abs(cosine[k, p[k]]) for k in range(3)))
    return order, tuple(bool(cosine[k, order[k]] < 0) for k in range(3))
