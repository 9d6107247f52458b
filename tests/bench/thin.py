"""`python -m tests.bench.thin [--volumes 1000]`: what becomes of one-voxel sheets and strands, by mode, as a Markdown table.

Each volume is resampled to voxels twice as wide and to voxels 0.6 as wide. Lost: labels without a voxel in the result.
Volume: median of the result's over the source's. Whole: labels that have no more pieces (26-connected) than in the source.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import label as pieces_of

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import itk_call

sys.path.insert(0, str(Path(__file__).parent.parent / "kernels"))
from kernels_thin import KINDS, coarser, thin_volume

MODES = ("nearest", "label-smooth", "label-thin")
ITK = {"SimpleITK nearest": "sitkNearestNeighbor", "SimpleITK LabelLinear": "sitkLabelLinear"}


def with_spinefx(mode: Any) -> Callable[[Any, Grid, Grid], Any]:
    """The result of a mode, whether it loses labels or not."""

    def run(data: Any, source: Grid, target: Grid) -> Any:
        out = np.empty(target.shape, data.dtype)
        try:
            kernels.resample(data, source, target, method=mode, out=out)
        except kernels.LostLabelError as error:
            assert not set(error.labels) & set(np.unique(out).tolist())
        return out

    return run


def with_itk(how: str) -> Callable[[Any, Grid, Grid], Any]:
    """SimpleITK's result."""

    def run(data: Any, source: Grid, target: Grid) -> Any:
        call = itk_call(data, source, target, how)
        return np.array(call())  # a copy: the call owns what it shows

    return run


def pieces(part: Any) -> int:
    """How many pieces a mask has, corners joining."""
    return int(pieces_of(part, np.ones((3, 3, 3)))[1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=1000)
    volumes = parser.parse_args().volumes
    ways: dict[str, Callable[[Any, Grid, Grid], Any]] = {mode: with_spinefx(mode) for mode in MODES}
    ways |= {name: with_itk(how) for name, how in ITK.items()}
    found = defaultdict(list)
    for seed in range(volumes):
        data, grid = thin_volume(seed)
        before = {v: (np.count_nonzero(data == v), pieces(data == v)) for v in KINDS if (data == v).any()}
        for factor in (2.0, 0.6):
            target = coarser(grid, factor)
            ratio = np.prod(target.spacing) / np.prod(grid.spacing)
            for name, way in ways.items():
                result = way(data, grid, target)
                for value, (voxels, parts) in before.items():
                    mask = result == value
                    row = (mask.any(), mask.sum() * ratio / voxels, 0 < pieces(mask) <= parts)
                    found[factor, KINDS[value], name].append(row)
    print("| voxels | of | mode | labels | lost | volume | whole |\n|---|---|---|---|---|---|---|")
    for (factor, kind, name), rows in sorted(found.items()):
        kept, volume, whole = (np.array(column) for column in zip(*rows, strict=True))
        lost = int((~kept).sum())
        wide = "x 2" if factor > 1 else "x 0.6"
        print(
            f"| {wide} | {kind} | {name} | {len(rows)} | {lost} | {np.median(volume):.2f} | {100 * whole.mean():.1f} % |"
        )


if __name__ == "__main__":
    main()
