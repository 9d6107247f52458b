"""Radiomic features of one structure, through MIRP. Knows arrays of voxels of 1 mm; no samples, no scans."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Grid, PlanError

SOURCE = "Zwanenburg et al., Radiology 295:328, 2020"
FAMILIES = ("statistics", "intensity_histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
SHAPE = "morphology"
LEAST_VOXELS = 27
"""Structures of fewer voxels of 1 mm have no texture to speak of."""

_SETTINGS = re.compile(r"_(?:d1|a0\.0|3d|v_mrg|fbn_n\d+)(?=_|$)")
_OF_INTENSITY = ("morph_com", "morph_integ_int", "morph_moran_i", "morph_geary_c")
"""Not of the mask alone; the last two MIRP estimates from points that it draws, at ten times the cost of all the rest."""


def features(
    images: Mapping[str, NDArray[np.float32]], mask: NDArray[np.bool_], families: Sequence[str], bins: int
) -> dict[str, float]:
    """Name -> value: those of the shape once (`morph_volume`), those of intensities for each image (`t2_stat_mean`).

    images : name -> (z, y, x), voxels of 1 mm.   mask : (z, y, x).   bins : grey levels between the smallest and largest value.
    A mask of fewer than `LEAST_VOXELS` has none.

    Notes
    -----
    Three-dimensional matrices, merged over directions; no filter. Names are MIRP's of the IBSI's features, less its settings.
    """
    if mask.sum() < LEAST_VOXELS:
        return {}
    found: dict[str, float] = {}
    if SHAPE in families:
        told = _asked(mask.astype(np.float32), mask, [SHAPE], bins)
        found |= {name: value for name, value in told.items() if name not in _OF_INTENSITY}
    textures = [family for family in families if family != SHAPE]
    for name, image in images.items():
        if textures:
            found |= {f"{name}_{feature}": v for feature, v in _asked(image, mask, textures, bins).items()}
    return found


def at_one_mm(values: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """(z, y, x) in voxels of 1 mm along the grid's own axes, about the same middle; linear between voxels."""
    if grid.spacing == (1.0, 1.0, 1.0):
        return values
    sides = (np.array(grid.shape) - 1) * np.array(grid.spacing)
    shape = np.maximum(np.floor(sides + 1e-6).astype(int) + 1, 1)
    first = (sides - (shape - 1)) / 2 / np.array(grid.spacing)
    x, y, z = (float(v) for v in grid.to_world(first))
    target = Grid((int(shape[0]), int(shape[1]), int(shape[2])), (1.0, 1.0, 1.0), (x, y, z), grid.direction)
    found: NDArray[np.float32] = kernels.resample(np.ascontiguousarray(values, np.float32), grid, target)
    return found


def needed() -> None:
    """PlanError where MIRP is not installed."""
    if find_spec("mirp") is None:
        raise PlanError("radiomics needs MIRP; pip install 'spinefx[radiomics]'")


def _asked(image: NDArray[np.float32], mask: NDArray[np.bool_], families: Sequence[str], bins: int) -> dict[str, float]:
    from mirp.extract_features_and_images import extract_features

    with _silent():
        table: Any = extract_features(
            image=np.ascontiguousarray(image, np.float64),
            mask=mask.astype(np.uint8),
            sample_name="one",  # else it draws a name from the global chance
            base_feature_families=list(families),
            base_discretisation_method="fixed_bin_number",
            base_discretisation_n_bins=bins,
        )
    row = table[0].iloc[0]
    names = [name for name in table[0].columns if not name.startswith(("sample_", "image_"))]
    return {_SETTINGS.sub("", name): float(row[name]) for name in names}


@contextmanager
def _silent() -> Iterator[None]:
    """MIRP sets up the root logger to print unless it has a handler."""
    root, none = logging.getLogger(), logging.NullHandler()
    root.addHandler(none)
    try:
        yield
    finally:
        root.removeHandler(none)
