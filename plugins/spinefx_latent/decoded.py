"""One decoded shape: its size from moments, whether it is a shape at all, its picture and its surface."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid, Shape

Floats = NDArray[np.float64]
Mask = NDArray[np.float32]

MEASURES = ("volume_mm3", "thickness_mm", "depth_mm", "width_mm", "tilt_deg", "tilt_coronal_deg")
"""What moments give, where the plan has no analyser that measures the structure: a slab of thickness t has a standard
deviation of t / sqrt(12) across, an ellipse of axis a one of a / 4 along."""

VERTICES = 3000
"""A surface with more is drawn coarser."""


def shape_of(mask: Mask, grid: Grid) -> tuple[float, ...]:
    """`MEASURES` of a soft mask on a grid whose axes lie along the world's; NaN where it is empty."""
    moments = kernels.soft_moments(np.ascontiguousarray(mask[None, None]))[0, 0].astype(np.float64)
    mass = moments[0]
    if mass < 1.0:
        return (math.nan,) * len(MEASURES)
    centre = moments[1:4] / mass
    zz, yy, xx, zy, zx, yx = moments[4:10] / mass
    second = np.array([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]])
    covariance = (second - np.outer(centre, centre)) * np.outer(grid.spacing, grid.spacing)
    values, vectors = np.linalg.eigh(covariance)
    normal = vectors[:, 0] * (1.0 if vectors[0, 0] >= 0 else -1.0)
    tilt = math.degrees(math.atan2(-normal[1], normal[0]))
    coronal = math.degrees(math.atan2(normal[2], normal[0]))
    thickness = math.sqrt(12.0 * max(float(values[0]), 0.0))
    depth, width = (4.0 * math.sqrt(max(float(covariance[i, i]), 0.0)) for i in (1, 2))
    return float(mass) * grid.voxel_mm3, thickness, depth, width, tilt, coronal


def fault_of(mask: Mask) -> str:
    """Why the mask, cut at one half, is no whole shape; "" where it is one."""
    inside = mask > 0.5
    if not inside.any():
        return "nothing is left of it"
    count = pieces(mask)
    if count != 1:
        return f"it falls into {count} pieces"
    faces = [np.take(inside, side, axis=axis) for axis in range(3) for side in (0, -1)]
    return "it reaches the edge of the sample's box" if any(face.any() for face in faces) else ""


def pieces(mask: Mask) -> int:
    """Number of connected pieces of the mask cut at one half."""
    from scipy import ndimage

    return int(ndimage.label(mask > 0.5)[1])


def picture(mask: Mask, grid: Grid) -> NDArray[np.uint8]:
    """(h, w) mid-sagittal and mid-coronal cut side by side, square pixels, head up."""
    z, y, x = mask.shape
    cuts = [(mask[::-1, :, x // 2], grid.spacing[1]), (mask[::-1, y // 2, :], grid.spacing[2])]
    fine = min(grid.spacing)
    height = max(1, round(z * grid.spacing[0] / fine))
    drawn = []
    for cut, step in cuts:
        width = max(1, round(cut.shape[1] * step / fine))
        up = (np.arange(height) * z // height)[:, None]
        drawn.append(cut[up, np.arange(width) * cut.shape[1] // width])
    gap = np.ones((height, 2))
    whole = np.concatenate([drawn[0], gap, drawn[1]], axis=1)
    return np.clip(whole * 255.0 + 0.5, 0, 255).astype(np.uint8)


def surface(mask: Mask, grid: Grid, at: tuple[float, ...], measures: tuple[float, ...]) -> Shape | None:
    """The surface at one half, in mm about the box's middle along the world's axes; None where there is none.

    Notes
    -----
    Marching cubes of Lewiner et al., J Graph Tools 8:1 (2003), as scikit-image has it.
    """
    from skimage.measure import marching_cubes

    padded = np.pad(mask, 1)
    if not padded.min() < 0.5 < padded.max():
        return None
    step, vertices, faces = 0, np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    while not step or (len(vertices) > VERTICES and step < 4):
        step += 1
        vertices, faces, _, _ = marching_cubes(padded, 0.5, step_size=step)  # type: ignore[no-untyped-call]
    middle = grid.to_world((np.array(grid.shape) - 1) / 2)
    world = grid.to_world(vertices.astype(np.float64) - 1.0) - middle
    return Shape(at, world.astype(np.float32), faces.astype(np.int32), measures)
