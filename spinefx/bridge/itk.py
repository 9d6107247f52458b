"""itk: arrays (z, y, x), points (x, y, z) in LPS; spacing (x, y, z)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.bridge.held import held
from spinefx.contract.errors import DataError
from spinefx.contract.grid import Grid


def parts(image: Any) -> tuple[NDArray[Any], Grid]:
    """The image's voxels, without a copy, and its grid."""
    itk = import_module("itk")
    view = held(image, itk.array_view_from_image(image))
    if view.ndim != 3:
        raise DataError(f"wanted an image of three dimensions and one component, got shape {view.shape}")
    z, y, x = view.shape
    spacing, origin = ([float(value) for value in triple] for triple in (image.GetSpacing(), image.GetOrigin()))
    direction = np.asarray(itk.array_from_matrix(image.GetDirection()))
    return view, Grid((z, y, x), (spacing[2], spacing[1], spacing[0]), (origin[0], origin[1], origin[2]), direction)
