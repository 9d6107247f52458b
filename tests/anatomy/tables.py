"""`python tests/anatomy/tables.py accuracy|kinds|random|repeatability [--count N]`: the tables of docs/anatomy.md, as Markdown.

Run in the repository's folder. `accuracy`: errors of every number on drawn spines, grid by grid. `kinds`: errors on spines made to
show one thing each. `random`: any spine on any grid, counting failures. `repeatability`: intraclass correlation under
changes of a mask by one voxel.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Iterable

import numpy as np
from made_spines import KINDS, made_spine, random_scan, scanned
from measured_spines import analyser

from spinefx.api import Features, Scan
from spinefx.phantom import draw_patient

PANEL = ("disc", "vertebra", "spine", "canal")
RELATIVE = ("disc.volume_mm3", "disc.surface_mm2", "disc.footprint_mm2", "vertebra.volume_mm3", "canal.area_mm2")
ASKED = {
    "disc.height_mm": ".15", "disc.depth_mm": ".4", "disc.width_mm": "2 (.4 at 1 mm)", "disc.wedge_deg": ".4",
    "disc.tilt_deg": ".25", "disc.volume_mm3": "1.5 %", "spine.lordosis_deg": ".8", "spine.cobb_deg": "2",
    "spine.slip_mm": "1", "canal.area_mm2": "5 %",
}  # fmt: skip
GRIDS = {
    "0.6 x 4 mm": ((4.0, 0.6, 0.6), 10.0), "1 mm": ((1.0, 1.0, 1.0), 10.0), "0.4 x 5 mm, 15 deg": ((5.0, 0.4, 0.4), 15.0),
    "3 mm": ((3.0, 3.0, 3.0), 10.0),
}  # fmt: skip

Errors = dict[str, list[float]]


def panel(scan: Scan) -> Features:
    """Every number of the four analysers that need a mask alone."""
    return Features.joined([analyser(name).measure(scan).prefixed(name) for name in PANEL])


def compare(scan: Scan, truth: dict, into: Errors) -> None:
    """Add what is measured minus what is true; percent where `RELATIVE`; NaN where a number is missing."""
    features = panel(scan)
    for i, row in enumerate(features.rows):
        for name, true in truth.get((row.structure, row.level), {}).items():
            if name in features.columns and np.isfinite(true):
                off = float(features.columns[name][i] - true)
                into.setdefault(name, []).append(100 * off / true if name in RELATIVE else off)


def cell(values: Iterable[float]) -> str:
    """Mean absolute error and its 95th percentile."""
    off = np.abs(np.array(list(values)))
    off = off[np.isfinite(off)]
    return f"{off.mean():.2f} ({np.percentile(off, 95):.2f})" if off.size else ""


def unit(name: str) -> str:
    return (
        "%"
        if name in RELATIVE
        else {"mm": "mm", "deg": "deg", "percent": "%", "mm2": "mm2"}.get(name.split("_")[-1], "")
    )


def accuracy(count: int) -> None:
    found: dict[str, Errors] = {grid: {} for grid in GRIDS}
    for grid, (spacing, oblique) in GRIDS.items():
        for number in range(1, count + 1):
            rng = np.random.default_rng([31, number])
            spine = draw_patient(31, number, levels=5).spine
            compare(*scanned(spine, str(number), spacing, rng, oblique_deg=oblique), found[grid])
    print(f"Mean absolute error and, in brackets, its 95th percentile; {count} drawn spines of 5 levels a grid.\n")
    print(f"| number | unit | asked | {' | '.join(GRIDS)} |")
    print("|---" * (3 + len(GRIDS)) + "|")
    names = list(dict.fromkeys(name for errors in found.values() for name in errors))
    for name in names:
        cells = [cell(found[grid].get(name, [])) for grid in GRIDS]
        print(f"| `{name}` | {unit(name)} | {ASKED.get(name, '')} | {' | '.join(cells)} |")


def kinds(count: int) -> None:
    shown = (
        "disc.height_mm", "disc.depth_mm", "disc.width_mm", "disc.wedge_deg", "disc.tilt_deg", "disc.volume_mm3", "disc.bulge_mm",
        "vertebra.height_anterior_mm", "vertebra.wedge_deg", "vertebra.rotation_deg", "spine.lordosis_deg", "spine.cobb_deg",
        "spine.slip_mm", "canal.area_mm2",
    )  # fmt: skip
    print(
        f"Mean absolute error and, in brackets, its 95th percentile; {count} spines of each kind, 0.6 x 4 mm, oblique to 10 deg.\n"
    )
    print(f"| number | unit | {' | '.join(KINDS)} |")
    print("|---" * (2 + len(KINDS)) + "|")
    found: dict[str, Errors] = {kind: {} for kind in KINDS}
    for kind, number in ((k, n) for k in KINDS for n in range(count)):
        rng = np.random.default_rng([37, number])
        compare(*scanned(made_spine(kind, rng), kind, (4.0, 0.6, 0.6), rng), found[kind])
    for name in shown:
        print(f"| `{name}` | {unit(name)} | {' | '.join(cell(found[kind][name]) for kind in KINDS)} |")


def random(count: int) -> None:
    """Failures are exceptions and numbers that are missing without a reason."""
    errors: Errors = {}
    failed, unexplained, missing, cells = [], [], 0, 0
    for name, scan, truth in map(random_scan, range(count)):
        try:
            features = panel(scan)
            compare(scan, truth, errors)
        except Exception:
            failed.append(f"{name}: {traceback.format_exc()}")
            continue
        for i, row in enumerate(features.rows):
            for column in truth.get((row.structure, row.level), {}):
                gone = column in features.columns and bool(np.isnan(features.columns[column][i]))
                cells, missing = cells + 1, missing + gone
                if gone and (row, column) not in features.reasons:
                    unexplained.append(f"{name} {row.id} {column}")
    print(
        f"{count} spines: {len(failed)} failed, {missing} of {cells} numbers missing, {len(unexplained)} of them without a reason\n"
    )
    print(*failed, *unexplained[:20], sep="\n")
    print("| number | unit | mean absolute error (95th percentile) |\n|---|---|---|")
    for name, values in errors.items():
        print(f"| `{name}` | {unit(name)} | {cell(values)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("accuracy", "kinds", "random", "repeatability"))
    parser.add_argument("--count", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.table == "repeatability":
        from repeated_spines import repeatability

        repeatability(chosen.count)
    else:
        {"accuracy": accuracy, "kinds": kinds, "random": random}[chosen.table](chosen.count)


if __name__ == "__main__":
    main()
