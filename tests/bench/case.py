"""One row of the benchmark, and the peers' grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spinefx.api import Grid

Call = Callable[[], Any]


def largest_difference(ours: Any, theirs: Any) -> str:
    """How far two results are apart, and the range they lie in; voxels that only one of them sees inside are counted."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    border = ((a == 0) != (b == 0)) & (np.asarray(ours).dtype.kind == "f")
    apart = np.abs(a - b)[~border].max(initial=0)
    seen = f", {border.sum()} of {a.size} at the border" if border.any() else ""
    return f"apart <= {apart:.2g} of {np.ptp(b):.3g}{seen}"


def share_unlike(ours: Any, theirs: Any) -> str:
    """How many voxels of two label maps differ."""
    return f"unlike {100 * np.mean(np.asarray(ours) != np.asarray(theirs)):.3g} %"


@dataclass
class Case:
    """`ours` and `peers` return results; `bars`: how many times faster than a peer spinefx must be."""

    name: str
    ours: Call
    peers: dict[str, Call] = field(default_factory=dict)
    slow_peers: dict[str, Call] = field(default_factory=dict)
    bars: dict[str, float] = field(default_factory=dict)
    agreeing: tuple[str, ...] = ("SimpleITK",)
    agreement: Callable[[Any, Any], str] = largest_difference


def itk_call(data: Any, source: Grid, target: Grid, how: str, transform: Any = None) -> Call:
    """SimpleITK's Resample of `data`; images are made outside the call."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(data)
    image.SetSpacing(source.spacing[::-1])
    image.SetOrigin(source.origin)
    image.SetDirection(source.direction.ravel().tolist())
    size = [int(n) for n in target.shape[::-1]]
    place = (target.origin, target.spacing[::-1], target.direction.ravel().tolist())
    found = transform or sitk.Transform()
    interpolator = getattr(sitk, how)

    made = [image]  # what a view points into must outlive it

    def call() -> Any:
        made[0] = sitk.Resample(image, size, found, interpolator, *place, 0.0, image.GetPixelID())
        return sitk.GetArrayViewFromImage(made[0])

    return call


def torch_grid_call(data: Any, source: Grid, target: Grid, mode: str = "bilinear", extra: Any = None) -> Call:
    """torch's grid_sample on a grid made outside the call; zeros outside."""
    import torch

    index = source.to_index(target.to_world(np.stack(np.indices(target.shape), -1)))
    if extra is not None:
        index = index + extra
    size = np.asarray(source.shape)
    unit = ((2 * index + 1) / size - 1)[..., ::-1].astype(np.float32)
    grid = torch.from_numpy(np.ascontiguousarray(unit))[None]
    volume = torch.from_numpy(np.ascontiguousarray(data, np.float32))[None, None]
    sample = torch.nn.functional.grid_sample
    return lambda: sample(volume, grid, mode=mode, padding_mode="zeros", align_corners=False)[0, 0].numpy()


def torch_interpolate_call(data: Any, target: Grid, mode: str = "trilinear") -> Call:
    """torch's interpolate to the target's shape, on float."""
    import torch

    volume = torch.from_numpy(np.ascontiguousarray(data, np.float32))[None, None]
    corners = {} if mode == "nearest-exact" else {"align_corners": False}
    interpolate = torch.nn.functional.interpolate
    return lambda: interpolate(volume, size=target.shape, mode=mode, **corners)[0, 0].numpy()


def centred(source: Grid, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """A grid over the same box with another spacing: outer faces coincide, as torch's interpolate has it."""
    shift = (np.asarray(spacing) - np.asarray(source.spacing)) / 2 / np.asarray(source.spacing)
    origin = source.to_world(shift)
    return Grid(shape, spacing, (float(origin[0]), float(origin[1]), float(origin[2])), source.direction)
