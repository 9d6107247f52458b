"""Local frames, and the places at which a shape is asked for its distance.

A shape never sees a grid: it asks a `Place` for coordinates in its own frame, so that the same formula serves single
points, fine test lattices and the renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.contract.grid import Grid

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Frame:
    """A right-handed frame: origin (3,) world mm; rows of `axes` (3, 3) are left, posterior and head (the normal)."""

    origin: Floats
    axes: Floats

    @classmethod
    def tilted(
        cls, origin: ArrayLike, *, tilt_deg: float = 0.0, coronal_deg: float = 0.0, axial_deg: float = 0.0
    ) -> Frame:
        """The frame whose normal, projected on the sagittal and coronal planes, leans by these angles.

        tilt_deg is positive where the normal leans forward (-y), coronal_deg where it leans to the patient's left (+x);
        axial_deg then turns the frame about its normal, the left side backwards where positive.
        """
        normal = np.array([np.tan(np.radians(coronal_deg)), -np.tan(np.radians(tilt_deg)), 1.0])
        normal /= np.linalg.norm(normal)
        left = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
        left /= np.linalg.norm(left)
        back = np.cross(normal, left)
        cos, sin = np.cos(np.radians(axial_deg)), np.sin(np.radians(axial_deg))
        axes = np.stack([cos * left + sin * back, cos * back - sin * left, normal])
        return cls(np.asarray(origin, np.float64), axes)

    @property
    def normal(self) -> Floats:
        """(3,) world unit vector towards the head end of the frame."""
        normal: Floats = self.axes[2]
        return normal

    def to_world(self, local: ArrayLike) -> Floats:
        """World points (..., 3) of local points (..., 3) (left, posterior, head), mm."""
        world: Floats = np.asarray(local, np.float64) @ self.axes + self.origin
        return world

    def to_local(self, world: ArrayLike) -> Floats:
        """Local points (..., 3) (left, posterior, head) of world points (..., 3), mm."""
        local: Floats = (np.asarray(world, np.float64) - self.origin) @ self.axes.T
        return local

    def moved(self, rotation: Floats, shift: Floats) -> Frame:
        """The frame after the rigid motion p -> rotation @ p + shift."""
        return Frame(rotation @ self.origin + shift, self.axes @ rotation.T)


class Place(Protocol):
    """Where a shape is asked."""

    def coordinates(self, frame: Frame) -> tuple[Floats, Floats, Floats]:
        """Left, posterior and head coordinates in mm of every point, in `frame`; arrays of one shape."""
        ...


@dataclass(frozen=True, eq=False)
class Points:
    """Any world points (..., 3), mm."""

    world: Floats

    def coordinates(self, frame: Frame) -> tuple[Floats, Floats, Floats]:
        """Left, posterior and head coordinates in mm of every point."""
        local = frame.to_local(self.world)
        return local[..., 0], local[..., 1], local[..., 2]


@dataclass(frozen=True, eq=False)
class Lattice:
    """All voxel centres of a box of a grid; float32."""

    grid: Grid
    box: tuple[slice, slice, slice]

    def coordinates(self, frame: Frame) -> tuple[Floats, Floats, Floats]:
        """Left, posterior and head coordinates in mm of every voxel, arrays of the box's shape."""
        matrix, constant = _index_to_frame(self.grid, frame)
        z, y, x = (np.arange(s.start, s.stop) for s in self.box)

        def along(row: int) -> Floats:
            a = (matrix[row, 0] * z + constant[row]).astype(np.float32)[:, None, None]
            b = (matrix[row, 1] * y).astype(np.float32)[None, :, None]
            out: Floats = a + b + (matrix[row, 2] * x).astype(np.float32)[None, None, :]
            return out

        return along(0), along(1), along(2)


@dataclass(frozen=True, eq=False)
class Scatter:
    """Some voxels of a grid, each seen at several sub-voxel offsets; float32.

    index : three (n,) whole-number arrays, order (z, y, x).   offsets : (m, 3) in index units, order (z, y, x).
    """

    grid: Grid
    index: tuple[NDArray[np.intp], ...]
    offsets: NDArray[np.float64]

    def coordinates(self, frame: Frame) -> tuple[Floats, Floats, Floats]:
        """Left, posterior and head coordinates in mm, arrays (m, n)."""
        matrix, constant = _index_to_frame(self.grid, frame)
        turned = matrix.astype(np.float32)
        centre = np.stack([i.astype(np.float32) for i in self.index])
        at = turned @ centre + constant.astype(np.float32)[:, None]
        step = (self.offsets @ matrix.T).astype(np.float32)
        local = at[None] + step[:, :, None]
        return local[:, 0], local[:, 1], local[:, 2]


def _index_to_frame(grid: Grid, frame: Frame) -> tuple[Floats, Floats]:
    affine = grid.affine
    return frame.axes @ affine[:3, :3], frame.axes @ (affine[:3, 3] - frame.origin)


def box_of(grid: Grid, corners: Floats, margin: int = 1) -> tuple[slice, slice, slice] | None:
    """The index box of `grid` around world points (n, 3), or None where it lies outside."""
    index = grid.to_index(corners)
    low = np.maximum(np.floor(index.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + margin + 1, grid.shape)
    if (high <= low).any():
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))


def corners_of(frame: Frame, low: Sequence[float], high: Sequence[float]) -> Floats:
    """(8, 3) world corners of the local box between `low` and `high` (left, posterior, head), mm."""
    ends = list(zip(low, high, strict=True))
    return frame.to_world(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)
