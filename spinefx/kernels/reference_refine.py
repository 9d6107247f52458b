"""The twin of the C++ core's mending of label maps, in NumPy and SciPy.

Same signatures as `spinefx.kernels._core`; tests hold the two against each other. Nothing else imports it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]
Floats = NDArray[np.float64]


def fill_holes(labels: Array, largest: int) -> int:
    """Fills cavities of at most `largest` voxels, in place, with the label on most of their faces; how many voxels."""
    pieces, count = ndimage.label(labels == 0)
    before = labels.copy()
    filled = 0
    for piece in range(1, count + 1):
        inside = pieces == piece
        where = np.nonzero(inside)
        at_border = any(
            n > 1 and (index.min() == 0 or index.max() == n - 1) for index, n in zip(where, labels.shape, strict=True)
        )
        if at_border or len(where[0]) > largest:
            continue
        votes = np.zeros(np.iinfo(labels.dtype).max + 1, np.int64)
        for axis, n in enumerate(labels.shape):
            for step in (-1, 1):
                beside = [index.copy() for index in where]
                beside[axis] += step
                there = (beside[axis] >= 0) & (beside[axis] < n)
                votes += np.bincount(before[tuple(index[there] for index in beside)], minlength=len(votes))
        votes[0] = 0
        if votes.any():
            labels[inside] = votes.argmax()
            filled += len(where[0])
    return filled


def keep_largest(labels: Array, connectivity: int) -> int:
    """Removes all but the largest piece of every label, in place; how many voxels."""
    joined = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])
    removed = 0
    for value in np.unique(labels[labels != 0]):
        pieces, _ = ndimage.label(labels == value, joined)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        rest = (pieces != 0) & (pieces != sizes.argmax())
        labels[rest] = 0
        removed += int(rest.sum())
    return removed


def smooth_labels(labels: Array, out: Array, sigma: tuple[float, float, float], least: float) -> None:
    """The label with the largest share of a Gaussian neighbourhood; labels that shrink too much are put back."""
    values = np.concatenate([[0], np.unique(labels[labels != 0])])
    shares = np.stack([_smoothed((labels == value).astype(np.float64), sigma) for value in values])
    out[...] = values[shares.argmax(axis=0)]
    whole: set[int] = set()
    while True:
        lost = [v for v in values[1:] if v not in whole and _shrunk(labels == v, out == v, least)]
        if not lost:
            return
        for value in lost:
            out[labels == value] = value
            whole.add(value)


def _shrunk(before: NDArray[np.bool_], after: NDArray[np.bool_], least: float) -> bool:
    return not after.any() or bool(after.sum() < least * before.sum())


def _smoothed(share: Floats, sigma: tuple[float, float, float]) -> Floats:
    for axis, width in enumerate(sigma):
        reach = int(np.ceil(3 * width))
        if reach == 0:
            continue
        taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
        share = ndimage.correlate1d(share, taps / taps.sum(), axis=axis, mode="nearest")
    return share
