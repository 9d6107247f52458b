"""Mending of label maps, as a segmenter leaves them: holes, islands, staircases. No label is ever lost."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.kernels import _core
from spinefx.kernels.measures import checked_labels

Scalar = TypeVar("Scalar", bound=np.generic)
Array = NDArray[Any]


def fill_holes(labels: NDArray[Scalar], grid: Grid, *, largest_mm3: float = np.inf) -> NDArray[Scalar]:
    """`labels` with its cavities filled, a new array.

    A cavity is background that no path through faces of voxels joins to the volume's border; it gets the label that most
    of its faces touch (ties: the smallest). Labelled voxels stay as they are. Along an axis of one voxel the volume has no
    border, so a single slice has holes too.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
    largest_mm3 : float
        Larger cavities stay open; > 0.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or the limit does not fit.
    """
    if not largest_mm3 > 0:
        raise ValueError(f"largest_mm3 must be > 0, got {largest_mm3}")
    made = checked_labels(labels, grid).copy()
    _core.fill_holes(made, int(min(largest_mm3 / grid.voxel_mm3 * (1 + 1e-9), made.size)))
    return _as_given(made, labels)


def keep_largest(labels: NDArray[Scalar], grid: Grid, *, connectivity: Literal[6, 18, 26] = 26) -> NDArray[Scalar]:
    """`labels` with the largest piece of every label and nothing else of it, a new array.

    Of pieces of one size the first in memory stays. Voxels of a piece hang together by faces (6), faces and edges (18) or
    also corners (26). What goes becomes background.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or the connectivity does not fit.
    """
    made = checked_labels(labels, grid).copy()
    _core.keep_largest(made, int(connectivity))
    return _as_given(made, labels)


def smooth_labels(labels: NDArray[Scalar], grid: Grid, *, sigma_mm: float = 1.0, least: float = 0.5) -> NDArray[Scalar]:
    """`labels` without staircases, a new array: every voxel gets the label with the largest share around it.

    Shares are taken under a Gaussian of standard deviation `sigma_mm`, all labels and the background at once, so no gap
    opens between neighbours and `sigma_mm` may be below the voxel size. The volume's outermost voxels go on beyond it. A
    label that would keep less than the share `least` of its voxels, a sheet or a strand, is left as it was.

    Parameters
    ----------
    labels : (z, y, x) uint16, uint8 or bool
    sigma_mm : float
        >= 0; 0 changes nothing.
    least : float
        0..1; a label is never lost, whatever this is.

    Raises
    ------
    TypeError, ValueError, GridError
        If a dtype, a shape or a number does not fit.
    """
    if not (np.isfinite(sigma_mm) and sigma_mm >= 0):
        raise ValueError(f"sigma_mm must be finite and >= 0, got {sigma_mm}")
    if not 0 <= least <= 1:
        raise ValueError(f"least must be in 0..1, got {least}")
    given = checked_labels(labels, grid)
    made = np.empty_like(given)
    z, y, x = (sigma_mm / s for s in grid.spacing)
    _core.smooth_labels(given, made, (z, y, x), float(least))
    return _as_given(made, labels)


def _as_given(made: Array, labels: NDArray[Scalar]) -> NDArray[Scalar]:
    return made.view(np.bool_) if np.asarray(labels).dtype == np.bool_ else made
