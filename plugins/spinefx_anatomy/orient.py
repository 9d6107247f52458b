"""Axes of images and mask reordered and flipped to a named orientation; no voxel changes its value or its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinefx.api import Scan, oriented

if TYPE_CHECKING:
    from spinefx_anatomy.options import OrientOptions


class Orient:
    """Turns images and mask to `options.to`."""

    def __init__(self, options: OrientOptions) -> None:
        self.options = options

    def process(self, scan: Scan) -> Scan:
        """The scan in the wanted orientation; what is there already is passed on as the same object."""
        return oriented(scan, self.options.to)
