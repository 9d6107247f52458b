"""The whole panel of one SPIDER-size mask, and what scikit-image and SimpleITK give of it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import spinefx_anatomy as pack

from spinefx import kernels
from spinefx.api import Case as ScanCase
from spinefx.api import Features, Grid, LabelMap, Scan, Volume, scheme
from spinefx.phantom import draw_patient, grid_around, render
from tests.bench.case import Case
from tests.bench.sampling import smooth

PANEL = ("disc", "vertebra", "spine", "canal", "uptake")


def anatomy_panel() -> Case:
    """All five analysers on 15 structures of 50 x 448 x 578 voxels, 3.32 x 0.625 x 0.501 mm, with a PET of 4 mm."""
    labels, grid = _mask()
    analysers = [o.build(o.options()) for o in pack.spinefx_geometry_analysers() if o.name in PANEL]
    images = {"pet": _pet(grid)}

    def panel() -> Any:
        mask = LabelMap(labels, grid, scheme("spider"))  # a new one: nothing is known of it yet
        scan = Scan(ScanCase("a", "a"), images, mask)
        return Features.joined([a.measure(scan).prefixed(n) for a, n in zip(analysers, PANEL, strict=True)])

    return Case("anatomy panel: 7 discs, 7 vertebrae, canal, uptake", panel, agreeing=())


def anatomy_quantities_that_others_have() -> Case:
    """Volume, centre, spread, box, surface area, and mean, std, least and largest intensity of the same 15 structures.

    SimpleITK: LabelShapeStatistics with perimeters and LabelStatistics. scikit-image: regionprops with an intensity image, and
    marching cubes in each region's box, since regionprops has no surface in 3-D.
    """
    import SimpleITK as sitk
    from skimage.measure import marching_cubes, mesh_surface_area, regionprops

    labels, grid = _mask()
    values = smooth(grid, "float32")
    image, mask = sitk.GetImageFromArray(values), sitk.GetImageFromArray(labels)
    for one in (image, mask):
        one.SetSpacing(grid.spacing[::-1])
    shapes, intensities = sitk.LabelShapeStatisticsImageFilter(), sitk.LabelStatisticsImageFilter()
    shapes.ComputePerimeterOn()

    def ours() -> Any:
        found = kernels.label_statistics(labels, grid, values)
        return np.stack([found.volume_mm3, kernels.surface_areas(labels, grid)[1], found.mean, found.std])

    def simpleitk() -> Any:
        shapes.Execute(mask)
        intensities.Execute(image, mask)
        return np.array(
            [
                (shapes.GetPhysicalSize(v), shapes.GetPerimeter(v), intensities.GetMean(v), intensities.GetSigma(v))
                for v in shapes.GetLabels()
            ]
        ).T

    def skimage() -> Any:
        made = []
        for r in regionprops(labels, values, spacing=grid.spacing):
            area = mesh_surface_area(*marching_cubes(np.pad(r.image, 1), 0.5, spacing=grid.spacing)[:2])
            made.append((r.area, area, r.intensity_mean, r.intensity_std))
            assert len(r.centroid) + len(r.bbox) + len(r.inertia_tensor) == 12
            assert r.intensity_min <= r.intensity_max
        return np.array(made).T

    def agreement(a: Any, b: Any) -> str:
        apart = np.abs(a / b - 1).max(axis=1)
        return "apart: " + ", ".join(
            f"{n} {d:.2g}" for n, d in zip(("volume", "area", "mean", "std"), apart, strict=True)
        )

    peers = {"SimpleITK": simpleitk, "skimage": skimage}
    return Case(
        "anatomy: what others have too, 15 structures",
        ours,
        peers,
        bars=dict.fromkeys(peers, 10.0),
        agreeing=tuple(peers),
        agreement=agreement,
    )


def cases() -> tuple[Callable[[], Case], ...]:
    """The rows on anatomy."""
    return (anatomy_panel, anatomy_quantities_that_others_have)


def _mask() -> tuple[np.ndarray, Grid]:
    spine = draw_patient(0, 1, levels=7).spine
    small = render(spine, grid_around(spine, spacing_mm=(3.32, 0.625, 0.501), order="PIR")).labels()
    shape = (50, 448, 578)
    labels = np.zeros(np.maximum(shape, small.grid.shape), np.uint16)
    before = (np.array(labels.shape) - small.grid.shape) // 2
    labels[tuple(slice(int(b), int(b + n)) for b, n in zip(before, small.grid.shape, strict=True))] = small.labels
    return labels, small.grid.crop(-before, labels.shape)


def _pet(grid: Grid) -> Volume:
    """Smooth uptake on an upright grid of 4 mm around a scan."""
    low, high = grid.corners().min(axis=0) - 10, grid.corners().max(axis=0) + 10
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / 4))
    x, y, z = low.tolist()
    around = Grid((nz, ny, nx), (4.0, 4.0, 4.0), (x, y, z))
    return Volume(np.abs(smooth(around, "float32")), around)
