"""Training patches: drawn around structures in turn, turned and resized in one resampling. The same for equal seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Grid, ScanSet
from spinefx_segment import UnetOptions
from spinefx_segment.views import OUTSIDE, View, chosen, spacing_of

_SPOTS = 4096
_THICK = 3.0
"""An axis whose voxels are so many times as long as the finest holds slices: patches are not resampled across them."""
Shape = tuple[int, int, int]


@dataclass
class Shelf:
    """Scans as the network sees them, kept as files in `folder` and read where a patch lies.

    spots : for each scan, class -> (n, 3) places of it.
    """

    folder: Path
    view: View
    kinds: tuple[str, ...]
    images: list[NDArray[np.float32]] = field(default_factory=list)
    labels: list[NDArray[np.uint16]] = field(default_factory=list)
    spots: list[dict[int, NDArray[np.int64]]] = field(default_factory=list)
    cases: list[tuple[str, str]] = field(default_factory=list)

    def fill(self, scans: ScanSet, options: UnetOptions, part: str) -> Shelf:
        """Put all `scans` on it; returns itself."""
        for number, scan in enumerate(scans):
            volume, mask = chosen(scan, options.image), scan.require_mask()
            grid = self.view.grid(volume.grid)
            classes = np.zeros(65536, np.uint16)
            for value, structure in mask.scheme.table.items():
                kind = structure.kind.removeprefix("partial-")
                classes[value] = self.kinds.index(kind) + 1 if kind in self.kinds else 0
            drawn = kernels.resample(classes[mask.labels], mask.grid, grid, method="nearest")
            self.images.append(self._kept(f"{part}-{number}-image", self.view.image(volume)))
            self.labels.append(self._kept(f"{part}-{number}-labels", drawn))
            self.spots.append(_spots(drawn))
            self.cases.append((scan.case.id, scan.case.patient))
        return self

    def _kept(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        path = self.folder / f"{name}.npy"
        np.save(path, array, allow_pickle=False)
        kept: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return kept

    def empty(self) -> None:
        """Take the files away."""
        for path in self.folder.glob("*.npy"):
            path.unlink()

    @property
    def thick(self) -> int | None:
        """The axis along which slices follow each other; None where voxels are about even."""
        axis = int(np.argmax(self.view.spacing))
        return axis if self.view.spacing[axis] >= _THICK * min(self.view.spacing) else None

    def patch(
        self, rng: np.random.Generator, shape: Shape, options: UnetOptions | None
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Image and classes of one patch around a structure drawn at random; changed as `options` say, or not at all."""
        number = int(rng.integers(len(self.images)))
        spots, image = self.spots[number], self.images[number]
        where = spots[int(rng.choice(sorted(spots)))]
        a, b, c = image.shape
        source, thick = Grid((a, b, c), self.view.spacing), self.thick
        jitter = rng.uniform(-0.25, 0.25, 3) * np.asarray(shape)
        place = where[int(rng.integers(len(where)))] + jitter
        if thick is not None:
            place[thick] = np.floor(place[thick]) + (0.5 if shape[thick] % 2 == 0 else 0.0)
        centre = source.to_world(place)
        x, y, z = centre - Grid(shape, self.view.spacing).to_world((np.asarray(shape) - 1) / 2)
        target = Grid(shape, self.view.spacing, (x, y, z))
        matrix = _drawn(rng, centre, options, thick) if options is not None else np.eye(4)
        seen = kernels.warp(np.asarray(image), source, target, matrix=matrix, fill=OUTSIDE)
        drawn = kernels.warp(np.asarray(self.labels[number]), source, target, matrix=matrix, method="nearest")
        return (_intensities(seen, rng, options.noise) if options is not None else seen), drawn


def surveyed(scans: ScanSet, options: UnetOptions) -> tuple[View, tuple[str, ...]]:
    """The view that fits these scans, and the kinds that their masks hold; DataError where there is none."""
    spacings, there = [], set()
    for scan in scans:
        spacings.append(spacing_of(chosen(scan, options.image).grid))
        there |= {s.kind.removeprefix("partial-") for s in scan.require_mask().structures()}
    kinds = tuple(kind for kind in options.kinds if kind in there)
    if not kinds:
        raise DataError(
            f"no training mask holds any of {', '.join(options.kinds)}; they hold {sorted(there) or 'none'}"
        )
    a, b, c = (max(float(s), options.finest_mm) for s in np.median(np.array(spacings), axis=0))
    return View((a, b, c), options.window), kinds


def _spots(labels: NDArray[np.uint16]) -> dict[int, NDArray[np.int64]]:
    """class -> some places of it, evenly over all; of the background too."""
    out = {}
    for value in np.unique(labels):
        flat = np.flatnonzero(labels == value)
        some = flat[np.linspace(0, len(flat) - 1, min(len(flat), _SPOTS)).astype(np.int64)]
        out[int(value)] = np.stack(np.unravel_index(some, labels.shape), axis=1)
    return out


def _drawn(
    rng: np.random.Generator, centre: NDArray[np.float64], options: UnetOptions, thick: int | None
) -> NDArray[np.float64]:
    """From a point of the patch to one of the scan: turned, resized and perhaps mirrored about `centre`.

    thick : turned and resized within the slices that follow each other along this axis alone. What lies between thick slices is not
    known, and interpolated patches would teach borders that no scan shows (Isensee et al., Nat Methods 18:203, do the same).
    """
    turn, across = np.eye(3), None if thick is None else 2 - thick
    for angle, (i, j) in zip(
        np.radians(rng.uniform(-1, 1, 3) * options.turn_deg), ((0, 1), (0, 2), (1, 2)), strict=True
    ):
        if across in (i, j):
            continue
        step = np.eye(3)
        step[i, i] = step[j, j] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ step
    size = np.full(3, np.exp(rng.uniform(-1, 1) * options.resize))
    if across is not None:
        size[across] = 1.0
    turn = turn * size
    if rng.random() < 0.5:
        turn = turn @ np.diag([1.0, 1.0, -1.0])  # the view's first axis, to the left, is this grid's z
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, centre - turn @ centre
    return matrix


def _intensities(image: NDArray[np.float32], rng: np.random.Generator, noise: float) -> NDArray[np.float32]:
    """Another gain and offset, slow shading, noise; nothing of it beyond the scan."""
    gain, offset = np.float32(np.exp(rng.uniform(-0.25, 0.25))), np.float32(rng.uniform(-0.25, 0.25))
    ramps = [np.linspace(-1, 1, n, dtype=np.float32) * np.float32(rng.uniform(-0.25, 0.25)) for n in image.shape]
    shade = ramps[0][:, None, None] + ramps[1][None, :, None] + ramps[2][None, None, :]
    grain = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, noise))
    out: NDArray[np.float32] = image * (gain + shade) + offset + grain
    out[image <= OUTSIDE] = OUTSIDE
    return out
