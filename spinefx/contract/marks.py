"""Marks: what a reader would draw over a scan to take a number, in world millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import DataError
from spinefx.contract.grid import frozen_array

View = Literal["sagittal", "coronal"]
Role = Literal["plane", "length", "angle", "text"]


@dataclass(frozen=True, eq=False)
class Mark:
    """A line over a scan, or a text.

    view : the plane it is drawn on; it is projected onto it along that plane's normal.
    points : (n, 3) world mm, joined by straight lines.
    text : what stands beside the last point, on the side away from the first one; short, the number with its unit.
    role : `plane` is an endplate or axis, `length` a distance between two ends, `angle` a line that an angle is taken from;
    of a `text` nothing else is drawn.

    Raises
    ------
    DataError
        If the points are not (n, 3) finite numbers, n >= 1.
    """

    view: View
    points: NDArray[np.float64]
    text: str = ""
    role: Role = "plane"

    def __post_init__(self) -> None:
        points = frozen_array(self.points, np.float64)
        if points.ndim != 2 or points.shape[0] < 1 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise DataError(f"a mark's points are (n, 3) finite world mm, got shape {points.shape}")
        object.__setattr__(self, "points", points)
