"""nibabel: arrays (x, y, z), points in RAS, an affine from one to the other."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.bridge.affine import RAS_TO_LPS, grid_of
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Volume


def parts(image: Any) -> tuple[NDArray[Any], Grid]:
    """The image's voxels, without a copy where they are in memory already in nibabel's own order, and its grid."""
    data = np.asanyarray(image.dataobj)
    affine = np.eye(4)
    affine[:3] = RAS_TO_LPS @ np.asarray(image.affine, np.float64)[:3]
    turned: NDArray[Any] = data.transpose()
    return turned, grid_of(affine, turned.shape)


def to_nibabel(image: Volume | LabelMap) -> Any:
    """The same as a nibabel.Nifti1Image; the voxels are shared."""
    data = image.labels if isinstance(image, LabelMap) else image.data
    affine = np.eye(4)
    affine[:3, :3] = RAS_TO_LPS @ (image.grid.direction * np.asarray(image.grid.spacing[::-1]))
    affine[:3, 3] = RAS_TO_LPS @ np.asarray(image.grid.origin)
    return import_module("nibabel").Nifti1Image(data.transpose(), affine)
