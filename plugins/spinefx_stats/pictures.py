"""Originals beside rebuilt masks, as small pictures in the mid-sagittal plane: head up, back to the right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Grid, Panel

WIDTH = 96
"""Pixels that the longer side of one slice is drawn with, at least."""


def panel(caption: str, original: NDArray[np.float32], rebuilt: NDArray[np.float32], grid: Grid) -> Panel:
    """Original | rebuilt | difference. In the difference, red was lost, blue was added, grey is common."""
    cut = SagittalCut(original, grid)
    first, second = cut(original), cut(rebuilt)
    truth, guess = first > 0.5, second > 0.5
    colours = np.zeros((*truth.shape, 3), np.uint8)
    colours[truth & guess] = (150, 150, 150)
    colours[truth & ~guess] = (214, 69, 65)
    colours[~truth & guess] = (66, 133, 214)
    shown = [np.repeat((np.clip(part, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2) for part in (first, second)]
    gap = np.full((truth.shape[0], 2, 3), 90, np.uint8)
    wide = np.concatenate([shown[0], gap, shown[1], gap, colours], axis=1)
    times = max(1, -(-WIDTH // max(truth.shape)))
    return Panel(caption, np.ascontiguousarray(wide.repeat(times, axis=0).repeat(times, axis=1)))


class SagittalCut:
    """Cuts the slice through the structure's middle, turned so that head is up and back is right."""

    def __init__(self, mask: NDArray[np.float32], grid: Grid) -> None:
        axes = grid.axes
        self.side = int(np.abs(axes[:, 0]).argmax())
        rest = [axis for axis in range(3) if axis != self.side]
        self.up = max(rest, key=lambda axis: abs(axes[axis, 2]))
        self.back = next(axis for axis in rest if axis != self.up)
        mass = mask.sum(axis=tuple(rest))
        middle = (mass * np.arange(len(mass))).sum() / mass.sum() if mass.sum() > 0 else len(mass) / 2
        self.index = int(np.clip(round(float(middle)), 0, len(mass) - 1))
        self.flip_up, self.flip_back = axes[self.up, 2] > 0, axes[self.back, 1] < 0
        self.steps = self._square(grid)

    def _square(self, grid: Grid) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns to take so that a pixel is as high as wide in mm."""
        finest = min(grid.spacing[self.up], grid.spacing[self.back])
        rows, columns = (
            np.floor(np.arange(0, grid.shape[a], finest / grid.spacing[a]) + 1e-9).astype(np.intp)
            for a in (self.up, self.back)
        )
        return rows.clip(max=grid.shape[self.up] - 1), columns.clip(max=grid.shape[self.back] - 1)

    def __call__(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """The slice of `data` (z, y, x), as rows from head to foot and columns from front to back."""
        plane = np.take(data, self.index, axis=self.side)
        plane = plane if self.up < self.back else plane.T
        plane = plane[self.steps[0]][:, self.steps[1]]
        plane = plane[::-1] if self.flip_up else plane
        return np.asarray(plane[:, ::-1] if self.flip_back else plane, np.float32)
