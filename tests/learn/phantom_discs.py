"""Samples of single phantom discs with few free parameters, each known: what a latent space of them must show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinefx.api import Features, Grid, Labels, Latents, Row, Sample, SampleList, Split, Study
from spinefx.phantom import Disc, Footprint, disc_truth
from spinefx.phantom.frame import Frame, Points
from spinefx.plan import Plan
from spinefx.work.cohort.instruments import Instruments

BOX_MM = (28.0, 48.0, 60.0)
FREE: Mapping[str, tuple[float, float]] = {
    "height_mm": (6.0, 12.0), "wedge_deg": (0.0, 16.0), "half_depth_mm": (14.5, 19.0), "half_width_mm": (20.0, 26.0),
}  # fmt: skip
"""Parameter -> the range that it is drawn from; one that is not free stands in the middle."""


def disc(numbers: Mapping[str, float]) -> Disc:
    full = {name: float(np.mean(ends)) for name, ends in FREE.items()} | dict(numbers)
    footprint = Footprint(full["half_width_mm"], full["half_depth_mm"])
    frame = Frame.tilted(np.zeros(3))
    return Disc("L4-L5", 202, frame, footprint, full["height_mm"], wedge_deg=full["wedge_deg"], dome_mm=0.8)


def grid_of(spacing: float) -> Grid:
    """The box about the origin with voxels of this many mm."""
    shape = tuple(round(side / spacing) for side in BOX_MM)
    z, y, x = (-(n - 1) / 2 * spacing for n in shape)
    return Grid(shape, (spacing,) * 3, (x, y, z))


def soft_mask(shape: Disc, grid: Grid) -> np.ndarray:
    """(z, y, x) share of every voxel that the disc fills."""
    index = np.indices(grid.shape).reshape(3, -1).T
    depth = shape.depth_mm(Points(grid.to_world(index))).reshape(grid.shape)
    return np.clip(0.5 + depth / grid.spacing[0], 0.0, 1.0).astype(np.float32)


def discs(
    patients: int, *, levels: int = 4, free: Sequence[str] = tuple(FREE), seed: int = 0, spacing: float = 1.0,
    measured: bool = True,
) -> tuple[SampleList, dict[str, np.ndarray]]:  # fmt: skip
    """Samples, and name -> (n,) the true numbers of their discs, the free parameters among them."""
    rng, grid = np.random.default_rng(seed), grid_of(spacing)
    samples, truth = [], []
    for patient in range(patients):
        for level in range(levels):
            numbers = {name: float(rng.uniform(*FREE[name])) for name in free}
            shape = disc(numbers)
            mask = soft_mask(shape, grid)
            row = Row(f"p{patient}_t2", f"p{patient}", "disc", f"L{level + 1}-L{level + 2}" if level < 4 else "L5-S1")
            samples.append(Sample(row, mask[None], mask, grid))
            known = disc_truth(shape) if measured else {}
            truth.append({f"disc.{name}": value for name, value in known.items()} | numbers)
    return SampleList(tuple(samples)), {name: np.array([t[name] for t in truth]) for name in truth[0]}


def study_of(samples: SampleList, truth: Mapping[str, np.ndarray], encoder: object, tmp: object) -> Study:
    """A study whose features are the true numbers, measured by the pack's own analyser `disc`."""
    plan = Plan.of({"data": {"use": "phantom"}, "geometry": [{"use": "disc"}, {"use": "space"}]}, base=str(tmp))
    names = list(dict.fromkeys(row.patient for row in samples.rows))
    part = {name: "test" if i >= len(names) * 4 // 5 else "train" for i, name in enumerate(names)}
    latents: Latents = encoder.encode(samples)  # type: ignore[attr-defined]
    known = Features(samples.rows, {name: v for name, v in truth.items() if name.startswith("disc.")})
    return Study(
        samples, latents, known, Labels((), {}, {}), Split(part, {n: i % 5 for i, n in enumerate(names)}),
        encoder, 0, measure=Instruments(plan.geometry[:1]),
    )  # fmt: skip
