"""The Python face of the C++ core: NumPy in, NumPy out, usable alone. Knows grids, but no stage and no plugin.

Beside each kernel stands its NumPy twin (`reference`, `reference_measures` and so on), which only tests import.

threads() is how many threads the next call may use (SPINEFX_NUM_THREADS, else the CPUs of this process), set_threads(n)
changes it; no result depends on it. isa() names the instruction set that runs (SPINEFX_ISA asks for another).
"""

from __future__ import annotations

try:
    from spinefx.kernels._core import isa, set_threads, threads
except ImportError as error:
    raise ImportError(
        "spinefx.kernels needs its compiled core, which this installation lacks; build it with "
        "`pip install -e .` (or `pip install .`) in the repository root, using a C++20 compiler"
    ) from error

from spinefx.kernels.device import DeviceError
from spinefx.kernels.digitise import redigitised
from spinefx.kernels.distance import SurfaceDistances, distance_transform, surface_areas, surface_distances
from spinefx.kernels.extents import Extents, extents
from spinefx.kernels.measures import LabelStatistics, label_statistics, soft_moments, surface
from spinefx.kernels.points import geodesics, intrinsic_dimension, neighbours
from spinefx.kernels.rays import Plane, RayHeights, Rays, fit_plane, ray_heights
from spinefx.kernels.refine import fill_holes, keep_largest, smooth_labels
from spinefx.kernels.sampling import LostLabelError, resample, warp
from spinefx.kernels.tangents import Tangents, pairwise_distances, tangent_spaces

__all__ = [
    "DeviceError", "Extents", "LabelStatistics", "LostLabelError", "Plane", "RayHeights", "Rays", "SurfaceDistances", "Tangents",
    "distance_transform", "extents", "fill_holes", "fit_plane", "geodesics", "intrinsic_dimension", "isa", "keep_largest",
    "label_statistics", "neighbours", "pairwise_distances", "ray_heights", "redigitised", "resample", "set_threads",
    "smooth_labels", "soft_moments", "surface", "surface_areas", "surface_distances", "tangent_spaces", "threads",
    "warp",
]  # fmt: skip
