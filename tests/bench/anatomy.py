"""The whole panel of one SPIDER-size mask beside what scikit-image and SimpleITK give of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import spinefx_anatomy as pack

from spinefx.api import Case as ScanCase
from spinefx.api import Features, Grid, LabelMap, Scan, scheme
from spinefx.phantom import draw_patient, grid_around, render
from tests.bench.case import Case

PANEL = ("disc", "vertebra", "spine", "canal")


def cases() -> list[Case]:
    """One row: 15 structures on 50 x 448 x 578 voxels of 3.32 x 0.625 x 0.501 mm."""
    labels, grid = _mask()
    analysers = [o.build(o.options()) for o in pack.spinefx_geometry_analysers() if o.name in PANEL]

    def panel() -> Any:
        mask = LabelMap(labels, grid, scheme("spider"))  # a new one: nothing is known of it yet
        scan = Scan(ScanCase("a", "a"), {}, mask)
        found = Features.joined([a.measure(scan).prefixed(n) for a, n in zip(analysers, PANEL, strict=True)])
        return found.columns["disc.volume_mm3"][[row.structure == "disc" for row in found.rows]]

    return [
        Case(
            "anatomy panel, 7 discs, 7 vertebrae, canal",
            panel,
            {"skimage+SimpleITK": lambda: _peers(labels, grid)},
            bars={"skimage+SimpleITK": 10.0},
            agreeing=("skimage+SimpleITK",),
        )
    ]


def _mask() -> tuple[np.ndarray, Grid]:
    spine = draw_patient(0, 1, levels=7).spine
    small = render(spine, grid_around(spine, spacing_mm=(3.32, 0.625, 0.501), order="PIR")).labels()
    shape = (50, 448, 578)
    labels = np.zeros(np.maximum(shape, small.grid.shape), np.uint16)
    before = (np.array(labels.shape) - small.grid.shape) // 2
    labels[tuple(slice(int(b), int(b + n)) for b, n in zip(before, small.grid.shape, strict=True))] = small.labels
    return labels, small.grid.crop(-before, labels.shape)


def _peers(labels: np.ndarray, grid: Grid) -> Any:
    """Volume, surface, centre, principal axes, and extents along them, of every label."""
    import SimpleITK as sitk
    from skimage.measure import regionprops

    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.ComputePerimeterOn()
    shapes.ComputeOrientedBoundingBoxOn()
    shapes.Execute(image)
    found = {}
    for region in regionprops(labels, spacing=grid.spacing):
        value = int(region.label)
        extents = region.axis_major_length, region.axis_minor_length, region.inertia_tensor_eigvals, region.centroid
        found[value] = (
            shapes.GetPhysicalSize(value), shapes.GetPerimeter(value), shapes.GetPrincipalAxes(value),
            shapes.GetOrientedBoundingBoxSize(value), extents,
        )  # fmt: skip
    return np.array([found[value][0] for value in sorted(found) if value > 200])
