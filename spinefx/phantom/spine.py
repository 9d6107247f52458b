"""The lumbar spine as a chain of discs and vertebrae, from the sacrum upwards, with the canal behind it.

The sacrum's first body and one vertebra above the top are part of the chain (an image shows them) but carry no label,
as in SPIDER.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from spinefx.contract.schemes import UPWARD, disc_below
from spinefx.phantom.frame import Floats, Frame, Place, Points
from spinefx.phantom.shape import Bone, Disc, Footprint, Vertebra

NARROW_MM = 14.0
"""How far above and below its narrowest place a narrowed canal has its full depth again."""


@dataclass(frozen=True)
class DiscPlan:
    """What one disc is to be like; see `Disc`.

    slip_mm : moves everything above it forward.   axial_deg : turn of its frame, see `Frame.tilted`.
    canal_share : depth of the canal behind it over its depth elsewhere; below 1 narrows it.
    """

    footprint: Footprint
    height_mm: float
    wedge_deg: float = 0.0
    wedge_coronal_deg: float = 0.0
    dome_mm: float = 0.0
    rim: float = 0.05
    degeneration: float = 0.0
    slip_mm: float = 0.0
    axial_deg: float = 0.0
    canal_share: float = 1.0


@dataclass(frozen=True)
class BodyPlan:
    """What one vertebral body is to be like; the wedge opens forward where positive, to the left for the coronal one.

    axial_deg : turn of its frame, see `Frame.tilted`.
    """

    footprint: Footprint
    height_mm: float
    wedge_deg: float = 0.0
    wedge_coronal_deg: float = 0.0
    waist: float = 0.06
    axial_deg: float = 0.0


@dataclass(frozen=True, eq=False)
class Canal:
    """The spinal canal: an elliptic tube around a smooth line through `knots`.

    knots : (n, 3) mm in `frame`, rising along its third axis.   half_width_mm, half_depth_mm : (n,) half axes normal
    to the line.   narrow : (height, share) each; there the half depth is so much of what it is elsewhere, within `NARROW_MM`.
    """

    frame: Frame
    knots: Floats
    half_width_mm: Floats
    half_depth_mm: Floats
    value: int = 100
    narrow: tuple[tuple[float, float], ...] = ()

    def line(self, z: Floats) -> Floats:
        """(..., 6) at heights z of the frame: x, y, dx/dz, dy/dz, half width, half depth (cubic through the knots)."""
        columns = np.column_stack([self.knots[:, :2], self.half_width_mm, self.half_depth_mm])
        values, slopes = _hermite(self.knots[:, 2], columns, z)
        for height, share in self.narrow:
            near = np.cos(np.clip((np.asarray(z) - height) / NARROW_MM, -1.0, 1.0) * np.pi) / 2 + 0.5
            values[..., 3] *= 1.0 - (1.0 - share) * near
        return np.concatenate([values[..., :2], slopes[..., :2], values[..., 2:]], axis=-1)

    def area_mm2(self, z: float) -> float:
        """Area of the cross-section normal to the line where it passes height z."""
        found = self.line(np.array([z]))[0]
        return float(np.pi * found[4] * found[5])

    def height_at(self, plane: Frame) -> float | None:
        """Height of the canal's frame at which its line passes the plane u, v of another frame; None where it does not."""
        steps = np.linspace(self.knots[0, 2], self.knots[-1, 2], 4096)
        points = self.frame.to_world(np.column_stack([self.line(steps)[:, :2], steps]))
        side = (points - plane.origin) @ plane.normal
        if not side[0] < 0 < side[-1]:
            return None
        return float(np.interp(0.0, side, steps))

    def depth_mm(self, place: Place) -> Floats:
        """Depth of every point under the tube's surface, mm, negative outside the tube or beyond its ends."""
        x, y, z = place.coordinates(self.frame)
        low, high = self.knots[0, 2], self.knots[-1, 2]
        steps = np.linspace(low, high, 2048)
        table = self.line(steps)
        cx, cy, sx, sy, a, b = (np.interp(z, steps, table[:, i]) for i in range(6))
        du, dv = (x - cx) / np.hypot(1.0, sx), (y - cy) / np.hypot(1.0, sy)
        gauge = np.hypot(du / a, dv / b)
        inside = (1.0 - gauge) * gauge / np.maximum(np.hypot(du / a**2, dv / b**2), 1e-3)
        out: Floats = np.minimum(inside, np.minimum(z - low, high - z))
        return out

    def corners(self) -> Floats:
        """(n, 3) world points around the tube."""
        reach = float(max(self.half_width_mm.max(), self.half_depth_mm.max())) + 2.0
        around = [self.knots + reach * np.array([a, b, 0.0]) for a in (-1, 1) for b in (-1, 1)]
        return self.frame.to_world(np.concatenate(around))


def _hermite(knots: Floats, values: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Values and slopes (..., k) at `at` of the cubic Hermite line through `values` (n, k) over `knots` (n,)."""
    slopes = np.gradient(values, knots, axis=0)
    place = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    width = (knots[place + 1] - knots[place])[..., None]
    s = np.clip((np.asarray(at)[..., None] - knots[place][..., None]) / width, 0.0, 1.0)
    p0, p1, m0, m1 = values[place], values[place + 1], slopes[place] * width, slopes[place + 1] * width
    value = (2 * s**3 - 3 * s**2 + 1) * p0 + (s**3 - 2 * s**2 + s) * m0
    value = value + (3 * s**2 - 2 * s**3) * p1 + (s**3 - s**2) * m1
    slope = ((6 * s**2 - 6 * s) * (p0 - p1) + (3 * s**2 - 4 * s + 1) * m0 + (3 * s**2 - 2 * s) * m1) / width
    return value, slope


@dataclass(frozen=True, eq=False)
class Spine:
    """All structures of one spine, unlabelled ones (value 0) included, from below upwards."""

    discs: tuple[Disc, ...]
    vertebrae: tuple[Vertebra, ...]
    canal: Canal

    @cached_property
    def labelled_discs(self) -> tuple[Disc, ...]:
        """The discs that a mask shows, L5-S1 first."""
        return tuple(d for d in self.discs if d.value)

    @cached_property
    def labelled_vertebrae(self) -> tuple[Vertebra, ...]:
        """The vertebrae that a mask shows, L5 first."""
        return tuple(v for v in self.vertebrae if v.value)

    def disc(self, level: str) -> Disc:
        """The disc of that level (`L5-S1`); KeyError where there is none."""
        return {d.level: d for d in self.discs}[level]

    def moved(self, *, rotation: ArrayLike | None = None, shift: ArrayLike = (0.0, 0.0, 0.0)) -> Spine:
        """The spine after the rigid motion p -> rotation @ p + shift (mm)."""
        turn = np.eye(3) if rotation is None else np.asarray(rotation, np.float64)
        step = np.asarray(shift, np.float64)
        discs = {id(d): replace(d, frame=d.frame.moved(turn, step)) for d in self.discs}
        bones = tuple(
            replace(v, frame=v.frame.moved(turn, step), below=discs[id(v.below)], above=discs[id(v.above)])
            for v in self.vertebrae
        )
        return Spine(tuple(discs.values()), bones, replace(self.canal, frame=self.canal.frame.moved(turn, step)))


def build_spine(
    discs: Sequence[DiscPlan],
    bodies: Sequence[BodyPlan],
    *,
    tilt_deg: float = 32.0,
    coronal_deg: float = 0.0,
    canal_half_width_mm: float = 10.5,
    canal_half_depth_mm: float = 7.5,
    arch_scale: float = 1.0,
) -> Spine:
    """A spine from its parts, centred on the world's origin.

    Parameters
    ----------
    discs : (n + 2,) DiscPlan
        S1-S2, L5-S1, ... up to the disc above the last labelled vertebra; the first and last carry no label.
    bodies : (n + 2,) BodyPlan
        S1, L5, ... ; the first and the last (above the last disc) carry no label.
    tilt_deg, coronal_deg : float
        Tilt of the L5-S1 disc; see `Frame.tilted`.

    Raises
    ------
    ValueError
        If the number of bodies is not that of discs, or there are fewer than 3.
    """
    if len(bodies) != len(discs) or len(discs) < 3:
        raise ValueError(f"wanted as many bodies as discs, at least 3 of each; got {len(bodies)} and {len(discs)}")
    count = len(discs) - 2
    sagittal = tilt_deg + discs[1].wedge_deg / 2 + bodies[0].wedge_deg + discs[0].wedge_deg / 2
    coronal = (
        coronal_deg + discs[1].wedge_coronal_deg / 2 + bodies[0].wedge_coronal_deg + discs[0].wedge_coronal_deg / 2
    )
    made: list[Disc] = []
    frames: list[Frame] = []
    centre: Floats = np.zeros(3)
    for n, (disc, body) in enumerate(zip(discs, bodies, strict=True)):
        frame = Frame.tilted(centre, tilt_deg=sagittal, coronal_deg=coronal, axial_deg=disc.axial_deg)
        level = "S1-S2" if n == 0 else disc_below(UPWARD[n - 1])
        value = 200 + n if 1 <= n <= count else 0
        made.append(
            Disc(
                level, value, frame, disc.footprint, disc.height_mm, disc.wedge_deg, disc.wedge_coronal_deg,
                disc.dome_mm, disc.rim, disc.degeneration,
            )
        )  # fmt: skip
        top = frame.to_world([0.0, -disc.slip_mm, disc.height_mm / 2])
        sagittal -= disc.wedge_deg / 2 + body.wedge_deg / 2
        coronal -= disc.wedge_coronal_deg / 2 + body.wedge_coronal_deg / 2
        middle = Frame.tilted(np.zeros(3), tilt_deg=sagittal, coronal_deg=coronal, axial_deg=body.axial_deg)
        frames.append(replace(middle, origin=top + middle.normal * body.height_mm / 2))
        following = discs[n + 1] if n + 1 < len(discs) else discs[n]
        sagittal -= body.wedge_deg / 2 + following.wedge_deg / 2
        coronal -= body.wedge_coronal_deg / 2 + following.wedge_coronal_deg / 2
        upper = Frame.tilted(np.zeros(3), tilt_deg=sagittal, coronal_deg=coronal).normal
        centre = top + middle.normal * body.height_mm + upper * following.height_mm / 2
    lid = replace(made[-1], level="lid", frame=Frame.tilted(centre, tilt_deg=sagittal, coronal_deg=coronal))
    faces = [*made, lid]
    bones = tuple(
        Vertebra(
            "S1" if n == 0 else UPWARD[n - 1], n if 1 <= n <= count else 0, frames[n], body.footprint, body.height_mm,
            made[n], faces[n + 1], body.waist, _arch(body, arch_scale) if n else (),
        )
        for n, body in enumerate(bodies)
    )  # fmt: skip
    canal = _canal(bones, canal_half_width_mm, canal_half_depth_mm)
    canal = _narrowed(canal, [(disc, plan.canal_share) for disc, plan in zip(made, discs, strict=True)])
    middle_point = np.mean([d.frame.origin for d in made[1:-1]], axis=0)
    return Spine((*made, lid), bones, canal).moved(shift=-middle_point)


def _canal(bones: Sequence[Vertebra], half_width: float, half_depth: float) -> Canal:
    behind = [bone.footprint.half_depth_mm + half_depth + 1.5 for bone in bones]
    knots = np.array([bone.frame.to_world([0.0, gap, 0.0]) for bone, gap in zip(bones, behind, strict=True)])
    ones = np.ones(len(bones))
    return Canal(Frame(np.zeros(3), np.eye(3)), knots, half_width * ones, half_depth * ones)


def _narrowed(canal: Canal, shares: Sequence[tuple[Disc, float]]) -> Canal:
    """The canal made shallower or deeper where the planes of these discs meet it."""
    found = [(canal.height_at(disc.frame), share) for disc, share in shares if share != 1.0]
    return replace(canal, narrow=tuple((z, share) for z, share in found if z is not None))


def _arch(body: BodyPlan, scale: float) -> tuple[Bone, ...]:
    """Pedicles, laminae, articular and spinous processes behind a body, in its frame."""
    a, b, h = body.footprint.half_width_mm, body.footprint.half_depth_mm, body.height_mm
    bones = [Bone((0.0, b + 25 * scale, -0.3 * h), (0.0, b + 38 * scale, -0.42 * h), 7.5 * scale, (2.4, 1.0, 1.0))]
    for side in (-1.0, 1.0):
        x = side * 0.68 * a
        bones += [
            Bone((x, b - 4.0, 0.14 * h), (x, b + 12 * scale, 0.12 * h), 4.4 * scale, (1.0, 1.0, 0.75)),
            Bone((x, b + 13 * scale, 0.05 * h), (0.0, b + 22.5 * scale, -0.22 * h), 3.6 * scale, (1.0, 1.0, 0.7)),
            Bone((x * 1.02, b + 13 * scale, 0.42 * h), (x * 0.9, b + 16 * scale, -0.42 * h), 4.6 * scale),
            Bone((x, b + 9 * scale, 0.12 * h), (side * (a + 4.0), b + 13 * scale, 0.14 * h), 3.2 * scale),
        ]
    return tuple(bones)


def inside(shape: Disc | Vertebra | Canal, world: ArrayLike) -> Floats:
    """Depth in mm of world points (..., 3) under the surface of one structure; positive inside."""
    return shape.depth_mm(Points(np.asarray(world, np.float64)))
