"""DICOM headers as spinefx needs them: one record per slice, read in bounds, with nothing of the patient but an id.

Errors name the kind of trouble and never a value: a value may be somebody's name.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinefx.api import DataError, GridError
from spinefx_io.gate import regular_file
from spinefx_io.names import name_words

if TYPE_CHECKING:
    from pydicom import Dataset

KINDS = {"CT": "ct", "PT": "pet", "MR": "mr"}
"""DICOM's modality -> the name that a series bears where nothing else is said."""

REGIONS = ("RTSTRUCT", "SEG")
"""Modalities that hold contours or segments of a series, and no image."""

_START = 1 << 20
_MOST = 64 << 20
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_DISCOVERY = [
    "SOPClassUID", "SOPInstanceUID", "Modality", "Manufacturer", "ManufacturerModelName", "PatientName", "PatientID",
    "PatientSex", "PatientAge", "StudyDate", "StudyTime", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "SeriesDescription", "MagneticFieldStrength", "FrameOfReferenceUID", "Rows", "Columns",
    "ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence",
]  # fmt: skip
_NO_PICTURES = tuple(f"1.2.840.10008.{end}" for end in ("1.3.10", "5.1.4.1.1.7", "5.1.4.1.1.66", "5.1.4.1.1.88"))
"""Classes that are no scans: directories, secondary captures, raw data and segmentations, reports."""


@dataclass(frozen=True)
class Found:
    """What discovery keeps of one file; ids and descriptions stay in memory.

    name_words : words of the patient's name, kept to take them out of what is shown.
    drawn_on : of contours and segments, the series that they belong to; "" where the file does not say.
    """

    path: Path
    kind: str
    patient: str
    name_words: frozenset[str]
    study: str
    date: str
    series: str
    number: int
    description: str
    instance: str
    frame_of_reference: str
    facts: Mapping[str, str | float] = field(default_factory=dict)
    drawn_on: str = ""


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a series: where it lies, and how its stored numbers become values.

    position : (x, y, z) of the first pixel's centre, LPS, mm.   along : unit vectors of rows and columns, 6 numbers.
    spacing : mm between rows, between columns.   frame : number within its file.
    """

    path: Path
    frame: int
    frames: int
    rows: int
    columns: int
    position: tuple[float, float, float]
    along: tuple[float, ...]
    spacing: tuple[float, float]
    slope: float
    intercept: float


def looks_dicom(path: Path, *, root: Path) -> bool:
    """Whether a file begins as DICOM does; pipes and devices do not, and links that lead out of `root` are not followed."""
    try:
        if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except (OSError, RuntimeError):
        return False


def found_in(path: Path, *, root: Path) -> Found | None:
    """What a file is, for discovery; None where it is neither an image of CT, MR or PET nor regions drawn on one.

    Raises
    ------
    DataError
        If it cannot be read as DICOM, or lacks the UIDs that put it into a series.
    """
    regular_file(path, root=root)
    with reading():
        header = _dataset(path, tags=_DISCOVERY)
        sop, kind = (
            _text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", "")),
            _text(header, "Modality"),
        )
        if sop.startswith(_NO_PICTURES) and kind not in REGIONS:
            return None
        if not kind:
            raise DataError("has no Modality; is it cut off?")
        if kind not in (*KINDS, *REGIONS):
            return None
        if kind in KINDS and not (header.get("Rows") and header.get("Columns")):
            raise DataError("has no Rows and Columns; is it cut off?")
        series, study = _text(header, "SeriesInstanceUID"), _text(header, "StudyInstanceUID")
        if not series:
            raise DataError("has no SeriesInstanceUID: which series is it of?")
        return Found(
            path, kind, _text(header, "PatientID"), name_words(header.get("PatientName")), study,
            _text(header, "StudyDate") + _text(header, "StudyTime"), series, int(_number(header, "SeriesNumber")),
            _text(header, "SeriesDescription"), _text(header, "SOPInstanceUID"), _text(header, "FrameOfReferenceUID"),
            _facts(header), _drawn_on(header) if kind in REGIONS else "",
        )  # fmt: skip


def _drawn_on(header: Dataset) -> str:
    """The series that contours or segments refer to; "" where the file does not say, or names several."""
    parts = list(header.get("ReferencedSeriesSequence") or ())
    for frame in header.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            parts += study.get("RTReferencedSeriesSequence") or ()
    series = {_text(part, "SeriesInstanceUID") for part in parts} - {""}
    return series.pop() if len(series) == 1 else ""


def header_of(path: Path, *, root: Path) -> Dataset:
    """The whole header of one file, without its pixels; DataError where it cannot be read."""
    regular_file(path, root=root)
    with reading():
        return _dataset(path)


def slices_of(path: Path, header: Dataset) -> list[Slice]:
    """The slices of one file: one, or a frame each of an enhanced (multi-frame) one.

    Raises
    ------
    DataError
        If it is no grey image, or a multi-frame file without the groups that say where each frame lies.
    GridError
        If position, orientation or spacing are missing or not finite.
    """
    with reading():
        if int(header.get("SamplesPerPixel") or 1) != 1:
            raise DataError("is a colour picture, wanted grey values")
        count = int(header.get("NumberOfFrames") or 1)
        groups: Sequence[Any] = header.get("PerFrameFunctionalGroupsSequence") or ()
        if count > 1 and len(groups) != count:
            raise DataError(
                f"is a file of {count} frames that does not say where each lies (PerFrameFunctionalGroupsSequence has "
                f"{len(groups)}); export it as one file a slice"
            )
        shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
        if not groups:
            return [_slice(path, header, [header], 0, 1)]
        return [_slice(path, header, _places(group, shared, header), i, count) for i, group in enumerate(groups)]


@contextmanager
def reading() -> Iterator[None]:
    """Within it pydicom keeps quiet (its warnings quote values), and what it raises becomes a DataError."""
    from pydicom import config

    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a parser of foreign files fails in many ways
        raise DataError(f"cannot be read as DICOM ({type(error).__name__})") from None
    finally:
        config.settings.reading_validation_mode = before


def _dataset(path: Path, *, tags: list[str] | None = None) -> Dataset:
    from pydicom import dcmread

    with path.open("rb") as file:
        start = file.read(_START)
        if _DEFLATED in start[:4096]:
            raise DataError("is deflated as a whole (transfer syntax 1.2.840.10008.1.2.1.99); store it uncompressed")
        header = dcmread(io.BytesIO(start), stop_before_pixels=True, specific_tags=tags)
        if ("Rows" not in header or "PixelRepresentation" not in header or _frames(header)) and len(start) == _START:
            start += file.read(_MOST - _START)
            header = dcmread(io.BytesIO(start), stop_before_pixels=True, specific_tags=tags)
    return header


def _frames(header: Dataset) -> bool:
    return int(header.get("NumberOfFrames") or 1) > 1


def _places(group: Any, shared: Any, header: Dataset) -> list[Any]:
    """Where a frame's values may stand: its own groups, the shared ones, the file's top."""
    names = (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
    )
    own = [item for part in (group, shared) if part is not None for name in names for item in part.get(name) or ()]
    return [*own, header]


def _slice(path: Path, header: Dataset, places: list[Any], frame: int, frames: int) -> Slice:
    position = _vector(places, "ImagePositionPatient", 3)
    spacing = _vector(places, "PixelSpacing", 2)
    slope, intercept = (_first(places, name) for name in ("RescaleSlope", "RescaleIntercept"))
    if slope == 0.0:
        raise DataError("has RescaleSlope 0")
    return Slice(
        path, frame, frames, int(header.Rows), int(header.Columns), (position[0], position[1], position[2]),
        _vector(places, "ImageOrientationPatient", 6), (spacing[0], spacing[1]),
        1.0 if slope is None else slope, intercept or 0.0,
    )  # fmt: skip


def _vector(places: list[Any], name: str, count: int) -> tuple[float, ...]:
    for place in places:
        if (values := place.get(name)) is not None:
            try:
                numbers = tuple(float(v) for v in values)
            except (TypeError, ValueError):
                numbers = ()
            if len(numbers) != count or not all(map(math.isfinite, numbers)):
                raise GridError(f"{name} must be {count} finite numbers")
            return numbers
    raise GridError(f"has no {name}; spinefx does not guess geometry")


def _first(places: list[Any], name: str) -> float | None:
    for place in places:
        if (value := place.get(name)) is not None:
            number = float(value)
            if not math.isfinite(number):
                raise DataError(f"{name} is not finite")
            return number
    return None


def _facts(header: Dataset) -> dict[str, str | float]:
    facts: dict[str, str | float] = {}
    for keyword, name in (
        ("PatientSex", "sex"),
        ("Manufacturer", "manufacturer"),
        ("ManufacturerModelName", "scanner"),
    ):
        if text := _text(header, keyword):
            facts[name] = text[:64]
    age = _text(header, "PatientAge")
    if age[:3].isdecimal() and age[3:] in "YMWD":
        facts["age"] = round(int(age[:3]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[age[3:] or "Y"], 2)
    if (tesla := _number(header, "MagneticFieldStrength")) > 0:
        facts["field_tesla"] = tesla
    return facts


def _text(header: Dataset, name: str) -> str:
    value = header.get(name)
    return "" if value is None else str(value).strip().strip("\0")


def _number(header: Dataset, name: str) -> float:
    try:
        value = float(_text(header, name) or 0.0)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e9 else 0.0
