"""A case as it was measured: a sagittal and a coronal plane along its spine, and what analysers draw over them.

Head up; sagittal with the front on the left, coronal with the patient's right on the left. Each row of pixels is shifted
across the plane onto the spine, so that a curved spine stays in view and every mark lies on what it measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.marks import Mark
from spinefx.contract.scan import LabelMap, Scan
from spinefx.store.cache import Cache
from spinefx.store.keys import step_key
from spinefx.store.records import png
from spinefx.work.pictures.overlay import colour_of

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

_VERSION = 2
"""Raised when the same marks are drawn differently; part of the cache key."""
_HEIGHT, _FINE, _FONT, _THIN_MM, _BEYOND_MM = 720, 2, 11, 1.0, 12.0
_MARGIN_PX = {"sagittal": (128, 92), "coronal": (24, 92)}
"""Room left and right of a plane, for words."""
_COLOURS = {"plane": (255, 255, 255), "length": (255, 221, 87), "angle": (120, 222, 255), "text": (255, 221, 87)}
_TICK_PX, _DASH_PX, _AWAY_PX = 3.0, 7.0, 5.0
_BACKGROUND = (18, 21, 24)


def key(features: Sequence[str]) -> str:
    """Key of the picture of the measurements with these keys."""
    return step_key("picture", "measured", version=_VERSION, options=None, parents=list(features))


def put(cache: Cache, key: str, scan: Scan, marks: Sequence[Mark]) -> None:
    """Store the picture; an empty one where there is nothing to draw."""
    drawn = measured_picture(scan, marks)
    cache.put(key, {"png": np.frombuffer(b"" if drawn is None else png(drawn), np.uint8)})


def measured_picture(scan: Scan, marks: Sequence[Mark]) -> Pixels | None:
    """(h, w, 3) uint8: sagittal left, coronal right, isotropic in mm and to one scale; None where no mark or mask is."""
    mask = scan.mask
    stats = None if mask is None else kernels.label_statistics(mask.labels, mask.grid)
    if mask is None or stats is None or not len(stats.value) or not marks:
        return None
    ends = mask.grid.to_world(np.array([b[k] for b in stats.box - [[0], [1]] for k in _CORNERS], np.float64))
    low, high = ends.min(axis=0) - _BEYOND_MM, ends.max(axis=0) + _BEYOND_MM
    kinds = [mask.scheme[int(v)].kind if int(v) in mask.scheme else "" for v in stats.value]
    chosen = next(
        (c for c in ([k == kind for k in kinds] for kind in ("disc", "vertebra")) if any(c)), [True] * len(kinds)
    )
    spine = stats.centroid_mm[chosen]
    spine = spine[np.argsort(spine[:, 2])]
    drawn = []
    for view, across, along in (("sagittal", 0, 1), ("coronal", 1, 0)):
        plane, shift = _plane(low, high, spine, across, along)
        wide = _tinted(scan, mask, plane, shift)
        left, right = _MARGIN_PX[view]
        wide = np.pad(wide, ((0, 0), (left, right), (0, 0)), constant_values=0)
        wide[:, :left], wide[:, wide.shape[1] - right :] = _BACKGROUND, _BACKGROUND
        drawn.append(_with_marks(wide, [mark for mark in marks if mark.view == view], plane, along, left))
    return np.concatenate(drawn, axis=1)


_CORNERS = tuple((np.array([a, b, c]), np.arange(3)) for a in (0, 1) for b in (0, 1) for c in (0, 1))


def _plane(low: Floats, high: Floats, spine: Floats, across: int, along: int) -> tuple[Grid, NDArray[np.float32]]:
    """A one-voxel-thin grid normal to world axis `across`, and what moves each of its rows onto the spine."""
    step = float(high[2] - low[2]) / (_HEIGHT - 1)
    middle = float(np.median(spine[:, across]))
    width = int((high[along] - low[along]) / step) + 1
    shape, spacing, origin = [_HEIGHT, 1, 1], [step, _THIN_MM, _THIN_MM], np.array([0.0, 0.0, low[2]])
    shape[2 - along], spacing[2 - along] = width, step
    origin[across], origin[along] = middle, low[along]
    x, y, z = (float(v) for v in origin)
    plane = Grid((shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]), (x, y, z))
    heights = z + np.arange(_HEIGHT) * step
    field = np.zeros((3, *plane.shape), np.float32)
    field[across] = (np.interp(heights, spine[:, 2], spine[:, across]) - middle)[:, None, None]
    return plane, field


def _tinted(scan: Scan, mask: LabelMap, plane: Grid, shift: NDArray[np.float32]) -> Pixels:
    """The plane, head up: the first image in grey, structures tinted and outlined."""
    size = (plane.shape[0], max(plane.shape[1:]))
    pixels = np.empty((*size, 3), np.float32)
    pixels[:] = _BACKGROUND
    image = next(iter(scan.images.values()), None)
    if image is not None:
        data = np.asarray(image.data, np.float32)
        grey = kernels.warp(data, image.grid, plane, displacement=shift, method="linear", fill=np.nan).reshape(size)[
            ::-1
        ]
        shown = np.isfinite(grey)
        low, high = np.percentile(grey[shown], [1, 99.5]) if shown.any() else (0.0, 1.0)
        pixels[shown] = np.clip((grey[shown] - low) / max(high - low, 1e-6), 0, 1)[:, None] * np.float32(235)
    labels = kernels.warp(mask.labels, mask.grid, plane, displacement=shift, method="label-smooth", fill=0)
    labels = labels.reshape(size)[::-1]
    inner = np.pad(labels, 1, mode="edge")
    rim = np.logical_or.reduce(
        [labels != other for other in (inner[:-2, 1:-1], inner[2:, 1:-1], inner[1:-1, :-2], inner[1:-1, 2:])]
    )
    inside = labels > 0
    table = np.zeros((int(labels.max()) + 1, 3))
    for value in np.unique(labels[inside]):
        table[value] = colour_of(mask, int(value))
    share = np.where(rim[inside], 0.7, 0.1 if image is not None else 0.45)[:, None]
    pixels[inside] = pixels[inside] * (1 - share) + table[labels[inside]] * share
    return pixels.astype(np.uint8)


def _with_marks(pixels: Pixels, marks: Sequence[Mark], plane: Grid, along: int, left: int) -> Pixels:
    """The pixels with every mark drawn at twice their size and averaged back: lines are smooth, and what lies beside them is as it was."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels).resize((width * _FINE, height * _FINE), Image.Resampling.NEAREST)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=_FONT * _FINE)
    step = plane.spacing[0]
    for mark in marks:
        across = (mark.points[:, along] - plane.origin[along]) / step + left
        down = (height - 1) - (mark.points[:, 2] - plane.origin[2]) / step
        points = (np.stack([across, down], axis=1) + 0.5) * _FINE
        colour = _COLOURS[mark.role]
        if mark.role != "text":
            for start, end in pairwise(points):
                for piece in _dashes(start, end) if mark.role == "angle" else [(start, end)]:
                    draw.line([tuple(piece[0]), tuple(piece[1])], fill=colour, width=_FINE)
        if mark.role == "length":
            for end, other in ((points[0], points[-1]), (points[-1], points[0])):
                side = _TICK_PX * _FINE * _across(other - end)
                draw.line([tuple(end - side), tuple(end + side)], fill=colour, width=_FINE)
        if mark.text:
            away = _unit(points[-1] - points[0])
            at = points[-1] + _AWAY_PX * _FINE * away
            anchor = ("l" if away[0] > 0.3 else "r" if away[0] < -0.3 else "m") + "m"
            draw.text(tuple(at), mark.text, colour, font, anchor, stroke_width=_FINE, stroke_fill=_BACKGROUND)
    return np.asarray(image.reduce(_FINE), np.uint8)


def _dashes(start: Floats, end: Floats) -> list[tuple[Floats, Floats]]:
    count = max(int(np.linalg.norm(end - start) / (_DASH_PX * _FINE)) // 2 * 2 + 1, 1)
    ends = start + np.linspace(0, 1, count + 1)[:, None] * (end - start)
    return [(ends[i], ends[i + 1]) for i in range(0, count, 2)]


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float64)


def _across(vector: Floats) -> Floats:
    return _unit(np.array([-vector[1], vector[0]]))
