"""What all segmenters of others do: write the scan, run the tool, read its label map, say what the values mean."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, LabelMap, Scan, Scheme, Volume, recounted, scheme
from spinefx_segment.instances import carried, named
from spinefx_segment.outside.options import OutsideOptions
from spinefx_segment.views import View, chosen, spacing_of

KINDS = ("vertebra", "disc", "canal")


@dataclass(frozen=True)
class Meaning:
    """What the values of a tool's map are: structures of a scheme, or kinds alone."""

    scheme: Scheme | None = None
    classes: dict[int, str] | None = None


class Tool(Protocol):
    """One tool: how its map of a scan is come by."""

    name: str

    def ready(self) -> Meaning:
        """What its values will mean; raises where the tool, or trust in its model, is missing."""
        ...

    def draw(self, scan: Scan, volume: Volume, folder: Path) -> NDArray[np.uint16]:
        """Its label map on the grid of `volume`; files go into `folder`, which is taken away afterwards."""
        ...


class Outside:
    """A segmenter whose masks a tool of others makes."""

    def __init__(self, options: OutsideOptions, tool: Tool) -> None:
        self.options, self.tool = options, tool
        self._meaning: Meaning | None = None

    def segment(self, scan: Scan) -> Scan:
        """The scan with the tool's mask on the grid of the segmented image, and notes.

        Raises
        ------
        PluginError
            If the tool is not there; it says how to get it.
        DataError
            If there is no such image, the model is not trusted, or no structure is found.
        GridError, SchemeError
            If the tool's map lies elsewhere, or holds values without a meaning.
        StageError
            If the tool fails.
        """
        if self.options.replace == "missing" and scan.mask is not None:
            return scan
        volume = chosen(scan, self.options.image)
        self._meaning = self._meaning or self.tool.ready()
        with tempfile.TemporaryDirectory(prefix="spinefx-") as folder:
            labels = self.tool.draw(scan, volume, Path(folder))
        mask, notes = self._named(labels, volume, self._meaning)
        if not mask.structures():
            raise DataError(f"case {scan.case.id}: {self.tool.name} finds no structure in it; is it a scan of a spine?")
        return scan.replace(mask=mask, notes=(*scan.notes, *notes))

    def _named(self, labels: NDArray[np.uint16], volume: Volume, meaning: Meaning) -> tuple[LabelMap, list[str]]:
        if meaning.scheme is not None:
            kept = np.where(np.isin(labels, list(meaning.scheme.ignored)), np.uint16(0), labels)
            return LabelMap(kept, volume.grid, meaning.scheme).check_scheme(), []
        table = np.zeros(65536, np.uint8)
        for value, kind in (meaning.classes or {}).items():
            table[value] = KINDS.index(kind) + 1
        classes = table[labels]
        grid = View(spacing_of(volume.grid)).grid(volume.grid)
        seen = kernels.resample(classes.astype(np.uint16), volume.grid, grid, method="nearest")
        found, notes = named(seen, grid, KINDS, least_ml=self.options.least_ml)
        mask = LabelMap(carried(found, grid, classes, volume.grid, KINDS), volume.grid, scheme("spider"))
        if self.options.lowest != "L5" and mask.structures("vertebra") + mask.structures("disc"):
            mask = recounted(mask, lowest=self.options.lowest)
        return mask, notes
