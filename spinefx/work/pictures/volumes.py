"""A case small enough for the report's viewer: image and mask around the spine, 8 bits a voxel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan, Volume
from spinefx.phantom.metaimage import metaimage_bytes
from spinefx.store.cache import Cache
from spinefx.store.keys import step_key
from spinefx.work.pictures.overlay import colour_of

_VERSION = 1
"""Raised when the same scan gives other volumes; part of the cache key."""
_VOXELS = 400_000
"""Voxels at most; a coarser spacing, the same in all three directions where they allow it, brings a scan below."""
_MARGIN_MM = 15.0
_MOST = 255


def key(segment: str) -> str:
    """Key of the volumes of the scan with this key."""
    return step_key("picture", "volumes", version=_VERSION, options=None, parents=segment)


def put(cache: Cache, key: str, scan: Scan) -> None:
    """Store the scan's volumes, the names of the mask's values beside them."""
    files, names = small_volumes(scan)
    cache.put(key, files, {"names": names})


def small_volumes(scan: Scan) -> tuple[dict[str, NDArray[np.uint8]], list[dict[str, Any]]]:
    """MetaImage files (`image`, `mask`, as bytes) of what the scan has, and name and colour of each mask value.

    The image runs from 0 to 255 between its 1st and 99.5th percentile; mask value n is the n-th entry of the names.
    """
    image = next(iter(scan.images.values()), None)
    mask = scan.mask
    source = mask.grid if mask is not None else image.grid if image is not None else None
    if source is None:
        return {}, []
    grid = _small(_cropped(source, mask))
    files: dict[str, NDArray[np.uint8]] = {}
    if image is not None:
        files["image"] = _file(_grey(image, grid), grid)
    names: list[dict[str, Any]] = []
    if mask is not None:
        labels, names = _compact(mask, grid)
        files["mask"] = _file(labels, grid)
    return files, names


def _file(data: NDArray[np.uint8], grid: Grid) -> NDArray[np.uint8]:
    return np.frombuffer(metaimage_bytes(data, grid), np.uint8)


def _cropped(grid: Grid, mask: LabelMap | None) -> Grid:
    """The part of the grid around the mask's structures; all of it where there are none."""
    stats = kernels.label_statistics(mask.labels, mask.grid) if mask is not None else None
    if stats is None or not len(stats.value):
        return grid
    margin = np.ceil(_MARGIN_MM / np.array(grid.spacing))
    first = np.maximum(stats.box[:, 0].min(axis=0) - margin, 0)
    last = np.minimum(stats.box[:, 1].max(axis=0) + margin, grid.shape)
    shape = tuple(int(n) for n in last - first)
    origin = tuple(float(v) for v in grid.to_world(first[None])[0])
    return Grid(shape, grid.spacing, origin, grid.direction)  # type: ignore[arg-type]


def _small(grid: Grid) -> Grid:
    """The same box with at most `_VOXELS` voxels: directions finer than a common spacing are brought to it."""
    extent = np.array(grid.shape) * np.array(grid.spacing)
    spacing = np.array(grid.spacing)
    while math.prod(np.maximum(np.ceil(extent / spacing - 1e-6), 1)) > _VOXELS:
        finest = spacing.min()
        spacing = np.maximum(spacing, finest * 1.05)
    shape = tuple(int(n) for n in np.maximum(np.ceil(extent / spacing - 1e-6), 1))
    shift = (spacing - np.array(grid.spacing)) / 2 / np.array(grid.spacing)
    origin = tuple(float(v) for v in grid.to_world(shift[None])[0])
    return Grid(shape, tuple(float(v) for v in spacing), origin, grid.direction)  # type: ignore[arg-type]


def _grey(image: Volume, grid: Grid) -> NDArray[np.uint8]:
    data = kernels.resample(np.asarray(image.data, np.float32), image.grid, grid, method="linear")
    low, high = (float(v) for v in np.percentile(data, [1.0, 99.5]))
    grey: NDArray[np.uint8] = np.clip((data - low) / max(high - low, 1e-6) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return grey


def _compact(mask: LabelMap, grid: Grid) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    """(z, y, x) labels 1..n, and what each is."""
    found = kernels.resample(mask.labels, mask.grid, grid, method="nearest")
    values = [int(v) for v in np.unique(found) if v][:_MOST]
    table = np.zeros(int(found.max(initial=0)) + 1, np.uint8)
    names = []
    for number, value in enumerate(values, 1):
        table[value] = number
        names.append({"name": _named(mask, value), "colour": list(colour_of(mask, value))})
    compact: NDArray[np.uint8] = table[found]
    return compact, names


def _named(mask: LabelMap, value: int) -> str:
    if value not in mask.scheme:
        return f"value {value}"
    structure = mask.scheme[value]
    return f"{structure.kind} {structure.level}".strip()
