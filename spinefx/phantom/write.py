"""A phantom cohort on disk, laid out as SPIDER is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spinefx.contract.scan import Volume
from spinefx.phantom.cohort import Scanner, scan_of
from spinefx.phantom.contrast import Modality
from spinefx.phantom.draw import draw_patient
from spinefx.phantom.metaimage import metaimage_bytes, write_whole
from spinefx.phantom.tables import annotations_bytes, gradings_bytes, overview_bytes, truth_bytes


def write_cohort(
    folder: Path,
    *,
    patients: int = 40,
    seed: int = 0,
    levels: int = 6,
    series: Sequence[Modality] = ("t2",),
    scanner: Scanner | None = None,
    images: bool = True,
) -> None:
    """Write a cohort into `folder`: the same bytes for the same arguments.

    images/<id>_<series>.mha, masks/<id>_<series>.mha (int16, on the image's grid), overview.csv,
    radiological_gradings.csv, annotations.xlsx and truth.csv (what a perfect instrument would measure, columns named
    as features). Tables come last, so a folder with tables is complete.

    Parameters
    ----------
    levels : int
        Labelled vertebrae from L5 upwards, 3 to 7.
    scanner : Scanner
        Spacing, obliquity, orientation, noise; a coarse `spacing_mm` makes small files.
    images : bool
        Without, masks and tables alone.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    machine = scanner or Scanner()
    drawn = [draw_patient(seed, number, levels=levels) for number in range(1, patients + 1)]
    for patient in drawn:
        volumes, mask = scan_of(patient, seed=seed, scanner=machine, modalities=tuple(series) if images else ())
        content = metaimage_bytes(mask.labels.astype(np.int16), mask.grid)
        for name in series:
            if images:
                write_whole(folder / "images" / f"{patient.id}_{name}.mha", _image_bytes(volumes[name]))
            write_whole(folder / "masks" / f"{patient.id}_{name}.mha", content)
    write_whole(folder / "overview.csv", overview_bytes(drawn, series, machine.spacing_mm))
    write_whole(folder / "radiological_gradings.csv", gradings_bytes(drawn))
    write_whole(folder / "annotations.xlsx", annotations_bytes(drawn))
    write_whole(folder / "truth.csv", truth_bytes(drawn, series))


def _image_bytes(volume: Volume) -> bytes:
    whole = np.clip(np.rint(volume.data), -32768, 32767).astype(np.int16)
    return metaimage_bytes(whole, volume.grid)
