"""Drawn spines on scanners' grids with their exact truth, and readers of the real masks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import spinefx_anatomy as pack

from spinefx.api import Case, Grid, LabelMap, Scan, scheme
from spinefx.phantom import draw_patient, grid_around, render, rotation, truths

SPACING = {"4 mm sagittal": (4.0, 0.6, 0.6), "1 mm isotropic": (1.0, 1.0, 1.0)}


@cache
def drawn(kind: str, number: int, levels: int = 5) -> tuple[Scan, dict]:
    """A drawn patient's mask on a grid oblique to 10 degrees, and (structure, level) -> truth."""
    patient = draw_patient(11, number, levels=levels)
    rng = np.random.default_rng([11, number])
    turn = rotation(**dict(zip(("sagittal_deg", "coronal_deg", "axial_deg"), rng.uniform(-10, 10, 3), strict=True)))
    grid = grid_around(
        patient.spine,
        spacing_mm=SPACING[kind],
        order=("LPS", "PIR")[number % 2],
        turn=turn,
        shift_mm=rng.uniform(-2, 2, 3),
    )
    scan = Scan(Case(f"{number}_t2", str(number)), {}, render(patient.spine, grid).labels())
    return scan, {(structure, level): numbers for structure, level, numbers in truths(patient.spine)}


def analyser(name: str, **options):
    offer = next(o for o in pack.spinefx_geometry_analysers() if o.name == name)
    return offer.build(offer.options(**options))


def errors(kind: str, name: str, patients: int, *, relative: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Column -> errors over drawn patients; in percent where `relative`; a missing number where there is a truth is inf."""
    found: dict[str, list[float]] = {}
    for number in range(1, patients + 1):
        scan, truth = drawn(kind, number)
        features = analyser(name).measure(scan)
        for i, row in enumerate(features.rows):
            for column, values in features.columns.items():
                true = truth.get((row.structure, row.level), {}).get(f"{name}.{column}", np.nan)
                if np.isfinite(true):
                    off = (values[i] - true) * (100 / true if column in relative else 1)
                    found.setdefault(column, []).append(np.inf if np.isnan(off) else off)
    return {column: np.array(values) for column, values in found.items()}


def regridded(scan: Scan, grid: Grid) -> Scan:
    """The same voxels somewhere else in the world."""
    return scan.replace(mask=LabelMap(scan.mask.labels, grid, scan.mask.scheme))


def read_mask(path: Path) -> LabelMap:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    labels = sitk.GetArrayFromImage(image)
    grid = Grid(labels.shape, image.GetSpacing()[::-1], image.GetOrigin(), np.reshape(image.GetDirection(), (3, 3)))
    return LabelMap(labels, grid, scheme("spider"))
