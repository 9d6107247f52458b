"""What flows through casework: volumes, a mask, the scan that holds them, and the samples cut from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.case import Case, frozen_mapping
from spinefx.contract.errors import DataError, GridError
from spinefx.contract.features import Row
from spinefx.contract.grid import Grid, frozen_array
from spinefx.contract.scheme import Scheme, Structure

_AT_ONCE = 1 << 18
"""Voxels counted at a time: NumPy widens what it counts to 8 bytes each."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Intensities on a grid.

    data : (z, y, x) float32 or int16, C-contiguous, read-only (converted where it is not).

    Raises
    ------
    GridError
        If the array's shape is not the grid's.
    DataError
        If the array is not three-dimensional numbers.
    """

    data: NDArray[np.float32] | NDArray[np.int16]
    grid: Grid

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        if data.dtype.kind not in "fiub":
            raise DataError(f"a volume holds numbers, got dtype {data.dtype}")
        if data.shape != self.grid.shape:
            raise GridError(f"volume has shape {data.shape}, its grid {self.grid.shape}")
        dtype = np.int16 if data.dtype == np.int16 else np.float32
        object.__setattr__(self, "data", frozen_array(data, dtype))

    def __repr__(self) -> str:
        return f"Volume({self.data.dtype}, {self.grid.shape}, {self.grid.spacing} mm)"


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A mask: one label per voxel, and the scheme that says what each means.

    labels : (z, y, x) uint16, C-contiguous, read-only (whole numbers of other types are converted).

    Raises
    ------
    GridError
        If the array's shape is not the grid's.
    DataError
        If a label is negative, above 65535 or not whole.
    SchemeError
        From `check_scheme`, if the mask holds values outside the scheme.
    """

    labels: NDArray[np.uint16]
    grid: Grid
    scheme: Scheme

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.shape != self.grid.shape:
            raise GridError(f"mask has shape {labels.shape}, its grid {self.grid.shape}")
        if labels.dtype != np.uint16:
            if labels.size and (labels.min() < 0 or labels.max() > 65535):
                raise DataError(f"mask values run from {labels.min():g} to {labels.max():g}, wanted 0..65535")
            whole = labels.astype(np.uint16)
            if labels.dtype.kind == "f" and not np.array_equal(whole, labels):
                raise DataError("mask holds values that are not whole numbers")
            labels = whole
        object.__setattr__(self, "labels", frozen_array(labels, np.uint16))

    def __repr__(self) -> str:
        return f"LabelMap({self.scheme.name}, {self.grid.shape}, {self.grid.spacing} mm)"

    @cached_property
    def _counts(self) -> dict[int, int]:
        flat, counts = self.labels.reshape(-1), np.zeros(65536, np.int64)
        for start in range(0, flat.size, _AT_ONCE):
            part = np.bincount(flat[start : start + _AT_ONCE])
            counts[: len(part)] += part
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value}

    @property
    def values(self) -> tuple[int, ...]:
        """The values that are there, 0 aside, in their order."""
        return tuple(self._counts)

    def check_scheme(self) -> LabelMap:
        """The map itself; SchemeError listing them if it holds values that the scheme does not know."""
        self.scheme.require(self._counts)
        return self

    def structures(self, kind: str | None = None) -> tuple[Structure, ...]:
        """The structures present, of one kind or of all, in the order of their mask values."""
        present = (self.scheme[value] for value in self._counts if value in self.scheme)
        return tuple(s for s in present if kind is None or s.kind == kind)

    def voxels(self, structure: Structure) -> int:
        """Number of voxels of `structure`; 0 where it is absent."""
        return self._counts.get(self.scheme.value_of(structure), 0)

    def volume_ml(self, structure: Structure) -> float:
        """Volume of `structure` in ml, counted in voxels."""
        return self.voxels(structure) * self.grid.voxel_mm3 / 1000.0

    def mask_of(self, structure: Structure) -> NDArray[np.bool_]:
        """(z, y, x) bool, true inside `structure`."""
        return np.equal(self.labels, self.scheme.value_of(structure))


@dataclass(frozen=True, eq=False)
class Scan:
    """A case with its images (modality -> Volume) and, once segmented, its mask.

    Images may lie on grids of their own; `mask` defines the grid that geometry is measured on. `notes` gathers
    what stages want a reader to know.

    reference : the loader's mask, where a segmenter has put another in its place: what that one is judged by.
    quality : name -> what the segmenter thinks of its own mask, 0 (worst) to 1.
    """

    case: Case
    images: Mapping[str, Volume] = field(default_factory=dict)
    mask: LabelMap | None = None
    notes: tuple[str, ...] = ()
    reference: LabelMap | None = None
    quality: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", frozen_mapping(self.images))
        object.__setattr__(self, "quality", frozen_mapping(self.quality))

    def __repr__(self) -> str:
        return f"Scan({self.case.id}, {dict(self.images)}, {self.mask})"

    def replace(self, **changes: Any) -> Scan:
        """A copy with some parts changed: `scan.replace(mask=mask)`."""
        return replace(self, **changes)

    def noting(self, note: str) -> Scan:
        """A copy with one more note."""
        return replace(self, notes=(*self.notes, note))

    def require_mask(self) -> LabelMap:
        """The mask, or DataError where nothing has segmented the scan yet."""
        if self.mask is None:
            raise DataError(
                f"case {self.case.id} has no mask; name a segmenter in [segment], or a loader that brings masks"
            )
        return self.mask


@dataclass(frozen=True, eq=False)
class Sample:
    """One structure cut out of a scan, ready for an encoder.

    image : (c, z, y, x) float32, channels as `[sample] channels` names them.
    mask : (z, y, x) float32 in 0..1, the structure's soft mask (the share of each voxel that it fills).
    channels : the names of the image's channels; empty where they are not known.
    """

    row: Row
    image: NDArray[np.float32]
    mask: NDArray[np.float32]
    grid: Grid
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        image, mask = frozen_array(self.image, np.float32), frozen_array(self.mask, np.float32)
        if mask.shape != self.grid.shape or image.shape[1:] != self.grid.shape or image.ndim != 4:
            raise GridError(
                f"sample {self.row.id}: image {image.shape} and mask {mask.shape} on grid {self.grid.shape}"
            )
        if self.channels and len(self.channels) != len(image):
            raise DataError(f"sample {self.row.id}: {len(image)} channels, {len(self.channels)} names for them")
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "mask", mask)

    def drawn(self) -> tuple[int, ...]:
        """The channels that are made of the mask alone: those so named, else those that equal it."""
        if self.channels:
            return tuple(i for i, name in enumerate(self.channels) if name in ("mask", "distance"))
        return tuple(i for i, values in enumerate(self.image) if np.array_equal(values, self.mask))

    @property
    def id(self) -> str:
        """Unique name of the sample in its cohort."""
        return self.row.id

    @property
    def case(self) -> str:
        """Id of the case it was cut from."""
        return self.row.case

    @property
    def patient(self) -> str:
        """The patient, unit of every split."""
        return self.row.patient

    @property
    def structure(self) -> Structure:
        """What it shows."""
        return Structure.of(self.row.structure, self.row.level)
