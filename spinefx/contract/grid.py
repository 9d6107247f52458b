"""Where voxels lie in the world.

Arrays are indexed (z, y, x). The world is LPS in millimetres and its points are written (x, y, z), as
ITK does: +x to the patient's left, +y to the back, +z to the head. `Grid` is the only place where the two
orders meet; everything else asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.contract.errors import GridError

TOLERANCE_MM = 1e-4
_ORTHONORMAL = 1e-3

Floats = NDArray[np.float64]


def frozen_array(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """`values` as a C-contiguous, read-only array; without a copy where it is one already."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid of voxels in the world.

    Parameters
    ----------
    shape : (3,) int
        Number of voxels, order (z, y, x); each >= 1.
    spacing : (3,) float
        Voxel size in mm, order (z, y, x); each > 0.
    origin : (3,) float
        World position (x, y, z) in mm, LPS, of the centre of voxel (0, 0, 0).
    direction : (3, 3) float
        ITK's direction matrix: rows are world x, y, z; columns are the array axes x, y, z (the array's last
        axis first). The identity puts the array axes (z, y, x) along head, back and left.

    Raises
    ------
    GridError
        If a number is not finite, a size is not positive, or the direction is not orthonormal to 1e-3.

    Notes
    -----
    Two grids are equal when their shapes are and no voxel centre moves by more than 1e-4 mm.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: Floats = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        spacing = tuple(float(s) for s in self.spacing)
        origin = tuple(float(o) for o in self.origin)
        direction = np.array(self.direction, dtype=np.float64)
        if len(shape) != 3 or min(shape) < 1:
            raise GridError(f"grid shape must be three sizes >= 1 in order (z, y, x), got {self.shape}")
        if len(spacing) != 3 or not np.isfinite(spacing).all() or min(spacing) <= 0:
            raise GridError(f"grid spacing must be three finite mm > 0 in order (z, y, x), got {self.spacing}")
        if len(origin) != 3 or not np.isfinite(origin).all():
            raise GridError(f"grid origin must be three finite mm, got {self.origin}")
        if direction.shape != (3, 3) or not np.isfinite(direction).all():
            raise GridError(f"grid direction must be a finite 3x3 matrix, got {self.direction}")
        if np.abs(direction.T @ direction - np.eye(3)).max() > _ORTHONORMAL:
            raise GridError(f"grid direction is not orthonormal: {direction.tolist()}")
        direction.flags.writeable = False
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing", spacing)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "direction", direction)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel in mm^3."""
        return float(np.prod(self.spacing))

    @property
    def axes(self) -> Floats:
        """(3, 3) unit vectors; row k is the world direction (x, y, z) of array axis k (z, y, x)."""
        return np.ascontiguousarray(self.direction.T[::-1])

    @property
    def affine(self) -> Floats:
        """(4, 4) matrix from an index (z, y, x, 1) to a world point (x, y, z, 1) in mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes.T * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    def to_world(self, index: ArrayLike) -> Floats:
        """World points (..., 3) (x, y, z) in mm of indices (..., 3) (z, y, x), fractions allowed."""
        world: Floats = np.asarray(index, np.float64) @ self.affine[:3, :3].T + np.asarray(self.origin)
        return world

    def to_index(self, world: ArrayLike) -> Floats:
        """Indices (..., 3) (z, y, x), with fractions, of world points (..., 3) (x, y, z) in mm."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        index: Floats = (np.asarray(world, np.float64) - np.asarray(self.origin)) @ inverse.T
        return index

    def corners(self) -> Floats:
        """(8, 3) world positions of the centres of the corner voxels."""
        ends = [(0, n - 1) for n in self.shape]
        return self.to_world(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)

    def crop(self, start: ArrayLike, shape: ArrayLike) -> Grid:
        """The part that begins at index `start` (may lie outside) and has `shape` voxels, order (z, y, x)."""
        z, y, x = (int(n) for n in np.asarray(shape))
        ox, oy, oz = self.to_world(start)
        return Grid((z, y, x), self.spacing, (float(ox), float(oy), float(oz)), self.direction)

    def difference_mm(self, other: Grid) -> float:
        """Largest distance in mm between corner voxels of the two grids; inf where shapes differ."""
        if self.shape != other.shape:
            return float("inf")
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return self is other or self.difference_mm(other) <= TOLERANCE_MM

    def __hash__(self) -> int:
        return hash(self.shape)

    def to_json(self) -> dict[str, Any]:
        """The grid as plain lists, for JSON."""
        return {
            "shape": list(self.shape),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": self.direction.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Grid:
        """The grid that `to_json` wrote."""
        return cls(tuple(data["shape"]), tuple(data["spacing"]), tuple(data["origin"]), np.array(data["direction"]))
