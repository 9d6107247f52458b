"""Whether a structure is cut off by the image's border or only reaches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUND = 2.4
"""Exponent of the superellipse that a whole structure's sections are compared with."""


@dataclass(frozen=True)
class Contact:
    """How a structure meets the border along one array axis.

    share : its section on the border over its largest section.
    usual : the most that a whole, rounded structure shows in its last slice.
    """

    touches: bool
    share: float
    usual: float

    @property
    def cut(self) -> bool:
        """More of it lies on the border than the end of a whole structure would show."""
        return self.touches and self.share > self.usual


def contact(part: NDArray[np.bool_], box: NDArray[np.int64], shape: tuple[int, int, int]) -> tuple[Contact, ...]:
    """One `Contact` per array axis of a structure that fills `box` (2, 3) of an image of `shape`."""
    out = []
    for axis in range(3):
        sections = part.sum(axis=tuple(k for k in range(3) if k != axis))
        ends = [int(sections[0])] if box[0][axis] == 0 else []
        ends += [int(sections[-1])] if box[1][axis] == shape[axis] else []
        share = max(ends, default=0) / int(sections.max())
        within = max(0.0, 1.0 - 2.0 / len(sections))
        usual = min(0.85, 0.05 + float((1.0 - within**ROUND) ** (1.0 / ROUND)))
        out.append(Contact(bool(ends), share, usual))
    return tuple(out)
