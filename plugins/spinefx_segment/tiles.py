"""Class probabilities of a whole scan, tile by tile, and the classes that follow on the scan's own grid.

Every tile has the size of the training patches. Its rim, where a network sees too little, counts for nothing, and towards
its rim it counts less and less; the scan is seen with a margin of what lies beyond it, as in training.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinefx import kernels
from spinefx.api import Grid
from spinefx_segment.networks import Layout
from spinefx_segment.views import OUTSIDE

Bytes = NDArray[np.uint8]
Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Span:
    """Where a tile lies along one axis: its voxels from `start` (negative: beyond the scan), those that count, their weights."""

    start: int
    kept: slice
    weight: NDArray[np.float32]

    def within(self, low: int, high: int) -> Span:
        """The same with only those voxels counting that lie from `low` to before `high`."""
        start, stop = max(low, self.kept.start), min(high, self.kept.stop)
        return Span(self.start, slice(start, stop), self.weight[start - self.kept.start : stop - self.kept.start])


def probabilities(
    net: Callable[[Tensor], Tensor],
    image: NDArray[np.float32],
    patch: Shape,
    classes: int,
    *,
    flip: bool,
    shift: Shape = (0, 0, 0),
    rows: tuple[int, int] | None = None,
    crew: Executor | None = None,
) -> Bytes:
    """(classes, ...) uint8 of (...) float32: 255 times each class's probability, the background first.

    shift : each tile is seen again, moved by so many voxels, and both are averaged; less than the rim, an eighth of the tile.
    rows : only these of the second axis, the same numbers as in the whole.   crew : takes tiles in turn, the same numbers, too.
    """
    low, high = rows or (0, image.shape[1])
    out = np.zeros((classes, image.shape[0], high - low, image.shape[2]), np.uint8)
    axes = [spans(n, p) for n, p in zip(image.shape, patch, strict=True)]
    axes[1] = [span.within(low, high) for span in axes[1] if span.kept.stop > low and span.kept.start < high]

    @torch.inference_mode()
    def shares(places: tuple[Span, ...]) -> Bytes:
        seen = torch.from_numpy(_tile(image, places, patch))[None, None]
        seen = seen.contiguous(memory_format=torch.channels_last_3d)
        looks = [torch.softmax(net(seen).float(), 1)]
        if flip:
            looks.append(torch.softmax(net(seen.flip(2)).float(), 1).flip(2))
        if any(shift):
            moved = seen.roll(shift, (2, 3, 4)).contiguous(memory_format=torch.channels_last_3d)
            looks.append(torch.softmax(net(moved).float(), 1).roll([-n for n in shift], (2, 3, 4)))
        soft = torch.stack(looks).mean(0) if len(looks) > 1 else looks[0]
        a, b, c = (torch.from_numpy(place.weight) for place in places)
        inner = tuple(slice(p.kept.start - p.start, p.kept.stop - p.start) for p in places)
        share: Bytes = (
            (soft[0][:, inner[0], inner[1], inner[2]] * (255 * a[:, None, None] * b[:, None] * c)).byte().numpy()
        )
        return share  # rounded down: sums are never above 255

    tiles = list(itertools.product(*axes))
    for places, share in zip(tiles, (crew.map if crew else map)(shares, tiles), strict=True):
        y = slice(places[1].kept.start - low, places[1].kept.stop - low)
        out[:, places[0].kept, y, places[2].kept] += share
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


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a network draws. seen : likeliest class per voxel of the view.   drawn : the same on the scan's own grid.

    promised : for each class but the background, the Dice that its own probabilities promise; 0 where it was not found.
    """

    seen: Bytes
    drawn: Bytes
    promised: tuple[float, ...]


def draw(
    net: Callable[[Tensor], Tensor],
    image: NDArray[np.float32],
    source: Grid,
    target: Grid,
    layout: Layout,
    *,
    flip: bool,
    rows: int,
    crew: Executor | None = None,
) -> Drawing:
    """The classes of a whole scan, so many `rows` of the view at a time: no more probabilities are in memory at once."""
    seen = np.zeros(source.shape, np.uint8)
    drawn = np.zeros(target.shape, np.uint8)
    hits, total = np.zeros(layout.classes), np.zeros(layout.classes)
    axis = _axis_of_rows(source, target)
    for low in range(0, source.shape[1], rows):
        high = min(source.shape[1], low + rows)
        wide = (max(0, low - 1), min(source.shape[1], high + 1))
        soft = probabilities(
            net, image, layout.patch, layout.classes, flip=flip, shift=layout.shift, rows=wide, crew=crew
        )
        own = soft[:, :, low - wide[0] : high - wide[0]]
        seen[:, low:high] = own.argmax(axis=0)
        for number in range(layout.classes):
            inside = seen[:, low:high] == number
            total[number] += own[number].sum(dtype=np.float64) / 255 + inside.sum()
            hits[number] += own[number][inside].sum(dtype=np.float64) / 255
        part = _part(target, source, axis, low, high)
        index: list[slice] = [slice(None)] * 3
        index[axis] = part
        drawn[tuple(index)] = classes_on(soft, _cut(source, 1, slice(*wide)), _cut(target, axis, part))
    return Drawing(seen, drawn, tuple(float(v) for v in 2 * hits[1:] / np.maximum(total[1:], 1e-9)))


def rows_within(source: Grid, target: Grid, classes: int, bytes_left: float) -> int:
    """How many rows of the view at a time keep their probabilities within so many bytes; at least 16.

    A row costs a byte per class and voxel, and in between some float32 maps here and on the scan's grid.
    """
    row = float(source.shape[0] * source.shape[2] * (2 * classes + 8))
    row += int(np.prod(target.shape)) / source.shape[1] * 14
    return int(np.clip(bytes_left / row, 16, source.shape[1]))


def _axis_of_rows(source: Grid, target: Grid) -> int:
    """The target's axis along which the view's rows follow each other."""
    return int(np.abs(target.axes @ source.axes[1]).argmax())


def _part(target: Grid, source: Grid, axis: int, low: int, high: int) -> slice:
    """The target's voxels along `axis` whose centres lie in the rows from `low` to before `high`; ends belong to the ends."""
    ends = np.zeros((target.shape[axis], 3))
    ends[:, axis] = np.arange(target.shape[axis])
    place = source.to_index(target.to_world(ends))[:, 1] + 0.5
    inside = (place >= (low if low else -np.inf)) & (place < (high if high < source.shape[1] else np.inf))
    there = np.flatnonzero(inside)
    return slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0)


def _cut(grid: Grid, axis: int, part: slice) -> Grid:
    """The part of a grid along one axis."""
    start, shape = np.zeros(3), list(grid.shape)
    start[axis], shape[axis] = part.start, part.stop - part.start
    x, y, z = grid.to_world(start)
    return Grid((shape[0], shape[1], shape[2]), grid.spacing, (x, y, z), grid.direction)


def classes_on(soft: Bytes, source: Grid, target: Grid) -> NDArray[np.uint8]:
    """The likeliest class of each voxel of `target`, from probabilities on `source` in between its voxels."""
    out = np.zeros(target.shape, np.uint8)
    if not out.size:
        return out
    best = kernels.resample(soft[0].astype(np.float32), source, target, fill=255.0)
    for number in range(1, len(soft)):
        here = kernels.resample(soft[number].astype(np.float32), source, target)
        wins = here > best
        out[wins] = number
        np.maximum(best, here, out=best)
    return out
