"""Grids around a spine, as scanners lay them: sagittal or any other orientation, thick slices, oblique."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spinefx.contract.grid import Grid
from spinefx.phantom.frame import Floats
from spinefx.phantom.spine import Spine

_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}


def direction_of(order: str) -> Floats:
    """(3, 3) ITK direction matrix of an orientation such as `LPS` or `PIR`.

    Letters say where the image's axes x, y, z point (x is the array's last axis): towards the patient's Left,
    Posterior, Superior, Right, Anterior, Inferior. ValueError for anything else.
    """
    if len(order) != 3 or {_LETTERS.get(letter, (9, 0))[0] for letter in order} != {0, 1, 2}:
        raise ValueError(f"orientation {order!r} is not three letters, one of each of L/R, P/A and S/I")
    out = np.zeros((3, 3))
    for column, letter in enumerate(order):
        row, sign = _LETTERS[letter]
        out[row, column] = sign
    return out


def rotation(*, sagittal_deg: float = 0.0, coronal_deg: float = 0.0, axial_deg: float = 0.0) -> Floats:
    """(3, 3) world rotation: about the x axis, then y, then z, degrees."""
    a, b, c = np.radians([sagittal_deg, coronal_deg, axial_deg])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    out: Floats = z @ y @ x
    return out


def grid_around(
    spine: Spine,
    *,
    spacing_mm: tuple[float, float, float] = (4.0, 0.6, 0.6),
    order: str = "LPS",
    turn: ArrayLike | None = None,
    margin_mm: tuple[float, float, float] = (6.0, 10.0, 10.0),
    shift_mm: ArrayLike = (0.0, 0.0, 0.0),
) -> Grid:
    """A grid that holds every labelled structure of `spine`.

    Parameters
    ----------
    spacing_mm : (left-right, antero-posterior, head-foot)
        Voxel size along the patient's axes, whatever the array order.
    order : str
        Orientation of the image axes x, y, z (the array's last axis first): `LPS` has the sagittal slices along the last
        array axis, `PIR` along the first, as SPIDER's two kinds have.
    turn : (3, 3) or None
        Rotation of the scanner's axes against the patient's (`rotation`).
    margin_mm, shift_mm : (left-right, antero-posterior, head-foot)
        Space left around, and an offset of the whole grid.
    """
    base = direction_of(order)
    matrix = (np.eye(3) if turn is None else np.asarray(turn, np.float64)) @ base
    column = np.abs(base).argmax(axis=0)
    spacing = np.array(spacing_mm, np.float64)[column]
    margin = np.array(margin_mm, np.float64)[column]
    corners = [d.corners() for d in spine.labelled_discs] + [v.corners() for v in spine.labelled_vertebrae]
    local = np.concatenate(corners) @ matrix
    low, high = local.min(axis=0) - margin, local.max(axis=0) + margin
    size = np.ceil((high - low) / spacing).astype(int) + 1
    start = (low + high) / 2 - (size - 1) * spacing / 2
    origin = matrix @ start + np.asarray(shift_mm, np.float64)
    nx, ny, nz = (int(n) for n in size)
    sx, sy, sz = (float(s) for s in spacing)
    return Grid((nz, ny, nx), (sz, sy, sx), (float(origin[0]), float(origin[1]), float(origin[2])), matrix)
