"""Analytic discs and vertebral bodies: exact inside tests and near-exact distances to their surfaces.

Each shape gives `depth_mm(place)`: how deep a point lies under the surface, in mm, negative outside. The sign is
exact; the size is exact near flat faces and good to a few percent near curved ones, which is what antialiasing needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spinefx.phantom.frame import Floats, Frame, Place, corners_of

_STEPS = 1440


@dataclass(frozen=True)
class Lobe:
    """A swelling (or, below zero, a hollow) of an outline: centre and width as angles, height in mm.

    Angles run from the patient's left (0) over posterior (90) to the right (180), degrees.
    """

    angle_deg: float
    width_deg: float
    height_mm: float


@dataclass(frozen=True)
class Footprint:
    """A closed outline around a frame's axis: superellipse with half axes in mm, plus lobes."""

    half_width_mm: float
    half_depth_mm: float
    exponent: float = 2.4
    lobes: tuple[Lobe, ...] = ()

    def radius(self, angle: Floats) -> Floats:
        """Distance in mm from the axis to the outline at `angle` (radians, 0 = left, pi/2 = posterior)."""
        p = self.exponent
        ellipse = np.abs(np.cos(angle) / self.half_width_mm) ** p + np.abs(np.sin(angle) / self.half_depth_mm) ** p
        out: Floats = ellipse ** (-1.0 / p)
        for lobe in self.lobes:
            turn = np.angle(np.exp(1j * (angle - np.radians(lobe.angle_deg))))
            out = out + lobe.height_mm * np.exp(-0.5 * (turn / np.radians(lobe.width_deg)) ** 2)
        return out

    def reach(self) -> tuple[float, float]:
        """Largest distance in mm of the outline from the axis, left or right, and in front or behind."""
        angle = np.linspace(-np.pi, np.pi, 361)
        radius = self.radius(angle)
        return float(np.abs(radius * np.cos(angle)).max()), float(np.abs(radius * np.sin(angle)).max())

    @cached_property
    def _table(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        angle = np.linspace(-np.pi, np.pi, _STEPS + 1)
        radius = self.radius(angle)
        slope = np.gradient(radius, angle)
        return radius.astype(np.float32), (1.0 / np.hypot(1.0, slope / radius)).astype(np.float32)

    def polar(self, u: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
        """Distance from the axis, radius of the outline in that direction, and the cosine of the outline's slope."""
        place = (np.arctan2(v, u) + np.pi) * (_STEPS / (2.0 * np.pi))
        low = np.minimum(place.astype(np.int32), _STEPS - 1)
        part = place - low
        radius, cosine = self._table
        return np.hypot(u, v), radius[low] * (1 - part) + radius[low + 1] * part, cosine[low]


@dataclass(frozen=True, eq=False)
class Disc:
    """A disc between two endplates, in its own frame (left, posterior, normal).

    The endplates are mirror images: half the thickness at (u, v) is
    height/2 - tan(wedge/2) v + tan(wedge_coronal/2) u + dome (1 - r^2), r = share of the outline's radius; the rim is
    barrel-shaped, its radius drops by the share `rim` from the disc's mid-plane to the endplates.

    height_mm : thickness of the wedge on the axis, without the domes.
    wedge_deg : opens forward where positive.   wedge_coronal_deg : opens to the left where positive.
    degeneration : 0 (young) .. 1 (end stage); darkens the nucleus on T2.
    value : mask value, 0 for a disc that is seen but not labelled.
    """

    level: str
    value: int
    frame: Frame
    footprint: Footprint
    height_mm: float
    wedge_deg: float = 0.0
    wedge_coronal_deg: float = 0.0
    dome_mm: float = 0.0
    rim: float = 0.05
    degeneration: float = 0.0

    def half_thickness(self, u: Floats, v: Floats, share: Floats) -> Floats:
        """Half the endplate-to-endplate distance in mm at (u, v); `share` is the distance from the axis over the radius."""
        wedge, coronal = np.tan(np.radians([self.wedge_deg, self.wedge_coronal_deg]) / 2.0)
        dome = np.maximum(1.0 - share * share, 0.0)
        out: Floats = self.height_mm / 2.0 - float(wedge) * v + float(coronal) * u + self.dome_mm * dome
        return out

    def endplate_depth(self, place: Place) -> tuple[Floats, Floats]:
        """How far in mm every point lies above the upper and below the lower endplate surface (continued sideways)."""
        u, v, t = place.coordinates(self.frame)
        distance, radius, _ = self.footprint.polar(u, v)
        half = self.half_thickness(u, v, distance / radius)
        lean = float(np.cos(np.radians(self.wedge_deg) / 2.0))
        return (t - half) * lean, (-t - half) * lean

    def depth_mm(self, place: Place) -> Floats:
        """Depth of every point under the disc's surface, mm, negative outside."""
        return self.depth_and_core(place)[0]

    def depth_and_core(self, place: Place) -> tuple[Floats, Floats]:
        """Depth under the surface in mm, and how much nucleus there is (0..1)."""
        u, v, t = place.coordinates(self.frame)
        distance, radius, cosine = self.footprint.polar(u, v)
        share = distance / radius
        half = self.half_thickness(u, v, share)
        height = np.minimum(np.abs(t) / np.maximum(half, 1e-6), 1.0)
        wall = (radius * (1.0 - self.rim * height * height) - distance) * cosine
        lean = float(np.cos(np.radians(self.wedge_deg) / 2.0))
        depth: Floats = np.minimum(wall, (half - np.abs(t)) * lean)
        core = np.clip((0.68 - share) / 0.2, 0.0, 1.0) * np.clip((1.0 - height) / 0.35, 0.0, 1.0)
        return depth, core

    def plane_normal(self, side: int) -> Floats:
        """(3,) world unit normal, towards the head, of the upper (side=1) or lower (side=-1) endplate's plane."""
        wedge, coronal = np.tan(np.radians([self.wedge_deg, self.wedge_coronal_deg]) / 2.0)
        local = np.array([-side * coronal, side * wedge, 1.0])
        out: Floats = (local / np.linalg.norm(local)) @ self.frame.axes
        return out

    def corners(self) -> Floats:
        """(8, 3) world corners of a box around the disc."""
        wide, deep = self.footprint.reach()
        wedge, coronal = np.abs(np.tan(np.radians([self.wedge_deg, self.wedge_coronal_deg]) / 2.0))
        tall = self.height_mm / 2.0 + float(wedge) * deep + float(coronal) * wide + self.dome_mm
        return corners_of(self.frame, (-wide, -deep, -tall), (wide, deep, tall))


@dataclass(frozen=True, eq=False)
class Bone:
    """A rounded rod between two local points, flattened or not: a piece of a vertebral arch. Sizes in mm."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius_mm: float
    squeeze: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def depth(self, u: Floats, v: Floats, t: Floats) -> Floats:
        """Depth under the rod's surface in mm; `squeeze` > 1 makes it thinner along that axis."""
        a, b, scale = (np.asarray(value, np.float64) for value in (self.start, self.end, self.squeeze))
        p = [(c - a[i]) * scale[i] for i, c in enumerate((u, v, t))]
        line = (b - a) * scale
        share = np.clip(sum(p[i] * line[i] for i in range(3)) / max(float(line @ line), 1e-9), 0.0, 1.0)
        gap = np.sqrt(sum((p[i] - share * line[i]) ** 2 for i in range(3)))
        out: Floats = (self.radius_mm - gap).astype(u.dtype)
        return out

    def corners(self, frame: Frame) -> Floats:
        """(8, 3) world corners of a box around the rod, which lies in `frame`."""
        r = self.radius_mm / np.asarray(self.squeeze)
        ends = np.array([self.start, self.end])
        return corners_of(frame, (ends.min(axis=0) - r).tolist(), (ends.max(axis=0) + r).tolist())


@dataclass(frozen=True, eq=False)
class Vertebra:
    """A vertebral body between two discs, with the arch behind it. value : mask value, 0 where unlabelled.

    The body is a column over `footprint`, slimmer by the share `waist` half-way up, cut by the discs' endplates.
    """

    level: str
    value: int
    frame: Frame
    footprint: Footprint
    height_mm: float
    below: Disc
    above: Disc
    waist: float = 0.06
    arch: tuple[Bone, ...] = field(default=())

    def wall_share(self, t: Floats) -> Floats:
        """Radius of the body at height `t` (local mm) over the footprint's."""
        along = np.clip(t / (self.height_mm / 2.0), -1.0, 1.0)
        out: Floats = 1.0 - self.waist * (1.0 - along * along)
        return out

    def body_depth(self, place: Place) -> Floats:
        """Depth of every point under the body's surface (without the arch), mm, negative outside."""
        u, v, t = place.coordinates(self.frame)
        distance, radius, cosine = self.footprint.polar(u, v)
        wall = (radius * self.wall_share(t) - distance) * cosine
        out: Floats = np.minimum(wall, self.below.endplate_depth(place)[0])
        return np.minimum(out, self.above.endplate_depth(place)[1])

    def arch_depth(self, place: Place) -> Floats:
        """Depth of every point under the arch's surface, mm, negative outside."""
        u, v, t = place.coordinates(self.frame)
        out: Floats = np.full(np.shape(u), -np.inf, u.dtype)
        for bone in self.arch:
            out = np.maximum(out, bone.depth(u, v, t))
        return out

    def depth_mm(self, place: Place) -> Floats:
        """Depth of every point under the vertebra's surface, arch included, mm, negative outside."""
        return np.maximum(self.body_depth(place), self.arch_depth(place))

    def body_corners(self) -> Floats:
        """(8, 3) world corners of a box around the body."""
        reach = self.footprint.reach()
        ends = [(self.below, 1.0), (self.above, -1.0)]
        tall = []
        for disc, side in ends:
            flat = np.array([[x, y] for x in (-reach[0], reach[0]) for y in (-reach[1], reach[1])])
            normal = self.frame.axes @ disc.plane_normal(int(side))
            point = self.frame.to_local(disc.frame.to_world([0.0, 0.0, side * disc.height_mm / 2.0]))
            tall.append(point[2] - ((flat - point[:2]) @ normal[:2]) / normal[2])
        low, high = float(tall[0].min()), float(tall[1].max())
        return corners_of(self.frame, (-reach[0], -reach[1], low - 0.5), (reach[0], reach[1], high + 0.5))

    def corners(self) -> Floats:
        """(n, 3) world corners of boxes around body and arch."""
        return np.concatenate([self.body_corners(), *(rod.corners(self.frame) for rod in self.arch)])
