"""Rows on resampling and warping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import (
    Case,
    centred,
    itk_call,
    share_unlike,
    torch_grid_call,
    torch_interpolate_call,
)

MRI = Grid((17, 512, 512), (4.0, 0.6, 0.6))
CT = Grid((400, 512, 512), (0.75, 0.75, 0.75))
CUBE = Grid((192, 192, 192))


def smooth(grid: Grid, dtype: str, seed: int = 0) -> Any:
    """Noise over waves, a range of about 355."""
    rng = np.random.default_rng(seed)
    z, y, x = (np.arange(n, dtype=np.float32) for n in grid.shape)
    waves = 100 * np.sin(z / 7)[:, None, None] * np.cos(y / 11)[None, :, None] * np.sin(x / 13)[None, None, :]
    noisy = waves + rng.random(grid.shape, dtype=np.float32) * 155
    return noisy.astype(dtype)


def spine_labels(grid: Grid, count: int = 20) -> Any:
    """`count` ellipsoids one above the other, as vertebrae and discs lie."""
    z, y, x = np.indices(grid.shape, sparse=True)
    labels = np.zeros(grid.shape, np.uint16)
    nz, ny, nx = grid.shape
    step = ny / count
    for label in range(1, count + 1):
        middle = (label - 0.5) * step
        inside = ((z - nz / 2) / (nz / 3)) ** 2 + ((y - middle) / (step * 0.45)) ** 2 + ((x - nx / 2) / (nx / 8)) ** 2
        labels[inside < 1] = label
    return labels


def turned(grid: Grid) -> Grid:
    """The same box seen under 10, 7 and 4 degrees."""
    a, b, c = np.deg2rad([10, 7, 4])
    turns = [
        np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]),
        np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]),
        np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]),
    ]
    direction = turns[0] @ turns[1] @ turns[2]
    made = Grid(grid.shape, grid.spacing, (0.0, 0.0, 0.0), direction)
    half = np.asarray(grid.shape) / 2
    origin = grid.to_world(half) - made.to_world(half)
    return Grid(grid.shape, grid.spacing, (float(origin[0]), float(origin[1]), float(origin[2])), direction)


def separable(name: str, source: Grid, target: Grid, dtype: str, bars: dict[str, float], fresh: bool = False) -> Case:
    """A linear row on aligned grids."""
    data = smooth(source, dtype)
    out = np.empty(target.shape, dtype)
    both = np.empty(data.nbytes + out.nbytes, np.uint8)
    peers = {
        "SimpleITK": itk_call(data, source, target, "sitkLinear"),
        "torch": torch_interpolate_call(data, target),
        "copy of in and out": lambda: both[: both.size // 2].copy(),
    }
    half = np.empty(both.size // 2, np.uint8)
    peers["copy of in and out"] = lambda: np.copyto(half, both[: half.size])
    try:
        import cv2

        peers["cv2"] = lambda: cv2_blend(cv2, data, target)
    except ImportError:
        pass
    ours = (
        (lambda: kernels.resample(data, source, target))
        if fresh
        else (lambda: kernels.resample(data, source, target, out=out))
    )
    return Case(name, ours, peers, bars=bars)


def cv2_blend(cv2: Any, data: Any, target: Grid) -> Any:
    """Slices resized by OpenCV, then blended along z."""
    size = (target.shape[2], target.shape[1])
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in data]
    out = np.empty(target.shape, data.dtype)
    for z in range(target.shape[0]):
        place = min(max((z + 0.5) * data.shape[0] / target.shape[0] - 0.5, 0), data.shape[0] - 1)
        low = min(int(place), data.shape[0] - 2)
        cv2.addWeighted(planes[low], low + 1 - place, planes[low + 1], place - low, 0, dst=out[z])
    return out


ONE = centred(MRI, (68, 307, 307), (1.0, 512 * 0.6 / 307, 512 * 0.6 / 307))
HALF = centred(MRI, (136, 614, 614), (0.5, 512 * 0.6 / 614, 512 * 0.6 / 614))
CT_ONE = centred(CT, (300, 384, 384), (1.0, 1.0, 1.0))


def linear_mri_to_1mm_f32() -> Case:
    """MRI to 1 mm."""
    return separable(
        "linear, MRI 17x512x512 to 1 mm, float32", MRI, ONE, "float32", {"SimpleITK": 20, "torch": 8, "cv2": 1.3}
    )


def linear_mri_to_1mm_i16() -> Case:
    """MRI to 1 mm, whole numbers."""
    return separable("linear, MRI to 1 mm, int16", MRI, ONE, "int16", {"SimpleITK": 20, "torch": 8, "cv2": 1.3})


def linear_mri_to_half_mm() -> Case:
    """A large result, reused."""
    return separable("linear, MRI to 0.5 mm, float32", MRI, HALF, "float32", {"SimpleITK": 30, "torch": 15})


def linear_mri_to_half_mm_fresh() -> Case:
    """A large result, fresh."""
    return separable("linear, MRI to 0.5 mm, float32, fresh", MRI, HALF, "float32", {"SimpleITK": 10}, fresh=True)


def linear_ct_to_1mm() -> Case:
    """A whole CT."""
    return separable("linear, CT 400x512x512 to 1 mm, int16", CT, CT_ONE, "int16", {"SimpleITK": 20, "torch": 8})


def linear_ct_to_1mm_fresh() -> Case:
    """A whole CT, fresh result."""
    return separable("linear, CT to 1 mm, int16, fresh", CT, CT_ONE, "int16", {"SimpleITK": 6}, fresh=True)


def affine(dtype: str, bars: dict[str, float]) -> Case:
    """An oblique row."""
    target = turned(CUBE)
    data, out = smooth(CUBE, dtype), np.empty(CUBE.shape, dtype)
    peers = {
        "SimpleITK": itk_call(data, CUBE, target, "sitkLinear"),
        "torch grid_sample": torch_grid_call(data, CUBE, target),
    }
    return Case(f"affine, 192^3, {dtype}", lambda: kernels.resample(data, CUBE, target, out=out), peers, bars=bars)


def affine_f32() -> Case:
    """Oblique, float32."""
    return affine("float32", {"SimpleITK": 6, "torch grid_sample": 8})


def affine_i16() -> Case:
    """Oblique, int16."""
    return affine("int16", {"SimpleITK": 8})


def displacement_field() -> Case:
    """A dense field."""
    import SimpleITK as sitk

    data, out = smooth(CUBE, "float32"), np.empty(CUBE.shape, np.float32)
    z, y, x = np.indices(CUBE.shape, sparse=True)
    waves = [3 * np.sin(y / 20) * np.cos(x / 25), 3 * np.cos(z / 22) * np.sin(x / 21), 3 * np.sin(z / 23 + y / 19)]
    field = np.stack([np.broadcast_to(w, CUBE.shape) for w in waves]).astype(np.float32)
    vectors = sitk.GetImageFromArray(np.moveaxis(field, 0, -1).astype(np.float64), isVector=True)
    peers = {
        "SimpleITK": itk_call(data, CUBE, CUBE, "sitkLinear", sitk.DisplacementFieldTransform(vectors)),
        "torch grid_sample": torch_grid_call(data, CUBE, CUBE, extra=np.moveaxis(field[::-1], 0, -1)),
    }

    def inner(a: Any, b: Any) -> str:
        parts = [np.asarray(v, np.float64)[4:-4, 4:-4, 4:-4] for v in (a, b)]
        return f"apart <= {np.abs(parts[0] - parts[1]).max():.2g} of {np.ptp(parts[1]):.3g} inside"

    bars = {"SimpleITK": 14.0, "torch grid_sample": 8.0}
    ours = lambda: kernels.warp(data, CUBE, CUBE, displacement=field, out=out)  # noqa: E731
    return Case("displacement field, 192^3, float32", ours, peers, bars=bars, agreement=inner)


def labels(method: str, bars: dict[str, float], slow: bool) -> Case:
    """A label row."""
    data, out = spine_labels(MRI), np.empty(ONE.shape, np.uint16)
    peers = {
        "SimpleITK nearest": itk_call(data, MRI, ONE, "sitkNearestNeighbor"),
        "torch nearest": torch_interpolate_call(data, ONE, "nearest-exact"),
    }
    linear = {"SimpleITK LabelLinear": itk_call(data, MRI, ONE, "sitkLabelLinear")} if slow else {}
    gaussian = {"SimpleITK LabelGaussian": itk_call(data, MRI, ONE, "sitkLabelGaussian")} if slow else {}
    return Case(
        f"labels {method}, MRI to 1 mm, 20 labels, uint16",
        lambda: kernels.resample(data, MRI, ONE, method=method, out=out),  # type: ignore[arg-type]
        peers, {**linear, **gaussian}, bars,
        agreeing=("SimpleITK nearest", "SimpleITK LabelLinear"), agreement=share_unlike,
    )  # fmt: skip


def labels_nearest() -> Case:
    """The voxel that holds the point."""
    return labels("nearest", {"SimpleITK nearest": 25}, slow=False)


def labels_smooth() -> Case:
    """The vote, with the check for lost labels."""
    return labels("label-smooth", {"SimpleITK nearest": 10, "SimpleITK LabelLinear": 500}, slow=True)


def labels_thin() -> Case:
    """The vote with thin parts kept."""
    return labels("label-thin", {}, slow=False)


def crop(shape: tuple[int, int, int], bars: dict[str, float]) -> Case:
    """A small oblique crop."""
    inner = turned(CUBE)
    target = inner.crop((40, 60, 50), shape)
    data, out = smooth(CUBE, "float32"), np.empty(shape, np.float32)
    peers = {
        "SimpleITK": itk_call(data, CUBE, target, "sitkLinear"),
        "torch grid_sample": torch_grid_call(data, CUBE, target),
    }
    name = "x".join(map(str, shape))
    return Case(
        f"oblique crop {name}, float32", lambda: kernels.resample(data, CUBE, target, out=out), peers, bars=bars
    )


def crop_96() -> Case:
    """A crop for training."""
    return crop((96, 96, 96), {"SimpleITK": 17, "torch grid_sample": 5})


def crop_32() -> Case:
    """A small crop for training."""
    return crop((32, 64, 64), {"SimpleITK": 17, "torch grid_sample": 5})


def crop_1() -> Case:
    """The cost of a call, in a row of them: the first after a rest costs many times that for whatever is called."""
    data, out = np.zeros((4, 4, 4), np.float32), np.empty((4, 4, 4), np.float32)
    grid = Grid((4, 4, 4))

    def ours() -> Any:
        for _ in range(100):
            kernels.resample(data, grid, grid, out=out)
        return out

    def copies() -> Any:
        for _ in range(100):
            np.copyto(out, data)

    peers = {"numpy.copyto": copies}
    return Case("100 calls on 4x4x4 (wanted: <= 1 ms)", ours, peers, agreeing=())


def cases() -> tuple[Callable[[], Case], ...]:
    """Rows in the order of TARGETS."""
    return (
        linear_mri_to_1mm_f32, linear_mri_to_1mm_i16, linear_mri_to_half_mm, linear_mri_to_half_mm_fresh,
        linear_ct_to_1mm, linear_ct_to_1mm_fresh, affine_f32, affine_i16, displacement_field, labels_smooth,
        labels_nearest, labels_thin, crop_96, crop_32, crop_1,
    )  # fmt: skip
