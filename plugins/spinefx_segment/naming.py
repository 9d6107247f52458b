"""Which pieces are structures of a spine, and which level each of them has. Knows sizes and places, no voxels.

A segmenter's map holds false pieces: in muscle, beside the spine, a part of the sacrum. One of them at the lower end would
move every level by one, so each piece has to fit the others in size, to lie on the spine's own line and in its order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_SMALL = 0.18
"""A piece with less than this share of its kind's median volume is none."""
_WEAK = 0.6
"""Below this share a piece at the lower end may be a part of the sacrum."""
_ASIDE_MM = 28.0
"""The centre of no vertebra and of no disc lies farther from the line through the others; at its ends, half as far again."""
_CLOSE = 0.45
"""Two of a kind are at least this share of the usual distance apart along the line."""
_MOST = 30
"""No spine has more of a kind."""
_PITCH_MM = 36.0
"""From one vertebra to the next, where too few are seen to say."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected part of a kind before it has a name.

    cut : the upper or lower edge of the scan goes through it.
    """

    kind: str
    number: int
    centre_mm: Points
    volume_ml: float
    cut: bool = False


@dataclass(frozen=True)
class Named:
    """A piece with its level, counted from 1 at the lowest; a disc bears that of the vertebra above it."""

    piece: Piece
    level: int


def counted(pieces: Iterable[Piece]) -> tuple[list[Named], list[str]]:
    """Pieces of a spine from below upwards with their levels, false ones left out; and what a reader should know.

    Discs and vertebrae take turns: where one is missing between two that are there, the levels above go on as if it were.
    """
    found, notes = list(pieces), []
    for judge in (_largest, _of_size, _on_line, _apart, _above_sacrum):
        left, said = judge(found)
        notes += said
        found = left
    if not found:
        return [], notes
    place = along(found)
    order = np.argsort(place, kind="stable")
    step = pitch(found, place)
    out: list[Named] = []
    slot, before = 0, float(place[order[0]])
    for index in order:
        piece, here = found[index], float(place[index])
        following = _next(slot, piece.kind)
        gap = (here - before) / step - (following - slot) / 2 if out else 0.0
        missed = max(0, round(gap - 0.2)) if out else 0
        if missed:
            notes.append(
                f"{missed} level{'s' * (missed > 1)} not found below {piece.kind} {(following + 1) // 2 + missed}"
            )
        slot, before = following + 2 * missed, here
        out.append(Named(piece, (slot + 1) // 2))
    return out, notes


def axis_of(points: Points) -> Points:
    """(3,) the direction in which the points lie, towards the head."""
    if len(points) < 2:
        return np.array([0.0, 0.0, 1.0])
    longest: Points = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    return longest if longest[2] >= 0 else -longest


def along(pieces: list[Piece]) -> Points:
    """(n,) how far up the spine's line each piece lies, mm."""
    centres = np.array([piece.centre_mm for piece in pieces])
    if len(pieces) < 4:
        return centres @ axis_of(centres)
    curve = _Line(centres, np.ones(len(pieces), bool), [p.kind for p in pieces])
    return curve.length(centres)


def pitch(pieces: list[Piece], place: Points) -> float:
    """The usual distance from one structure to the next of its kind, mm."""
    gaps: list[float] = []
    for kind in {piece.kind for piece in pieces}:
        own = np.sort([p for p, piece in zip(place, pieces, strict=True) if piece.kind == kind])
        gaps += [float(g) for g in np.diff(own)]
    return float(np.clip(np.median(gaps), 15.0, 60.0)) if len(gaps) > 2 else _PITCH_MM


class _Line:
    """The spine's line: a parabola in height for each direction aside, each kind with an offset of its own."""

    def __init__(self, centres: Points, used: NDArray[np.bool_], kinds: list[str]) -> None:
        self.up = np.array([0.0, 0.0, 1.0])
        self.names = sorted(set(kinds))
        height = centres[used] @ self.up
        self.middle, self.scale = float(height.mean()), max(float(np.ptp(height)) / 2, 1.0)
        self.degree = 2 if used.sum() >= 6 else 1
        terms = self._terms(centres[used] @ self.up, [k for k, u in zip(kinds, used, strict=True) if u])
        self.fit = np.linalg.lstsq(terms, centres[used][:, :2], rcond=None)[0]

    def _terms(self, height: Points, kinds: list[str]) -> Points:
        t = (height - self.middle) / self.scale
        offsets = [np.array([float(k == name) for k in kinds]) for name in self.names]
        return np.column_stack([*(t**n for n in range(1, self.degree + 1)), *offsets])

    def aside(self, centres: Points, kinds: list[str]) -> Points:
        """(n,) distance of each centre from the line at its height, mm."""
        off: Points = np.linalg.norm(centres[:, :2] - self._terms(centres @ self.up, kinds) @ self.fit, axis=1)
        return off

    def length(self, centres: Points) -> Points:
        """(n,) length of the line up to each centre's height, mm."""
        height = centres @ self.up
        steps = np.linspace(height.min(), height.max(), 400)
        path = self._terms(steps, [self.names[0]] * len(steps)) @ self.fit
        length = np.concatenate(
            [[0.0], np.cumsum(np.hypot(np.linalg.norm(np.diff(path, axis=0), axis=1), np.diff(steps)))]
        )
        out: Points = np.interp(height, steps, length)
        return out


def _next(slot: int, kind: str) -> int:
    """The first slot after `slot` that is of this kind: discs have the odd ones, vertebrae the even."""
    return slot + 1 if (slot + 1) % 2 == (kind == "disc") else slot + 2


def _largest(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """The largest of each kind, as many as a spine has and some more: a network that fails draws hundreds of crumbs."""
    kept: list[Piece] = []
    for kind in dict.fromkeys(p.kind for p in pieces):
        kept += sorted((p for p in pieces if p.kind == kind), key=lambda p: -p.volume_ml)[:_MOST]
    gone = len(pieces) - len(kept)
    return kept, [f"{gone} small pieces were left out"] if gone else []


def _of_size(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """Those that are not far smaller than their kind."""
    usual = {kind: _usual(pieces, kind) for kind in {p.kind for p in pieces}}
    left = [p for p in pieces if p.volume_ml >= _SMALL * usual[p.kind]]
    return left, _said(pieces, left, "far smaller than the others")


def _usual(pieces: list[Piece], kind: str) -> float:
    """Median volume of a kind, ml; crumbs do not count, or many of them would be the rule."""
    own = np.array([p.volume_ml for p in pieces if p.kind == kind])
    return float(np.median(own[own >= 0.15 * own.max()]))


def _on_line(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """Those on one line: the line through the rest is fitted with each left out, and the farthest goes, again and again."""
    left = list(pieces)
    while len(left) > 4:
        centres, kinds = np.array([p.centre_mm for p in left]), [p.kind for p in left]
        best, worst = 0.0, -1
        for index in range(len(left)):
            used = np.arange(len(left)) != index
            if kinds.count(kinds[index]) < 2:
                continue
            off = _Line(centres, used, kinds).aside(centres, kinds)
            ratio = float(off[index]) / max(float(np.median(off[used])), 1.0)
            end = index in (int(centres[:, 2].argmin()), int(centres[:, 2].argmax()))
            if off[index] > _ASIDE_MM * (1.5 if end else 1.0) and ratio > best:
                best, worst = ratio, index
        if worst < 0:
            break
        del left[worst]
    return left, _said(pieces, left, "off the spine's line")


def _apart(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """Of two of a kind that are too close along the line, the larger."""
    left = list(pieces)
    while len(left) > 1:
        place = along(left)
        step = pitch(left, place)
        close = [
            (float(abs(place[i] - place[j])), i if left[i].volume_ml < left[j].volume_ml else j)
            for i in range(len(left)) for j in range(i) if left[i].kind == left[j].kind
        ]  # fmt: skip
        gap, lesser = min(close, default=(np.inf, 0))
        if gap >= _CLOSE * step:
            break
        del left[lesser]
    return left, _said(pieces, left, "too close to one of its kind")


def _above_sacrum(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """Those above the sacrum: a vertebra below the lowest whole one, small or cut off, with a disc above it, is S1.

    Where both kinds are found the lowest structure is a disc, on the sacrum.
    """
    if {p.kind for p in pieces} != {"vertebra", "disc"}:
        return pieces, []
    place = along(pieces)
    left = [pieces[i] for i in np.argsort(place, kind="stable")]
    usual = {kind: _usual(pieces, kind) for kind in ("vertebra", "disc")}

    def weak(piece: Piece) -> bool:
        return piece.cut or piece.volume_ml < _WEAK * usual[piece.kind]

    while len(left) > 2 and weak(left[0]):
        one, two = left[0], left[1]
        if one.kind == "disc" and not (two.kind == "vertebra" and weak(two)):
            break
        if one.kind == "vertebra" and two.kind != "disc":
            break
        del left[0]
    return left, _said(pieces, left, "a part of the sacrum")


def _said(before: list[Piece], after: list[Piece], why: str) -> list[str]:
    gone = [p for p in before if not any(p is q for q in after)]
    return [f"a piece of {p.kind} ({p.volume_ml:.1f} ml) was left out: {why}" for p in gone]
