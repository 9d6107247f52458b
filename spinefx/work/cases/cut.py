"""From a scan to samples: each structure in a box of fixed size and spacing, along the world's axes or its own.

The box is centred on the structure and sampled once, straight from the scan's own voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.errors import DataError
from spinefx.contract.features import Row
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Sample, Scan
from spinefx.contract.scheme import Structure
from spinefx.work.cases.distance import signed_distance
from spinefx.work.cases.frame import own_frame

VERSION = 1
"""Raised when the same options give other samples; part of the cache key."""

DRAWN = ("mask", "distance")
"""Channels made of the mask alone."""
_LOST = 0.02


@dataclass(frozen=True)
class Box:
    """Size of a sample: `shape` voxels of `spacing` mm, order (z, y, x)."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    def at(self, centre: NDArray[np.float64], direction: NDArray[np.float64]) -> Grid:
        """The box's grid with axes along `direction` (3, 3), its middle at `centre` (x, y, z) in mm."""
        half = (np.array(self.shape) - 1) / 2 * np.array(self.spacing)
        x, y, z = centre - direction @ half[::-1]
        return Grid(self.shape, self.spacing, (float(x), float(y), float(z)), direction)


def cut(
    scan: Scan, box: Box, *, structures: str, channels: Sequence[str], margin: float = 0.0, frame: str = "world"
) -> tuple[list[Sample], list[str]]:
    """The samples of one scan, and what a reader should know about them.

    structures : `disc` or `vertebra` (one sample each), or `spine` (one sample with all that is labelled).
    channels : `mask`, `distance` (signed, in mm, negative inside), or names of the scan's images.
    margin : room in mm wanted between structure and box.
    frame : `world`, or `structure`: the box turns with the structure, and its orientation is taken out.

    Raises
    ------
    DataError
        If the scan lacks a channel, or holds none of the structures.
    """
    mask = scan.require_mask()
    missing = [name for name in channels if name not in DRAWN and name not in scan.images]
    if missing:
        raise DataError(f"no image {missing[0]!r} for [sample] channels; this case has {sorted(scan.images) or 'none'}")
    wanted = _wanted(mask, structures)
    if not wanted:
        raise DataError(f"the mask holds no {structures}; it has {sorted({s.kind for s in mask.structures()})}")
    stats = kernels.label_statistics(mask.labels, mask.grid)
    axes = _axes(mask, stats) if frame == "structure" and structures == "vertebra" else {}
    samples, notes = [], []
    for structure, values in wanted:
        boxes = stats.box[np.isin(stats.value, values)]
        ends = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
        sample, note = _one(scan, structure, values, ends, box, channels, margin, frame=frame, axis=axes.get(structure))
        samples.append(sample)
        notes += note
    return samples, notes


def _wanted(mask: LabelMap, structures: str) -> list[tuple[Structure, list[int]]]:
    present = mask.structures()
    if structures == "spine":
        return [(Structure.of("spine"), [mask.scheme.value_of(s) for s in present])] if present else []
    return [(s, [mask.scheme.value_of(s)]) for s in present if s.kind == structures]


def _one(
    scan: Scan,
    structure: Structure,
    values: list[int],
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    box: Box,
    channels: Sequence[str],
    margin: float,
    *,
    frame: str,
    axis: NDArray[np.float64] | None,
) -> tuple[Sample, list[str]]:
    mask, (start, stop) = scan.require_mask(), ends
    part = mask.labels[tuple(map(slice, start, stop))]
    inside = np.isin(part, values) if len(values) > 1 else part == values[0]
    index = np.argwhere(inside) + start
    centre = mask.grid.to_world(index.mean(axis=0))
    direction = np.eye(3)
    if frame == "structure":
        size = np.abs(mask.grid.direction) @ np.array(mask.grid.spacing[::-1])
        direction = own_frame(structure.kind, mask.grid.to_world(index), size, axis)
    target = box.at(centre, direction)
    source = mask.grid.crop(start - 1, stop - start + 2)
    padded = np.pad(inside.astype(np.float32), 1)
    soft = np.clip(sampled(padded, source, target), 0.0, 1.0)
    image = np.stack([_channel(scan, name, target, soft) for name in channels])
    row = Row(scan.case.id, scan.case.patient, structure.kind, structure.level)
    notes = []
    lost = 1.0 - float(soft.sum()) * target.voxel_mm3 / (len(index) * mask.grid.voxel_mm3)
    if lost > _LOST:
        notes.append(
            f"{structure.name}: {100 * lost:.0f} % of it lies outside the sample's box; raise [sample] shape or spacing"
        )
    elif margin > 0 and (room := _room(mask.grid.to_world(index), target)) < margin:
        notes.append(f"{structure.name}: {room:.1f} mm between it and the sample's box, wanted {margin:g}")
    return Sample(row, image, soft, target, tuple(channels)), notes


def _axes(mask: LabelMap, found: kernels.LabelStatistics) -> dict[Structure, NDArray[np.float64]]:
    """For each vertebra, the direction from the centre of the one below to that of the one above."""
    centres = dict(zip((int(v) for v in found.value), found.centroid_mm, strict=True))
    line = sorted(
        ((centres[mask.scheme.value_of(s)], s) for s in mask.structures("vertebra")), key=lambda pair: pair[0][2]
    )
    last = len(line) - 1
    return {s: line[min(i + 1, last)][0] - line[max(i - 1, 0)][0] for i, (_, s) in enumerate(line) if last}


def _channel(scan: Scan, name: str, target: Grid, soft: NDArray[np.float32]) -> NDArray[np.float32]:
    if name == "mask":
        return soft
    return signed_distance(soft, target.spacing) if name == "distance" else _image(scan, name, target)


def _image(scan: Scan, name: str, target: Grid) -> NDArray[np.float32]:
    volume = scan.images[name]
    corners = volume.grid.to_index(target.corners())
    start = np.clip(np.floor(corners.min(axis=0)).astype(int) - 2, 0, np.array(volume.grid.shape) - 1)
    stop = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 3, start + 1, volume.grid.shape)
    part = volume.data[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return sampled(np.ascontiguousarray(part, np.float32), volume.grid.crop(start, stop - start), target)


def sampled(data: NDArray[np.float32], source: Grid, target: Grid) -> NDArray[np.float32]:
    """`data` on `target`: linear; 0 outside."""
    out: NDArray[np.float32] = kernels.resample(data, source, target, method="linear")
    return out


def _room(points: NDArray[np.float64], target: Grid) -> float:
    index = target.to_index(points)
    ends = np.minimum(index.min(axis=0) + 0.5, np.array(target.shape) - 0.5 - index.max(axis=0))
    return float((ends * np.array(target.spacing)).min())
