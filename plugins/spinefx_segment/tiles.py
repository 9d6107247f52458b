"""Class probabilities of a whole scan, tile by tile, and the classes that follow on the scan's own grid.

Every tile has the size of the training patches. Its rim, where a network sees too little, counts for nothing, and towards
its rim it counts less and less; the scan is seen with a margin of what lies beyond it, as in training.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spinefx import kernels
from spinefx.api import Grid
from spinefx_segment.views import OUTSIDE

Bytes = NDArray[np.uint8]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Span:
    """Where a tile lies along one axis: its voxels from `start` (negative: beyond the scan), those that count, their weights."""

    start: int
    kept: slice
    weight: NDArray[np.float32]


def probabilities(net: nn.Module, image: NDArray[np.float32], patch: Shape, classes: int, *, flip: bool) -> Bytes:
    """(classes, ...) uint8 of (...) float32: 255 times each class's probability, the background first."""
    out = np.zeros((classes, *image.shape), np.uint8)
    axes = [spans(n, p) for n, p in zip(image.shape, patch, strict=True)]
    with torch.inference_mode():
        for places in itertools.product(*axes):
            seen = torch.from_numpy(_tile(image, places, patch))[None, None]
            seen = seen.contiguous(memory_format=torch.channels_last_3d)
            soft = torch.softmax(net(seen), 1)
            if flip:
                soft = (soft + torch.softmax(net(seen.flip(2)), 1).flip(2)) / 2
            a, b, c = (torch.from_numpy(place.weight) for place in places)
            inner = tuple(slice(p.kept.start - p.start, p.kept.stop - p.start) for p in places)
            share = soft[0][:, inner[0], inner[1], inner[2]] * (255 * a[:, None, None] * b[:, None] * c)
            out[(slice(None), *(p.kept for p in places))] += share.byte().numpy()  # rounded down: never above 255
    return out


def spans(size: int, patch: int) -> list[Span]:
    """Tiles along one axis of `size` voxels, evenly spread; the weights of all tiles at a voxel sum to 1."""
    rim = patch // 8
    useful = patch - 2 * rim
    count = max(1, -(-(size + useful // 4 * (size > useful)) // useful))
    starts = np.round(np.linspace(-rim, size + rim - patch, count)).astype(int) if count > 1 else [(size - patch) // 2]
    place = (np.arange(patch) + 0.5) / patch - 0.5
    bell = np.where((np.arange(patch) >= rim) & (np.arange(patch) < patch - rim), np.exp(-0.5 * (place / 0.2) ** 2), 0)
    total = np.zeros(size)
    cut = []
    for start in starts:
        kept = slice(max(0, int(start) + rim), min(size, int(start) + patch - rim))
        cut.append((int(start), kept, bell[kept.start - start : kept.stop - start]))
        total[kept] += cut[-1][2]
    return [Span(start, kept, (weight / total[kept]).astype(np.float32)) for start, kept, weight in cut]


def _tile(image: NDArray[np.float32], places: tuple[Span, ...], patch: Shape) -> NDArray[np.float32]:
    """The tile's voxels, those beyond the scan marked as such."""
    out = np.full(patch, OUTSIDE, np.float32)
    there = [(max(0, p.start), min(n, p.start + k)) for p, n, k in zip(places, image.shape, patch, strict=True)]
    inside = tuple(slice(low - p.start, high - p.start) for p, (low, high) in zip(places, there, strict=True))
    out[inside] = image[tuple(slice(low, high) for low, high in there)]
    return out


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
