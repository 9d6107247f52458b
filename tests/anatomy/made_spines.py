"""Spines made to show one thing each, and any number of random ones on any scanner's grid, with their exact truth."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from spinefx.api import Case, Scan
from spinefx.phantom import (
    BodyPlan,
    DiscPlan,
    Footprint,
    Lobe,
    Spine,
    build_spine,
    draw_patient,
    grid_around,
    render,
    rotation,
    truths,
)

KINDS = ("lordotic", "scoliotic", "slipped", "wedged", "narrowed", "bulging")
ORDERS = tuple(
    "".join(letters) for axes in permutations(("LR", "PA", "SI")) for letters in product(*axes)
)  # fmt: skip

_WIDTH = (25.0, 26.0, 25.0, 24.0, 23.0, 22.0, 21.0)
_DEPTH = (16.0, 17.5, 17.3, 17.0, 16.5, 16.0, 15.5)
_HEIGHT = (26.0, 27.0, 27.5, 27.5, 27.0, 26.0, 25.0)
_BODY_WEDGE = (10.0, 8.0, 3.0, 1.0, -1.0, -3.0, -4.0)
_DISC_HEIGHT = (3.0, 9.6, 10.4, 9.8, 8.8, 7.6, 6.2)
_DISC_WEDGE = (2.0, 11.0, 10.0, 8.0, 6.5, 5.0, 3.5)


def made_spine(kind: str, rng: np.random.Generator) -> Spine:
    """Five labelled levels (L5 to L1) like a healthy adult's, but for the one thing that `kind` says."""
    size = rng.uniform(0.9, 1.1)
    cobb = rng.uniform(15, 45) * rng.choice([-1, 1]) if kind == "scoliotic" else 0.0
    at = int(rng.integers(2, 5))  # L4-L5, L3-L4, L2-L3; or the body above it
    discs, bodies = [], []
    for n in range(7):
        here = n == at
        narrow = 0.4 if here and kind == "narrowed" else 1.0
        wedge = _DISC_WEDGE[n] * (rng.uniform(1.2, 1.5) if kind == "lordotic" else 1.0) * narrow
        bulge = float(rng.uniform(2, 5)) if here and kind == "bulging" else -1.0
        bend, turn = _bend(n, cobb)
        discs.append(
            DiscPlan(
                Footprint(size * (_WIDTH[n] + 1.2), size * (_DEPTH[n] + 0.9), 2.4, (Lobe(90.0, 28.0, bulge),)),
                size * _DISC_HEIGHT[n] * narrow * rng.uniform(0.9, 1.1), wedge, bend, 0.8 * narrow,
                slip_mm=float(rng.uniform(2, 9)) if here and kind == "slipped" else 0.0,
                axial_deg=turn, canal_share=0.5 if here and kind == "narrowed" else 1.0,
            )
        )  # fmt: skip
        crushed = float(rng.uniform(8, 16)) if here and kind == "wedged" else 0.0
        bodies.append(
            BodyPlan(
                Footprint(size * _WIDTH[n], size * _DEPTH[n], 2.4, (Lobe(90.0, 30.0, -0.8),)),
                size * _HEIGHT[n], _BODY_WEDGE[n] - crushed, bend, axial_deg=turn,
            )
        )  # fmt: skip
    return build_spine(discs, bodies, tilt_deg=32.0, coronal_deg=cobb / 2, arch_scale=size)


def _bend(n: int, cobb: float) -> tuple[float, float]:
    """Coronal wedge of disc and body number n of a C-shaped curve, and its turn: most at the apex, to the convex side."""
    return (cobb / 10 if 1 <= n <= 5 else 0.0), 0.25 * cobb * float(np.sin(np.pi * np.clip(n / 6, 0, 1)))


def scanned(spine: Spine, name: str, spacing_mm: tuple[float, float, float], rng: np.random.Generator, *,
            oblique_deg: float = 10.0, order: str = "") -> tuple[Scan, dict]:  # fmt: skip
    """The spine's mask on a grid that lies anyhow, and (structure, level) -> truth."""
    angles = rng.uniform(-oblique_deg, oblique_deg, 3)
    turn = rotation(**dict(zip(("sagittal_deg", "coronal_deg", "axial_deg"), angles, strict=True)))
    order = order or str(rng.choice(("LPS", "PIR")))
    grid = grid_around(spine, spacing_mm=spacing_mm, order=order, turn=turn, shift_mm=rng.uniform(-2, 2, 3))
    scan = Scan(Case(name, name), {}, render(spine, grid).labels())
    return scan, {(structure, level): numbers for structure, level, numbers in truths(spine)}


def random_scan(number: int, seed: int = 23) -> tuple[str, Scan, dict]:
    """Any anatomy on any grid: isotropic 0.6 to 3 mm or slices of 3 to 5 mm, oblique to 15 degrees, all 48 orientations."""
    rng = np.random.default_rng([seed, number])
    kind = str(rng.choice((*KINDS, "drawn", "drawn", "drawn")))
    spine = made_spine(kind, rng) if kind != "drawn" else draw_patient(seed, number + 1, levels=5).spine
    side, fine = float(np.exp(rng.uniform(np.log(0.6), np.log(3.0)))), float(rng.uniform(0.4, 1.0))
    spacing = (float(rng.uniform(3, 5)), fine, fine) if rng.random() < 0.5 else (side, side, side)
    name = f"{kind} {number}: {'x'.join(f'{s:.2f}' for s in spacing)} mm"
    return name, *scanned(spine, name, spacing, rng, oblique_deg=15.0, order=str(rng.choice(ORDERS)))
