"""Patients drawn at random: anatomy, degeneration, and what two human readers would have written about it.

Each patient comes from `SeedSequence([seed, number])` alone, so cohorts of any size share their first patients. One
liability per disc (level, age, patient, chance) drives height loss, T2 signal loss, bulging and the readers' grades;
narrowing is as common per level as in SPIDER (.58 .59 .45 .36 .23 .13 from L5-S1 upwards).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from spinefx.contract.schemes import UPWARD, disc_below
from spinefx.phantom.shape import Footprint, Lobe
from spinefx.phantom.spine import BodyPlan, DiscPlan, Spine, build_spine

NARROWING = (0.58, 0.59, 0.45, 0.36, 0.23, 0.13, 0.10)
"""Share of narrowed discs from L5-S1 upwards (SPIDER's radiological gradings; the last is ours)."""

_BODY = {  # half width, half depth, height (mm), wedge (degrees), from S1 upwards
    "width": (25.0, 26.0, 25.0, 24.0, 23.0, 22.0, 21.0, 20.0, 19.0),
    "depth": (16.0, 17.5, 17.5, 17.3, 17.0, 16.5, 16.0, 15.5, 15.0),
    "height": (26.0, 27.0, 27.5, 27.5, 27.0, 26.0, 25.0, 23.5, 22.0),
    "wedge": (10.0, 8.0, 3.0, 1.0, -1.0, -3.0, -4.0, -4.0, -4.0),
}
_DISC = {  # thickness (mm), wedge (degrees), hollow of the posterior outline (mm), from S1-S2 upwards
    "height": (3.0, 9.6, 10.4, 9.8, 8.8, 7.6, 6.2, 5.2, 4.8),
    "wedge": (2.0, 12.0, 10.0, 8.0, 6.5, 5.0, 3.5, 2.5, 2.0),
    "hollow": (0.0, 0.2, 0.9, 1.5, 1.8, 2.0, 2.0, 2.0, 2.0),
}


@dataclass(frozen=True)
class Grades:
    """What a reader wrote about one disc, in SPIDER's coding (Pfirrmann 1-5, Modic 0-3, the others 0/1)."""

    modic: int
    upper_endplate: int
    lower_endplate: int
    listhesis: int
    herniation: int
    narrowing: int
    bulging: int
    pfirrmann: int


@dataclass(frozen=True, eq=False)
class Patient:
    """One drawn patient: the spine, the facts, and per disc level the grades of a first and a second reader."""

    number: int
    spine: Spine
    sex: str
    age: int
    grades: Mapping[str, Grades]
    second: Mapping[str, Grades]
    remark: str = ""

    @property
    def id(self) -> str:
        """The patient's id, unpadded as SPIDER's."""
        return str(self.number)


def draw_patient(seed: int, number: int, *, levels: int = 6) -> Patient:
    """Patient `number` (from 1) of the cohort `seed`, with `levels` labelled vertebrae (3..7) from L5 upwards."""
    if not 3 <= levels <= 7:
        raise ValueError(f"levels must be 3 to 7 labelled vertebrae, got {levels}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    sex = "F" if rng.random() < 0.63 else "M"
    age = int(np.clip(rng.normal(53.0, 14.0), 20, 88))
    normal = rng.standard_normal((10, 8))
    whole = rng.standard_normal(8)
    common = 0.5 * whole[0] + 0.45 * (age - 53.0) / 14.0
    liability = common + np.sqrt(1.0 - 0.5**2 - 0.45**2) * normal[:, 0]
    scoliosis = float(rng.uniform(10.0, 26.0) * rng.choice([-1.0, 1.0])) if rng.random() < 0.12 else 0.0
    size = (1.03 if sex == "M" else 0.94) * (1.0 + 0.035 * whole[1])
    curve = 1.0 + 0.2 * whole[2]
    slips = {int(rng.choice([1, 2])): float(rng.uniform(3.0, 7.0))} if rng.random() < 0.06 else {}
    discs, bodies = [], []
    for n in range(levels + 2):
        spread = normal[n]
        discs.append(_disc(n, spread, liability[n - 1] if n else 0.0, size, curve, whole, scoliosis, slips.get(n, 0.0)))
        bodies.append(_body(n, spread, size, curve, whole, scoliosis))
    spine = build_spine(
        discs, bodies,
        tilt_deg=float(np.clip(32.0 * curve + 3.0 * whole[3], 12.0, 48.0)),
        coronal_deg=float(1.5 * whole[4] + _bend(0.0) * scoliosis / 2),
        canal_half_width_mm=float(size * (10.5 + 0.8 * whole[5])),
        canal_half_depth_mm=float(size * (7.5 + 0.6 * whole[6])),
        arch_scale=float(size),
    )  # fmt: skip
    readers = [
        {disc_below(UPWARD[n - 1]): _grade(n, liability[n - 1], discs[n], rng) for n in range(1, levels + 1)}
        for _ in range(2)
    ]
    remark = "scoliosis" if abs(scoliosis) > 10 else ""
    return Patient(number, spine, sex, age, readers[0], readers[1], remark)


def _bend(height: float) -> float:
    """Coronal tilt of a C-shaped scoliosis at a level 0 (S1) .. 7, as a share of the Cobb angle (-0.5..0.5)."""
    return 0.5 * float(np.cos(np.pi * np.clip((height - 0.5) / 5.0, 0.0, 1.0)))


def _threshold(n: int) -> float:
    return NormalDist().inv_cdf(1.0 - NARROWING[min(max(n, 1), len(NARROWING)) - 1])


def _severity(n: int, liability: float) -> float:
    """Degeneration 0..1 of the disc at position n (1 = L5-S1)."""
    return float(1.0 / (1.0 + np.exp(-2.0 * (liability - _threshold(n)))))


def _disc(
    n: int, spread: np.ndarray, liability: float, size: float, curve: float, whole: np.ndarray,
    scoliosis: float, slip: float,
) -> DiscPlan:  # fmt: skip
    severity = _severity(n, liability) if n else 0.2
    half_width = size * (_BODY["width"][n] + 1.2 + 0.5 * spread[1])
    half_depth = size * (_BODY["depth"][n] + 0.9 + 0.5 * spread[2])
    height = size * _DISC["height"][n] * (1.0 + 0.09 * whole[7] + 0.07 * spread[3]) * (1.0 - 0.5 * severity)
    dome = max(0.1, (1.0 + 0.25 * spread[4]) * (1.0 - 0.5 * severity)) if n else 0.2
    bulge = max(0.0, 0.4 + 2.4 * severity + 0.7 * spread[5]) if n else 0.0
    lobes = [Lobe(90.0, 32.0, bulge - size * _DISC["hollow"][n]), Lobe(-90.0, 60.0, 0.3 * bulge)]
    if n and severity > 0.5 and spread[6] > 1.1:
        lobes.append(Lobe(90.0 + 14.0 * float(np.sign(spread[7])), 11.0, float(1.5 + 1.2 * (spread[6] - 1.1))))
    height = max(height, 2.4)
    most = np.degrees(2.0 * np.arctan(max(height / 2.0 - 0.7, 0.2) / (half_depth + 3.0)))
    wedge = np.clip((curve * _DISC["wedge"][n] + 1.6 * spread[7]) * (1.0 - 0.35 * severity), -most, most)
    side = np.clip(_coronal_step(n - 0.25, scoliosis) + 0.5 * spread[2], -most / 3, most / 3)
    return DiscPlan(
        Footprint(float(half_width), float(half_depth), float(np.clip(2.45 + 0.15 * spread[6], 2.1, 2.9)), tuple(lobes)),
        float(height), float(wedge), float(side), float(dome), 0.05, severity, slip, _twist(n - 0.5, scoliosis),
    )  # fmt: skip


def _body(n: int, spread: np.ndarray, size: float, curve: float, whole: np.ndarray, scoliosis: float) -> BodyPlan:
    footprint = Footprint(
        float(size * (_BODY["width"][n] + 0.4 * spread[4])), float(size * (_BODY["depth"][n] + 0.4 * spread[5])), 2.4,
        (Lobe(90.0, 30.0, -float(size) * 0.8),),
    )  # fmt: skip
    height = size * _BODY["height"][n] * (1.0 + 0.02 * spread[6])
    wedge = curve * _BODY["wedge"][n] + 1.2 * spread[3]
    waist = float(0.06 + 0.01 * whole[1])
    return BodyPlan(
        footprint, float(height), float(wedge), _coronal_step(n + 0.25, scoliosis), waist, _twist(n, scoliosis)
    )


def _coronal_step(height: float, scoliosis: float) -> float:
    """Share of a scoliosis that opens between two neighbouring faces around `height`, degrees."""
    return scoliosis * (_bend(height - 0.25) - _bend(height + 0.25))


def _twist(height: float, scoliosis: float) -> float:
    """Axial turn of a scoliosis at a level: most at its apex, where the coronal tilt passes zero; degrees."""
    return 0.3 * scoliosis * float(np.sin(np.pi * np.clip((height - 0.5) / 5.0, 0.0, 1.0)))


def _grade(n: int, liability: float, disc: DiscPlan, rng: np.random.Generator) -> Grades:
    noise = rng.standard_normal(8)
    seen = (liability + 0.5 * noise[0]) / np.sqrt(1.25)
    grade = (liability + 0.4 * noise[1]) / np.sqrt(1.16) - _threshold(n) / 2
    hernia = any(lobe.width_deg < 20 for lobe in disc.footprint.lobes)
    return Grades(
        modic=int(disc.degeneration > 0.75 and noise[2] > 0.6) * (1 + int(noise[3] > 0)),
        upper_endplate=int(disc.degeneration + 0.4 * noise[4] > 0.8),
        lower_endplate=int(disc.degeneration + 0.4 * noise[5] > 0.8),
        listhesis=int(disc.slip_mm > 2.0),
        herniation=int(hernia and noise[6] > -1.3),
        narrowing=int(seen > _threshold(n)),
        bulging=int(disc.footprint.lobes[1].height_mm / 0.3 + 0.5 * noise[7] > 1.5),
        pfirrmann=1 + int(np.searchsorted([-1.5, -0.5, 0.3, 1.2], grade)),
    )
