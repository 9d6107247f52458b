"""Class probabilities of a whole scan, tile by tile, and the classes that follow on the scan's own grid.

Every tile has the size of the training patches; the rim of a tile, where a network sees too little, is left to the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spinefx import kernels
from spinefx.api import Grid

Bytes = NDArray[np.uint8]
Shape = tuple[int, int, int]


def probabilities(net: nn.Module, image: NDArray[np.float32], patch: Shape, classes: int, *, flip: bool) -> Bytes:
    """(classes, ...) uint8 of (...) float32: 255 times each class's probability, the background first."""
    size = [max(n, p) for n, p in zip(image.shape, patch, strict=True)]
    padded = np.pad(image, [(0, s - n) for s, n in zip(size, image.shape, strict=True)], mode="edge")
    out = np.zeros((classes, *size), np.uint8)
    with torch.inference_mode():
        for places in itertools.product(*(list(_spans(s, p)) for s, p in zip(size, patch, strict=True))):
            seen = torch.from_numpy(np.ascontiguousarray(padded[tuple(whole for whole, _, _ in places)]))[None, None]
            seen = seen.contiguous(memory_format=torch.channels_last_3d)
            soft = torch.softmax(net(seen), 1)
            if flip:
                soft = (soft + torch.softmax(net(seen.flip(2)), 1).flip(2)) / 2
            inner = tuple(own for _, own, _ in places)
            out[(slice(None), *(kept for _, _, kept in places))] = (
                (soft[0] * 255).round().byte().numpy()[(slice(None), *inner)]
            )
    return np.ascontiguousarray(out[(slice(None), *(slice(n) for n in image.shape))])


def _spans(size: int, patch: int) -> Iterator[tuple[slice, slice, slice]]:
    """Along one axis, per tile: where it lies, which part of it counts, and where that part lies."""
    rim = patch // 8
    starts = [*range(0, size - patch, max(1, patch - 2 * rim)), size - patch]
    for number, start in enumerate(starts):
        first = 0 if number == 0 else rim
        last = patch if number == len(starts) - 1 else patch - rim
        yield slice(start, start + patch), slice(first, last), slice(start + first, start + last)


def classes_on(soft: Bytes, source: Grid, target: Grid) -> NDArray[np.uint8]:
    """The likeliest class of each voxel of `target`, from probabilities on `source` in between its voxels."""
    best = np.full(target.shape, 127.5, np.float32)  # half of the whole: background
    out = np.zeros(target.shape, np.uint8)
    for number in range(1, len(soft)):
        here = kernels.resample(soft[number].astype(np.float32), source, target)
        if number == 1:
            best[:] = kernels.resample(soft[0].astype(np.float32), source, target, fill=255.0)
        wins = here > best
        out[wins] = number
        np.maximum(best, here, out=best)
    return out


def expected_dice(soft: Bytes, classes: NDArray[np.uint8]) -> list[float]:
    """For each class but the background, the Dice that its own probabilities promise; 0 where it was not found."""
    out = []
    for number in range(1, len(soft)):
        inside = classes == number
        total = float(soft[number].sum(dtype=np.float64)) / 255 + float(inside.sum())
        held = float(soft[number][inside].sum(dtype=np.float64)) / 255
        out.append(2 * held / total if inside.any() else 0.0)
    return out
