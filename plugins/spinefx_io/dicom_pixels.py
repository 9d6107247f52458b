"""Stored pixel values of a DICOM file: through pydicom where they lie plain or run-length encoded, else through GDCM.

GDCM (SimpleITK's) sees a copy that holds the pixels and their sizes alone: it would rescale by rules of its own, and a
copy on disk must know nothing of the patient.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError
from spinefx_io.dicom_header import Slice, reading
from spinefx_io.gate import regular_file

if TYPE_CHECKING:
    from pydicom import Dataset

_RLE = "1.2.840.10008.1.2.5"
_KEPT = (
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "NumberOfFrames", "PixelData",
)  # fmt: skip
_EVEN = 8


def stored_values(one: Slice, *, root: Path) -> NDArray[Any]:
    """(frames, rows, columns) numbers as they are stored, before rescaling.

    Raises
    ------
    DataError
        If the pixels are cut off, do not decode, or are not as many as the header says.
    """
    regular_file(one.path, root=root)
    with reading():
        from pydicom import dcmread

        dataset = dcmread(io.BytesIO(one.path.read_bytes()))
        syntax = dataset.file_meta.TransferSyntaxUID
        wanted = (one.frames, one.rows, one.columns)
        if not syntax.is_compressed:
            need = int(np.prod(wanted)) * int(dataset.BitsAllocated) // _EVEN
            pixels = dataset.get("PixelData") or dataset.get("FloatPixelData") or b""
            if len(pixels) < need:
                raise DataError(f"holds {len(pixels)} of {need} bytes of pixels: cut off")
        data = dataset.pixel_array if not syntax.is_compressed or syntax == _RLE else _through_gdcm(dataset)
        if data.size != int(np.prod(wanted)):
            raise DataError(f"decodes to {data.size} pixels, its header says {' x '.join(map(str, wanted))}")
        values: NDArray[Any] = data.reshape(wanted)
        return values


def _through_gdcm(dataset: Dataset) -> NDArray[Any]:
    import SimpleITK
    from pydicom import Dataset as Plain
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, SecondaryCaptureImageStorage

    itk: Any = SimpleITK
    bare, bare.file_meta = Plain(), FileMetaDataset()
    for name in _KEPT:
        if name in dataset:
            bare[name] = dataset[name]
    bare.SOPClassUID = bare.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    bare.SOPInstanceUID = bare.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    with tempfile.TemporaryDirectory(prefix="spinefx-") as folder:
        path = Path(folder) / "pixels.dcm"
        bare.save_as(path, enforce_file_format=True)
        reader = itk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetImageIO("GDCMImageIO")
        try:
            values: NDArray[Any] = itk.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise DataError("its compressed pixels cannot be decoded") from error
    return values
