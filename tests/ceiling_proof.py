"""`python tests/ceiling_proof.py ROOT`: the IoU of real discs with themselves after one scan more, at their native slices.

ROOT is a folder as `discs_native`, with masks/ivd<n>_t2.mha. Each of the last eight patients' discs is cut at 1 mm, drawn again in
voxels of 4.4 x .43 x .43 mm at eight places of the slices, and compared with itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from spinefx import kernels
from spinefx.plan import Plan
from spinefx.work.cases.casework import Casework

NATIVE = (0.43, 0.43, 4.4)


def main() -> None:
    """Runs and prints."""
    tables = {
        "data": {"use": "spider", "root": str(Path(sys.argv[1]).absolute()), "series": ["t2"]},
        "sample": {"shape": [32, 48, 64]},
    }
    plan = Plan.of(tables)
    work, loader = Casework(plan, Path("unused")), plan.data.build()
    found: dict[str, list[float]] = {}
    for case in loader.cases():
        if case.patient in {f"ivd{n}" for n in range(33, 41)}:
            for sample in work.samples(work.segmented(loader.load(case)))[0]:
                drawn = sample.mask > 0.5
                for share in (np.arange(8) + 0.5) / 8:
                    back = kernels.redigitised(sample.mask, sample.grid, NATIVE, shift=(0.5, 0.5, float(share))) > 0.5
                    found.setdefault(sample.row.level, []).append(float((drawn & back).sum() / (drawn | back).sum()))
    for level, values in sorted(found.items()):
        print(f"{level:<8}{np.mean(values):.3f}   ({len(values)} times)")
    print(f"all     {np.mean([v for values in found.values() for v in values]):.3f}")


if __name__ == "__main__":
    main()
