"""Images of other libraries as spinefx's own: SimpleITK, itk, nibabel, MONAI, torch, NumPy.

    from spinefx import bridge
    volume = bridge.volume(sitk.ReadImage("12_t2.mha"))               # no copy where type and order allow
    mask = bridge.labels(nibabel.load("12_mask.nii.gz"), "spider")
    sitk.WriteImage(bridge.to_simpleitk(mask), "mask.mha")

One module for each library holds its axis order and world. None of them is imported before its own image comes in, and
nothing in a run imports this room. What comes in without a copy must not be written to as long as the volume is used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.bridge.nibabel import to_nibabel
from spinefx.bridge.simpleitk import to_simpleitk
from spinefx.contract.errors import DataError
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Volume
from spinefx.contract.scheme import Scheme
from spinefx.contract.schemes import scheme as named_scheme

__all__ = ["labels", "to_nibabel", "to_simpleitk", "volume"]

_ROOMS = {"SimpleITK": "simpleitk", "itk": "itk", "nibabel": "nibabel", "monai": "monai"}


def volume(image: Any, grid: Grid | None = None) -> Volume:
    """An image's intensities on its grid.

    image : of SimpleITK, itk, nibabel or MONAI, which know where they lie; or an array or tensor (z, y, x) with its `grid`.

    Raises
    ------
    DataError
        If it is none of these, has not three dimensions, or is an array without grid.
    GridError
        If its geometry is not sane.
    """
    data, where = _parts(image, grid)
    return Volume(data, where)


def labels(image: Any, scheme: Scheme | str, grid: Grid | None = None) -> LabelMap:
    """A mask with the scheme that says what its values mean, by name (`spider`) or as an object; errors as in `volume`.

    Raises
    ------
    SchemeError
        If the mask holds values that the scheme does not know.
    """
    data, where = _parts(image, grid)
    return LabelMap(data, where, named_scheme(scheme) if isinstance(scheme, str) else scheme).check_scheme()


def _parts(image: Any, grid: Grid | None) -> tuple[NDArray[Any], Grid]:
    if isinstance(image, Volume):
        return image.data, image.grid
    for base in type(image).__mro__:
        room = _ROOMS.get(base.__module__.partition(".")[0])
        if room is not None and grid is None:
            parts: Callable[[Any], tuple[NDArray[Any], Grid]] = import_module(f"spinefx.bridge.{room}").parts
            return parts(image)
    if hasattr(image, "detach"):  # a tensor, without a copy where it lies in this machine's memory
        image = image.detach().cpu().numpy()
    if not isinstance(image, np.ndarray):
        raise DataError(
            f"{type(image).__module__}.{type(image).__qualname__} is no image that is known; wanted one of SimpleITK, itk, "
            "nibabel or MONAI, or an array (z, y, x) with its grid"
        )
    if grid is None:
        raise DataError("an array does not say where it lies; give grid=Grid(shape, spacing) from spinefx.api, in mm")
    return image, grid
