"""DICOM series for tests, written slice by slice with pydicom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from spinefx.api import Grid

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "PT": "1.2.840.10008.5.1.4.1.1.128"}
NAME, BORN = "Musterfrau^Erika", "19430723"


def uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=[str(part) for part in parts]))


def one_slice(values: np.ndarray, grid: Grid, number: int, kind: str, **changes: Any) -> Dataset:
    """A slice of a series; `changes` by keyword, None to leave one out."""
    _, dy, dx = grid.spacing
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    series = changes.pop("series", "1")
    patient = changes.get("PatientID", "P1")
    fields: dict[str, Any] = {
        "SOPClassUID": CLASSES[kind], "Modality": kind, "PatientID": patient, "PatientName": NAME,
        "PatientBirthDate": BORN, "PatientSex": "F", "PatientAge": "077Y", "StudyDate": "20200102", "StudyTime": "100000",
        "StudyInstanceUID": uid(patient, "study"), "SeriesInstanceUID": uid(patient, series),
        "SOPInstanceUID": uid(patient, series, number), "SeriesNumber": 1, "SeriesDescription": f"series {series}",
        "FrameOfReferenceUID": uid(patient, "frame"), "InstanceNumber": 1000 - number,
        "Rows": values.shape[0], "Columns": values.shape[1], "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
        "PixelRepresentation": 1, "PixelSpacing": [dy, dx],
        "ImagePositionPatient": [f"{v:.9g}" for v in grid.to_world((number, 0, 0))],
        "ImageOrientationPatient": [f"{v:.9g}" for v in grid.direction[:, :2].T.ravel()],
        "RescaleSlope": 1, "RescaleIntercept": 0, "PixelData": values.astype("<i2").tobytes(),
    }  # fmt: skip
    for name, value in (fields | changes).items():
        if value is not None:
            setattr(header, name, value)
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    return header


def write_series(
    folder: Path,
    data: np.ndarray,
    grid: Grid,
    kind: str = "MR",
    *,
    edit: Callable[[Dataset, int], None] | None = None,
    skip: tuple[int, ...] = (),
    **changes: Any,
) -> list[Path]:
    """Write a series with names that say nothing, in no order; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(len(data)).permutation(len(data))
    paths = []
    for name, number in enumerate(order):
        if number in skip:
            continue
        header = one_slice(data[number], grid, int(number), kind, **dict(changes))
        if edit is not None:
            edit(header, int(number))
        paths.append(folder / f"{changes.get('series', '')}I{name:04d}")
        header.save_as(paths[-1], enforce_file_format=True)
    return paths


def radiopharmacy(**changes: Any) -> Sequence:
    item = Dataset()
    fields = {
        "RadionuclideTotalDose": 3.5e8, "RadionuclideHalfLife": 6586.2, "RadiopharmaceuticalStartTime": "090000",
    }  # fmt: skip
    for name, value in (fields | changes).items():
        if value is not None:
            setattr(item, name, value)
    return Sequence([item])


PET = {
    "Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["ATTN", "DECY"], "PatientWeight": 70.0,
    "SeriesDate": "20200102", "SeriesTime": "100000", "AcquisitionDate": "20200102", "AcquisitionTime": "100500",
    "series": "pet",
}  # fmt: skip
"""What makes a series PET whose SUV factor is `PET_FACTOR`."""

PET_FACTOR = 70_000 / 3.5e8 * 2 ** (3600 / 6586.2)
