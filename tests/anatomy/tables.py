"""`python tests/anatomy/tables.py accuracy|kinds|random|repeatability|real [--count N]`: the tables of docs/anatomy.md, as Markdown.

Run in the repository's folder. `accuracy`: errors of every number on drawn spines, grid by grid. `kinds`: errors on spines made to
show one thing each. `random`: any spine on any grid, counting failures. `repeatability`: intraclass correlation under
changes of a mask by one voxel. `real`: the panel of SPIDER's 1_t1, and its picture as docs/anatomy-1_t1.png.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from made_spines import KINDS, made_spine, random_scan, scanned
from measured_spines import analyser, read_mask
from PIL import Image

from spinefx.api import Case, Features, Scan
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


def real(_: int) -> None:
    """One row a level: its disc, the canal there, and the body below the disc."""
    from spinefx.work.pictures.measured import measured_picture

    root = Path(__file__).resolve().parents[2]
    mask = read_mask(root.parent / "shared" / "data" / "spider" / "masks" / "1_t1.mha")
    scan = Scan(Case("1_t1", "1"), {}, mask)
    features = panel(scan)
    at = {(row.structure, row.level): i for i, row in enumerate(features.rows)}
    value = lambda name, *row: float(features.columns[name][at[row]]) if row in at else np.nan  # noqa: E731
    discs = (
        "disc.height_mm",
        "disc.depth_mm",
        "disc.width_mm",
        "disc.wedge_deg",
        "disc.bulge_mm",
        "spine.slip_mm",
        "canal.area_mm2",
    )
    bodies = (
        "vertebra.height_anterior_mm",
        "vertebra.height_middle_mm",
        "vertebra.height_posterior_mm",
        "vertebra.depth_mm",
    )
    print(f"| level | {' | '.join(f'`{n}`' for n in discs)} | body above: heights / depth, mm |")
    print("|---" * (len(discs) + 2) + "|")
    shown = lambda number: "-" if np.isnan(number) else f"{number:.1f}"  # noqa: E731
    for kind, level in at:
        if kind == "disc":
            above = " / ".join(shown(value(name, "vertebra", level.split("-")[0])) for name in bodies)
            print(f"| {level} | {' | '.join(shown(value(name, kind, level)) for name in discs)} | {above} |")
    print(
        f"\nLordosis {value('spine.lordosis_deg', 'spine', ''):.1f}, Cobb angle {value('spine.cobb_deg', 'spine', ''):.1f} degrees."
    )
    marks = [mark for name in PANEL for mark in analyser(name).marks(scan)]
    drawn = measured_picture(scan, marks)
    assert drawn is not None
    Image.fromarray(drawn).quantize(48, dither=Image.Dither.NONE).save(
        root / "docs" / "anatomy-1_t1.png", optimize=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("accuracy", "kinds", "random", "repeatability", "real"))
    parser.add_argument("--count", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.table == "repeatability":
        from repeated_spines import repeatability

        repeatability(chosen.count)
    else:
        {"accuracy": accuracy, "kinds": kinds, "random": random, "real": real}[chosen.table](chosen.count)


if __name__ == "__main__":
    main()
