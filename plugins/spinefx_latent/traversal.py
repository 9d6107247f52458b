"""Analyser `traversal`: one latent is moved over its range, the others stay at their mean; the shape is measured.

Sizes and tilts come from the decoded mask's moments (anatomical analysers live in another pack): a slab of thickness t
has a standard deviation of t / sqrt(12) across, an ellipse of axis a one of a / 4 along.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Column, DataError, Features, Figure, Findings, Grid, Panel, Study, Table
from spinefx_latent import TraversalOptions

Floats = NDArray[np.float64]

MEASURES = ("volume_mm3", "thickness_mm", "depth_mm", "width_mm", "tilt_deg", "tilt_coronal_deg")


class Traversal:
    """What each latent does to the decoded shape."""

    def __init__(self, options: TraversalOptions) -> None:
        self.options = options

    def measure_latents(self, study: Study) -> tuple[Features, Findings]:
        """No features per sample; a sensitivity table and heatmap, pictures, and warnings where shapes fall apart."""
        o, names = self.options, study.latents.names
        train = study.split.mask(study.latents.rows, "train")
        if train.sum() < 2:
            raise DataError(f"traversal needs at least 2 training samples, got {int(train.sum())}; check [split]")
        known = study.latents.z[train].astype(np.float64)
        centre, spread = known.mean(axis=0), known.std(axis=0)
        steps = np.linspace(-o.reach_sd, o.reach_sd, o.steps)
        grid = study.samples[0].grid
        slopes, panels, warnings = [], [], []
        for i, name in enumerate(names):
            z = np.repeat(centre[None], o.steps, axis=0)
            z[:, i] += steps * spread[i]
            masks = study.encoder.decode(z.astype(np.float32))
            measured = np.array([shape_of(mask, grid) for mask in masks])
            slopes.append(_slopes(steps, measured))
            odd = [f"{s:+.1f}" for s, mask in zip(steps, masks, strict=True) if pieces(mask) != 1]
            if odd:
                warnings.append(f"{name} at {', '.join(odd)} standard deviations: the decoded shape is not one piece")
            if i < o.pictures:
                panels += [
                    Panel(f"{name} {s:+.1f} SD", picture(mask, grid)) for s, mask in zip(steps, masks, strict=True)
                ]
        return Features((), {}), Findings(
            self._tables(names, slopes), self._figures(names, slopes, panels), (), tuple(warnings)
        )

    def _tables(self, names: tuple[str, ...], slopes: list[Floats]) -> tuple[Table, ...]:
        lines: list[tuple[str | float, ...]] = [(n, *map(float, slope)) for n, slope in zip(names, slopes, strict=True)]
        return (
            Table(
                "sensitivity",
                "Change of the decoded shape per standard deviation of each latent",
                (Column("latent"), *(Column(m, unit=m.rpartition("_")[2]) for m in MEASURES)),
                tuple(lines),
                f"Least-squares slope over {self.options.steps} shapes from -{self.options.reach_sd:g} to "
                f"+{self.options.reach_sd:g} standard deviations, other latents at the training mean; sizes from moments.",
            ),
        )

    def _figures(self, names: tuple[str, ...], slopes: list[Floats], panels: list[Panel]) -> tuple[Figure, ...]:
        matrix = np.array(slopes)
        largest = np.nanmax(np.abs(matrix), axis=0, initial=0.0)
        scaled = matrix / np.where(largest > 0, largest, 1.0)
        heat = Figure(
            "sensitivity",
            "Which latent moves which measure",
            "heatmap",
            matrix=tuple(tuple(float(v) for v in line) for line in scaled),
            row_names=names,
            column_names=MEASURES,
            caption="Slopes, each column divided by its largest size.",
        )
        if not panels:
            return (heat,)
        shown = Figure(
            "traversal",
            "Decoded shapes as one latent moves",
            "pictures",
            panels=tuple(panels),
            per_row=self.options.steps,
            caption="Mid-sagittal cut (left, back to the right) beside mid-coronal cut (right), head up.",
        )
        return heat, shown


def shape_of(mask: NDArray[np.float32], grid: Grid) -> tuple[float, ...]:
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


def pieces(mask: NDArray[np.float32]) -> int:
    """Number of connected pieces of the mask cut at one half."""
    from scipy import ndimage

    return int(ndimage.label(mask > 0.5)[1])


def picture(mask: NDArray[np.float32], grid: Grid) -> NDArray[np.uint8]:
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


def _slopes(steps: Floats, measured: Floats) -> Floats:
    """(m,) least-squares slopes of the columns of `measured` (n, m) over `steps`; NaN where a value is missing."""
    away = steps - steps.mean()
    slopes: Floats = away @ (measured - measured.mean(axis=0)) / (away @ away)
    return slopes
