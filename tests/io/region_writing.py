"""DICOM contours (RTSTRUCT) and segments (SEG) written by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dicom_writing import NAME, uid
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from spinefx.api import Grid


def plain(kind: str, sop: str, **fields: Any) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = f"1.2.840.10008.5.1.4.1.1.{sop}"
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid(kind, str(fields))
    header.Modality, header.PatientID, header.PatientName = kind, "P1", NAME
    header.StudyInstanceUID, header.SeriesInstanceUID = uid("P1", "study"), uid("P1", kind)
    header.FrameOfReferenceUID = uid("P1", "frame")
    for name, value in fields.items():
        setattr(header, name, value)
    return header


def item(**fields: Any) -> Dataset:
    header = Dataset()
    for name, value in fields.items():
        setattr(header, name, value)
    return header


def around(mask: np.ndarray, grid: Grid, *, shift: float = 0.0) -> list[np.ndarray]:
    """A contour about the box of true voxels in every slice, half a voxel outside their centres; index units -> world."""
    out = []
    for plane in np.flatnonzero(mask.any(axis=(1, 2))):
        rows, columns = np.nonzero(mask[plane])
        (r0, r1), (c0, c1) = ((int(v.min()) - 0.5, int(v.max()) + 0.5) for v in (rows, columns))
        corners = [(plane + shift, r, c) for r, c in ((r0, c0), (r0, c1), (r1, c1), (r1, c0))]
        out.append(grid.to_world(np.array(corners)))
    return out


def structure_set(
    regions: Mapping[str, list[np.ndarray]], *, series: str = "1", kind: str = "CLOSED_PLANAR"
) -> Dataset:
    names = [item(ROINumber=n, ROIName=name) for n, name in enumerate(regions, 1)]
    contours = []
    for number, listed in enumerate(regions.values(), 1):
        drawn = [
            item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=[f"{v:.9g}" for v in points.ravel()])
            for points in listed
        ]  # fmt: skip
        contours.append(item(ReferencedROINumber=number, ContourSequence=Sequence(drawn)))
    reference = item(SeriesInstanceUID=uid("P1", series))
    study = item(RTReferencedSeriesSequence=Sequence([reference]))
    frame = item(FrameOfReferenceUID=uid("P1", "frame"), RTReferencedStudySequence=Sequence([study]))
    return plain(
        "RTSTRUCT", "481.3", StructureSetROISequence=Sequence(names), ROIContourSequence=Sequence(contours),
        ReferencedFrameOfReferenceSequence=Sequence([frame]),
    )  # fmt: skip


def segmentation(segments: Mapping[str, np.ndarray], kind: str, grid: Grid) -> Dataset:
    """Frames in no order, those that are empty left out, as writers do."""
    frames, values = [], []
    for number, mask in enumerate(segments.values(), 1):
        for plane in np.random.default_rng(2).permutation(len(mask)):
            if not mask[plane].any():
                continue
            position = item(ImagePositionPatient=[f"{v:.9g}" for v in grid.to_world((int(plane), 0, 0))])
            group = item(PlanePositionSequence=Sequence([position]))
            if kind == "LABELMAP":
                values.append(np.where(mask[plane], number, 0).astype(np.uint8))
            else:
                group.SegmentIdentificationSequence = Sequence([item(ReferencedSegmentNumber=number)])
                values.append(mask[plane].astype(np.uint8) * (200 if kind == "FRACTIONAL" else 1))
            frames.append(group)
    packed = np.stack(values)
    bits = 1 if kind == "BINARY" else 8
    shared = item(
        PixelMeasuresSequence=Sequence([item(PixelSpacing=list(grid.spacing[1:]))]),
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[f"{v:.9g}" for v in grid.direction[:, :2].T.ravel()])]),
    )  # fmt: skip
    return plain(
        "SEG", "66.4" if kind != "LABELMAP" else "66.7", SegmentationType=kind, NumberOfFrames=len(packed),
        Rows=packed.shape[1], Columns=packed.shape[2], SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=0, MaximumFractionalValue=200,
        SegmentSequence=Sequence([item(SegmentNumber=n, SegmentLabel=name) for n, name in enumerate(segments, 1)]),
        SharedFunctionalGroupsSequence=Sequence([shared]), PerFrameFunctionalGroupsSequence=Sequence(frames),
        ReferencedSeriesSequence=Sequence([item(SeriesInstanceUID=uid("P1", "1"))]),
        PixelData=pack_bits(packed) if kind == "BINARY" else packed.tobytes(),
    )  # fmt: skip
