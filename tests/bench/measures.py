"""Rows on label statistics, moments, surfaces and points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import Case, largest_difference
from tests.bench.sampling import CT, MRI, smooth, spine_labels


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


def surface_areas() -> Case:
    """Areas of the surfaces of all labels at once, without a mesh; skimage's by marching cubes."""
    return _surfaces(
        "surface area of 20 labels, MRI",
        lambda labels: kernels.surface_areas(labels, MRI)[1],
        {"SimpleITK": 5.0, "skimage": 25.0},
    )


def surface_meshes() -> Case:
    """A smooth watertight mesh of every label."""
    mesh = lambda labels: np.array([kernels.surface(labels, MRI, v)[2] for v in range(1, 21)])  # noqa: E731
    return _surfaces("smooth mesh of each of 20 labels, MRI", mesh, {})


def _surfaces(name: str, of: Callable[[Any], Any], bars: dict[str, float]) -> Case:
    """Areas of 20 labels beside SimpleITK's perimeter (Crofton, no mesh) and skimage's marching cubes."""
    import SimpleITK as sitk
    from skimage.measure import marching_cubes, mesh_surface_area

    labels = spine_labels(MRI)
    boxes = kernels.label_statistics(labels, MRI).box
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(MRI.spacing[::-1])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()

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

    peers = {"SimpleITK": simpleitk, "skimage": skimage}
    return Case(name, lambda: of(labels), peers, bars=bars, agreeing=tuple(peers), agreement=agreement)


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


def distances_in_organ_masks() -> Case:
    """Distance to the nearest other label, 20 labels in a CT."""
    import edt
    import SimpleITK as sitk

    labels = spine_labels(CT)
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(CT.spacing[::-1])
    signed = sitk.SignedMaurerDistanceMapImageFilter()
    signed.SquaredDistanceOff()
    signed.UseImageSpacingOn()
    out = np.empty(CT.shape, np.float32)
    peers = {
        "edt": lambda: edt.edt(labels, anisotropy=CT.spacing, parallel=2),
        "edt, 1 thread": lambda: edt.edt(labels, anisotropy=CT.spacing),
    }
    maurer = {"SimpleITK Maurer, binary": lambda: signed.Execute(image)}
    ours = lambda: kernels.distance_transform(labels, CT, out=out)  # noqa: E731
    name = "distance transform, CT 400x512x512, 20 labels"
    return Case(name, ours, peers, maurer, {"edt": 3.0, "SimpleITK Maurer, binary": 3.0}, ("edt",))


def distances_where_they_are_far() -> Case:
    """One voxel of background in the middle of a cube: the longest searches."""
    import edt

    labels = np.ones((256, 256, 256), np.uint8)
    labels[128, 128, 128] = 0
    grid, out = Grid(labels.shape), np.empty(labels.shape, np.float32)
    peers = {"edt": lambda: edt.edt(labels, parallel=2)}
    ours = lambda: kernels.distance_transform(labels, grid, out=out)  # noqa: E731
    return Case("distance transform, worst case 256^3", ours, peers, bars={"edt": 1.0}, agreeing=("edt",))


def distances_in_noise() -> Case:
    """Every voxel a label of its own kind: the shortest searches, and no run to skip."""
    import edt

    labels = np.random.default_rng(0).integers(0, 60000, (256, 256, 256)).astype(np.uint16)
    grid, out = Grid(labels.shape), np.empty(labels.shape, np.float32)
    peers = {"edt": lambda: edt.edt(labels, parallel=2)}
    ours = lambda: kernels.distance_transform(labels, grid, out=out)  # noqa: E731
    return Case("distance transform, noise 256^3", ours, peers, bars={"edt": 1.0}, agreeing=("edt",))


def surface_distances_of_labels() -> Case:
    """HD, HD95, ASSD and NSD of 19 labels against the same labels moved."""
    labels = spine_labels(MRI)
    labels[labels == 20] = 0
    moved = np.roll(labels, (1, 2, 3), (0, 1, 2))
    peers: dict[str, Callable[[], Any]] = {}
    try:
        import surface_distance as google

        def by_google() -> Any:
            rows = []
            for value in range(1, 20):
                found = google.compute_surface_distances(labels == value, moved == value, MRI.spacing)
                google.compute_average_surface_distance(found)
                google.compute_surface_dice_at_tolerance(found, 1.0)
                rows.append([google.compute_robust_hausdorff(found, percent) for percent in (100, 95)])
            return np.array(rows)

        peers["google surface-distance"] = by_google
    except ImportError:
        pass

    def agreement(ours: Any, theirs: Any) -> str:
        return largest_difference(np.stack([ours.hd_mm, ours.hd95_mm], axis=1), theirs)

    ours = lambda: kernels.surface_distances(labels, moved, MRI)  # noqa: E731
    bars = {"google surface-distance": 19.0}
    name = "HD, HD95, ASSD, NSD of 19 labels, MRI"
    return Case(name, ours, peers, bars=bars, agreeing=tuple(peers), agreement=agreement)


def cases() -> tuple[Callable[[], Case], ...]:
    """Rows in the order of TARGETS."""
    return (
        label_moments, label_intensities, surface_areas, surface_meshes, soft_moments_of_feature_maps, neighbours_in_latent_space,
        distances_in_organ_masks, distances_where_they_are_far, distances_in_noise, surface_distances_of_labels,
    )  # fmt: skip
