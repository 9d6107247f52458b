"""Peak memory of segmenting a CT: `python tests/segment/memory_proof.py 512 512 600 0.8 --finest 0.8 --budget 4`.

The volume is noise with a spine's worth of bright blocks; the network is the default one with weights from a seed (what it
draws does not matter, how much memory it takes does). Prints the budget and the peak above what Python and torch take idle.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from spinefx_segment import UnetOptions
from spinefx_segment.networks import Layout, fresh
from spinefx_segment.unet import Unet
from spinefx_segment.views import View

from spinefx.api import Case, DataError, Grid, Scan, Volume


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", type=int, nargs=3, help="voxels left-right, front-back, head-foot")
    parser.add_argument("spacing", type=float, help="mm")
    parser.add_argument("--finest", type=float, default=1.0, help="voxels that the network sees, mm")
    parser.add_argument("--budget", type=float, default=4.0, help="memory_gb")
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 24, 48, 96])
    parser.add_argument("--patch", type=int, nargs=3, default=[64, 96, 64])
    asked = parser.parse_args()
    x, y, z = asked.shape
    grid = Grid((z, y, x), (asked.spacing,) * 3)
    rng = np.random.default_rng(0)
    data = rng.integers(-100, 200, (z, y, x), dtype=np.int16)
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
    unet.layout = Layout("dynunet", options.channels, 4, unet.view.spacing, options.patch, options.fold)
    unet.net = fresh(unet.layout, 0).eval()
    before, start = _peak(), time.perf_counter()
    try:
        unet.segment(Scan(Case("ct", "ct"), {"ct": volume}))
    except DataError as error:
        if "finds no structure" not in str(error):
            raise
    told = {"budget_gb": asked.budget, "peak_gb": _peak(), "loaded_gb": before, "seconds": time.perf_counter() - start}
    print(json.dumps({key: round(value, 3) for key, value in told.items()}))


def _peak() -> float:
    """GB of this program alone: getrusage's maximum goes on counting what a large parent held before it became this one."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    main()
