"""Images and mask brought onto one grid of a chosen voxel size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spinefx import kernels
from spinefx.api import DataError, Grid, LabelMap, Scan, Volume

if TYPE_CHECKING:
    from spinefx_anatomy.options import ResampleOptions

MOST_VOXELS = 2**30


def respaced(grid: Grid, spacing: tuple[float, float, float]) -> Grid:
    """A grid of that spacing (z, y, x) in mm over the same field of view, centred on it; 0 keeps an axis."""
    wanted = tuple(s or old for s, old in zip(spacing, grid.spacing, strict=True))
    extent = np.multiply(grid.shape, grid.spacing)
    z, y, x = (max(1, round(e / s)) for e, s in zip(extent, wanted, strict=True))
    middle = grid.to_world((np.array(grid.shape) - 1) / 2)
    half = (np.array([z, y, x]) - 1) / 2 * np.array(wanted)
    ox, oy, oz = (float(v) for v in middle - half @ grid.axes)
    return Grid((z, y, x), wanted, (ox, oy, oz), grid.direction)  # type: ignore[arg-type]


class Resample:
    """Resamples every image linearly, and the mask so that no label is lost."""

    def __init__(self, options: ResampleOptions) -> None:
        self.options = options

    def process(self, scan: Scan) -> Scan:
        """The scan with everything on one grid; what lies on it already is passed on as the same object.

        Raises
        ------
        DataError
            If `onto` names an image that the scan does not have, or the grid would hold more than 2^30 voxels.
        """
        target = self.target(scan)
        images = {name: self._volume(image, target) for name, image in scan.images.items()}
        mask = scan.mask
        if mask is not None and mask.grid != target:
            labels = kernels.resample(mask.labels, mask.grid, target, method=self.options.labels)
            mask = LabelMap(labels, target, mask.scheme)
        return scan.replace(images=images, mask=mask)

    def target(self, scan: Scan) -> Grid:
        """The grid that everything is brought onto."""
        onto, spacing = self.options.onto, self.options.spacing_mm
        if onto and onto not in scan.images:
            raise DataError(f"case {scan.case.id}: no image {onto!r} to resample onto; it has {', '.join(scan.images)}")
        if onto:
            base = scan.images[onto].grid
        elif scan.mask is not None:
            base = scan.mask.grid
        elif scan.images:
            base = next(iter(scan.images.values())).grid
        else:
            raise DataError(f"case {scan.case.id} has neither image nor mask to resample")
        if spacing is None:
            return base
        triple = spacing if isinstance(spacing, tuple) else (spacing, spacing, spacing)
        voxels = np.prod([n * old / (new or old) for n, old, new in zip(base.shape, base.spacing, triple, strict=True)])
        if voxels > MOST_VOXELS:
            raise DataError(
                f"case {scan.case.id}: {base.shape} at {base.spacing} mm becomes {voxels:.1e} voxels at {triple} mm, "
                f"more than {MOST_VOXELS}; choose a larger spacing_mm or crop first"
            )
        return respaced(base, triple)

    def _volume(self, image: Volume, target: Grid) -> Volume:
        if image.grid == target:
            return image
        data = image.data.astype(np.float32, copy=False)
        lowest, antialias = float(data.min()), self.options.antialias
        return Volume(kernels.resample(data, image.grid, target, antialias=antialias, fill=lowest), target)
