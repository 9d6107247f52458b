"""From shapes to voxels: how much of each voxel every structure fills, and the mask a careful rater would draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap
from spinefx.contract.schemes import SCHEMES
from spinefx.phantom.frame import Floats, Lattice, Place, Scatter, box_of
from spinefx.phantom.shape import Bone, Vertebra
from spinefx.phantom.spine import Spine

SHELL_MM = 0.9
"""Thickness of the cortical shell of bones."""

_STEP_MM = 0.85


Kind = Literal["disc", "vertebra", "canal"]
Box = tuple[slice, slice, slice]
Depths = Callable[[Place], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Part:
    """One structure on a grid.

    box : the voxels it may touch.   fill : float32 over the box, share of each voxel inside it.
    core : float32 over the box, share of the voxel that is marrow (bones) or nucleus (discs).
    darkness : degeneration of a disc, 0 elsewhere.
    """

    kind: Kind
    value: int
    box: Box
    fill: NDArray[np.float32]
    core: NDArray[np.float32]
    darkness: float = 0.0


@dataclass(frozen=True, eq=False)
class Rendering:
    """All parts of a spine on a grid; the canal last, what others fill already taken from it."""

    grid: Grid
    parts: tuple[Part, ...]

    def labels(self) -> LabelMap:
        """The mask in SPIDER's numbering: every voxel goes to what fills most of it, structure or background."""
        best = np.ones(self.grid.shape, np.float32)
        for part in self.parts:
            best[part.box] -= part.fill
        labels = np.zeros(self.grid.shape, np.uint16)
        for part in self.parts:
            here, top = labels[part.box], best[part.box]
            wins = part.fill > top
            here[wins] = part.value
            np.maximum(top, part.fill, out=top)
        return LabelMap(labels, self.grid, SCHEMES["spider"])

    def fill_of(self, value: int) -> NDArray[np.float32]:
        """(z, y, x) float32: the share of every voxel that the structure with this mask value fills."""
        out = np.zeros(self.grid.shape, np.float32)
        for part in self.parts:
            if part.value == value:
                out[part.box] += part.fill
        return out


def render(spine: Spine, grid: Grid) -> Rendering:
    """How much of every voxel each structure fills: averaged over the voxel's thickness, antialiased along its edges."""
    total = np.zeros(grid.shape, np.float32)
    parts: list[Part] = []

    def add(
        kind: Kind, value: int, box: Box | None, pieces: Sequence[tuple[Floats, Depths]], dark: float = 0.0
    ) -> None:
        if box is None:
            return
        fill = np.zeros([s.stop - s.start for s in box], np.float32)
        core = np.zeros_like(fill)
        for corners, depths in pieces:
            if (small := box_of(grid, corners)) is not None:
                inner = tuple(slice(s.start - o.start, s.stop - o.start) for s, o in zip(small, box, strict=True))
                for target, found in zip((fill, core), _fill(grid, small, depths), strict=True):
                    np.maximum(target[inner], found, out=target[inner])
        np.minimum(fill, 1.0 - total[box], out=fill)
        np.minimum(core, fill, out=core)
        total[box] += fill
        parts.append(Part(kind, value, box, fill, core, dark))

    for disc in spine.discs:
        corners = disc.corners()
        add("disc", disc.value, box_of(grid, corners), [(corners, disc.depth_and_core)], disc.degeneration)
    for bone in spine.vertebrae:
        pieces = [(bone.body_corners(), _with_shell(bone.body_depth))]
        pieces += [(rod.corners(bone.frame), _with_shell(partial(_rod_depth, bone, rod))) for rod in bone.arch]
        add("vertebra", bone.value, box_of(grid, np.concatenate([c for c, _ in pieces])), pieces)
    corners = spine.canal.corners()
    add("canal", spine.canal.value, box_of(grid, corners), [(corners, _with_shell(spine.canal.depth_mm))])
    return Rendering(grid, tuple(parts))


def _rod_depth(vertebra: Vertebra, rod: Bone, place: Place) -> Floats:
    return rod.depth(*place.coordinates(vertebra.frame))


def _with_shell(depth_mm: Callable[[Place], Floats]) -> Depths:
    """Depth under the surface in mm, and the share of what lies under the shell (0..1)."""

    def depths(place: Place) -> tuple[Floats, Floats]:
        depth = depth_mm(place)
        return depth, np.clip(0.5 + (depth - SHELL_MM) / 0.6, 0.0, 1.0)

    return depths


def _fill(grid: Grid, box: Box, depths: Depths) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Share of every voxel of the box inside the surface, and inside the core, (box) float32 each.

    One look at the centres settles the voxels far from the surface; the others are looked at again at sub-voxel steps.
    """
    offsets, width = _offsets(grid)
    outer, inner = depths(Lattice(grid, box))
    fill = (outer > 0).astype(np.float32)
    core = fill * inner.astype(np.float32)
    reach = float(np.linalg.norm(np.array(grid.spacing)) / 2.0)
    near = np.nonzero((outer > -1.3 * reach) & (outer < 1.3 * reach + SHELL_MM))
    if near[0].size:
        index = tuple(i + s.start for i, s in zip(near, box, strict=True))
        outer, inner = depths(Scatter(grid, index, offsets))
        share = np.clip(0.5 + outer / width, 0.0, 1.0)
        fill[near] = share.mean(axis=0)
        core[near] = (share * inner).mean(axis=0)
    return fill, core


def _offsets(grid: Grid) -> tuple[NDArray[np.float64], float]:
    """(m, 3) sub-voxel offsets (index units), thick axes divided in steps of about 0.85 mm, and the edge width in mm."""
    step = max(_STEP_MM, 0.6 * min(grid.spacing))
    counts = [max(1, int(np.ceil(s / step - 0.25))) for s in grid.spacing]
    axes = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    width = float(np.prod([s / n for s, n in zip(grid.spacing, counts, strict=True)]) ** (1 / 3))
    return offsets, width
