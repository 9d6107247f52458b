"""Scans as files that tools of others read, and the label maps that they write. SimpleITK: arrays (z, y, x), points LPS."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Grid, GridError, Volume

_NEAR = 0.01
"""Corners of the two grids are nearer to each other than this share of a voxel; NIfTI keeps single precision."""


def write(volume: Volume, path: Path) -> None:
    """The volume as a file of the kind that its name says."""
    itk: Any = import_module("SimpleITK")
    image = itk.GetImageFromArray(volume.data)
    image.SetSpacing(volume.grid.spacing[::-1])
    image.SetOrigin(volume.grid.origin)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    itk.WriteImage(image, str(path))


def read(path: Path, grid: Grid) -> NDArray[np.uint16]:
    """The label map in a file, which must lie on `grid`.

    Raises
    ------
    DataError
        If it is no image, or holds what is no whole number from 0 to 65535.
    GridError
        If it lies on another grid.
    """
    itk: Any = import_module("SimpleITK")
    try:
        image = itk.ReadImage(str(path))
    except RuntimeError as error:
        raise DataError(f"{path.name}: not a readable image ({str(error).strip().splitlines()[-1]})") from error
    values = itk.GetArrayFromImage(image)
    if values.shape != grid.shape:
        raise GridError(f"{path.name}: {values.shape} voxels, wanted the image's {grid.shape}")
    there = Grid(grid.shape, image.GetSpacing()[::-1], image.GetOrigin(), np.array(image.GetDirection()).reshape(3, 3))
    corners = np.array(list(product(*((0.0, n - 1.0) for n in grid.shape))))
    off = float(np.linalg.norm(there.to_world(corners) - grid.to_world(corners), axis=1).max())
    if off > _NEAR * min(grid.spacing):
        raise GridError(f"{path.name}: lies {off:.3g} mm off the image that it was made from")
    labels = values.astype(np.uint16)
    if not np.array_equal(labels, values):
        raise DataError(f"{path.name}: holds values that are no whole numbers from 0 to 65535")
    return np.ascontiguousarray(labels)
