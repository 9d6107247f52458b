"""From classes to structures with names: vertebrae told apart by their bodies, named along the spine.

Values are SPIDER's: n for the nth vertebra from below, 200 + n for the disc under it, 100 for the canal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid
from spinefx_segment.naming import Piece, axis_of, counted

CANAL, DISC, MOST = 100, 200, 25
_CORE_MM = 5.0
"""A vertebral body is deeper than this under its surface, an arch is not."""
_APART_MM = 12.0
"""Two bodies are at least so far apart along the spine."""
_ROWS = 32
"""Rows along the spine that are looked at together where more would only take memory."""

Labels = NDArray[np.uint16]
Array = NDArray[Any]


def named(classes: Array, grid: Grid, kinds: tuple[str, ...], *, least_ml: float) -> tuple[Labels, list[str]]:
    """Structures of a map of classes (1 + place in `kinds`), in SPIDER's values; and what a reader should know.

    classes : (left, head, back) whole numbers on `grid`.
    """
    whole = np.zeros(classes.shape, np.uint16)
    box = _box(classes)
    if box is None:
        return whole, []
    x, y, z = grid.to_world(np.array([float(part.start) for part in box]))
    edges = (box[1].start == 0, box[1].stop == classes.shape[1])
    classes = np.ascontiguousarray(classes[box])
    a, b, c = classes.shape
    grid = Grid((a, b, c), grid.spacing, (x, y, z), grid.direction)
    out = whole[box]
    maps: dict[str, Labels] = {}
    pieces: list[Piece] = []
    for number, kind in enumerate(kinds, start=1):
        inside = classes == number
        if not inside.any():
            continue
        if kind == "canal":
            out[longest(inside, grid, least_ml)] = CANAL
            continue
        maps[kind] = bodies(inside, grid, least_ml) if kind == "vertebra" else discs(inside, grid, least_ml)
        pieces += _pieces(kind, maps[kind], grid, edges)
    found, notes = counted(pieces)
    for kind in {one.piece.kind for one in found}:
        table = np.zeros(int(maps[kind].max()) + 1, np.uint16)
        for one in found:
            if one.piece.kind == kind and one.level <= MOST:
                table[one.piece.number] = one.level + (DISC if kind == "disc" else 0)
        named_here = table[maps[kind]]
        out[named_here > 0] = named_here[named_here > 0]
    notes += [f"{o.piece.kind} {o.level} from below is cut off by the edge of the scan" for o in found if o.piece.cut]
    return whole, notes


def _box(classes: Array) -> tuple[slice, slice, slice] | None:
    """The part of a map that holds all that is not background; everything after is done there."""
    ends = []
    for axis in range(3):
        there = np.flatnonzero(classes.any(axis=tuple(k for k in range(3) if k != axis)))
        if not len(there):
            return None
        ends.append(slice(int(there[0]), int(there[-1]) + 1))
    return ends[0], ends[1], ends[2]


def _pieces(kind: str, parts: Labels, grid: Grid, edges: tuple[bool, bool]) -> list[Piece]:
    """The numbered parts of a map as pieces; edges : whether the map's lower and upper end are the scan's."""
    found = kernels.label_statistics(parts, grid)
    cut = set(np.unique(parts[:, [end for end, there in zip((0, -1), edges, strict=True) if there]]).tolist())
    return [
        Piece(kind, int(v), c, float(n) * grid.voxel_mm3 / 1000, int(v) in cut)
        for v, c, n in zip(found.value, found.centroid_mm, found.voxels, strict=True)
    ]


def longest(inside: Array, grid: Grid, least_ml: float) -> Array:
    """The canal: its largest part, and others of at least a tenth of that; a stenosis may part it."""
    parts = components(inside, grid, least_ml)
    sizes = np.bincount(parts.ravel())[1:]
    return np.isin(parts, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max(initial=0))) & (parts > 0)


def discs(inside: NDArray[np.bool_], grid: Grid, least_ml: float) -> Labels:
    """Discs numbered from 1: connected parts, those that hold the cores of several taken apart there."""
    from skimage.segmentation import watershed

    parts = components(inside, grid, least_ml)
    depth = kernels.distance_transform((parts > 0).astype(np.uint16), grid)
    out, number = np.zeros_like(parts), 0
    for part, box in enumerate(_boxes(parts), start=1):
        own, deep = parts[box] == part, depth[box]
        here = Grid(own.shape, grid.spacing, grid.origin, grid.direction)
        cores = merged(components(own & (deep > 0.6 * deep[own].max()), here, least_ml / 10), here)
        several = cores.max() > 1
        split = watershed(-deep, cores.astype(np.int32), mask=own) if several else own  # type: ignore[no-untyped-call]
        out[box][own] = split[own].astype(np.uint16) + number
        number = int(out.max())
    return out


def _boxes(parts: Labels) -> list[tuple[slice, slice, slice]]:
    from scipy.ndimage import find_objects

    return list(find_objects(parts))


def components(inside: NDArray[np.bool_], grid: Grid, least_ml: float) -> Labels:
    """Connected parts of at least `least_ml`, numbered from 1; the rest is 0."""
    import cc3d

    least = max(1, int(least_ml * 1000 / grid.voxel_mm3))
    parts = cc3d.connected_components(cc3d.dust(inside, threshold=least, connectivity=26), connectivity=26)
    return np.ascontiguousarray(parts, np.uint16)


def bodies(inside: NDArray[np.bool_], grid: Grid, least_ml: float) -> Labels:
    """Vertebrae numbered from 1: flooded from the cores of their bodies, parts without one given to the nearest."""
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import watershed

    depth = kernels.distance_transform(inside.astype(np.uint16), grid)
    cores = merged(components(depth > _CORE_MM, grid, least_ml / 2), grid)
    if not cores.any():
        return components(inside, grid, least_ml)
    flooded = watershed(-depth, cores.astype(np.int32), mask=inside).astype(np.uint16)  # type: ignore[no-untyped-call]
    loose = components(inside & (flooded == 0), grid, 0.0)
    if loose.any():
        nearest = distance_transform_edt(
            flooded == 0, sampling=grid.spacing, return_distances=False, return_indices=True
        )
        for part in range(1, int(loose.max()) + 1):
            own = loose == part
            near = flooded[tuple(axis[own] for axis in nearest)]
            flooded[own] = np.bincount(near).argmax()
    return np.ascontiguousarray(flooded, np.uint16)


def merged(cores: Labels, grid: Grid) -> Labels:
    """Cores nearer to each other along the spine than two bodies can be, as one."""
    found = kernels.label_statistics(cores, grid)
    if len(found) < 2:
        return cores
    place = found.centroid_mm @ axis_of(found.centroid_mm)
    order = np.argsort(place, kind="stable")
    table, number = np.zeros(int(cores.max()) + 1, np.uint16), 0
    for rank, index in enumerate(order):
        if rank == 0 or place[index] - place[order[rank - 1]] > _APART_MM:
            number += 1
        table[found.value[index]] = number
    return table[cores]


def carried(labels: Labels, source: Grid, classes: NDArray[np.uint8], target: Grid, kinds: tuple[str, ...]) -> Labels:
    """`classes` on another grid, each voxel with the value of the nearest structure of its class."""
    out = np.zeros(target.shape, np.uint16)
    for number, kind in enumerate(kinds, start=1):
        low, high = {"canal": (CANAL, CANAL), "disc": (DISC + 1, DISC + MOST)}.get(kind, (1, MOST))
        own = np.where((labels >= low) & (labels <= high), labels, 0).astype(np.uint16)
        here = kernels.resample(grown(own), source, target, method="nearest")
        inside = classes == number
        out[inside] = here[inside]
    return out


def grown(labels: Labels, reach: int = 2) -> Labels:
    """The same with every structure grown by some voxels into the background, so that finer grids find it.

    Some rows at a time: what looks for the nearest structure takes 70 bytes for each voxel that it sees.
    """
    from skimage.segmentation import expand_labels

    box = _box(labels)
    if box is None:
        return labels
    out = labels.copy()
    wide = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in box)
    before, after = labels[wide], out[wide]
    for low in range(0, before.shape[1], _ROWS):
        start = max(0, low - reach)
        rows = expand_labels(before[:, start : low + _ROWS + reach], reach)  # type: ignore[no-untyped-call]
        after[:, low : low + _ROWS] = rows[:, low - start : low - start + _ROWS]
    return out
