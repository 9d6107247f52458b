"""The segmenter for data that is segmented already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinefx.api import DataError, Scan

if TYPE_CHECKING:
    from spinefx_anatomy.options import MaskOptions


class Mask:
    """Keeps the loader's mask, once it is known to hold what its scheme says."""

    def __init__(self, options: MaskOptions) -> None:
        self.options = options

    def segment(self, scan: Scan) -> Scan:
        """The scan itself, with the very mask that the loader brought.

        Raises
        ------
        DataError
            If there is no mask, or an empty one.
        SchemeError
            If the mask holds values that its scheme does not know.
        """
        if scan.mask is None:
            raise DataError(
                f'case {scan.case.id} has no mask, and [segment] use = "mask" takes the one that the loader brings; '
                "point the loader at the masks, leave the case out, or name a segmenter that makes masks"
            )
        if not scan.mask.check_scheme().structures():
            raise DataError(f"case {scan.case.id}: the mask is empty (all {scan.mask.labels.size} voxels are 0)")
        return scan
