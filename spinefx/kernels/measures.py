"""What can be counted on label maps and feature maps: statistics, surfaces, soft moments; world units out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import GridError
from spinefx.contract.grid import Grid
from spinefx.kernels import _core, device

Array = NDArray[Any]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
IMAGE_DTYPES = ("float32", "int16", "uint16", "uint8")


@dataclass(frozen=True, eq=False)
class LabelStatistics:
    """One row per label present, in ascending order of `value`; 0 is background and has none.

    value, voxels : (n,) int64.            volume_mm3 : (n,).
    centroid_mm : (n, 3) world x, y, z.    covariance_mm2 : (n, 3, 3) world, of voxel centres, divided by their number.
    box : (n, 2, 3) int64, the first and one past the last index, order z, y, x.
    mean, std, minimum, maximum, total : (n,) of the image, None without one; std divides by the number of voxels.
    percentiles : (n, p) of the image, for each of `percents`.
    """

    value: Whole
    voxels: Whole
    volume_mm3: Floats
    centroid_mm: Floats
    covariance_mm2: Floats
    box: Whole
    mean: Floats | None = None
    std: Floats | None = None
    minimum: Floats | None = None
    maximum: Floats | None = None
    total: Floats | None = None
    percentiles: Floats | None = None
    percents: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.value)

    def row(self, value: int) -> int:
        """The row of a label; KeyError where it is absent."""
        found = np.flatnonzero(self.value == value)
        if not found.size:
            raise KeyError(f"label {value} is absent; present: {self.value.tolist()}")
        return int(found[0])


def label_statistics(
    labels: Array, grid: Grid, image: Array | None = None, *, percents: Sequence[float] = ()
) -> LabelStatistics:
    """Size, place, spread and box of every label, and its intensities where an image is given; one pass.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
        A torch tensor on a GPU is counted there; the rows come to the host, so torch's current stream is waited for
        (builds with CUDA, without an image).
    image : (z, y, x) float32, int16, uint16 or uint8, optional
        On the same grid.
    percents : (p,) 0..100
        Percentiles of the image that are wanted (50: the median), interpolated linearly between voxels; NaN where a voxel is.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or a percent does not fit.
    DeviceError
        For labels on a GPU: where this build or machine has nothing for them, or there is an image.
    """
    wanted = [float(p) for p in percents]
    if not all(0 <= p <= 100 for p in wanted) or (wanted and image is None):
        raise ValueError(f"percents must be in 0..100, of an image, got {wanted} and {'no ' * (image is None)}image")
    if image is None:
        value, voxels, first, second, box = _label_sums(labels, grid)
        return LabelStatistics(value, voxels, *_places(grid, voxels, first, second), box)
    if device.is_on_device(labels) or device.is_on_device(image):
        raise device.DeviceError("statistics of an image have no CUDA kernel: bring labels and image to the CPU")
    given, pixels = checked_labels(labels, grid), np.asarray(image)
    if pixels.dtype.name not in IMAGE_DTYPES:
        raise TypeError(f"image must be {', '.join(IMAGE_DTYPES)}, got {pixels.dtype}")
    if pixels.shape != grid.shape:
        raise GridError(f"image has shape {pixels.shape}, its grid {grid.shape}")
    sums = _core.all_sums(given, np.ascontiguousarray(pixels), wanted)
    value, voxels, first, second, box, total, variance, minimum, maximum, percentiles = sums
    mean, std = np.asarray(total / voxels, np.float64), np.asarray(np.sqrt(variance), np.float64)
    places = _places(grid, voxels, first, second)
    return LabelStatistics(value, voxels, *places, box, mean, std, minimum, maximum, total, percentiles, tuple(wanted))


def _label_sums(labels: Any, grid: Grid) -> tuple[Whole, Whole, Whole, Whole, Whole]:
    if not device.is_on_device(labels):
        return _core.label_sums(checked_labels(labels, grid))
    given = device.placed(labels, "labels")
    _check_labels(given.dtype, given.shape, grid)
    with device.twins() as core:
        found: tuple[Whole, Whole, Whole, Whole, Whole] = core.label_sums(
            given.pixel, given.address, given.shape, given.stream
        )
    return found


def _places(grid: Grid, voxels: Whole, first: Whole, second: Whole) -> tuple[Floats, Floats, Floats]:
    """Volume in mm^3, centroid and covariance in the world, from sums in index units."""
    count = voxels[:, None].astype(np.float64)
    middle = first / count
    spread = second / count - np.stack([middle[:, a] * middle[:, b] for a, b in _PAIRS], axis=1)
    inner = spread[:, _PLACE]
    turn = grid.affine[:3, :3]
    covariance = turn @ inner @ turn.T
    return np.asarray(voxels * grid.voxel_mm3, np.float64), grid.to_world(middle), np.asarray(covariance, np.float64)


_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_PLACE = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])


def surface(labels: Array, grid: Grid, value: int, *, rounds: int = 8) -> tuple[Floats, Whole, float]:
    """A smooth, watertight mesh of one label: vertices_mm (n, 3), faces (m, 3) and area_mm2.

    A surface net: one vertex per cell of eight voxel centres that the border passes, smoothed `rounds` times by Taubin's
    filter without leaving its cell (at most half a voxel off). Faces turn outward; every edge
    belongs to an even number of faces, two but where parts of the label touch along an edge only. The volume's border
    closes the label. An absent label gives empty arrays and area 0.

    Notes
    -----
    Gibson: Constrained elastic surface nets, MICCAI 1998. Taubin: A signal processing approach to fair surface
    design, SIGGRAPH 1995.
    """
    if rounds < 0:
        raise ValueError(f"rounds must be >= 0, got {rounds}")
    vertices, faces = _core.surface(checked_labels(labels, grid), int(value), grid.affine, int(rounds))
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return vertices, faces, area


def soft_moments(maps: Any) -> Any:
    """(n, c, 10) float64 of maps (n, c, z, y, x) float32: mass, first (z, y, x), second (zz, yy, xx, zy, zx, yx).

    Raw sums of value, value * index and value * index * index, in index units; divide by the mass for means. A NumPy array,
    or for a torch tensor on a GPU one beside it, made on torch's current stream (builds with CUDA; else DeviceError).
    """
    if device.is_on_device(maps):
        placed = device.placed(maps, "maps")
        _check_maps(placed.dtype, placed.shape)
        with device.twins() as core:
            made = device.new(maps, (*placed.shape[:2], 10), "float64")
            to = device.placed(made, "out", writeable=True)
            stream = device.shared_stream(to, placed)
            core.soft_moments(placed.address, math.prod(placed.shape[:2]), placed.shape[2:], to.address, stream)
        return made
    given = np.asarray(maps)
    _check_maps(given.dtype, given.shape)
    return _core.soft_moments(np.ascontiguousarray(given))


def _check_maps(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if len(shape) != 5 or dtype != np.float32:
        raise TypeError(f"maps must be float32 (n, c, z, y, x), got {dtype} {shape}")


def checked_labels(labels: Array, grid: Grid) -> Array:
    """`labels` as the core takes them: C-contiguous uint16 or uint8 of the grid's shape; TypeError, GridError if they are not."""
    given = np.asarray(labels)
    if given.dtype == np.bool_:
        given = given.view(np.uint8) if given.flags.c_contiguous else np.ascontiguousarray(given).view(np.uint8)
    _check_labels(given.dtype, given.shape, grid)
    return np.ascontiguousarray(given)


def _check_labels(dtype: np.dtype[Any], shape: tuple[int, ...], grid: Grid) -> None:
    if dtype.name not in ("uint16", "uint8", "bool"):
        raise TypeError(f"labels must be uint16, uint8 or bool, got {dtype}: convert with astype first")
    if shape != grid.shape:
        raise GridError(f"labels have shape {shape}, their grid {grid.shape}")
