"""Rows on filters of several voxels (cubic, sinc, antialias) and on elastic augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import Call, Case, centred, itk_call
from tests.bench.sampling import CT, CUBE, MRI, ONE, smooth, turned

CT_TWO = centred(CT, (150, 192, 192), (2.0, 2.0, 2.0))


def filtered(name: str, method: Any, peer: str, source: Grid, target: Grid, bar: float | None, dtype: str) -> Case:
    """A cubic or sinc row."""
    data, out = smooth(source, dtype), np.empty(target.shape, dtype)
    ours = lambda: kernels.resample(data, source, target, method=method, out=out)  # noqa: E731
    bars = {} if bar is None else {"SimpleITK": bar}
    return Case(name, ours, {}, {"SimpleITK": itk_call(data, source, target, peer)}, bars)


def cubic_mri_to_1mm() -> Case:
    """Cubic B-spline on aligned grids."""
    return filtered("cubic B-spline, MRI to 1 mm, float32", "cubic", "sitkBSpline", MRI, ONE, 150, "float32")


def cubic_affine() -> Case:
    """Cubic B-spline, oblique."""
    return filtered("affine cubic, 192^3, float32", "cubic", "sitkBSpline", CUBE, turned(CUBE), 15, "float32")


def sinc_mri_to_1mm() -> Case:
    """Windowed sinc on aligned grids; a small part, since SimpleITK takes minutes for the whole."""
    source, target = MRI.crop((0, 0, 0), (17, 96, 96)), ONE.crop((0, 0, 0), (60, 50, 50))
    name = "Lanczos sinc, MRI 17x96x96 to 1 mm, float32"
    return filtered(name, "sinc", "sitkLanczosWindowedSinc", source, target, None, "float32")


def sinc_affine() -> Case:
    """Windowed sinc, oblique."""
    small = Grid((48, 48, 48))
    name = "affine Lanczos sinc, 48^3, int16"
    return filtered(name, "sinc", "sitkLanczosWindowedSinc", small, turned(small), None, "int16")


def antialias_ct_to_2mm() -> Case:
    """A whole CT made coarse."""
    import SimpleITK as sitk
    import torch

    data, out = smooth(CT, "int16"), np.empty(CT_TWO.shape, np.int16)
    volume = torch.from_numpy(data.astype(np.float32))[None, None]
    area = torch.nn.functional.interpolate
    image = sitk.GetImageFromArray(data)
    image.SetSpacing(CT.spacing)
    sigma_mm = float(np.sqrt((2.0**2 - 0.75**2) / (8 * np.log(2))))
    like = sitk.Image([int(n) for n in CT_TWO.shape[::-1]], sitk.sitkInt16)
    like.SetSpacing(CT_TWO.spacing)
    like.SetOrigin(CT_TWO.origin)

    def gaussian() -> Any:
        smoothed = sitk.SmoothingRecursiveGaussian(sitk.Cast(image, sitk.sitkFloat32), sigma_mm)
        return sitk.GetArrayFromImage(sitk.Resample(smoothed, like, sitk.Transform(), sitk.sitkLinear))

    def agreement(a: Any, b: Any) -> str:
        apart = np.asarray(a, np.float64) - b
        return f"rms apart {np.sqrt(np.mean(apart**2)):.2g} of {np.ptp(b):.3g}"

    return Case(
        "antialiased linear, CT 400x512x512 to 2 mm, int16",
        lambda: kernels.resample(data, CT, CT_TWO, antialias=True, out=out),
        {"torch area, float32": lambda: area(volume, size=CT_TWO.shape, mode="area")[0, 0].numpy()},
        {"SimpleITK Gaussian + linear": gaussian},
        {"torch area, float32": 3, "SimpleITK Gaussian + linear": 100},
        agreeing=("torch area, float32", "SimpleITK Gaussian + linear"),
        agreement=agreement,
    )


def elastic(side: int, bars: dict[str, float], peers: dict[str, Call], slow: dict[str, Call], data: Any) -> Case:
    """Seven control points an axis become a dense field, which with a rotation moves the volume in one pass."""
    grid = Grid((side, side, side))
    rng = np.random.default_rng(0)
    apart = (side + 1) / 4
    points = Grid((7, 7, 7), (apart, apart, apart), (-apart, -apart, -apart))
    control = rng.uniform(-7, 7, (3, 7, 7, 7)).astype(np.float32)
    field, out = np.empty((3, *grid.shape), np.float32), np.empty(grid.shape, np.float32)
    turn = np.column_stack([turned(grid).direction, [1.0, -2.0, 3.0]])

    def ours() -> Any:
        kernels.resample(control, points, grid, method="cubic", out=field)
        return kernels.warp(data, grid, grid, matrix=turn, displacement=field, out=out)

    return Case(f"elastic and affine augmentation {side}^3, field and warp, float32", ours, peers, slow, bars)


def elastic_192() -> Case:
    """Beside TorchIO."""
    data = smooth(CUBE, "float32")
    slow: dict[str, Call] = {}
    try:
        import torchio

        transform = torchio.RandomElasticDeformation(num_control_points=7, max_displacement=7)
        image = torchio.ScalarImage(tensor=data[None])
        slow["TorchIO"] = lambda: transform(image)
    except ImportError:
        pass
    return elastic(192, {"TorchIO": 80}, {}, slow, data)


def elastic_96() -> Case:
    """Beside MONAI."""
    data = smooth(Grid((96, 96, 96)), "float32")
    slow: dict[str, Call] = {}
    try:
        from monai.transforms import Rand3DElastic

        transform = Rand3DElastic(sigma_range=(5, 7), magnitude_range=(50, 150), prob=1.0)
        slow["MONAI"] = lambda: transform(data[None])
    except ImportError:
        pass
    return elastic(96, {"MONAI": 40}, {}, slow, data)


def cases() -> tuple[Callable[[], Case], ...]:
    """Rows in the order of TARGETS."""
    return (
        cubic_mri_to_1mm, sinc_mri_to_1mm, antialias_ct_to_2mm, cubic_affine, sinc_affine, elastic_192, elastic_96,
    )  # fmt: skip
