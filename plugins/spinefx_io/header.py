"""What a volume's header says, checked before anything is allocated. One record for every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Grid, GridError

SPACING_MM = (0.05, 30.0)
"""Voxel sizes outside these limits are refused."""

EXTENT_MM = 2500.0
"""A field of view longer than this is refused."""

_DEFLATE = 1040
"""More than deflate can shrink (1032 to 1), with room for its own header."""


@dataclass(frozen=True, eq=False)
class Header:
    """A volume on disk.

    size : voxels along the file's axes x, y, z (x varies fastest).   spacing : mm, same order.
    origin : world position (x, y, z), LPS, mm.   direction : (3, 3) ITK's matrix, columns are the file's axes.
    dtype : numbers in the file, byte order included.   data : file that holds the voxels, from byte `offset` on.
    packing : `none`, or how the voxels are compressed.   slope, intercept : what the file's numbers stand for.
    """

    path: Path
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: NDArray[np.float64]
    dtype: np.dtype[Any]
    data: Path
    offset: int
    packing: Literal["none", "zlib", "gzip", "gzip-whole"] = "none"
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(self.size[0]) * int(self.size[1]) * int(self.size[2])

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels, uncompressed."""
        return self.voxels * self.dtype.itemsize

    def grid(self) -> Grid:
        """Where the voxels lie, array order (z, y, x)."""
        (nx, ny, nz), (sx, sy, sz) = self.size, self.spacing
        return Grid((nz, ny, nx), (sz, sy, sx), self.origin, self.direction)


def whole_numbers(text: Sequence[str], what: str) -> tuple[int, ...]:
    """Texts as whole numbers; DataError naming `what` otherwise."""
    try:
        return tuple(int(t) for t in text)
    except ValueError:
        raise DataError(f"{what} must be whole numbers, got {' '.join(text)[:80]!r}") from None


def numbers(text: Sequence[str], what: str) -> tuple[float, ...]:
    """Texts as finite numbers; GridError naming `what` otherwise."""
    try:
        values = tuple(float(t) for t in text)
    except ValueError:
        raise GridError(f"{what} must be numbers, got {' '.join(text)[:80]!r}") from None
    if not np.isfinite(values).all():
        raise GridError(
            f"{what} must be finite, got {' '.join(text)[:80]!r}; write the file anew with its true geometry"
        )
    return values


def check_geometry(header: Header) -> None:
    """Refuse sizes, spacings and directions that no scanner makes.

    Raises
    ------
    DataError
        For a size below 2 along any axis (one slice is a picture, not a volume).
    GridError
        For a spacing outside 0.05..30 mm, a field of view over 2.5 m, a direction that is not orthonormal (a tilted
        gantry, a shear), or an origin that is not finite.
    """
    sizes = " x ".join(map(str, header.size))
    if min(header.size) < 1:
        raise DataError(f"size must be positive, header says {sizes}")
    if min(header.size) < 2:
        raise DataError(f"is one slice ({sizes}), a picture and not a volume; give the whole series as one file")
    low, high = SPACING_MM
    if not all(low <= s <= high for s in header.spacing):
        spacing = " x ".join(f"{s:g}" for s in header.spacing)
        raise GridError(f"spacing must lie in {low:g}..{high:g} mm, header says {spacing}")
    extent = max(n * s for n, s in zip(header.size, header.spacing, strict=True))
    if extent > EXTENT_MM:
        raise GridError(f"field of view is {extent:.0f} mm long, more than {EXTENT_MM:.0f}; sizes {sizes} look wrong")
    if np.abs(header.origin).max() > 1e5:
        raise GridError(f"origin {header.origin} lies more than 100 m away")
    small = np.clip(header.direction, -2.0, 2.0)
    error = np.abs(small.T @ small - np.eye(3)).max()
    if error > 1e-3:
        raise GridError(
            f"direction is not orthonormal (off by {error:.3g}): a tilted gantry or a shear; resample it to straight axes"
        )


def check_size(header: Header, *, budget_bytes: int, stored: int) -> None:
    """Refuse what would not fit, and what the file cannot hold.

    stored : bytes in the file from `offset` on (for `gzip-whole`, of the whole file).
    """
    need = max(header.nbytes, 4 * header.voxels)
    if need > budget_bytes:
        raise DataError(
            f"needs {need / 1e9:.1f} GB for {' x '.join(map(str, header.size))} voxels, the budget is "
            f"{budget_bytes / 1e9:.1f} GB; if the size is true, raise `budget_gb`"
        )
    if header.packing == "none":
        if stored != header.nbytes:
            raise DataError(
                f"header claims {header.nbytes} bytes of voxels, the file holds {stored}: cut off or mislabelled"
            )
    elif header.nbytes > stored * _DEFLATE:
        raise DataError(f"header claims {header.nbytes} bytes of voxels, {stored} compressed bytes cannot hold them")
