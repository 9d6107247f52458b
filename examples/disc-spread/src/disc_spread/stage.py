"""What `disc-spread` measures."""

from __future__ import annotations

import numpy as np

from disc_spread import Options
from disc_spread.arithmetic import scaled
from spinefx.api import Features, LabelMap, Row, Scan, Structure

MEANING = {
    "volume_mm3": "number of voxels times the volume of one",
    "spread_mm": "root mean square distance of the structure's voxels from their centroid",
}


class Stage:
    """Measures each structure by its voxels, in world millimetres."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def measure(self, scan: Scan) -> Features:
        """One row per structure; DataError where the scan has no mask."""
        mask = scan.require_mask()
        rows, values = [], []
        for structure in mask.structures():
            if structure.kind in self.options.kinds and mask.volume_ml(structure) >= self.options.least_ml:
                rows.append(Row(scan.case.id, scan.case.patient, structure.kind, structure.level))
                values.append(self._measured(mask, structure))
        return Features.of_rows(rows, values, meaning=MEANING)

    def _measured(self, mask: LabelMap, structure: Structure) -> dict[str, float]:
        index = np.argwhere(mask.mask_of(structure)).astype(np.float32)
        centred = index - index.mean(axis=0)
        along = [scaled(centred[:, axis], mask.grid.spacing[axis], 0.0) for axis in range(3)]  # voxels become mm
        squared = np.sum(np.square(along, dtype=np.float64), axis=0)
        return {"volume_mm3": len(index) * mask.grid.voxel_mm3, "spread_mm": float(np.sqrt(squared.mean()))}
