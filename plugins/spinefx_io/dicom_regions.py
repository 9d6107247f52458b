"""Masks that DICOM keeps as contours (RTSTRUCT) or segments (SEG), drawn onto the grid of the series they belong to.

A region is known by its name alone (ROIName, SegmentLabel); the option `regions` says what each name means.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Grid, GridError, LabelMap, Scheme
from spinefx_io.dicom_header import Slice, header_of, reading, slices_of
from spinefx_io.dicom_pixels import stored_values
from spinefx_io.names import name_words, without_person

if TYPE_CHECKING:
    from pydicom import Dataset

_OFF_PLANE, _OFF_PIXEL = 0.25, 0.05
_MOST_BYTES = 64 << 20
_MOST_REGIONS = 4096

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """Which regions make the mask: pattern of a region's name -> mask value, and the scheme of these values."""

    values: Mapping[str, int]
    scheme: Scheme

    @classmethod
    def of(cls, regions: Mapping[str, str]) -> Wanted:
        """What the option says: pattern -> kind and level; SchemeError where one is none."""
        texts = {text: number for number, text in enumerate(dict.fromkeys(regions.values()), start=1)}
        scheme = Scheme.parse("regions", {str(number): text for text, number in texts.items()})
        return cls({pattern.casefold(): texts[text] for pattern, text in regions.items()}, scheme)

    def value(self, name: str) -> int:
        """The mask value of a region; 0 where no pattern has its name."""
        folded = name.strip().casefold()
        return next((value for pattern, value in self.values.items() if fnmatch.fnmatchcase(folded, pattern)), 0)


def drawn(
    paths: Sequence[Path], grid: Grid, wanted: Wanted, *, root: Path, budget_bytes: int
) -> tuple[LabelMap, list[str]]:
    """The mask that the regions of some files make on `grid`, and what a reader must know of it.

    Where regions overlap, the one named first in `regions` keeps the voxel, and the note says how many.

    Raises
    ------
    DataError
        If a file cannot be read or no region has a name that is wanted.
    GridError
        If contours do not lie in the slices of `grid`, or segments lie on another grid.
    """
    masks: dict[int, Mask] = {}
    left_out: list[str] = []
    notes: list[str] = []
    for path in paths:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"a file of regions has more than {_MOST_BYTES >> 20} MB; export fewer regions")
        header = header_of(path, root=root)
        with reading():
            is_contours = "ROIContourSequence" in header
            source = (
                _contours(header, grid, wanted, notes)
                if is_contours
                else _segments(path, header, grid, wanted, root, budget_bytes)
            )
            for name, value, mask in source:
                if mask is None:
                    left_out.append(
                        without_person(name, name_words(header.get("PatientName")), str(header.get("PatientID") or ""))
                    )
                else:
                    masks[value] = masks[value] | mask if value in masks else mask
    if not masks:
        raise DataError(f"none of its regions has a name that `regions` wants; it has {_listed(left_out)}")
    labels = np.zeros(grid.shape, np.uint16)
    shared = 0
    for value in sorted(masks):
        shared += int((masks[value] & (labels > 0)).sum())
        labels[masks[value] & (labels == 0)] = value
    notes += [f"regions overlap in {shared} voxels; the one named first keeps them"] if shared else []
    notes += [f"{len(left_out)} regions that `regions` does not name are left out"] if left_out else []
    return LabelMap(labels, grid, wanted.scheme), notes


def _contours(header: Dataset, grid: Grid, wanted: Wanted, notes: list[str]) -> Iterator[tuple[str, int, Mask | None]]:
    """(name, value, mask or None where it is not wanted) of every region of a structure set."""
    names = {int(roi.ROINumber): str(roi.get("ROIName") or "") for roi in header.get("StructureSetROISequence") or ()}
    for roi in header.ROIContourSequence[:_MOST_REGIONS]:
        name = names.get(int(roi.ReferencedROINumber), "")
        value = wanted.value(name)
        if not value:
            yield name, 0, None
            continue
        mask = np.zeros(grid.shape, bool)
        for contour in roi.get("ContourSequence") or ():
            kind = str(contour.get("ContourGeometricType") or "")
            if not kind.startswith("CLOSED_PLANAR") and kind != "CLOSEDPLANAR_XOR":
                notes.append(f"a contour of type {kind[:16]!r} encloses nothing and is left out")
                continue
            _fill(mask, _points(contour), grid)
        there = np.flatnonzero(mask.any(axis=(1, 2)))
        if not len(there):
            raise GridError("a region that `regions` names encloses no voxel; was it drawn on another series?")
        skipped = int(there[-1] - there[0] + 1 - len(there))
        notes += [f"{skipped} slices amid a region bear no contour; they stay empty"] if skipped else []
        yield name, value, mask


def _points(contour: Dataset) -> NDArray[np.float64]:
    """(n, 3) world points of a contour, from the bytes as they stand: pydicom's numbers take 50 times as long."""
    raw = contour.get_item("ContourData")
    value: Any = getattr(raw, "value", b"")
    try:
        numbers = np.array(value.split(b"\\") if isinstance(value, bytes) else list(value), np.float64)
        points = numbers.reshape(-1, 3)
    except (TypeError, ValueError):
        raise DataError("holds a contour whose points are no numbers in threes") from None
    if not np.isfinite(points).all():
        raise GridError("holds a contour with points that are not finite")
    return points


def _fill(mask: Mask, points: NDArray[np.float64], grid: Grid) -> None:
    """Turn over every voxel of one slice whose centre the contour encloses: a second contour inside cuts a hole."""
    from skimage.draw import polygon

    if len(points) < 3:
        return
    index = grid.to_index(points)
    plane = round(float(index[:, 0].mean()))
    if np.abs(index[:, 0] - plane).max() > _OFF_PLANE:
        raise GridError("contours do not lie in the slices of its series; were they drawn on another?")
    if 0 <= plane < grid.shape[0]:
        rows, columns = polygon(index[:, 1], index[:, 2], grid.shape[1:])  # type: ignore[no-untyped-call]
        mask[plane, rows, columns] ^= True


def _segments(
    path: Path, header: Dataset, grid: Grid, wanted: Wanted, root: Path, budget_bytes: int
) -> Iterator[tuple[str, int, Mask | None]]:
    """The same of every segment of a segmentation."""
    names = {
        int(part.SegmentNumber): str(part.get("SegmentLabel") or "") for part in header.SegmentSequence[:_MOST_REGIONS]
    }
    names.pop(0, None)  # a label map's background
    frames = slices_of(path, header)
    if (need := frames[0].frames * frames[0].rows * frames[0].columns) > budget_bytes:
        raise DataError(f"needs {need / 1e9:.1f} GB, the budget is {budget_bytes / 1e9:.1f} GB; raise `budget_gb`")
    values = stored_values(frames[0], root=root)
    kind = str(header.get("SegmentationType") or "BINARY")
    least = 1.0 if kind != "FRACTIONAL" else 0.5 * float(header.MaximumFractionalValue)
    planes = [_plane(one, grid) for one in frames]
    owners = None if kind == "LABELMAP" else [_segment(group) for group in header.PerFrameFunctionalGroupsSequence]
    for number, name in names.items():
        value = wanted.value(name)
        if not value:
            yield name, 0, None
            continue
        mask = np.zeros(grid.shape, bool)
        for i, plane in enumerate(planes):
            if owners is None:
                mask[plane] |= values[i] == number
            elif owners[i] == number:
                mask[plane] |= values[i] >= least
        yield name, value, mask


def _segment(group: Any) -> int:
    return int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def _plane(one: Slice, grid: Grid) -> int:
    """The slice of `grid` that a frame is; GridError where its corners are not that slice's."""
    row, column = np.array(one.along[:3]), np.array(one.along[3:])
    start = np.array(one.position)
    far = start + row * one.spacing[1] * (one.columns - 1) + column * one.spacing[0] * (one.rows - 1)
    first, last = grid.to_index(start), grid.to_index(far)
    plane = round(float(first[0]))
    corners = np.array([first - (plane, 0, 0), last - (plane, grid.shape[1] - 1, grid.shape[2] - 1)])
    if (
        (one.rows, one.columns) != grid.shape[1:]
        or np.abs(corners).max() > _OFF_PIXEL
        or not 0 <= plane < grid.shape[0]
    ):
        raise GridError("segments lie on another grid than their series; export them on its grid")
    return plane


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:8])
    return (f"{shown}, and {len(names) - 8} more" if len(names) > 8 else shown) or "none"
