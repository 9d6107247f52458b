"""Segmenter `ct-bone`: vertebrae and canal of a CT by thresholds and planes; no model, no training, approximate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import DataError, Grid, LabelMap, Scan, Volume, recounted, reorient, scheme
from spinefx_anatomy.ct_bone import course, tissue, vertebrae
from spinefx_anatomy.options import CtBoneOptions

_CANAL = 100


class CtBone:
    """Bone by hysteresis, the canal by enclosure, vertebrae by the planes of the discs; named from L5 upwards."""

    def __init__(self, options: CtBoneOptions) -> None:
        self.options = options

    def segment(self, scan: Scan) -> Scan:
        """The scan with vertebrae and canal on the grid of the CT, and notes on what is doubtful.

        Raises
        ------
        DataError
            If there is no such image, it is no CT in Hounsfield units, or no spine is found in it.
        """
        if self.options.replace == "missing" and scan.mask is not None:
            return scan
        volume, case = self._image(scan), scan.case.id
        image, grid = _worked_on(volume)
        if not (float(image.min()) < -20 and float(image.max()) > 250):
            raise DataError(f"case {case}: intensities from {image.min():g} to {image.max():g} are no Hounsfield units")
        inside = tissue.patient(image)
        bones = tissue.bone(image, inside)
        sections = tissue.sections(image, inside, bones)
        line = course.course(sections, len(image) * tissue.STEP_MM)
        found = course.gaps(course.sagittal(image, line), line) if line is not None else []
        if line is None or len(found) < 2:
            raise DataError(
                f"case {case}: ct-bone finds no spine: {len(sections)} sections of canal, {len(found)} discs"
            )
        ahead, aside = vertebrae.beside(line, image.shape)
        found, doubt = vertebrae.on_sacrum(found, vertebrae.crest_mm(bones, aside))
        level = vertebrae.levels(found, ahead)
        hole = _canal(line, sections, bones, ahead, aside)
        labels = vertebrae.shared(bones, hole, found, ahead, aside, level)
        labels[hole & (labels == 0)] = _CANAL
        drawn = kernels.resample(labels, grid, volume.grid, method="label-smooth")
        mask = LabelMap(drawn, volume.grid, scheme("spider"))
        lowest = str(scan.case.facts.get("lowest_vertebra", self.options.lowest))
        thoracic = int(scan.case.facts.get("thoracic_vertebrae") or 12)
        if (lowest, thoracic) != ("L5", 12):
            mask = recounted(mask, lowest=lowest, thoracic=thoracic)
        notes = [
            "ct-bone is approximate: arches are shared out by planes, and bone thinner than its 2 mm steps is lost"
        ]
        return scan.replace(mask=mask, notes=(*scan.notes, *notes, *([f"ct-bone: {doubt}"] if doubt else [])))

    def _image(self, scan: Scan) -> Volume:
        name = self.options.image or ("ct" if "ct" in scan.images else min(scan.images, default=""))
        if name not in scan.images:
            there = ", ".join(sorted(scan.images)) or "none"
            raise DataError(f"case {scan.case.id} has no image {name or 'to segment'}; it has {there}")
        return scan.images[name]


def _worked_on(volume: Volume) -> tuple[tissue.Image, Grid]:
    """The image with axes to head, back and left, in cubes of `STEP_MM`."""
    data, grid = reorient(volume.data, volume.grid, "LPS")
    shape = [max(1, round(n * s / tissue.STEP_MM)) for n, s in zip(grid.shape, grid.spacing, strict=True)]
    step = (tissue.STEP_MM,) * 3
    first = [(tissue.STEP_MM / s - 1) / 2 for s in grid.spacing]
    x, y, z = grid.to_world(np.array(first))
    target = Grid((shape[0], shape[1], shape[2]), step, (x, y, z), grid.direction)
    return kernels.resample(data.astype(np.float32), grid, target, antialias=True), target


def _canal(
    line: course.Course,
    found: list[tissue.Section],
    bones: tissue.Mask,
    ahead: NDArray[np.float32],
    aside: NDArray[np.float32],
) -> tissue.Mask:
    """A tube of the sections' usual size around the course, where there is no bone."""
    radius = float(np.sqrt(np.median([section.area_mm2 for section in found]) / np.pi))
    known = (line.up >= line.low) & (line.up <= line.high)
    return (ahead**2 + aside**2 < radius**2) & known[:, None, None] & ~bones
