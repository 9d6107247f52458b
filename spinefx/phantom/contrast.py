"""From filled voxels to an image: tissue contrasts, coil sensitivity and noise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.grid import Grid
from spinefx.contract.scan import Volume
from spinefx.phantom.render import Part, Rendering

Modality = Literal["t1", "t2", "t2_SPACE", "ct"]

_TISSUES: dict[str, dict[str, float]] = {
    "t2": {"marrow": 0.42, "cortex": 0.06, "young": 0.85, "old": 0.12, "annulus": 0.12, "csf": 1.0, "wall": 0.35,
           "muscle": 0.17, "fat": 0.62},
    "t1": {"marrow": 0.55, "cortex": 0.08, "young": 0.36, "old": 0.30, "annulus": 0.27, "csf": 0.14, "wall": 0.35,
           "muscle": 0.30, "fat": 0.95},
    "ct": {"marrow": 180.0, "cortex": 650.0, "young": 85.0, "old": 95.0, "annulus": 100.0, "csf": 10.0, "wall": 30.0,
           "muscle": 55.0, "fat": -95.0},
}  # fmt: skip
_TISSUES["t2_SPACE"] = _TISSUES["t2"]


def image_of(
    rendering: Rendering,
    modality: Modality,
    rng: np.random.Generator,
    *,
    noise: float = 0.03,
    bias: float = 0.25,
    gain: float = 800.0,
) -> Volume:
    """An image of the rendered spine: float32, MR-like in units of `gain`, CT-like in Hounsfield units.

    noise : standard deviation over the brightness of CSF (MR, Rician), or over 1000 HU (CT, Gaussian).
    bias : strength of the smooth coil sensitivity, 0 for none (MR only).
    """
    tissue = _TISSUES[modality]
    grid = rendering.grid
    waves = _waves(grid, rng)
    fat = np.clip(0.5 + 4.0 * (waves - 0.35), 0.0, 1.0)
    out: NDArray[np.float32] = tissue["muscle"] + (tissue["fat"] - tissue["muscle"]) * fat
    for part in rendering.parts:
        core, shell = _levels(part, tissue)
        vary = 1.0 + 0.04 * float(rng.standard_normal())
        here = out[part.box]
        here *= 1.0 - part.fill
        here += (core * vary) * part.core + shell * (part.fill - part.core)
    if modality == "ct":
        return Volume(out + 1000.0 * noise * _normal(grid, rng), grid)
    if bias:
        out *= _sensitivity(grid, rng, bias)
    if noise:
        out = np.hypot(out + noise * _normal(grid, rng), noise * _normal(grid, rng))
    return Volume(gain * out, grid)


def _levels(part: Part, tissue: dict[str, float]) -> tuple[float, float]:
    """Brightness of a part's core and of its shell."""
    if part.kind == "canal":
        return tissue["csf"], tissue["wall"]
    if part.kind == "vertebra":
        return tissue["marrow"], tissue["cortex"]
    young, old = tissue["young"], tissue["old"]
    return old + (young - old) * (1.0 - part.darkness) ** 1.5, tissue["annulus"]


def _normal(grid: Grid, rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.standard_normal(grid.shape, np.float32)


def _ramps(grid: Grid) -> list[NDArray[np.float32]]:
    """World x, y, z of every voxel as three arrays that broadcast to the grid's shape only together, scaled to mm."""
    affine = grid.affine
    z, y, x = (np.arange(n, dtype=np.float32) for n in grid.shape)
    out = []
    for row in range(3):
        a, b, c, d = (np.float32(value) for value in affine[row])
        out.append((a * z + d)[:, None, None] + (b * y)[None, :, None] + (c * x)[None, None, :])
    return out


def _waves(grid: Grid, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth random texture in 0..1 in the world's frame, brighter (fatter) far behind the spine."""
    x, y, z = _ramps(grid)
    out: NDArray[np.float32] = np.clip((y - 55.0) / 30.0, 0.0, 0.6).astype(np.float32)
    for length, height in ((60.0, 0.12), (28.0, 0.10), (13.0, 0.07)):
        direction = rng.standard_normal(3)
        k = (2.0 * np.pi / length * direction / np.linalg.norm(direction)).astype(np.float32)
        out += np.float32(height) * (1.0 + np.sin(k[0] * x + k[1] * y + k[2] * z + np.float32(rng.uniform(0, 6.28))))
    return out


def _sensitivity(grid: Grid, rng: np.random.Generator, strength: float) -> NDArray[np.float32]:
    """Smooth coil sensitivity around 1: brighter near the back, fading to head and foot."""
    x, y, z = _ramps(grid)
    a, b, c = (np.float32(strength * value) for value in (1.0 + 0.3 * rng.standard_normal(3)))
    shift = np.float32(25.0 * rng.standard_normal())
    out: NDArray[np.float32] = np.exp(a * y / 60.0 - b * ((z - shift) / 120.0) ** 2 + 0.2 * c * x / 30.0)
    return out / np.float32(out.mean())
