"""A case at a glance: three planes through its spine with the mask's contours and level names, and what was changed.

The sagittal and the coronal plane follow the spine: each row of pixels is shifted across the plane, so that a curved spine
stays in view. Axial planes are those of up to three discs, their traces drawn on the sagittal one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan, Volume
from spinefx.work.pictures.overlay import with_mask, written_below
from spinefx.work.pictures.planes import View, view_of

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

_BACKGROUND = (18, 21, 24)
_TRACE = (104, 104, 104)
_GAP_PX = 4
_CUTS = 3
_OBLIQUE_DEG = 0.5


def case_picture(scan: Scan, *, height: int = 320) -> Pixels:
    """The case as (height, w, 3) uint8: sagittal plane left, coronal beside it, axial ones in a column at the right.

    The first image is shown in grey between its 1st and 99.5th percentile; without one, the mask alone on a dark ground.
    Sagittal and coronal are isotropic in mm and to one scale, the axial ones to another. A scan with neither image nor
    mask gives an empty dark picture.
    """
    image = next(iter(scan.images.values()), None)
    view = view_of(scan.mask, image, cuts=_CUTS)
    if view is None:
        return np.full((height, height, 3), _BACKGROUND, np.uint8)
    planes, shifts = _planes(view, height)
    grey = [_grey(image, *where) for where in zip(planes, shifts, strict=True)] if image is not None else None
    window = _window(np.concatenate([g[np.isfinite(g)] for g in grey])) if grey else None
    drawn = []
    for i, (plane, shift) in enumerate(zip(planes, shifts, strict=True)):
        pixels = np.empty((*_flat(plane), 3), np.float32)
        pixels[:] = _BACKGROUND
        if grey is not None and window is not None:
            low, high = window
            shown = np.isfinite(grey[i])
            pixels[shown] = np.clip((grey[i][shown] - low) / (high - low), 0, 1)[:, None] * np.float32(235)
        drawn.append(pixels.astype(np.uint8))
        if scan.mask is not None:
            drawn[i] = with_mask(pixels, _labels(scan.mask, plane, shift), scan.mask, strong=image is None)
    drawn[0] = _traced(drawn[0], planes[0], view)
    return _beside(drawn[0], drawn[1], _stacked(drawn[2:], height))


def captioned(pixels: Pixels, lines: Sequence[str]) -> Pixels:
    """The picture with lines of text below it, broken where they are too long."""
    return np.concatenate([pixels, written_below(pixels.shape[1], lines, _BACKGROUND)]) if lines else pixels


def caption(scan: Scan, later: Sequence[str] = ()) -> list[str]:
    """What a reader must know beside the picture: each image and the mask as they lie, the notes, and what comes `later`."""
    lines = [f"{name}: {_laid(image.grid)}" for name, image in scan.images.items()]
    if scan.mask is not None:
        own = (
            "" if any(scan.mask.grid == image.grid for image in scan.images.values()) else f", {_laid(scan.mask.grid)}"
        )
        lines.append(f"mask: scheme {scan.mask.scheme.name}{own}")
    lines += [f"note: {note}" for note in dict.fromkeys((*scan.case.notes, *scan.notes))]
    return lines + ([f"then, for the encoder alone: {', '.join(later)}"] if later else [])


def _laid(grid: Grid) -> str:
    """`50 x 448 x 578 voxels of 3.32 x 0.625 x 0.501 mm (z, y, x), orientation PIR`, letters in the file's order x, y, z."""
    letters = ""
    for axis in grid.axes[::-1]:
        main = int(np.abs(axis).argmax())
        letters += ("LR", "PA", "SI")[main][int(axis[main] < 0)]
    turned = float(np.degrees(np.arccos(np.clip(np.abs(grid.axes).max(axis=1).min(), -1, 1))))
    oblique = f", {turned:.0f} degrees oblique" if turned >= _OBLIQUE_DEG else ""
    sizes, mm = " x ".join(map(str, grid.shape)), " x ".join(f"{s:.3g}" for s in grid.spacing)
    return f"{sizes} voxels of {mm} mm (z, y, x), orientation {letters}{oblique}"


def _planes(view: View, height: int) -> tuple[list[Grid], list[NDArray[np.float32]]]:
    """The grids of all planes and how their rows are shifted."""
    size = max((height - _GAP_PX * (_CUTS - 1)) // _CUTS, 2)
    planes = [view.upright(height, "x"), view.upright(height, "y")]
    shifts = [view.shift(plane, axis) for axis, plane in enumerate(planes)]
    for number in range(len(view.axial)):
        planes.append(view.across(size, number))
        shifts.append(np.zeros((3, *planes[-1].shape), np.float32))
    return planes, shifts


def _flat(plane: Grid) -> tuple[int, int]:
    """(rows, columns) of a one-voxel-thin grid as it is shown."""
    rows, columns = (n for k, n in enumerate(plane.shape) if k != plane.shape.index(1))
    return rows, columns


def _shown(values: NDArray[np.generic], plane: Grid) -> NDArray[np.generic]:
    """Values on a plane as rows and columns: upright planes with the head up, axial ones with the front up."""
    flat = values.reshape(_flat(plane))
    return flat if plane.shape[0] == 1 else flat[::-1]


def _grey(image: Volume, plane: Grid, shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) intensities on the shifted plane; NaN outside the image."""
    data = np.asarray(image.data, np.float32)
    return _shown(kernels.warp(data, image.grid, plane, displacement=shift, method="linear", fill=np.nan), plane)  # type: ignore[return-value]


def _labels(mask: LabelMap, plane: Grid, shift: NDArray[np.float32]) -> NDArray[np.uint16]:
    """(h, w) mask values on the shifted plane."""
    return _shown(kernels.warp(mask.labels, mask.grid, plane, displacement=shift, method="label-smooth", fill=0), plane)  # type: ignore[return-value]


def _window(values: NDArray[np.float32]) -> tuple[float, float]:
    """Grey window between percentiles, never empty."""
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, [1.0, 99.5]))
    return low, high if high > low else low + 1.0


def _traced(pixels: Pixels, plane: Grid, view: View) -> Pixels:
    """The sagittal plane with marks at its edges where the axial planes cut it."""
    pixels = pixels.copy()
    height, width = pixels.shape[:2]
    for centre, normal, _ in view.axial:
        for column in (*range(6), *range(width - 6, width)):
            y = plane.origin[1] + column * plane.spacing[1]
            z = centre[2] - normal[1] / normal[2] * (y - centre[1])
            row = height - 1 - round((z - plane.origin[2]) / plane.spacing[0])
            if 0 <= row < height:
                pixels[row, column] = _TRACE
    return pixels


def _stacked(tiles: Sequence[Pixels], height: int) -> Pixels:
    """Square pictures one under the other, as high as asked for."""
    out = np.full((height, tiles[0].shape[1], 3), _BACKGROUND, np.uint8)
    for number, tile in enumerate(tiles):
        top = number * (tile.shape[0] + _GAP_PX)
        out[top : top + tile.shape[0]] = tile[: height - top]
    return out


def _beside(*parts: Pixels) -> Pixels:
    gap = np.full((parts[0].shape[0], _GAP_PX, 3), _BACKGROUND, np.uint8)
    row = [piece for part in parts for piece in (gap, part)][1:]
    return np.ascontiguousarray(np.concatenate(row, axis=1))
