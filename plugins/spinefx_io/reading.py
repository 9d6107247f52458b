"""From checked files to a Scan: images and mask of one case, named clearly where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinefx.api import Case, DataError, Grid, GridError, LabelMap, Scan, Volume
from spinefx_io.gate import inspect, naming, read_voxels
from spinefx_io.meaning import SCHEME_ROLE, Meaning
from spinefx_io.overlap import registration_notes

TOLERANCE_MM = 0.01
"""Image and mask whose corner voxels lie this close share a grid (files round their geometry differently)."""


@dataclass(frozen=True)
class Reader:
    """Reads the files of a case: everything but `mask` (and its scheme's file) is an image, named by its role.

    roots : folders that files may come from.   meaning : what mask values mean.   budget_bytes : limit for one volume.
    """

    roots: Sequence[Path]
    meaning: Meaning
    budget_bytes: int

    def scan(self, case: Case, *, notes: Sequence[str] = ()) -> Scan:
        """The case with its images and mask; DataError names the file and what is wrong with it."""
        wanted = {role: path for role, path in case.files.items() if role not in ("mask", SCHEME_ROLE)}
        images = {role: self.volume(path) for role, path in wanted.items()}
        return self.joined(case, images, notes=notes)

    def joined(
        self, case: Case, images: Mapping[str, Volume], *, mask: LabelMap | None = None, notes: Sequence[str] = ()
    ) -> Scan:
        """The case's images with their mask, given or in a file of its own: on its image's grid, the overlap checked."""
        if mask is None and "mask" in case.files:
            mask = self.mask(case.files["mask"], case)
        said = [*case.notes, *notes]
        reference = ""
        if mask is not None and images:
            mask, note = on_grid_of(mask, images, f"case {case.id}")
            said += [note] if note else []
            reference = next(name for name, image in images.items() if image.grid is mask.grid)
        said += registration_notes(images, reference=reference)
        return Scan(case, images, mask, tuple(said))

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone; 0 where they cannot be read."""
        most = 0
        for path in case.files.values():
            try:
                most = max(most, inspect(path, root=self._root(path), budget_bytes=self.budget_bytes).voxels)
            except DataError:  # told when the case is loaded, with what is wrong
                continue
        return most

    def _root(self, path: Path) -> Path:
        for root in self.roots:
            if path.is_relative_to(root):
                return root
        raise DataError(f"{path.name}: lies under none of the data folders")

    def volume(self, path: Path) -> Volume:
        """An image: int16 where the file's numbers fit, else float32; NaN, inf and constant images are refused."""
        root = self._root(path)
        header = inspect(path, root=root, budget_bytes=self.budget_bytes)
        data = read_voxels(header, root=root)
        with naming(path, root):
            if data.dtype.kind == "f" and not np.isfinite(data).all():
                bad = int(data.size - np.isfinite(data).sum())
                raise DataError(f"holds {bad} voxels that are NaN or infinite; write it anew with numbers there")
            if data.min() == data.max():
                raise DataError(f"is constant, every voxel is {data.min():g}: an empty or broken image")
            if np.can_cast(data.dtype, np.int16):
                return Volume(data.astype(np.int16, copy=False), header.grid())
            return Volume(data.astype(np.float32, copy=False), header.grid())

    def mask(self, path: Path, case: Case | None = None) -> LabelMap:
        """A mask: whole numbers that the scheme knows, at least one not 0; levels as the case's facts count them."""
        root = self._root(path)
        header = inspect(path, root=root, budget_bytes=self.budget_bytes)
        data = read_voxels(header, root=root)
        with naming(path, root):
            if data.dtype.kind == "f" and not np.isfinite(data).all():
                raise DataError("mask holds voxels that are NaN or infinite")
            if not data.any():
                raise DataError("mask is empty: every voxel is 0")
            return self.meaning.applied(LabelMap(data, header.grid(), self.meaning.scheme), case)


def on_grid_of(mask: LabelMap, images: Mapping[str, Volume], where: str) -> tuple[LabelMap, str]:
    """The mask on the grid of the image that it fits, and a note where the two were not quite equal.

    Raises
    ------
    GridError
        If it fits none: how far it is off, in mm and in voxels or slices, along which axis.
    """
    apart = {name: mask.grid.difference_mm(image.grid) for name, image in images.items()}
    nearest = min(apart, key=lambda name: apart[name])
    grid = images[nearest].grid
    if grid == mask.grid:
        return LabelMap(mask.labels, grid, mask.scheme), ""
    if apart[nearest] <= TOLERANCE_MM:
        note = f"mask and {nearest} were {apart[nearest]:.4f} mm apart; the mask took the image's grid"
        return LabelMap(mask.labels, grid, mask.scheme), note
    raise GridError(f"{where}: mask {grid_difference(mask.grid, grid)} (against {nearest}); export both on one grid")


def grid_difference(mask: Grid, image: Grid) -> str:
    """How two grids differ, in words: `is 4.40 mm (1 slice) off along z`."""
    if mask.shape != image.shape:
        return f"has {_by(mask.shape)} voxels (z, y, x), the image {_by(image.shape)}"
    if not np.allclose(mask.spacing, image.spacing, rtol=1e-4):
        return f"has spacing {_by(mask.spacing)} mm (z, y, x), the image {_by(image.spacing)}"
    turned = np.degrees(np.arccos(np.clip((np.trace(mask.direction.T @ image.direction) - 1) / 2, -1, 1)))
    if turned > 0.01:
        return f"is turned by {turned:.2f} degrees"
    steps = image.to_index(np.asarray(mask.origin))
    axis = int(np.argmax(np.abs(steps) * image.spacing))
    mm = abs(steps[axis]) * image.spacing[axis]
    unit = "slice" if image.spacing[axis] == max(image.spacing) else "voxel"
    count = f"{abs(steps[axis]):.3g}"
    return f"is {mm:.2f} mm ({count} {unit}{'' if count == '1' else 's'}) off along {'zyx'[axis]}"


def _by(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)
