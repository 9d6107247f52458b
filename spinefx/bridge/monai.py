"""MONAI: tensors (channel, x, y, z) or (x, y, z) with an affine, in RAS unless their meta data say otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.bridge.affine import RAS_TO_LPS, grid_of
from spinefx.contract.errors import DataError
from spinefx.contract.grid import Grid


def parts(image: Any) -> tuple[NDArray[Any], Grid]:
    """A MetaTensor's voxels, without a copy where order and place allow, and its grid; one channel alone."""
    data = image.detach().cpu().as_tensor().numpy()
    if data.ndim == 4:
        if data.shape[0] != 1:
            raise DataError(f"wanted one channel, got a tensor of shape {data.shape}; take image[:1]")
        data = data[0]
    affine = np.asarray(image.affine.cpu(), np.float64).copy()
    if str(image.meta.get("space", "RAS")).upper().endswith("RAS"):
        affine[:3] = RAS_TO_LPS @ affine[:3]
    turned: NDArray[Any] = data.transpose()
    return turned, grid_of(affine, turned.shape)
