"""Cases for the three-dimensional viewer: images and masks of a run, as many as fit."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text

_BUDGET = 8_000_000
"""Bytes that all volumes together may take in the page."""


@dataclass(frozen=True)
class VolumeView:
    """One case of the viewer: ids and base64 of its image and mask ("" where there is none), names and colours as JSON."""

    case: str
    image: str
    mask: str
    image_data: str
    mask_data: str
    labels: str


def volumes_of(run: RunFolder, order: Sequence[Json]) -> tuple[tuple[VolumeView, ...], int]:
    """Cases in this order whose volumes lie in the folder, until the budget is used; and how many were turned away."""
    views: list[VolumeView] = []
    left, refused = _BUDGET, 0
    for case in order:
        told = mapping(case.get("view"))
        image, mask = (_base64(run.content(text(told.get(part)))) for part in ("image", "mask"))
        size = len(image) + len(mask)
        if not size:
            continue
        if size > left:
            refused += 1
            continue
        left -= size
        labels = [
            {
                "name": text(mapping(entry).get("name")),
                "colour": [int(v) for v in sequence(mapping(entry).get("colour"))],
            }
            for entry in sequence(told.get("labels"))
        ]
        number = len(views)
        views.append(
            VolumeView(
                text(case.get("case")),
                f"volume-{number}-image" if image else "",
                f"volume-{number}-mask" if mask else "",
                image,
                mask,
                json.dumps(labels),
            )
        )
    return tuple(views), refused


def _base64(content: bytes | None) -> str:
    return base64.b64encode(content).decode("ascii") if content else ""
