"""Where the planes of a case's picture lie: sagittal and coronal along the spine, axial through some of its discs.

Radiologists' view: head up, sagittal with the front on the left, coronal and axial with the patient's right on the left,
axial with the front up. World (x, y, z) in mm, LPS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Volume

Floats = NDArray[np.float64]

_THIN_MM, _WIDEST = 1.0, 1.4
_MARGIN_MM = {"x": 18.0, "y": 18.0, "z": 8.0}
_AXIAL_MM, _AXIAL_WIDEST_MM, _AXIAL_REACH = 100.0, 300.0, 6.0
_UP = np.array([0.0, 0.0, 1.0])
_UPRIGHT = 0.7
"""A disc's own plane is taken where its normal is this near to the head; below, the level plane."""


@dataclass(frozen=True)
class View:
    """What is shown: points (n, 3) along the spine, feet first; the box (2, 3) around it; axial planes, head first.

    axial : (centre, normal, width in mm) of each axial plane.
    """

    spine: Floats
    box: Floats
    axial: tuple[tuple[Floats, Floats, float], ...] = ()

    def shift(self, plane: Grid, axis: int) -> NDArray[np.float32]:
        """(3, z, y, x) displacement that moves each row of `plane` along world `axis` onto the spine."""
        heights = plane.origin[2] + np.arange(plane.shape[0]) * plane.spacing[0]
        moved = np.interp(heights, self.spine[:, 2], self.spine[:, axis]) - plane.origin[axis]
        field = np.zeros((3, *plane.shape), np.float32)
        field[axis] = moved[:, None, None]
        return field

    def upright(self, height: int, across: str) -> Grid:
        """A one-voxel-thin grid along the world axes, normal to `across` amid the spine, feet first."""
        step = max(float(self.box[1, 2] - self.box[0, 2]) / (height - 1), 1e-3)
        (x0, y0, z0), (x1, y1, _) = self.box
        cx, cy = np.median(self.spine[:, :2], axis=0)
        start, end, middle = (y0, y1, cy) if across == "x" else (x0, x1, cx)
        width = min(round((end - start) / step) + 1, int(_WIDEST * height))
        if (width - 1) * step < end - start:
            start = middle - (width - 1) * step / 2
        if across == "x":
            return Grid((height, width, 1), (step, step, _THIN_MM), (float(cx), float(start), float(z0)))
        return Grid((height, 1, width), (step, _THIN_MM, step), (float(start), float(cy), float(z0)))

    def across(self, size: int, number: int) -> Grid:
        """A square one-voxel-thin grid of `size` pixels on axial plane `number`, front first."""
        centre, normal, width = self.axial[number]
        right_left = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
        right_left /= np.linalg.norm(right_left)
        back = np.cross(normal, right_left)
        step = width / size
        corner = centre - (size - 1) / 2 * step * (right_left + back)
        x, y, z = (float(v) for v in corner)
        direction = np.stack([right_left, back, normal], axis=1)
        return Grid((1, size, size), (_THIN_MM, step, step), (x, y, z), direction)


def view_of(mask: LabelMap | None, image: Volume | None, *, cuts: int) -> View | None:
    """What to show: the mask's structures with a margin, inside the image; the whole image where there is no mask.

    The spine runs through the centroids of the discs (of the vertebrae, of all structures together, of the image,
    whichever exists first); axial planes are those of up to `cuts` of them, evenly from head to foot, or of the largest
    structure.
    """
    bounds = _bounds(image.grid.corners()) if image is not None else None
    stats = kernels.label_statistics(mask.labels, mask.grid) if mask is not None else None
    if mask is None or stats is None or not len(stats.value):
        if bounds is None:
            return None
        middle = bounds.mean(axis=0)
        return View(middle[None], bounds, ((middle, _UP, _AXIAL_WIDEST_MM),))
    kinds = np.array([mask.scheme[int(v)].kind if int(v) in mask.scheme else "" for v in stats.value])
    spine, chosen = stats.centroid_mm.mean(axis=0, keepdims=True), np.argsort(stats.volume_mm3)[-1:]
    for kind in ("vertebra", "disc"):
        of_kind = np.flatnonzero(kinds == kind)
        if len(of_kind):
            chosen = of_kind[np.argsort(stats.centroid_mm[of_kind, 2])]
            spine = stats.centroid_mm[chosen]
    picked = chosen[::-1][np.unique(np.linspace(0, len(chosen) - 1, cuts).round().astype(int))]
    axial = tuple((stats.centroid_mm[i], *_across(stats.covariance_mm2[i])) for i in picked)
    first, last = stats.box[:, 0].min(axis=0), stats.box[:, 1].max(axis=0) - 1
    ends = np.array(np.meshgrid(*np.stack([first, last], axis=1), indexing="ij"), np.float64).reshape(3, -1).T
    margin = np.array([_MARGIN_MM[axis] for axis in "xyz"])
    box = _bounds(mask.grid.to_world(ends)) + np.stack([-margin, margin])
    if bounds is not None:
        inside = np.stack([np.maximum(box[0], bounds[0]), np.minimum(box[1], bounds[1])])
        box = np.where(inside[1] > inside[0], inside, box)
    return View(np.asarray(spine, np.float64), box, axial)


def _across(covariance: Floats) -> tuple[Floats, float]:
    """The normal of a structure's own plane, headward, and how wide a plane shows all of it, in mm.

    Straight up where the direction in which it is thinnest is not nearly the head's.
    """
    if not np.isfinite(covariance).all():
        return _UP, _AXIAL_MM
    variances, directions = np.linalg.eigh(covariance)
    thin = directions[:, 0] * np.sign(directions[2, 0] or 1.0)
    width = float(np.clip(_AXIAL_REACH * np.sqrt(max(variances[-1], 0.0)), _AXIAL_MM, _AXIAL_WIDEST_MM))
    return (thin if thin[2] >= _UPRIGHT else _UP), width


def _bounds(points: Floats) -> Floats:
    """(2, 3) smallest and largest world coordinates."""
    return np.stack([points.min(axis=0), points.max(axis=0)])
