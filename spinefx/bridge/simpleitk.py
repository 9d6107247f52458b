"""SimpleITK: arrays (z, y, x), points (x, y, z) in LPS; spacing (x, y, z)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.bridge.held import held
from spinefx.contract.errors import DataError
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Volume


def parts(image: Any) -> tuple[NDArray[Any], Grid]:
    """The image's voxels, without a copy, and its grid."""
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise DataError(f"wanted an image of three dimensions and one component, got {image.GetSize()}")
    view = held(image, import_module("SimpleITK").GetArrayViewFromImage(image))
    z, y, x = view.shape
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return view, Grid((z, y, x), image.GetSpacing()[::-1], image.GetOrigin(), direction)


def to_simpleitk(image: Volume | LabelMap) -> Any:
    """The same as a SimpleITK.Image (a copy, as SimpleITK keeps its own memory)."""
    data = image.labels if isinstance(image, LabelMap) else image.data
    made = import_module("SimpleITK").GetImageFromArray(data)
    made.SetSpacing(image.grid.spacing[::-1])
    made.SetOrigin(image.grid.origin)
    made.SetDirection(image.grid.direction.ravel().tolist())
    return made
