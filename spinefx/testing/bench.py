"""What plugins are tried on: phantom scans whole and odd, samples, a study with planted effects. Everything from code alone.

The same in every process: the seed is 7, patients are drawn by `spinefx.phantom`, nothing is read from disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.case import Case
from spinefx.contract.features import Features
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Sample, Scan, Volume
from spinefx.phantom import Patient, Scanner, draw_patient, scan_of, truth_of
from spinefx.work.cases.cut import Box, cut

SEED = 7
_COARSE = Scanner((4.0, 1.0, 1.0), pir_share=0.0)
_FINE = Scanner((2.0, 0.8, 0.8), pir_share=0.0, noise=0.01, bias=0.0)


@dataclass(frozen=True, eq=False)
class ScanList:
    """Scans held in memory: a `ScanSet` for tests."""

    scans: tuple[Scan, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Whose scans these are, in order."""
        return tuple(scan.case for scan in self.scans)

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int, /) -> Scan:
        return self.scans[index]

    def __iter__(self) -> Iterator[Scan]:
        return iter(self.scans)


@lru_cache(maxsize=16)
def phantom_patient(number: int = 1) -> Patient:
    """Patient `number` of the bench: three labelled vertebrae and discs of exactly known shape."""
    return draw_patient(SEED, number, levels=3)


@lru_cache(maxsize=16)
def phantom_scan(number: int = 1, *, fine: bool = False) -> Scan:
    """The scan of a patient: images `t2`, `ct` and `pet` (SUV) and the mask, on one oblique grid.

    fine : 2 mm slices with little noise, instead of 4 mm ones, for measuring.
    """
    patient = phantom_patient(number)
    images, mask = scan_of(patient, seed=SEED, scanner=_FINE if fine else _COARSE, modalities=("t2", "ct"))
    suv = np.full(mask.grid.shape, 0.5, np.float32)
    for structure in mask.structures("vertebra"):
        suv[mask.mask_of(structure)] = 2.0 + 0.1 * number
    case = Case(f"{number}_phantom", patient.id, {}, {"sex": patient.sex, "age": float(patient.age), "bmi": 25.0})
    return Scan(case, {**images, "pet": Volume(suv, mask.grid)}, mask)


def phantom_truth(number: int = 1) -> Features:
    """What a perfect instrument would measure on that scan: `disc.height_mm`, `vertebra.depth_mm` and so on."""
    return truth_of(phantom_patient(number), phantom_scan(number).case.id)


def on_grid(scan: Scan, grid: Grid) -> Scan:
    """The same voxels, said to lie on another grid."""
    images = {name: Volume(image.data, grid) for name, image in scan.images.items()}
    mask = None if scan.mask is None else LabelMap(scan.mask.labels, grid, scan.mask.scheme)
    return scan.replace(images=images, mask=mask)


def moved(scan: Scan, turn: NDArray[np.floating[Any]], shift_mm: tuple[float, float, float]) -> Scan:
    """The scan after a rigid motion of the world: every point x becomes turn @ x + shift_mm."""
    grid = _grid_of(scan)
    x, y, z = (float(v) for v in turn @ np.asarray(grid.origin) + np.asarray(shift_mm))
    return on_grid(scan, Grid(grid.shape, grid.spacing, (x, y, z), turn @ grid.direction))


def scaled(scan: Scan, factor: float) -> Scan:
    """The scan of a patient `factor` times as large."""
    grid = _grid_of(scan)
    z, y, x = (factor * s for s in grid.spacing)
    ox, oy, oz = (factor * o for o in grid.origin)
    return on_grid(scan, Grid(grid.shape, (z, y, x), (ox, oy, oz), grid.direction))


def odd_scans(scan: Scan) -> dict[str, Scan]:
    """Inputs that every plugin meets some day, by what is odd about them."""
    grid = _grid_of(scan)
    left = grid.direction.copy()
    left[:, 0] *= -1
    mask = scan.require_mask()
    middle = grid.shape[2] // 2
    one = Grid((*grid.shape[:2], 1), grid.spacing, tuple(grid.to_world((0, 0, middle))), grid.direction)
    thin = slice(middle, middle + 1)
    nothing = LabelMap(np.zeros(grid.shape, np.uint16), grid, mask.scheme)
    return {
        "a left-handed grid": on_grid(scan, Grid(grid.shape, grid.spacing, grid.origin, left)),
        "one slice": scan.replace(
            images={name: Volume(image.data[:, :, thin], one) for name, image in scan.images.items()},
            mask=LabelMap(mask.labels[:, :, thin], one, mask.scheme),
        ),
        "an empty mask": scan.replace(mask=nothing),
        "no mask at all": scan.replace(mask=None),
        "no image at all": scan.replace(images={}),
        "an image that is the same everywhere": scan.replace(
            images={name: Volume(np.zeros(grid.shape, np.float32), grid) for name in scan.images}
        ),
    }


def fiducial_scan() -> tuple[Scan, NDArray[np.float64]]:
    """A scan with smooth round fiducials in image and mask, and their centres (n, 3) in world mm.

    Each is a Gaussian of 3 voxels standard deviation, and a ball in the mask, between two voxels' centres.
    """
    like = phantom_scan()
    turn = like.require_mask().grid.direction
    grid = Grid((72, 64, 56), (1.0, 1.0, 1.0), (11.0, -23.0, 40.0), turn)
    centres = np.array([[17.3, 16.6, 14.5], [17.7, 46.4, 40.2], [52.4, 17.2, 38.8], [53.6, 46.5, 15.3]])
    index = np.indices(grid.shape).transpose(1, 2, 3, 0)
    image = np.full(grid.shape, 1.0, np.float64)
    labels = np.zeros(grid.shape, np.uint16)
    for centre, value in zip(centres, (1, 2, 201, 202), strict=True):
        squared = ((index - centre) ** 2).sum(axis=-1)
        image += 10.0 * np.exp(-squared / (2 * 3.0**2))
        labels[squared <= 7.0**2] = value
    volume = Volume(image.astype(np.float32), grid)
    scan = Scan(like.case, {"t2": volume}, LabelMap(labels, grid, like.require_mask().scheme))
    return scan, grid.to_world(centres)


@lru_cache(maxsize=4)
def phantom_samples(patients: int = 6) -> tuple[Sample, ...]:
    """Discs of phantom patients, with the channels `mask`, `t2` and `distance`, on 12 x 16 x 16 voxels of 4 mm."""
    box = Box((12, 16, 16), (3.0, 4.0, 4.0))
    found: list[Sample] = []
    for number in range(1, patients + 1):
        found += cut(phantom_scan(number), box, structures="disc", channels=("mask", "t2", "distance"))[0]
    return tuple(found)


def arrays_of(scan: Scan) -> Mapping[str, NDArray[np.generic]]:
    """Every array that a scan holds, by what it is."""
    found: dict[str, NDArray[np.generic]] = {f"image {name}": image.data for name, image in scan.images.items()}
    return found if scan.mask is None else found | {"mask": scan.mask.labels}


def _grid_of(scan: Scan) -> Grid:
    return scan.mask.grid if scan.mask is not None else next(iter(scan.images.values())).grid
