"""From slices to a volume: sorted by where they lie, refused where they do not make one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Grid, GridError, Volume
from spinefx_io.dicom_header import Slice, header_of, reading, slices_of
from spinefx_io.dicom_pixels import stored_values
from spinefx_io.header import Header, check_geometry
from spinefx_io.suv import suv_factor

if TYPE_CHECKING:
    from pydicom import Dataset

_SAME_DIRECTION = 1e-3
_JITTER = 0.02
_PHILIPS, _GE = (0x7053, "Philips PET Private Group"), (0x0009, "GEMS_PETD_01")
_SUV_KEYWORDS = (
    "Units", "SUVType", "CorrectedImage", "DecayCorrection", "PatientWeight", "SeriesDate", "SeriesTime",
    "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration", "RadionuclideTotalDose",
    "RadionuclideHalfLife", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime",
)  # fmt: skip
_TILT_DEG = 0.3
_SUV_SPREAD = 1e-3


def read_series(paths: Sequence[Path], *, root: Path, budget_bytes: int, suv: bool) -> Volume:
    """The volume of a series: int16 where the values are whole and fit, else float32; PET in SUVbw if `suv`.

    Raises
    ------
    GridError
        For mixed orientations, sizes or spacings, positions that are missing or there twice, a tilted gantry.
    DataError
        For files that cannot be read or would not fit, constant images, or PET that allows no SUV.
    """
    slices: list[Slice] = []
    factors: set[float] = set()
    for path in paths:
        header = header_of(path, root=root)
        slices += slices_of(path, header)
        if suv and str(header.get("Modality")) == "PT":
            if "PerFrameFunctionalGroupsSequence" in header:
                raise DataError("is enhanced (multi-frame) PET, whose SUV is not supported; export one file a slice")
            factors.add(suv_factor(suv_header(header)))
    if factors and max(factors) / min(factors) - 1 > _SUV_SPREAD:
        raise DataError(f"its slices give SUV factors from {min(factors):.4g} to {max(factors):.4g}, wanted one")
    ordered, grid = arranged(slices)
    if (need := 8 * int(np.prod(grid.shape))) > budget_bytes:
        raise DataError(f"needs {need / 1e9:.1f} GB, the budget is {budget_bytes / 1e9:.1f} GB; raise `budget_gb`")
    return Volume(_values(ordered, grid, root, min(factors, default=1.0)), grid)


def arranged(slices: Sequence[Slice]) -> tuple[list[Slice], Grid]:
    """The slices in order along their normal, and the grid that they make."""
    first = slices[0]
    for what in ("rows", "columns"):
        if len(sizes := {getattr(one, what) for one in slices}) > 1:
            raise GridError(f"mixes slices of {' and '.join(map(str, sorted(sizes)))} {what}; they are several series")
    turned = np.array([one.along for one in slices])
    if np.abs(turned - turned[0]).max() > _SAME_DIRECTION:
        raise GridError("mixes orientations, as a localizer does; leave it out, or export each direction as a series")
    if np.ptp(np.array([one.spacing for one in slices]), axis=0).max() > 1e-3:
        raise GridError("mixes pixel spacings; they are several series")
    if len(slices) < 2:
        raise DataError("is one slice, a picture and not a volume; is the rest of the series missing?")
    row, column = np.array(first.along[:3]), np.array(first.along[3:])
    normal = np.cross(row, column)
    positions = np.array([one.position for one in slices])
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    step = _step(heights[order])
    _refuse_tilt(positions[order], normal)
    ordered = [slices[i] for i in order]
    direction = np.stack([row, column, normal], axis=1)
    spacing = (step, *first.spacing)
    check_geometry(
        Header(
            first.path, (first.columns, first.rows, len(slices)), spacing[::-1], ordered[0].position, direction,
            np.dtype("f4"), first.path, 0,
        )
    )  # fmt: skip
    return ordered, Grid((len(slices), first.rows, first.columns), spacing, ordered[0].position, direction)


def suv_header(header: Dataset) -> Mapping[str, Any]:
    """What SUV needs of a PET header, by keyword; vendors' private values among it."""
    with reading():
        sequence = header.get("RadiopharmaceuticalInformationSequence") or []
        out: dict[str, Any] = {}
        for place in (*sequence[:1], header):
            for name in _SUV_KEYWORDS:
                if (value := place.get(name)) is not None:
                    out[name] = value
        out["PhilipsPETPrivateGroup"] = {
            "SUVScaleFactor": _private(header, _PHILIPS, 0x00),
            "ActivityConcentrationScaleFactor": _private(header, _PHILIPS, 0x09),
        }
        out["GEPrivateScanDateTime"] = _private(header, _GE, 0x0D)
        return out


def _private(header: Dataset, block: tuple[int, str], element: int) -> str:
    try:
        value = header.private_block(*block)[element].value
    except KeyError:
        return ""
    return value.decode("ascii", "replace").strip("\0 ") if isinstance(value, bytes) else str(value)


def _step(heights: NDArray[np.float64]) -> float:
    """The distance between slices in mm; GridError where one is missing or there twice."""
    steps = np.diff(heights)
    step = float(np.median(steps))
    if twice := int((steps < max(0.05, 0.1 * step)).sum()):
        raise GridError(
            f"has {twice} slices at the place of another: several echoes, phases or time points in one series, "
            "or copies; export one of each"
        )
    step = float((heights[-1] - heights[0]) / (len(heights) - 1)) if np.ptp(steps) <= 2 * _JITTER * step else step
    wrong = np.flatnonzero(np.abs(steps - step) > max(_JITTER * step, 0.02))
    if len(wrong):
        at = int(wrong[0])
        raise GridError(
            f"has {len(wrong)} gaps: slices {at + 1} and {at + 2} are {steps[at]:.2f} mm apart, the others {step:.2f}; "
            "fetch the missing slices"
        )
    return step


def _refuse_tilt(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
    way = positions[-1] - positions[0]
    along = float(way @ normal)
    aside = float(np.linalg.norm(way - along * normal))
    tilt = float(np.degrees(np.arctan2(aside, abs(along))))
    if tilt > _TILT_DEG:
        raise GridError(f"is sheared by a gantry tilt of {tilt:.1f} degrees; resample it to straight axes first")


def _values(slices: Sequence[Slice], grid: Grid, root: Path, factor: float) -> NDArray[Any]:
    """(z, y, x) int16 or float32."""
    data = np.empty(grid.shape, np.float32)
    whole = factor == 1.0 and all(one.slope == 1.0 and one.intercept.is_integer() for one in slices)
    path, frames = None, None
    for target, one in zip(data, slices, strict=True):
        if one.path != path or frames is None:
            path, frames = one.path, stored_values(one, root=root)
            whole = whole and frames.dtype.kind in "iu"
        target[:] = (frames[one.frame] * np.float64(one.slope) + one.intercept) * factor
    if not np.isfinite(data).all():
        raise DataError("holds voxels that are NaN or infinite")
    low, high = float(data.min()), float(data.max())
    if low == high:
        raise DataError(f"is constant, every voxel is {low:g}: an empty or broken series")
    return data.astype(np.int16) if whole and low >= -32768 and high <= 32767 else data
