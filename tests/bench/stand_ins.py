"""What a researcher would call in place of the kernels that casework uses: SimpleITK, SciPy, scikit-image, trimesh, else NumPy.

Each takes what the kernel takes, as far as casework asks for it, and gives the same result within `LIMITS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk
import trimesh
from scipy.ndimage import distance_transform_edt, gaussian_filter1d
from skimage.measure import marching_cubes, mesh_surface_area
from trimesh.smoothing import filter_taubin

from spinefx import kernels
from spinefx.api import Grid
from spinefx.kernels import reference_rays

Array = Any
HOW = {"linear": sitk.sitkLinear, "label-smooth": sitk.sitkLabelLinear}
ROUNDS = 16
"""Taubin's steps there and back, eight times as `kernels.surface` has it."""


def _image(data: Array, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(data)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def resample(
    data: Array, source: Grid, target: Grid, *, method: str = "linear", antialias: bool = False, fill: float = 0
) -> Array:
    """SimpleITK's Resample; with `antialias`, after SciPy's Gaussian along axes that get coarser (Cardoso et al., MICCAI 2015)."""
    for axis, other in enumerate(np.abs(source.axes @ target.axes.T).argmax(axis=1)) if antialias else ():
        if (ratio := target.spacing[other] / source.spacing[axis]) > 1.0 + 1e-6:
            data = gaussian_filter1d(data, ((ratio**2 - 1) / (8 * np.log(2))) ** 0.5, axis, mode="nearest")
    return _resampled(data, source, target, sitk.Transform(), method, fill)


def warp(data: Array, source: Grid, target: Grid, *, displacement: Array, method: str, fill: float = 0) -> Array:
    """SimpleITK's Resample through a displacement field; no transform where nothing moves."""
    if not displacement.any():
        return _resampled(data, source, target, sitk.Transform(), method, fill)
    field = sitk.GetImageFromArray(np.moveaxis(displacement, 0, -1).astype(np.float64), isVector=True)
    field.CopyInformation(_image(np.empty(target.shape, np.uint8), target))
    return _resampled(data, source, target, sitk.DisplacementFieldTransform(field), method, fill)


def _resampled(data: Array, source: Grid, target: Grid, through: sitk.Transform, method: str, fill: float) -> Array:
    size, image = [int(n) for n in target.shape[::-1]], _image(data, source)
    place = (target.origin, target.spacing[::-1], target.direction.ravel().tolist())
    made = sitk.Resample(image, size, through, HOW[method], *place, float(fill), image.GetPixelID())
    return sitk.GetArrayFromImage(made)


def label_statistics(labels: Array, grid: Grid) -> kernels.LabelStatistics:
    """SimpleITK's LabelShapeStatistics."""
    found = sitk.LabelShapeStatisticsImageFilter()
    found.ComputePerimeterOff()
    found.Execute(_image(labels, grid))
    values = found.GetLabels()
    count = np.array([found.GetNumberOfPixels(v) for v in values])
    axes = np.array([found.GetPrincipalAxes(v) for v in values]).reshape(-1, 3, 3)
    moments = np.array([found.GetPrincipalMoments(v) for v in values])
    boxes = np.array([found.GetBoundingBox(v) for v in values]).reshape(-1, 2, 3)[:, :, ::-1]
    return kernels.LabelStatistics(
        np.array(values),
        count,
        count * grid.voxel_mm3,
        np.array([found.GetCentroid(v) for v in values]),
        np.einsum("nki,nk,nkj->nij", axes, moments, axes),
        np.cumsum(boxes, axis=1),
    )


def surface(labels: Array, grid: Grid, value: int) -> tuple[Array, Array, float]:
    """scikit-image's marching cubes, smoothed by trimesh as `kernels.surface` is."""
    vertices, faces, *_ = marching_cubes(np.pad(labels == value, 1), 0.5)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    filter_taubin(mesh, lamb=0.6, nu=0.6, iterations=ROUNDS)
    placed = grid.to_world(mesh.vertices - 1.0)
    return placed, faces, float(mesh_surface_area(placed, faces))


def distance_transform(labels: Array, grid: Grid) -> Array:
    """SciPy's, of a map with one label."""
    return distance_transform_edt(labels, sampling=grid.spacing).astype(np.float32)


def fit_plane(points: Array, *, along: Array = None, trim: float = 3.0, rounds: int = 4) -> kernels.Plane:
    """NumPy's least squares, in a loop."""
    return kernels.Plane(*reference_rays.fit_plane(points, along, trim, rounds))


STAND_INS: dict[str, Callable[..., Any]] = {
    "resample": resample,
    "warp": warp,
    "label_statistics": label_statistics,
    "surface": surface,
    "distance_transform": distance_transform,
    "fit_plane": fit_plane,
}
PEERS = {
    "resample": "SimpleITK",
    "warp": "SimpleITK",
    "label_statistics": "SimpleITK",
    "surface": "scikit-image and trimesh",
    "distance_transform": "SciPy",
    "fit_plane": "NumPy",
}
LIMITS = {
    "resample": (1e-5, "of the largest value"),
    "resample antialias": (0.06, "of the largest value"),
    "resample label-smooth": (5e-3, "of the voxels unlike"),
    "warp": (1e-5, "of the largest value"),
    "warp label-smooth": (2e-3, "of the voxels unlike"),
    "label_statistics": (1e-6, "mm of the centres"),
    "surface": (0.03, "of the area"),
    "distance_transform": (1e-5, "mm"),
    "fit_plane": (1e-6, "of the unit normal"),
}
"""How far a kernel's result and its stand-in's may be apart, and of what; for labels, linear otherwise.

Averaged by another window (a tent, a Gaussian of its width), intensities differ where they change within a voxel.
"""


def apart(name: str, ours: Any, theirs: Any) -> float:
    """How far two results of a kernel are apart, as `LIMITS` counts it; infinite where one has what the other has not."""
    if name in ("resample", "resample antialias", "warp"):
        same = np.array_equal(np.isnan(ours), np.isnan(theirs))
        return float(np.nanmax(np.abs(ours - theirs)) / max(np.nanmax(np.abs(ours)), 1e-9)) if same else np.inf
    if name.endswith("label-smooth"):
        return float(np.mean(ours != theirs))
    if name == "label_statistics":
        same = all(np.array_equal(getattr(ours, n), getattr(theirs, n)) for n in ("value", "voxels", "box"))
        return float(np.abs(ours.centroid_mm - theirs.centroid_mm).max()) if same else np.inf
    if name == "surface":
        return abs(theirs[2] / ours[2] - 1)
    if name == "distance_transform":
        return float(np.abs(ours - theirs).max())
    return float(np.abs(ours.normal - theirs.normal).max()) if np.array_equal(ours.kept, theirs.kept) else np.inf
