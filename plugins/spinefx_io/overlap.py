"""Whether the images of a case show the same body at the same place: a rough check, and a flag where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import GridError, Volume

COVERED, TOGETHER = 0.25, 0.7
"""Limits below which an image is flagged: the share of the structural body in its view, and the Dice of both bodies there."""

_POINTS = 30_000
_STRUCTURAL = ("ct", "mr", "t2", "t1", "t2_SPACE")
_BODY = 0.08
_AIR_HU, _SKIN_HU = -900.0, -300.0


def registration_notes(images: Mapping[str, Volume], *, reference: str = "") -> list[str]:
    """What a reader must know of images on grids of their own; nothing where they lie together or share one grid.

    Parameters
    ----------
    images : modality -> image.   reference : the structural one, that the mask was drawn on; by name where empty.

    Raises
    ------
    GridError
        If an image shows no part of the structural image's body: nothing could be measured in it.
    """
    if len(images) < 2:
        return []
    base = reference or next((name for name in _STRUCTURAL if name in images), next(iter(images)))
    grid = images[base].grid
    others = {name: image for name, image in images.items() if name != base and image.grid != grid}
    if not others:
        return []
    points, body = _seen(images[base])
    notes = []
    for name, image in others.items():
        index = np.rint(image.grid.to_index(points)).astype(np.int64)
        inside = ((index >= 0) & (index < image.grid.shape)).all(axis=1)
        covered = float((inside & body).sum() / body.sum())
        if covered == 0.0:
            raise GridError(
                f"{name} shows no part of the body in {base}: they lie apart in the scanner's coordinates; register them, "
                f"or leave {name} out"
            )
        at = index[inside]
        other = _is_body(image, image.data[at[:, 0], at[:, 1], at[:, 2]])
        together = 2.0 * float((other & body[inside]).sum()) / float(other.sum() + body[inside].sum())
        if covered < COVERED:
            notes.append(f"{name} covers {100 * covered:.0f} % of the body in {base}")
        if together < TOGETHER:
            notes.append(f"{base} and {name}: bodies overlap by {100 * together:.0f} % (Dice); are they registered?")
    return notes


def _seen(image: Volume) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(n, 3) world points of an evenly thinned image, and which of them are body (all, where none is)."""
    stride = max(1, round((image.data.size / _POINTS) ** (1 / 3)))
    part = image.data[::stride, ::stride, ::stride]
    body = _is_body(image, part).ravel()
    index = np.stack(np.meshgrid(*map(np.arange, part.shape), indexing="ij"), axis=-1).reshape(-1, 3) * stride
    return image.grid.to_world(index), body if body.any() else ~body


def _is_body(image: Volume, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are body and not air: by Hounsfield units where there are such, else above a share of the brightest."""
    stride = max(1, round((image.data.size / _POINTS) ** (1 / 3)))
    low, high = np.percentile(image.data[::stride, ::stride, ::stride], (0.5, 99.0))
    limit = _SKIN_HU if low < _AIR_HU else low + _BODY * (high - low)
    return np.asarray(values > limit)
