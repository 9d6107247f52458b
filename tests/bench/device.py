"""`python -m tests.bench.device [--rounds 20]`: the CUDA kernels against the card's own copy, as Markdown.

For each kernel: the median time by CUDA events, the bytes that it must read and write at least, what share of the card's copy
speed (of a tensor with itself, read and written) that is, torch's own kernel where it has one, and how far the result is from
the CPU's.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spinefx import kernels
from spinefx.api import Grid
from tests.bench.case import centred, largest_difference
from tests.bench.sampling import CT, CUBE, MRI, smooth, spine_labels, turned


@dataclass
class Row:
    """`ours` on the card, `cpu` the same on the CPU, `peer` torch's on the card, `least` the bytes that must move."""

    name: str
    ours: Callable[[], Any]
    cpu: Callable[[], Any]
    least: int
    peer: Callable[[], Any] | None = None


def resampled(name: str, source: Grid, target: Grid, dtype: str, mode: str = "trilinear") -> Row:
    """Linear resampling; torch's interpolate where the axes agree."""
    data = smooth(source, dtype)
    there = torch.from_numpy(data).cuda()
    out = torch.empty(target.shape, dtype=there.dtype, device="cuda")
    peer = None
    if dtype == "float32" and mode:
        wide = there[None, None]
        peer = lambda: torch.nn.functional.interpolate(wide, size=target.shape, mode=mode)  # noqa: E731
    return Row(
        f"{name}, {dtype}",
        lambda: kernels.resample(there, source, target, out=out),
        lambda: kernels.resample(data, source, target),
        (there.numel() + out.numel()) * there.element_size(),
        peer,
    )


def displaced() -> Row:
    """Affine and elastic in one pass, 192^3."""
    data, turn = smooth(CUBE, "float32"), turned(CUBE)
    field = np.random.default_rng(1).normal(0, 1, (3, *CUBE.shape)).astype(np.float32)
    there, moved = torch.from_numpy(data).cuda(), torch.from_numpy(field).cuda()
    out = torch.empty_like(there)
    return Row(
        "affine and displacement field, 192^3, float32",
        lambda: kernels.warp(there, CUBE, turn, displacement=moved, out=out),
        lambda: kernels.warp(data, CUBE, turn, displacement=field),
        4 * (there.numel() + out.numel() + moved.numel()),
    )


def moments() -> Row:
    """Soft moments of (64, 32, 16^3)."""
    maps = np.random.default_rng(0).random((64, 32, 16, 16, 16), dtype=np.float32)
    there = torch.from_numpy(maps).cuda()
    return Row(
        "soft moments, (64, 32, 16^3)",
        lambda: kernels.soft_moments(there),
        lambda: kernels.soft_moments(maps),
        maps.nbytes,
    )


def labels() -> Row:
    """Label moments of a CT, the rows fetched."""
    data = spine_labels(CT).astype(np.uint8)
    there = torch.from_numpy(data).cuda()
    return Row(
        "label moments and boxes, CT, 20 labels, with the rows' way back",
        lambda: kernels.label_statistics(there, CT).centroid_mm,
        lambda: kernels.label_statistics(data, CT).centroid_mm,
        data.nbytes,
    )


def measured(call: Callable[[], Any], rounds: int) -> float:
    """Milliseconds of one call on the card, the median."""
    call()
    times = []
    for _ in range(rounds):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        call()
        last.record()
        last.synchronize()
        times.append(first.elapsed_time(last))
    return statistics.median(times)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    if not torch.cuda.is_available():
        raise SystemExit("there is no GPU here that torch can use: nothing to measure")
    from_, to = (torch.empty(1 << 28, dtype=torch.uint8, device="cuda") for _ in range(2))
    speed = 2 * from_.numel() / measured(lambda: to.copy_(from_), rounds)
    print(f"{torch.cuda.get_device_name()}: copies {speed / 1e6:.0f} GB/s, read and written\n")
    print("| kernel | ms | of copy speed | torch | apart from the CPU |\n|---|---|---|---|---|")
    fine = centred(MRI, (68, 307, 307), (1.0, 1.0, 1.0))
    rows = (
        lambda: resampled("linear, MRI to 1 mm", MRI, fine, "float32"),
        lambda: resampled("linear, CT to 1 mm", CT, centred(CT, (300, 384, 384), (1.0, 1.0, 1.0)), "int16"),
        lambda: resampled("affine, 192^3", CUBE, turned(CUBE), "float32", mode=""),
        lambda: resampled("affine, 192^3", CUBE, turned(CUBE), "int16"),
        displaced,
        moments,
        labels,
    )
    for make in rows:
        row = make()
        ours = row.ours()
        here = ours.cpu().numpy() if isinstance(ours, torch.Tensor) else ours
        ms = measured(row.ours, rounds)
        peer = f"{measured(row.peer, rounds) / ms:.1f}x" if row.peer else ""
        share = 100 * row.least / ms / speed
        print(f"| {row.name} | {ms:.3f} | {share:.0f} % | {peer} | {largest_difference(here, row.cpu())} |", flush=True)


if __name__ == "__main__":
    main()
