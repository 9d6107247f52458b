"""The endplates of a whole spine, from its vertebrae and its discs together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.api import LabelMap, Structure, disc_below
from spinefx_anatomy.disc.find import discs
from spinefx_anatomy.disc.shape import Fit
from spinefx_anatomy.vectors import unit
from spinefx_anatomy.vertebra.body import Body
from spinefx_anatomy.vertebra.find import bodies

Floats = NDArray[np.float64]

AGREE_DEG = 8.0
"""A body's endplate and the disc's face on it are averaged where they lie within this angle of each other."""


@dataclass(frozen=True, eq=False)
class Faces:
    """What is known of a spine: whole bodies and discs by level, from below upwards, and why others are missing.

    order : the levels of all vertebrae in the mask, or of those that the discs lie under where it has none.
    """

    order: tuple[str, ...]
    bodies: dict[str, Body]
    discs: dict[str, Fit]
    missing: dict[str, str]

    def upper(self, level: str) -> Floats | None:
        """(3,) world normal of a vertebra's upper endplate, towards the head; of S1, the lower face of the disc on it."""
        body = self.bodies.get(level)
        disc = self._disc_on(level)
        return _together(
            None if body is None else body.upper.normal(body.sections),
            None if disc is None else disc.lower.normal(disc.sections),
        )

    def lower(self, level: str) -> Floats | None:
        """(3,) world normal of a vertebra's lower endplate, towards the head."""
        body = self.bodies.get(level)
        disc = self.discs.get(_disc_below(level))
        return _together(
            None if body is None else body.lower.normal(body.sections),
            None if disc is None else disc.upper.normal(disc.sections),
        )

    def both(self, level: str) -> tuple[tuple[int, Floats | None], tuple[int, Floats | None]]:
        """The upper (1) and lower (-1) endplate's normal of a vertebra."""
        return (1, self.upper(level)), (-1, self.lower(level))

    def middle(self, level: str, side: int) -> Floats | None:
        """(3,) world middle of a vertebra's upper (1) or lower (-1) endplate, from its body or the disc on that side."""
        body = self.bodies.get(level)
        edge = None if body is None else body.edge(side)
        if edge is not None:
            return np.asarray(edge.mean(axis=0), np.float64)
        disc = self._disc_on(level) if side > 0 else self.discs.get(_disc_below(level))
        return None if disc is None else disc.on(disc.lower if side > 0 else disc.upper, np.zeros(1), np.zeros(1))[0]

    def _disc_on(self, level: str) -> Fit | None:
        return next((disc for name, disc in self.discs.items() if name.endswith(f"-{level}")), None)


def _disc_below(level: str) -> str:
    try:
        return disc_below(level)
    except ValueError:
        return ""


def _together(first: Floats | None, second: Floats | None) -> Floats | None:
    if first is None or second is None:
        return second if first is None else first
    return unit(first + second) if first @ second > np.cos(np.radians(AGREE_DEG)) else first


def faces(mask: LabelMap) -> Faces:
    """The endplates of every whole vertebra and disc of a mask."""
    missing: dict[str, str] = {}
    whole: dict[str, Body] = {}
    found: dict[Structure, tuple[Body | None, str]] = bodies(mask)
    for structure, (body, why) in found.items():
        if body is not None and not why:
            whole[structure.level] = body
        else:
            missing[structure.level] = why
    between: dict[str, Fit] = {}
    for disc in discs(mask):
        if disc.fit is not None and not disc.cut_whole:
            between[disc.structure.level] = disc.fit
        else:
            missing[disc.structure.level] = disc.why or "cut off by the image's border"
    order = [structure.level for structure in found] or [name.split("-")[0] for name in between]
    return Faces(tuple(order), whole, between, missing)
