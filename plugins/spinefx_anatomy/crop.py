"""Images and mask cut to the structures of interest and a margin around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Grid, LabelMap, Scan, Volume

if TYPE_CHECKING:
    from spinefx_anatomy.options import CropOptions

Floats = NDArray[np.float64]


class Crop:
    """Cuts every image, on its own grid, to the box around the structures."""

    def __init__(self, options: CropOptions) -> None:
        self.options = options

    def process(self, scan: Scan) -> Scan:
        """The scan, smaller; nothing outside the old fields of view is made up.

        Raises
        ------
        DataError
            If the mask is missing or holds none of the structures, or an image does not reach them.
        """
        mask = scan.require_mask()
        start, stop = self._box(scan, mask)
        corners = mask.grid.crop(start, stop - start).corners()
        outer = np.array([(corners @ mask.grid.axes.T).min(axis=0), (corners @ mask.grid.axes.T).max(axis=0)])
        outer += np.outer([-1.0, 1.0], np.array(mask.grid.spacing) / 2)
        ends = np.array(np.meshgrid(*outer.T, indexing="ij")).reshape(3, -1).T @ mask.grid.axes
        labels = mask.labels[tuple(map(slice, start, stop))]
        smaller = LabelMap(labels, mask.grid.crop(start, stop - start), mask.scheme)
        images = {name: self._cut(scan, name, image, mask.grid, ends) for name, image in scan.images.items()}
        return scan.replace(images=images, mask=smaller)

    def _box(self, scan: Scan, mask: LabelMap) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        found = kernels.label_statistics(mask.labels, mask.grid)
        kinds = self.options.structures
        wanted = {mask.scheme.value_of(s) for s in mask.structures() if not kinds or s.kind in kinds}
        boxes = np.array([box for value, box in zip(found.value, found.box, strict=True) if int(value) in wanted])
        if not len(boxes):
            there = ", ".join(sorted({s.kind for s in mask.structures()})) or "nothing"
            raise DataError(
                f"case {scan.case.id}: no {' or '.join(kinds) or 'structure'} to crop to; mask holds {there}"
            )
        margin = np.ceil(self.options.margin_mm / np.array(mask.grid.spacing)).astype(np.intp)
        start = np.maximum(boxes[:, 0].min(axis=0) - margin, 0)
        stop = np.minimum(boxes[:, 1].max(axis=0) + margin, mask.grid.shape)
        return start.astype(np.intp), stop.astype(np.intp)

    def _cut(self, scan: Scan, name: str, image: Volume, grid: Grid, ends: Floats) -> Volume:
        index = image.grid.to_index(ends)
        start = np.maximum(np.floor(index.min(axis=0) + 0.5 + 1e-6), 0).astype(np.intp)
        stop = np.minimum(np.ceil(index.max(axis=0) + 0.5 - 1e-6), image.grid.shape).astype(np.intp)
        if (start >= stop).any():
            raise DataError(f"case {scan.case.id}: image {name!r} does not reach the structures of the mask")
        part = image.data[tuple(map(slice, start, stop))]
        return Volume(part, image.grid.crop(start, stop - start))
