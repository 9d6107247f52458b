"""Small volumes written as files, by SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinefx.api import Grid, LabelMap, Volume


def itk_image(data: np.ndarray, grid: Grid) -> sitk.Image:
    """The same as a SimpleITK image."""
    image = sitk.GetImageFromArray(data)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel())
    return image


def write_pair(root: Path, stem: str, small: tuple[Volume, LabelMap], *, ending: str = ".mha") -> None:
    """Image and mask of one series in SPIDER's layout, written by SimpleITK."""
    for kind, data in (("images", small[0].data), ("masks", small[1].labels.astype(np.int16))):
        (root / kind).mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(itk_image(data, small[1].grid), str(root / kind / (stem + ending)), useCompression=True)
