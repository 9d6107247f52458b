"""Resampling and warping: checks, grids to index maps, and the call into the core.

Conventions are ITK's: voxels are sampled at their centres, a point lies inside an image of n voxels when its index is
in [-0.5, n - 0.5), values between the outermost centres and the border are those of the outermost voxel, and what lies
outside is `fill`. A point within 1e-6 voxels of a border or tie counts as on it, so rounding decides nothing.
Whole-number images are rounded half up (ITK's own resample filter cuts off instead); where a spline or a sinc overshoots
their range, the range's end is written. Cubic and sinc want finite images: what is not a number spreads to its neighbours.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.contract.errors import DataError, GridError
from spinefx.contract.grid import Grid
from spinefx.kernels import _core, device

Method = Literal["linear", "cubic", "sinc", "nearest", "label-smooth", "label-thin"]
METHODS: tuple[str, ...] = get_args(Method)
DTYPES = ("float32", "float16", "int16", "uint16", "uint8")
LABEL_DTYPES = ("uint16", "uint8", "int16")
DEVICE_METHODS = ("linear", "nearest")
"""What has a CUDA twin."""

Array = NDArray[Any]
Volume = TypeVar("Volume", bound=Array | device.OnDevice)
Floats = NDArray[np.float64]


class LostLabelError(DataError, ValueError):
    """Labels of the source that lie in the target's view have no voxel in the result; `labels` names them."""

    def __init__(self, labels: tuple[int, ...], method: str) -> None:
        self.labels = labels
        remedy = "use method='label-thin' or a finer target" if method != "label-thin" else "use a finer target"
        super().__init__(f"resampling by {method} lost label(s) {', '.join(map(str, labels))}: {remedy}")


def resample(
    data: Volume,
    source: Grid,
    target: Grid,
    *,
    method: Method = "linear",
    antialias: bool = False,
    fill: float = 0,
    out: Volume | None = None,
) -> Volume:
    """`data` of `source` as it looks on `target`: a new array, or `out`.

    Parameters
    ----------
    data : (..., z, y, x) float32, float16, int16, uint16, uint8 or bool
        The last three axes are the source's; axes before them are channels or a batch. Any strides; what is not
        C-contiguous is copied once. Bool is sampled as 0 and 1. A torch tensor on a GPU is sampled there, on torch's
        current stream, and gives a tensor (linear and nearest, without antialias; builds with CUDA).
    method : str
        linear        trilinear.
        cubic         cubic B-spline through the voxels, mirrored about the outer centres (ITK's BSpline, order 3).
        sinc          the sinc under its own central lobe, 5 zeros a side (Lanczos; ITK's LanczosWindowedSinc, with
                      weights made to sum to one, so that a constant image stays constant).
        nearest       the voxel that holds the point, half up.
        label-smooth  the label with the most linear weight; smooth borders, no one-hot volume. Ties, as at twice the voxel
                      size, go to the voxel that holds the point, half up, so that they favour no label.
        label-thin    label-smooth, then every part of a label that is thinner than the vote can keep is painted in, so
                      that sheets and strands stay whole; thin parts get at most one target voxel thicker. A label that
                      would still vanish keeps one voxel, at most one away from its place.
    antialias : bool
        For linear and sinc: the kernel is stretched by target over source spacing along every source axis that gets
        coarser (seen off the axes: by the length of the target's step along that axis), so that detail finer than the
        target is averaged away. Weights beyond the volume fall away and the rest sum to one (linear), or stay with the
        outermost voxel (sinc). Aligned linear is what Pillow and torch call bilinear with antialias; its kernel has the
        width of the target voxel's Gaussian of Cardoso et al. (MICCAI 2015) to 5 %. Off the axes the source is low-passed
        at its own voxels, then sampled.
    fill : float
        What is written where the target reaches beyond the source.
    out : array
        C-contiguous, of the result's shape and dtype, not overlapping `data`.

    Raises
    ------
    LostLabelError
        If a label mode ends without a voxel of a label that has a voxel centre inside the target.
    DeviceError
        For data on a GPU: where this build, this machine or the method has nothing for it.
    TypeError, ValueError
        For a dtype, shape, method, fill or out that does not fit.
    """
    found: Volume = _apply(data, source, target, None, None, method, antialias, fill, out)
    return found


def warp(
    data: Volume,
    source: Grid,
    target: Grid,
    *,
    matrix: ArrayLike | None = None,
    displacement: NDArray[np.float32] | device.OnDevice | None = None,
    method: Method = "linear",
    fill: float = 0,
    out: Volume | None = None,
) -> Volume:
    """`data` seen through a map of the world: output(p) = input(matrix @ p + displacement(p)), in one pass.

    Parameters
    ----------
    matrix : (3, 4) or (4, 4) float, optional
        From a world point (x, y, z) in mm on the target to one on the source; the identity where left out.
    displacement : (3, z, y, x) float32, optional
        World vectors (x, y, z) in mm, one per target voxel, added after `matrix`; where the data lies.

    The rest is as for `resample`; a displaced label map may lose labels that it moves out of view without an error.
    """
    moved = None if matrix is None else _world_matrix(matrix)
    found: Volume = _apply(data, source, target, moved, displacement, method, False, fill, out)
    return found


def index_matrix(source: Grid, target: Grid, matrix: Floats | None = None) -> Floats:
    """(3, 4) matrix from an index (z, y, x, 1) of `target` to an index (z, y, x) of `source`, through `matrix`."""
    if matrix is not None:
        return _index_matrix(source, np.vstack([matrix, [0, 0, 0, 1]]) @ target.affine)
    here = (source.spacing, source.origin, source.direction.tobytes())
    return _known_matrix(*here, target.spacing, target.origin, target.direction.tobytes())


Three = tuple[float, float, float]


@lru_cache(maxsize=256)
def _known_matrix(spacing: Three, origin: Three, turn: bytes, to_mm: Three, at: Three, to_turn: bytes) -> Floats:
    """Remembered, since training asks for the same two grids thousands of times and waits for microseconds."""
    source = Grid((1, 1, 1), spacing, origin, np.frombuffer(turn).reshape(3, 3))
    target = Grid((1, 1, 1), to_mm, at, np.frombuffer(to_turn).reshape(3, 3))
    return _index_matrix(source, target.affine)


def _index_matrix(source: Grid, through: Floats) -> Floats:
    inverse = np.linalg.inv(source.affine[:3, :3])
    turn = inverse @ through[:3, :3]
    # Directions that agree to 1e-9 are meant to be the same: keep the fast, exact paths for them.
    turn[np.abs(turn) < 1e-9 * np.abs(turn).max()] = 0.0
    shift = inverse @ (through[:3, 3] - np.asarray(source.origin))
    found = np.ascontiguousarray(np.column_stack([turn, shift]))
    found.flags.writeable = False
    return found


def _apply(
    data: Any,
    source: Grid,
    target: Grid,
    matrix: Floats | None,
    displacement: Any,
    method: str,
    antialias: bool,
    fill: float,
    out: Any,
) -> Any:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if antialias and method not in ("linear", "sinc"):
        raise ValueError(f"antialias goes with method 'linear' or 'sinc', got {method!r}")
    index = index_matrix(source, target, matrix)
    field = None if displacement is None else np.asarray(np.linalg.inv(source.affine[:3, :3]), np.float64)
    if device.is_on_device(data):
        if antialias or method not in DEVICE_METHODS:
            wanted = f"{method}{' with antialias' if antialias else ''}"
            raise device.DeviceError(
                f"{wanted} has no CUDA kernel ({', '.join(DEVICE_METHODS)} have): bring the data to the CPU"
            )
        return _apply_on_device(data, source, target, index, displacement, field, method, fill, out)
    given = np.asarray(data)
    _check(given.dtype, given.shape, source, method)
    result = _result(given, (*given.shape[:-3], *target.shape), out)
    value = _fill(fill, given.dtype)
    whole = np.ascontiguousarray(given)
    core_in, core_out = (a.view(np.uint8) if a.dtype == np.bool_ else a for a in (whole, result))
    vectors = None if displacement is None else _vectors(displacement, target)
    parts = np.ndindex(*given.shape[:-3]) if given.ndim > 3 else ((),)
    for part in parts:
        a, b = (core_in[part], core_out[part]) if part else (core_in, core_out)
        _core.sample(a, b, index, method, antialias, value, vectors, field)
        if method.startswith("label") and displacement is None:
            lost = _core.lost(a, b, index)
            if lost:
                raise LostLabelError(lost, method)
    if core_out.dtype != result.dtype:
        np.minimum(core_out, 1, out=core_out)  # a spline overshoots; a mask cannot
    return result


def _apply_on_device(
    data: Any,
    source: Grid,
    target: Grid,
    index: Floats,
    displacement: Any,
    field: Floats | None,
    method: str,
    fill: float,
    out: Any,
) -> Any:
    """The same on a GPU: the tensors stay where they are, and so does the result."""
    given = device.placed(data, "data")
    _check(given.dtype, given.shape, source, method)
    value, shape = _fill(fill, given.dtype), (*given.shape[:-3], *target.shape)
    vectors = None if displacement is None else device.placed(displacement, "displacement")
    if vectors is not None and (vectors.shape != (3, *target.shape) or vectors.dtype != np.float32):
        wanted = f"float32 {(3, *target.shape)}"
        raise ValueError(f"displacement must be {wanted}, got {vectors.dtype} {vectors.shape}")
    with device.twins() as core:
        result = device.new(data, shape) if out is None else out
        to = device.placed(result, "out", writeable=True)
        if (to.shape, to.dtype) != (shape, given.dtype):
            raise ValueError(f"out must have shape {shape} and dtype {given.dtype}, got {to.shape} and {to.dtype}")
        read = [given] if vectors is None else [given, vectors]
        if any(device.overlap(to, one) for one in read):
            raise ValueError("out must not overlap data or displacement")
        stream, count = device.shared_stream(to, *read), math.prod(shape[:-3])
        places = (given.address, given.shape[-3:], to.address, to.shape[-3:], count)
        moved = 0 if vectors is None else vectors.address
        core.sample(given.pixel, *places, index, method == "nearest", value, moved, field, stream)
    return result


def _check(dtype: np.dtype[Any], shape: tuple[int, ...], source: Grid, method: str) -> None:
    label = method.startswith("label")
    if dtype.char not in ("hHB?" if label else "efhHB?"):
        names = LABEL_DTYPES if label else DTYPES
        raise TypeError(f"{method} takes {', '.join(names)} or bool, got {dtype}: convert with astype first")
    if not dtype.isnative:
        raise TypeError(f"data must be in native byte order, got {dtype.str}")
    if shape[-3:] != source.shape:
        raise GridError(f"data has shape {shape}, its last three axes must be the source grid's {source.shape}")


def _result(data: Array, shape: tuple[int, ...], out: Array | None) -> Array:
    if out is None:
        return np.empty(shape, data.dtype)
    if out.shape != shape or out.dtype != data.dtype:
        raise ValueError(f"out must have shape {shape} and dtype {data.dtype}, got {out.shape} and {out.dtype}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out must be C-contiguous and writeable")
    if np.may_share_memory(out, data):
        raise ValueError("out must not overlap data")
    return out


def _fill(fill: float, dtype: np.dtype[Any]) -> float:
    value = float(fill)
    if value != 0 and dtype.kind in "iub":
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not math.isfinite(value) or value != int(value) or not low <= value <= high:
            raise ValueError(f"fill must be a whole number in {low}..{high} for {dtype}, got {fill!r}")
    return value


def _world_matrix(matrix: ArrayLike) -> Floats:
    given = np.asarray(matrix, np.float64)
    if given.shape not in ((3, 4), (4, 4)) or not np.isfinite(given).all():
        raise ValueError(f"matrix must be finite (3, 4) or (4, 4), got shape {given.shape}")
    if given.shape == (4, 4) and not np.allclose(given[3], (0, 0, 0, 1)):
        raise ValueError(f"the last row of a (4, 4) matrix must be 0 0 0 1, got {given[3].tolist()}")
    return given[:3]


def _vectors(displacement: Any, target: Grid) -> NDArray[np.float32]:
    given = np.asarray(displacement)
    if given.shape != (3, *target.shape):
        raise ValueError(f"displacement must have shape {(3, *target.shape)}, got {given.shape}")
    if given.dtype.kind != "f":
        raise TypeError(f"displacement must be float32, got {given.dtype}")
    return np.ascontiguousarray(given, np.float32)
