"""Rows on label statistics, moments, surfaces and points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spinefx import kernels
from tests.bench.case import Case, largest_difference
from tests.bench.sampling import MRI, smooth, spine_labels


def label_moments() -> Case:
    """Sizes, centroids, covariances and boxes of 20 labels."""
    import SimpleITK as sitk
    from skimage.measure import regionprops

    labels = spine_labels(MRI)
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(MRI.spacing[::-1])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOff()

    def simpleitk() -> Any:
        shape.Execute(image)
        return np.array([shape.GetCentroid(v) for v in shape.GetLabels()])

    def skimage() -> Any:
        return [(r.area, r.centroid, r.bbox, r.moments_central) for r in regionprops(labels)]

    peers: dict[str, Callable[[], Any]] = {"SimpleITK": simpleitk, "skimage": skimage}
    try:
        import cc3d

        peers["cc3d"] = lambda: cc3d.statistics(labels)
    except ImportError:
        pass

    def agreement(ours: Any, theirs: Any) -> str:
        return largest_difference(ours.centroid_mm, theirs)

    copy = np.empty_like(labels)
    peers["copy"] = lambda: np.copyto(copy, labels)
    ours = lambda: kernels.label_statistics(labels, MRI)  # noqa: E731
    bars = {"SimpleITK": 15.0, "cc3d": 60.0, "skimage": 80.0}
    return Case("label moments and boxes, MRI, 20 labels", ours, peers, bars=bars, agreement=agreement)


def label_intensities() -> Case:
    """The same with an image."""
    import SimpleITK as sitk

    labels, data = spine_labels(MRI), smooth(MRI, "float32")
    image, mask = sitk.GetImageFromArray(data), sitk.GetImageFromArray(labels)
    intensities = sitk.LabelStatisticsImageFilter()

    def simpleitk() -> Any:
        intensities.Execute(image, mask)
        return np.array([intensities.GetMean(v) for v in sorted(intensities.GetLabels()) if v])

    def agreement(ours: Any, theirs: Any) -> str:
        return largest_difference(ours.mean, theirs)

    ours = lambda: kernels.label_statistics(labels, MRI, data)  # noqa: E731
    return Case("label intensities, MRI, 20 labels, float32", ours, {"SimpleITK": simpleitk}, agreement=agreement)


def surface_meshes() -> Case:
    """Meshes of all labels; peers give marching cubes, or an area without a mesh."""
    import SimpleITK as sitk
    from skimage.measure import marching_cubes, mesh_surface_area

    labels = spine_labels(MRI)
    boxes = kernels.label_statistics(labels, MRI).box
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(MRI.spacing[::-1])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()

    def ours() -> Any:
        return np.array([kernels.surface(labels, MRI, v)[2] for v in range(1, 21)])

    def simpleitk() -> Any:
        shape.Execute(image)
        return np.array([shape.GetPerimeter(v) for v in shape.GetLabels()])

    def skimage() -> Any:
        areas = []
        for value, (low, high) in enumerate(boxes, start=1):
            part = np.pad(labels[tuple(map(slice, low, high))] == value, 1)
            areas.append(mesh_surface_area(*marching_cubes(part, 0.5, spacing=MRI.spacing)[:2]))
        return np.array(areas)

    def agreement(a: Any, b: Any) -> str:
        return f"area / peer's {np.mean(a / b):.3f} on average"

    peers = {"SimpleITK Crofton, no mesh": simpleitk, "skimage": skimage}
    name = "smooth surface of each of 20 labels, MRI"
    return Case(name, ours, peers, agreeing=tuple(peers), agreement=agreement)


def soft_moments_of_feature_maps() -> Case:
    """Ten moments of 2048 maps."""
    import torch

    maps = np.random.default_rng(0).random((64, 32, 16, 16, 16), dtype=np.float32)
    tensor = torch.from_numpy(maps)
    place = torch.arange(16, dtype=torch.float32)
    powers = torch.stack([torch.ones(16), place, place * place])
    wanted = [
        (0, 0, 0),
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
        (2, 0, 0),
        (0, 2, 0),
        (0, 0, 2),
        (1, 1, 0),
        (1, 0, 1),
        (0, 1, 1),
    ]

    def with_torch() -> Any:
        every = torch.einsum("nczyx,iz,jy,kx->ncijk", tensor, powers, powers, powers)
        return torch.stack([every[..., i, j, k] for i, j, k in wanted], -1).numpy()

    def agreement(ours: Any, theirs: Any) -> str:
        return f"apart <= {np.max(np.abs(ours - theirs) / ours):.2g} relative"

    peers = {"torch": with_torch, "a bare read": lambda: maps.max()}
    ours = lambda: kernels.soft_moments(maps)  # noqa: E731
    return Case("soft moments (64,32,16^3)", ours, peers, bars={"torch": 15}, agreeing=("torch",), agreement=agreement)


def neighbours_in_latent_space() -> Case:
    """Exact nearest neighbours."""
    from sklearn.neighbors import NearestNeighbors

    points = np.random.default_rng(0).normal(size=(5000, 256)).astype(np.float32)

    def sklearn() -> Any:
        return NearestNeighbors(n_neighbors=20, algorithm="brute").fit(points).kneighbors()

    def agreement(ours: Any, theirs: Any) -> str:
        return f"{100 * np.mean(ours[0] != theirs[1]):.2g} % of neighbours differ"

    peers = {"scikit-learn": sklearn}
    ours = lambda: kernels.neighbours(points, 20)  # noqa: E731
    bars = {"scikit-learn": 1.5}
    name = "20 neighbours of 5000 x 256"
    return Case(name, ours, peers, bars=bars, agreeing=("scikit-learn",), agreement=agreement)


def cases() -> tuple[Callable[[], Case], ...]:
    """Rows in the order of TARGETS."""
    return (
        label_moments, label_intensities, surface_meshes, soft_moments_of_feature_maps, neighbours_in_latent_space,
    )  # fmt: skip
