"""Rays through labels and planes through points: where the faces of a structure lie, finer than its voxels; in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinefx.contract.grid import Grid
from spinefx.kernels import _core
from spinefx.kernels.measures import checked_labels

Array = NDArray[Any]
Floats = NDArray[np.float64]
Three = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Rays:
    """A field of parallel rays through one label: ray (i, j) starts at origin + i * rows + j * columns.

    value : int > 0, the label.                  shape : (2,) how many rays along `rows` and `columns`.
    origin : (3,) world (x, y, z) mm.            rows, columns : (3,) world vectors in mm from ray to ray.
    direction : (3,) world vector, of any length > 0.
    length_mm : how far the rays go.             step_mm : between samples; None: half the smallest voxel size.
    """

    value: int
    origin: ArrayLike
    rows: ArrayLike
    columns: ArrayLike
    shape: tuple[int, int]
    direction: ArrayLike
    length_mm: float
    step_mm: float | None = None


@dataclass(frozen=True, eq=False)
class RayHeights:
    """What every ray meets, (rows, columns) float64, in mm from its start; NaN where it meets nothing.

    first, leave : where it enters the label for the first time, and leaves it for the first time.
    last : where it leaves it for the last time.   length : of the label on the ray (0 where there is none).
    middle : centre of that length.
    """

    first: Floats
    leave: Floats
    last: Floats
    length: Floats
    middle: Floats


@overload
def ray_heights(labels: Array, grid: Grid, rays: Rays) -> RayHeights: ...
@overload
def ray_heights(labels: Array, grid: Grid, rays: Sequence[Rays]) -> list[RayHeights]: ...
def ray_heights(labels: Array, grid: Grid, rays: Rays | Sequence[Rays]) -> RayHeights | list[RayHeights]:
    """Where rays enter and leave a label, at sub-voxel level; of many labels and fields of rays in one call.

    Along a ray the label's share is interpolated linearly between voxel centres (0 beyond the volume) and sampled every
    `step_mm`; the ray enters or leaves where it passes one half. A ray that starts inside enters at 0, one that ends inside
    leaves at its end. `length` and `middle` are the sum and the centre of the shares, which are finer still where the
    mask is smooth.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
    rays : Rays, or several
        A list of results for a list.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or a number does not fit.
    """
    fields = [rays] if isinstance(rays, Rays) else list(rays)
    given = checked_labels(labels, grid)
    steps = [min(grid.spacing) / 2 if field.step_mm is None else float(field.step_mm) for field in fields]
    found = _core.cast_rays(given, [_field(field, step, grid) for field, step in zip(fields, steps, strict=True)])
    made = [RayHeights(*(hits * step)) for hits, step in zip(found, steps, strict=True)]
    return made[0] if isinstance(rays, Rays) else made


def _field(rays: Rays, step_mm: float, grid: Grid) -> _core.RayField:
    vectors = [np.asarray(v, np.float64) for v in (rays.origin, rays.rows, rays.columns, rays.direction)]
    if any(v.shape != (3,) or not np.isfinite(v).all() for v in vectors):
        raise ValueError("rays need origin, rows, columns and direction as three finite numbers each")
    length = float(np.linalg.norm(vectors[3]))
    if not (length > 0 and 0 < step_mm < np.inf and 0 < rays.length_mm < np.inf):
        raise ValueError(
            f"rays need a direction, step_mm and length_mm > 0, got {rays.direction!r}, {step_mm} and {rays.length_mm}"
        )
    if rays.value <= 0 or min(rays.shape) < 0:
        raise ValueError(f"rays need a label > 0 and a shape >= 0, got {rays.value} and {rays.shape}")
    inverse = np.linalg.inv(grid.affine[:3, :3])
    start = _three(grid.to_index(vectors[0]))
    row, column, step = (_three(inverse @ v) for v in (vectors[1], vectors[2], vectors[3] * (step_mm / length)))
    count = int(np.ceil(rays.length_mm / step_mm - 1e-9)) + 1
    return int(rays.value), start, row, column, step, (int(rays.shape[0]), int(rays.shape[1]), count)


def _three(vector: Floats) -> Three:
    a, b, c = vector.tolist()
    return a, b, c


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane fitted to points.

    point_mm : (3,) the kept points' centre.   normal : (3,) unit.   residual_mm : RMS distance of the kept points.
    kept : (n,) bool, which points the fit rests on.
    """

    point_mm: Floats
    normal: Floats
    residual_mm: float
    kept: NDArray[np.bool_]

    def distance_mm(self, points: ArrayLike) -> Floats:
        """(...,) signed distances of world points (..., 3), positive on the normal's side."""
        out: Floats = (np.asarray(points, np.float64) - self.point_mm) @ self.normal
        return out


def fit_plane(points_mm: ArrayLike, *, along: ArrayLike | None = None, trim: float = 3.0, rounds: int = 4) -> Plane:
    """The plane through points (n, 3), with outliers trimmed.

    Points farther off than `trim` robust standard deviations (1.4826 x the median distance) are left out and the plane is
    fitted again, up to `rounds` times, as long as half of all points, and 8, are left.

    Parameters
    ----------
    points_mm : (n, 3) finite
    along : (3,) vector, optional
        Distances are measured, and made small, along this direction, as for heights over a footprint; the normal lies on its
        side. None: at right angles to the plane (total least squares, the smallest singular vector), and the normal's largest
        component is positive.
    trim : float
        > 0; inf keeps all points.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than 3 points, they lie on one line, or a number does not fit.
    """
    points = np.asarray(points_mm)
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "fiu":
        raise TypeError(f"points must be numbers (n, 3), got {points.dtype} {points.shape}")
    whole = np.ascontiguousarray(points, np.float64)
    if not np.isfinite(whole).all():
        raise ValueError("points must be finite")
    if not trim > 0 or rounds < 0:
        raise ValueError(f"trim must be > 0 and rounds >= 0, got {trim} and {rounds}")
    direction: Three | None = None
    if along is not None:
        vector = np.asarray(along, np.float64)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
            raise ValueError(f"along must be three finite numbers, not all 0, got {along!r}")
        direction = _three(vector)
    return Plane(*_core.fit_plane(whole, direction, float(trim), int(rounds)))
