"""`python -m tests.bench.growth [words] [--rounds 5]`: how cost grows with voxels, points and threads, as Markdown.

A row is measured where any of the words is in its name, or there are no words.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import centred
from tests.bench.sampling import smooth, spine_labels, turned

BASE = (64, 256, 256)
POINTS = 4000


def calls(scale: float) -> dict[str, Callable[[], object]]:
    """The kernels on `scale` (1/2, 1, 2) times the voxels along each axis, and 1/8, 1, 8 times the points."""
    grid = Grid(tuple(int(n * scale) for n in BASE), tuple(1 / scale for _ in BASE))  # type: ignore[arg-type]
    labels, image = spine_labels(grid), smooth(grid, "float32")
    moved = np.roll(labels, 2, axis=1)
    out = np.empty(grid.shape, np.float32)
    maps = np.random.default_rng(0).random((int(256 * scale**3), 1, 16, 16, 16), dtype=np.float32)
    points = np.random.default_rng(0).normal(size=(int(POINTS * scale**3), 64))
    middle = grid.to_world(np.array(grid.shape) / 2)
    rays = [
        kernels.Rays(v, middle - 40, (1 / scale, 0, 0), (0, 1 / scale, 0), (int(40 * scale),) * 2, (0, 0, 1), 80.0)
        for v in range(1, 21)
    ]
    return {
        **resampling(grid, labels, image),
        "label_statistics": lambda: kernels.label_statistics(labels, grid),
        "label_statistics, image and percentiles": lambda: kernels.label_statistics(
            labels, grid, image, percents=[5, 50, 95]
        ),
        "distance_transform": lambda: kernels.distance_transform(labels, grid, out=out),
        "surface_distances": lambda: kernels.surface_distances(labels, moved, grid),
        "fill_holes": lambda: kernels.fill_holes(labels, grid),
        "keep_largest": lambda: kernels.keep_largest(labels, grid),
        "ray_heights, 20 labels": lambda: kernels.ray_heights(labels, grid, rays),
        "soft_moments": lambda: kernels.soft_moments(maps),
        f"neighbours, k 20 of {POINTS} x 64 at 1x": lambda: kernels.neighbours(points, 20),
    }


def resampling(grid: Grid, labels: Any, image: Any) -> dict[str, Callable[[], object]]:
    """Onto voxels 0.8 times as wide, as wide but turned, or 2.5 times as wide."""
    fine, coarse = (
        centred(grid, tuple(round(n / by) for n in grid.shape), tuple(s * by for s in grid.spacing))  # type: ignore[arg-type]
        for by in (0.8, 2.5)
    )
    whole = image.astype(np.int16)
    field = np.full((3, *grid.shape), 1.5, np.float32)
    outs = {(to.shape, kind): np.empty(to.shape, kind) for to in (fine, coarse, grid) for kind in ("f4", "i2", "u2")}

    def onto(data: Any, target: Grid, **options: Any) -> Callable[[], object]:
        out = outs[target.shape, data.dtype.str[1:]]
        return lambda: kernels.resample(data, grid, target, out=out, **options)

    return {
        "resample linear, float32": onto(image, fine),
        "resample linear, int16": onto(whole, fine),
        "resample cubic, float32": onto(image, fine, method="cubic"),
        "resample antialiased, int16": onto(whole, coarse, antialias=True),
        "resample nearest, 20 labels": onto(labels, fine, method="nearest"),
        "resample label-smooth, 20 labels": onto(labels, fine, method="label-smooth"),
        "resample oblique, float32": onto(image, turned(grid)),
        "resample oblique, int16": onto(whole, turned(grid)),
        "warp by a field, float32": lambda: kernels.warp(
            image, grid, grid, displacement=field, out=outs[grid.shape, "f4"]
        ),
    }


def milliseconds(call: Callable[[], object], rounds: int, threads: int) -> float:
    """Median time of one call."""
    before = kernels.threads()
    kernels.set_threads(threads)
    try:
        call()
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - start))
    finally:
        kernels.set_threads(before)
    return statistics.median(times)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = options.rounds
    table: dict[str, list[str]] = {}
    for scale in (0.5, 1.0, 2.0):
        for name, call in calls(scale).items():
            if options.words and not any(word in name for word in options.words):
                continue
            for threads in (1, 2):
                table.setdefault(name, []).append(f"{milliseconds(call, rounds, threads):.2f}")
    print(f"Milliseconds; 1x is {' x '.join(map(str, BASE))} voxels with 20 labels ({kernels.isa()}).\n")
    print("| kernel | 1/8x, 1 thread | 2 | 1x, 1 thread | 2 | 8x, 1 thread | 2 |\n|---|---|---|---|---|---|---|")
    for name, cells in table.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
