"""`python -m tests.bench.growth [--rounds 5]`: how the cost of geometry grows with voxels, points and threads, as Markdown."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.sampling import smooth, spine_labels

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
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    table: dict[str, list[str]] = {}
    for scale in (0.5, 1.0, 2.0):
        for name, call in calls(scale).items():
            for threads in (1, 2):
                table.setdefault(name, []).append(f"{milliseconds(call, rounds, threads):.2f}")
    print(f"Milliseconds; 1x is {' x '.join(map(str, BASE))} voxels with 20 labels ({kernels.isa()}).\n")
    print("| kernel | 1/8x, 1 thread | 2 | 1x, 1 thread | 2 | 8x, 1 thread | 2 |\n|---|---|---|---|---|---|---|")
    for name, cells in table.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
