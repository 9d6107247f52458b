"""Drawn grids and volumes, and the peers that the kernels are held against."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from spinefx.api import Grid

settings.register_profile("kernels", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("kernels")

Array = NDArray[Any]


def turn(kind: str, seed: int) -> NDArray[np.float64]:
    """A direction: none, a signed permutation of the axes, or any rotation or reflection."""
    rng = np.random.default_rng(seed)
    if kind == "straight":
        return np.eye(3)
    if kind == "permuted":
        return np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3)
    return np.asarray(np.linalg.qr(rng.normal(size=(3, 3)))[0])


@st.composite
def grid_pairs(draw: st.DrawFn, most: int = 12) -> tuple[Grid, Grid]:
    """A source and a target that overlap; singletons, flips, permutations and oblique angles among them."""
    sizes = st.integers(1, most)
    source_shape, target_shape = draw(st.tuples(sizes, sizes, sizes)), draw(st.tuples(sizes, sizes, sizes))
    mm = st.sampled_from([0.4, 0.77, 1.0, 1.9, 3.3])
    base = turn(draw(st.sampled_from(["straight", "permuted", "oblique"])), draw(st.integers(0, 10**6)))
    extra = turn(draw(st.sampled_from(["straight", "permuted", "oblique"])), draw(st.integers(0, 10**6)))
    near = st.floats(-3, 3)
    source = Grid(source_shape, draw(st.tuples(mm, mm, mm)), draw(st.tuples(near, near, near)), base)
    target = Grid(target_shape, draw(st.tuples(mm, mm, mm)), (0.0, 0.0, 0.0), base @ extra)
    middle = source.to_world(np.array(source_shape) / 2 - 0.5) + np.array(draw(st.tuples(near, near, near)))
    origin = middle - target.to_world(np.array(target_shape) / 2 - 0.5)
    return source, Grid(target.shape, target.spacing, tuple(origin.tolist()), target.direction)


def volume(shape: tuple[int, ...], dtype: str, seed: int, labels: int = 0) -> Array:
    """Drawn intensities over most of the dtype's range, or labels 0..labels with background between."""
    rng = np.random.default_rng(seed)
    if labels:
        return (rng.integers(0, labels + 1, shape) * (rng.random(shape) < 0.7)).astype(dtype)
    if dtype.startswith("float"):
        return rng.normal(scale=300, size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
