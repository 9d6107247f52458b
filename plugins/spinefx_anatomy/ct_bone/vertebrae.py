"""Bone shared out among vertebrae by the planes of the discs; ribs, pelvis and sacrum left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx_anatomy.ct_bone.course import Course, Gap
from spinefx_anatomy.ct_bone.tissue import STEP_MM, Mask

Floats = NDArray[np.float32]

_TOP_MM = 34.0
"""From the highest disc to the one above it, which was not found."""
_ASIDE_MM = 42.0
"""Transverse processes end here; what lies farther aside is rib or pelvis."""
_FRONT_MM, _BEHIND_MM = 48.0, 62.0
_WALL_MM = 8.0
"""From the canal's centre to the posterior wall of the bodies."""
_DROOP = np.tan(np.radians(32.0))
"""Arches hang down: behind the canal the border of two vertebrae sinks with this slope, so far as `_DROOP_MM`."""
_DROOP_MM = 30.0


def beside(line: Course, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Of every voxel: mm before the canal's centre, and mm to the left of it."""
    up, behind, left = (np.arange(n, dtype=np.float32) * np.float32(STEP_MM) for n in shape)
    back, side = (v.astype(np.float32) for v in line.at(up))
    ahead = np.broadcast_to(back[:, None, None] - behind[:, None], shape)
    return ahead, np.broadcast_to(left - side[:, None, None], shape)


def levels(found: Sequence[Gap], ahead: Floats) -> Floats:
    """How many discs lie under every voxel; 0.5 half-way from the lowest to the next, below 0 under the lowest."""
    up = (np.arange(len(ahead), dtype=np.float32) * np.float32(STEP_MM))[:, None, None]
    drop = np.where(ahead < 0, _DROOP * np.minimum(-ahead, _DROOP_MM), 0.0).astype(np.float32)
    planes = [_above(gap, up, ahead, drop) for gap in found]
    out: Floats = np.clip(planes[0] / np.float32(_TOP_MM), -3.0, 0.0)
    for low, high in zip(planes, [*planes[1:], None], strict=True):
        span = low - high if high is not None else np.float32(_TOP_MM)
        out += np.clip(low / np.maximum(span, 5.0), 0.0, 1.0 if high is not None else 3.0)
    return out


def _above(gap: Gap, up: Floats, ahead: Floats, drop: Floats) -> Floats:
    """mm that each voxel lies above a disc's plane, which sinks behind the canal as the arches do."""
    lean = np.float32(np.tan(np.radians(gap.lean_deg)))
    out: Floats = up - gap.up + lean * np.clip(ahead, 0.0, _FRONT_MM) + drop
    return out


def crest_mm(bones: Mask, aside: Floats) -> float | None:
    """Height of the iliac crests: going up from the lowest slice with much bone far aside on both sides, where it ends.

    None where the scan does not show them from below.
    """
    sides = [(aside > 50) & (aside < 150), (aside < -50) & (aside > -150)]
    area = np.min([(bones & side).sum(axis=(1, 2)) for side in sides], axis=0) * STEP_MM**2
    wide = np.flatnonzero(area > 250)
    if not len(wide) or wide[0] * STEP_MM > 150:
        return None
    over = np.flatnonzero(area[wide[0] :] < 80)
    return float((wide[0] + over[0]) * STEP_MM) if len(over) else None


def on_sacrum(found: Sequence[Gap], crest: float | None) -> tuple[list[Gap], str]:
    """The discs from L5-S1 upwards, and a doubt, if there is one.

    The line between the crests crosses the spine at L4 or the disc under it (Tuffier's line), so L5-S1 lies 10 to 80 mm lower.
    """
    if crest is None:
        return list(found), "the iliac crests are not in view: levels are counted from the lowest disc that is"
    left = [gap for gap in found if gap.up > crest - 80]
    if not left or left[0].up > crest - 10:
        return left or list(
            found
        ), "no disc was found where L5-S1 must lie, under the iliac crests: levels are doubtful"
    return left, ""


def closed(bones: Mask, radius_mm: float = 6.0) -> Mask:
    """Bone with its marrow: gaps in each axial slice closed, what is enclosed filled."""
    from scipy import ndimage
    from skimage.morphology import disk

    steps = round(radius_mm / STEP_MM)
    ring, pad = disk(steps), steps + 1  # type: ignore[no-untyped-call]
    out = [ndimage.binary_closing(np.pad(plane, pad), ring)[pad:-pad, pad:-pad] | plane for plane in bones]
    return np.stack([ndimage.binary_fill_holes(plane) for plane in out])


def depth_mm(bones: Mask, ahead: Floats, aside: Floats, level: Floats) -> float:
    """From the canal's centre to the front of the bodies: where columns of bone end, in the middle of the vertebrae."""
    share = level - np.floor(level)
    zone = (np.abs(aside) < 10) & (share > 0.25) & (share < 0.75) & (level >= 0)
    edges = np.arange(20.0, _FRONT_MM, 2.0)
    profile = np.array([bones[zone & (ahead >= e) & (ahead < e + 2)].mean() for e in edges])
    shell = edges[int(np.argmax(profile))]
    return float(shell + 3.0)


def shared(
    bones: Mask, hole: Mask, found: Sequence[Gap], ahead: Floats, aside: Floats, level: Floats
) -> NDArray[np.uint16]:
    """1 for the vertebra above the lowest of `found`, 2 for the next, ...; 0 elsewhere."""
    from scipy import ndimage

    depth = depth_mm(bones, ahead, aside, level)
    reach = (ahead < depth + 2) & (ahead > -_BEHIND_MM) & (np.abs(aside) < _ASIDE_MM) & (level >= 0)
    body = (ahead > _WALL_MM) & (ahead < depth - 1) & (np.abs(aside) < 24)
    number = (np.floor(level) + 1).astype(np.int16)
    near = np.minimum(*_to_planes(found, level))
    out = np.zeros(bones.shape, np.uint16)
    for vertebra in range(1, len(found) + 1):
        own = reach & (number == vertebra)
        if vertebra == len(found):
            own &= level < len(found)  # not a whole vertebra beyond the highest disc
        boxes = ndimage.find_objects(own.astype(np.uint8))
        if not boxes:
            continue
        box = boxes[0]
        whole = closed(bones[box] & own[box]) & own[box] & ~(hole[box] & (ahead[box] < _WALL_MM))
        lean = whole & (bones[box] | (body[box] & (near[box] > 0)))
        parts, count = ndimage.label(lean, np.ones((3, 3, 3)))
        if not count:
            continue
        sizes = np.bincount(parts.ravel())[1:]
        keep = [k for k in range(1, count + 1) if sizes[k - 1] >= 0.1 * sizes.max()]
        out[box][np.isin(parts, keep)] = vertebra
    return out


def _to_planes(found: Sequence[Gap], level: Floats) -> tuple[Floats, Floats]:
    """mm from the discs' faces, below and above every voxel; negative within a disc."""
    ups = np.array([gap.up for gap in found])
    spans = np.append(np.diff(ups), _TOP_MM).astype(np.float32)
    halves = np.array([gap.half_mm for gap in found] + [0.0], np.float32) - 1.0
    index = np.clip(np.floor(level).astype(int), 0, len(found) - 1)
    share = level - index
    below = share * spans[index] - halves[index]
    above = (1 - share) * spans[index] - halves[index + 1]
    return below, np.where(index == len(found) - 1, np.float32(np.inf), above)
