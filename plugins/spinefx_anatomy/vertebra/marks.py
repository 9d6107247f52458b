"""What a reader would draw to measure a vertebral body: its endplates, and its height at three places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spinefx.api import Mark
from spinefx_anatomy.disc.shape import PLACES
from spinefx_anatomy.vertebra.body import Body

HEIGHTS = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm")


def marks(body: Body, level: str, heights_mm: Sequence[float]) -> Iterator[Mark]:
    """Endplate planes on both views, heights at 15, 50 and 85 % of the depth, the three of them in words."""
    for side in (1, -1):
        for view, ends in (("sagittal", body.edge(side)), ("coronal", body.sides(side))):
            if ends is not None:
                yield Mark(view, ends)  # type: ignore[arg-type]
    top, bottom = body.edge(1), body.edge(-1)
    if top is None or bottom is None:
        return
    for place in PLACES:
        ends = np.stack([edge[0] + place * (edge[1] - edge[0]) for edge in (bottom, top)])
        yield Mark("sagittal", ends, role="length")
    front, back = ((top[k] + bottom[k]) / 2 for k in (0, 1))
    yield Mark(
        "sagittal", np.stack([back, front]), f"{level}  {' / '.join(f'{value:.1f}' for value in heights_mm)}", "text"
    )
