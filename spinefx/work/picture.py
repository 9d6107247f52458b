"""A case at a glance: mid-sagittal and mid-coronal plane through its spine, with the mask's contours and level names.

Radiologists' view: head up; sagittal with the front on the left, coronal with the patient's right on the left. The
planes follow the spine: each row of pixels is shifted across the plane, so that a curved spine stays in view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan, Volume
from spinefx.contract.scheme import Structure

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

_BACKGROUND = (18, 21, 24)
_GAP_PX, _THIN_MM, _WIDEST = 4, 1.0, 1.4
_MARGIN_MM = {"x": 18.0, "y": 18.0, "z": 8.0}
_FALLBACK = (190, 190, 200)
_COLOURS = {
    "vertebra": ((112, 172, 226), (84, 140, 200)),
    "disc": ((240, 178, 92), (240, 178, 92)),
    "canal": ((110, 200, 160), (110, 200, 160)),
    "cord": ((110, 200, 160), (110, 200, 160)),
    "sacrum": ((178, 146, 214), (178, 146, 214)),
    "endplate": ((232, 128, 120), (232, 128, 120)),
    "partial-vertebra": ((140, 156, 172), (140, 156, 172)),
}
_NAMED = ("vertebra", "disc", "sacrum")


@dataclass(frozen=True)
class _View:
    """Where the planes lie: points (n, 3) along the spine, feet first, and the box (2, 3) around what is shown.

    World (x, y, z) in mm.
    """

    spine: Floats
    box: Floats

    def shift(self, plane: Grid, axis: int) -> NDArray[np.float32]:
        """(3, z, y, x) displacement that moves each row of `plane` along world `axis` onto the spine."""
        heights = plane.origin[2] + np.arange(plane.shape[0]) * plane.spacing[0]
        moved = np.interp(heights, self.spine[:, 2], self.spine[:, axis]) - plane.origin[axis]
        field = np.zeros((3, *plane.shape), np.float32)
        field[axis] = moved[:, None, None]
        return field


def case_picture(scan: Scan, *, height: int = 320) -> Pixels:
    """The case as (height, w, 3) uint8: sagittal plane left, coronal right, both isotropic in mm and to one scale.

    The first image is shown in grey between its 1st and 99.5th percentile; without one, the mask alone on a dark
    ground. The planes run through the centroids of the discs (of the vertebrae, of all structures together, of the
    image, whichever exists first), joined by straight lines. A scan with neither image nor mask gives an empty dark
    picture.
    """
    image = next(iter(scan.images.values()), None)
    view = _view(scan.mask, image)
    if view is None:
        return np.full((height, height, 3), _BACKGROUND, np.uint8)
    step = max(float(view.box[1, 2] - view.box[0, 2]) / (height - 1), 1e-3)
    planes = [_plane(view, step, height, across) for across in ("x", "y")]
    shifts = [view.shift(plane, axis) for axis, plane in enumerate(planes)]
    grey = [_grey(image, *where) for where in zip(planes, shifts, strict=True)] if image is not None else []
    window = _window(np.concatenate([g[np.isfinite(g)] for g in grey])) if grey else None
    drawn = []
    for i, plane in enumerate(planes):
        pixels = np.empty((height, max(plane.shape[1:]), 3), np.float32)
        pixels[:] = _BACKGROUND
        if window is not None:
            low, high = window
            shown = np.isfinite(grey[i])
            pixels[shown] = np.clip((grey[i][shown] - low) / (high - low), 0, 1)[:, None] * np.float32(235)
        drawn.append(pixels.astype(np.uint8))
        if scan.mask is not None:
            drawn[i] = _with_mask(pixels, _labels(scan.mask, plane, shifts[i]), scan.mask, strong=image is None)
    gap = np.full((height, _GAP_PX, 3), _BACKGROUND, np.uint8)
    return np.ascontiguousarray(np.concatenate([drawn[0], gap, drawn[1]], axis=1))


def _view(mask: LabelMap | None, image: Volume | None) -> _View | None:
    """What to show: the mask's structures with a margin, inside the image; the whole image where there is no mask."""
    bounds = _bounds(image.grid.corners()) if image is not None else None
    stats = kernels.label_statistics(mask.labels, mask.grid) if mask is not None else None
    if mask is None or stats is None or not len(stats.value):
        return None if bounds is None else _View(bounds.mean(axis=0, keepdims=True), bounds)
    kinds = [mask.scheme[int(v)].kind if int(v) in mask.scheme else "" for v in stats.value]
    spine = stats.centroid_mm.mean(axis=0, keepdims=True)
    for kind in ("vertebra", "disc"):
        chosen = stats.centroid_mm[[k == kind for k in kinds]]
        spine = chosen[np.argsort(chosen[:, 2])] if len(chosen) else spine
    first, last = stats.box[:, 0].min(axis=0), stats.box[:, 1].max(axis=0) - 1
    ends = np.array(np.meshgrid(*np.stack([first, last], axis=1), indexing="ij"), np.float64).reshape(3, -1).T
    margin = np.array([_MARGIN_MM[axis] for axis in "xyz"])
    box = _bounds(mask.grid.to_world(ends)) + np.stack([-margin, margin])
    if bounds is not None:
        inside = np.stack([np.maximum(box[0], bounds[0]), np.minimum(box[1], bounds[1])])
        box = np.where(inside[1] > inside[0], inside, box)
    return _View(np.asarray(spine, np.float64), box)


def _bounds(points: Floats) -> Floats:
    """(2, 3) smallest and largest world coordinates."""
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _plane(view: _View, step: float, height: int, across: str) -> Grid:
    """A one-voxel-thin grid along the world axes, normal to `across` amid the spine."""
    (x0, y0, z0), (x1, y1, _) = view.box
    cx, cy = np.median(view.spine[:, :2], axis=0)
    start, end, middle = (y0, y1, cy) if across == "x" else (x0, x1, cx)
    width = min(round((end - start) / step) + 1, int(_WIDEST * height))
    if (width - 1) * step < end - start:
        start = middle - (width - 1) * step / 2
    if across == "x":
        return Grid((height, width, 1), (step, step, _THIN_MM), (float(cx), float(start), float(z0)))
    return Grid((height, 1, width), (step, _THIN_MM, step), (float(start), float(cy), float(z0)))


def _grey(image: Volume, plane: Grid, shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) intensities on the shifted plane, head up; NaN outside the image."""
    data = np.asarray(image.data, np.float32)
    found = kernels.warp(data, image.grid, plane, displacement=shift, method="linear", fill=np.nan)
    return found.reshape(plane.shape[0], -1)[::-1]


def _labels(mask: LabelMap, plane: Grid, shift: NDArray[np.float32]) -> NDArray[np.uint16]:
    """(h, w) mask values on the shifted plane, head up."""
    found = kernels.warp(mask.labels, mask.grid, plane, displacement=shift, method="label-smooth", fill=0)
    return found.reshape(plane.shape[0], -1)[::-1]


def _window(values: NDArray[np.float32]) -> tuple[float, float]:
    """Grey window between percentiles, never empty."""
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, [1.0, 99.5]))
    return low, high if high > low else low + 1.0


def _with_mask(pixels: NDArray[np.float32], labels: NDArray[np.uint16], mask: LabelMap, *, strong: bool) -> Pixels:
    """The plane with each structure tinted, its contour drawn and its level named."""
    values = [int(value) for value in np.unique(labels) if value]
    table = np.zeros((max(values, default=0) + 1, 3), np.float32)
    for value in values:
        table[value] = colour_of(mask, value)
    rim = _rim(labels)
    share = np.where(labels > 0, np.where(rim, 0.95, 0.5 if strong else 0.12), 0.0).astype(np.float32)[..., None]
    tinted = pixels * (1 - share) + table[labels] * share
    named = [(mask.scheme[value], labels == value) for value in values if value in mask.scheme]
    return _written(np.clip(tinted, 0, 255).astype(np.uint8), named)


def colour_of(mask: LabelMap, value: int) -> tuple[int, int, int]:
    """The colour of a structure's kind; neighbouring vertebrae alternate between two shades."""
    kind = mask.scheme[value].kind if value in mask.scheme else ""
    shades = _COLOURS.get(kind)
    return _FALLBACK if shades is None else shades[value % 2]


def _rim(labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """True on the pixels of a structure that touch another label."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    different: NDArray[np.bool_] = np.logical_or.reduce([inner != other for other in around])
    return different & (inner > 0)


def _written(pixels: Pixels, named: list[tuple[Structure, NDArray[np.bool_]]]) -> Pixels:
    """The picture with levels written: vertebrae on themselves, discs smaller and beside their left edge."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    big, small = ImageFont.load_default(size=12), ImageFont.load_default(size=9)
    for structure, where in named:
        if structure.kind not in _NAMED or not structure.level or where.sum() < 40:
            continue
        rows, columns = np.nonzero(where)
        y = float(np.median(rows))
        if structure.kind == "disc":
            x, font, anchor = float(columns.min()) - 3, small, "rm"
            if draw.textlength(structure.level, font=font) > x:
                x, anchor = float(columns.max()) + 3, "lm"
        else:
            x, font, anchor = _body_column(columns), big, "mm"
        draw.text((x, y), structure.level, (255, 255, 255), font, anchor, stroke_width=1, stroke_fill=(10, 12, 14))
    return np.asarray(image, np.uint8)


def _body_column(columns: NDArray[np.intp]) -> float:
    """The column to write a vertebra's name in: the middle of the column run that is at least half as high as any."""
    heights = np.bincount(columns)
    tall = np.flatnonzero(heights >= 0.5 * heights.max())
    return float(np.median(tall[: np.argmax(np.diff(tall, append=tall[-1] + 9) > 1) + 1]))
