"""Peak memory of segmenting a CT: `python tests/segment/memory_proof.py 512 512 600 0.8 --finest 0.8 --budget 4`.

The volume is noise with a column of bright blocks as large as vertebrae, from end to end. The network is the default one with
weights from a seed; what it says is not heeded, how much memory it takes is: blocks are drawn by their brightness, so that the
box around all structures is a spine's (`--everywhere`: as the network says, structures all over). Prints the budget, the peak,
and what Python and torch hold before.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from spinefx_segment import UnetOptions
from spinefx_segment.networks import Layout, fresh
from spinefx_segment.unet import Unet
from spinefx_segment.views import View

from spinefx.api import Case, DataError, Grid, Scan, Volume


class Bright(torch.nn.Module):
    """Costs what `inner` costs, and is sure of a vertebra where voxels are bright."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """(n, 1, ...) to (n, 4, ...)."""
        out = self.inner(seen).float() * 0
        out[:, :1] += 8 * (0.5 - seen)
        out[:, 1:2] += 8 * (seen - 0.5)
        out[:, 2:] -= 20
        return out


def column(data: np.ndarray, spacing: float) -> None:
    """Blocks of 45 x 32 x 25 mm and 800 HU, 8 mm apart, from end to end in the middle of the volume."""
    wide, deep, high, step = (round(mm / spacing) for mm in (45, 32, 25, 33))
    y, x = (n // 2 for n in data.shape[1:])
    for z in range(0, data.shape[0], step):
        data[z : z + high, y - deep // 2 : y + deep // 2, x - wide // 2 : x + wide // 2] += 800


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", type=int, nargs=3, help="voxels left-right, front-back, head-foot")
    parser.add_argument("spacing", type=float, help="mm")
    parser.add_argument("--finest", type=float, default=1.0, help="voxels that the network sees, mm")
    parser.add_argument("--budget", type=float, default=4.0, help="memory_gb")
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 24, 48, 96])
    parser.add_argument("--patch", type=int, nargs=3, default=[64, 96, 64])
    parser.add_argument("--everywhere", action="store_true")
    asked = parser.parse_args()
    x, y, z = asked.shape
    grid = Grid((z, y, x), (asked.spacing,) * 3)
    rng = np.random.default_rng(0)
    data = rng.integers(-100, 200, (z, y, x), dtype=np.int16)
    column(data, asked.spacing)
    volume = Volume(data, grid)
    a, b, c = asked.patch
    options = UnetOptions(
        window=(-200, 1000),
        channels=tuple(asked.channels),
        patch=(a, b, c),
        memory_gb=asked.budget,
        finest_mm=asked.finest,
    )
    unet = Unet(options)
    unet.view, unet.kinds = View((max(asked.spacing, asked.finest),) * 3, (-200, 1000)), ("vertebra", "disc", "canal")
    unet.layout = Layout("resunet", options.channels, 4, unet.view.spacing, options.patch, options.fold)
    net = fresh(unet.layout, 0).eval()
    unet.net = net if asked.everywhere else Bright(net)
    before, start = _peak(), time.perf_counter()
    found = 0
    try:
        found = len(unet.segment(Scan(Case("ct", "ct"), {"ct": volume})).require_mask().structures())
    except DataError as error:
        if "finds no structure" not in str(error):
            raise
    told = {"budget_gb": asked.budget, "peak_gb": _peak(), "loaded_gb": before, "seconds": time.perf_counter() - start}
    print(json.dumps({key: round(value, 3) for key, value in told.items()} | {"structures": found}))


def _peak() -> float:
    """GB of this program alone: getrusage's maximum goes on counting what a large parent held before it became this one."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    main()
