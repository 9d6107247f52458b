"""Slow shading of an MR image taken out by N4."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from spinefx.api import DataError, Scan, Volume
from spinefx_anatomy.chosen import with_changed

if TYPE_CHECKING:
    from spinefx_anatomy.options import N4Options

FINE_MM = 4.0
"""The field is fitted on voxels thinned to about this size; it is smooth, so nothing is lost."""


class N4:
    """Divides images by their smooth bias field.

    Notes
    -----
    Tustison et al., N4ITK: Improved N3 bias correction, IEEE Trans Med Imaging 29:1310 (2010), as SimpleITK has it.
    """

    def __init__(self, options: N4Options) -> None:
        self.options = options

    def process(self, scan: Scan) -> Scan:
        """The scan with the chosen images corrected; values below zero are shifted up for the fit and back after it.

        Raises
        ------
        DataError
            If a chosen image is not there, or is one slice.
        """
        return with_changed(scan, self.options.images, self._corrected)

    def _corrected(self, image: Volume) -> Volume:
        from spinefx_anatomy.normalise import foreground

        itk: Any = import_module("SimpleITK")
        data = image.data.astype(np.float32)
        low = float(data.min())
        if not low < float(data.max()):
            return image
        if min(image.grid.shape) < 2:
            raise DataError(
                f"n4 fits a field in three dimensions, and an image of {image.grid.shape} voxels is one slice"
            )
        threshold = float(foreground(image.data)[0])
        picture = itk.GetImageFromArray(data - low + 1.0)
        picture.SetSpacing(image.grid.spacing[::-1])
        mask = itk.GetImageFromArray((data >= threshold).astype(np.uint8))
        mask.CopyInformation(picture)
        thinner = [
            max(1, min(round(FINE_MM / s), n // 4)) for s, n in zip(image.grid.spacing, image.grid.shape, strict=True)
        ]
        fit = itk.N4BiasFieldCorrectionImageFilter()
        fit.SetMaximumNumberOfIterations([self.options.iterations] * self.options.levels)
        fit.SetNumberOfThreads(1)
        fit.Execute(itk.Shrink(picture, thinner[::-1]), itk.Shrink(mask, thinner[::-1]))
        field = itk.GetArrayFromImage(itk.Exp(fit.GetLogBiasFieldAsImage(picture)))
        corrected = (data - low + 1.0) / field - 1.0 + low
        return Volume(corrected.astype(np.float32), image.grid)
