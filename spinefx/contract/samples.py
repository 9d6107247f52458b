"""What the cohort's stages work on: sets of samples, their latents, changes drawn for them, and the split of patients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import DataError
from spinefx.contract.features import Row
from spinefx.contract.grid import frozen_array
from spinefx.contract.scan import Sample

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Split:
    """Who is fitted on and who is not, by patient, made before anything is fitted.

    part : patient -> `train`, `validation` (early stopping, part of fitting) or `test` (never seen by a fit).
    fold : patient -> 0..folds-1, over all patients, for cross-validation.
    """

    part: Mapping[str, Part]
    fold: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "part", MappingProxyType(dict(self.part)))
        object.__setattr__(self, "fold", MappingProxyType(dict(self.fold)))

    def patients(self, *parts: Part) -> frozenset[str]:
        """The patients of these parts (of all, where none is named)."""
        return frozenset(p for p, part in self.part.items() if not parts or part in parts)

    def mask(self, rows: Sequence[Row], *parts: Part) -> NDArray[np.bool_]:
        """(n,) bool: whose patient lies in one of `parts`."""
        chosen = self.patients(*parts)
        return np.array([row.patient in chosen for row in rows], bool)


class SampleSet(Protocol):
    """Samples of a cohort, read when asked for; memory does not grow with their number."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Whose samples these are, in order."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...

    def __iter__(self) -> Iterator[Sample]: ...

    def of_patients(self, patients: Collection[str]) -> SampleSet:
        """The samples of these patients, in the same order."""
        ...


@dataclass(frozen=True, eq=False)
class SampleList:
    """Samples held in memory: a SampleSet for tests and small cohorts."""

    samples: tuple[Sample, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Whose samples these are, in order."""
        return tuple(sample.row for sample in self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> Sample:
        return self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def of_patients(self, patients: Collection[str]) -> SampleList:
        """The samples of these patients, in the same order."""
        return SampleList(tuple(s for s in self.samples if s.patient in patients))


@dataclass(frozen=True, eq=False)
class Latents:
    """Latent features of samples.

    rows : (n,) Row.   z : (n, d) float32.
    maps : (n, c, z, y, x) float32, the bottleneck's feature maps before they are flattened, or None.
    """

    rows: tuple[Row, ...]
    z: NDArray[np.float32]
    maps: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        z = frozen_array(self.z, np.float32)
        if z.ndim != 2 or len(z) != len(self.rows):
            raise DataError(f"latents have shape {z.shape} for {len(self.rows)} samples")
        object.__setattr__(self, "rows", tuple(self.rows))
        object.__setattr__(self, "z", z)
        if self.maps is not None:
            object.__setattr__(self, "maps", frozen_array(self.maps, np.float32))

    @property
    def names(self) -> tuple[str, ...]:
        """`z0` ... `zN`."""
        return tuple(f"z{i}" for i in range(self.z.shape[1]))


@dataclass(frozen=True, eq=False)
class Change:
    """What an augmenter drew for one sample; the engine applies it.

    Spatial parts of consecutive augmenters are fused into one resampling of image and mask together. Points and
    displacements are (x, y, z) in mm along the sample's own axes, which are the world's unless `[sample] frame` turns it.

    matrix : (4, 4) float64 or None. Moves points (x, y, z, 1) about the sample's centre; the identity changes nothing.
    displacement : (3, z, y, x) float32 or None, on the sample's grid: the output at a point is the input at point +
        displacement.
    outline : (3, z, y, x) float32 or None, as `displacement`, but only of the image's channels that are made of the mask:
        what the encoder sees was drawn by another hand, what it must rebuild was not.
    intensity : function or None. Maps an image (c, z, y, x) float32 to another of the same shape; the mask is kept.
    """

    matrix: NDArray[np.float64] | None = None
    displacement: NDArray[np.float32] | None = None
    outline: NDArray[np.float32] | None = None
    intensity: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
