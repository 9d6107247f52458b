"""What is drawn over a plane of a case's picture: structures tinted, their contours, and their levels by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.scan import LabelMap
from spinefx.contract.scheme import Structure

Pixels = NDArray[np.uint8]

_LINE_PX = 14
_FALLBACK = (232, 112, 176)
_COLOURS = {
    "vertebra": ((112, 172, 226), (84, 140, 200)),
    "disc": ((240, 178, 92), (240, 178, 92)),
    "canal": ((110, 200, 160), (110, 200, 160)),
    "cord": ((110, 200, 160), (110, 200, 160)),
    "sacrum": ((178, 146, 214), (178, 146, 214)),
    "endplate": ((232, 128, 120), (232, 128, 120)),
    "partial-vertebra": ((140, 156, 172), (140, 156, 172)),
}
_NAMED = ("vertebra", "disc", "sacrum")


def with_mask(pixels: NDArray[np.float32], labels: NDArray[np.uint16], mask: LabelMap, *, strong: bool) -> Pixels:
    """The plane with each structure tinted, its contour drawn and its level named; `strong` where no image is under it."""
    values = [int(value) for value in np.unique(labels) if value]
    table = np.zeros((max(values, default=0) + 1, 3), np.float32)
    for value in values:
        table[value] = colour_of(mask, value)
    rim = _rim(labels)
    share = np.where(labels > 0, np.where(rim, 0.95, 0.5 if strong else 0.12), 0.0).astype(np.float32)[..., None]
    tinted = pixels * (1 - share) + table[labels] * share
    named = [(mask.scheme[value], labels == value) for value in values if value in mask.scheme]
    return _written(np.clip(tinted, 0, 255).astype(np.uint8), named)


def written_below(width: int, lines: Sequence[str], ground: tuple[int, int, int]) -> Pixels:
    """(h, width, 3) a strip with lines of text, broken where they are too long."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=11)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    broken = [
        part for line in lines for part in _broken(line, lambda text: measure.textlength(text, font=font) <= width - 12)
    ]
    strip = Image.new("RGB", (width, _LINE_PX * len(broken) + 8), ground)
    draw = ImageDraw.Draw(strip)
    for number, part in enumerate(broken):
        draw.text((6, 4 + _LINE_PX * number), part, (206, 210, 214), font)
    return np.asarray(strip, np.uint8)


def _broken(line: str, fits: Callable[[str], bool]) -> list[str]:
    """A line as parts that fit, the later ones set in."""
    parts = [""]
    for word in line.split():
        longer = f"{parts[-1]} {word}" if parts[-1].strip() else parts[-1] + word
        if parts[-1].strip() and not fits(longer):
            parts.append("    " + word)
        else:
            parts[-1] = longer
    return parts


def colour_of(mask: LabelMap, value: int) -> tuple[int, int, int]:
    """The colour of a structure's kind; neighbouring vertebrae alternate between two shades."""
    kind = mask.scheme[value].kind if value in mask.scheme else ""
    shades = _COLOURS.get(kind)
    return _FALLBACK if shades is None else shades[value % 2]


def _rim(labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """True on the pixels of a structure that touch another label."""
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    different: NDArray[np.bool_] = np.logical_or.reduce([inner != other for other in around])
    return different & (inner > 0)


def _written(pixels: Pixels, named: list[tuple[Structure, NDArray[np.bool_]]]) -> Pixels:
    """The picture with levels written: vertebrae on themselves, discs smaller and beside an edge, where there is room."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    big, small = ImageFont.load_default(size=12), ImageFont.load_default(size=9)
    for structure, where in named:
        if structure.kind not in _NAMED or not structure.level or where.sum() < 40:
            continue
        rows, columns = np.nonzero(where)
        y = float(np.median(rows))
        if structure.kind == "disc":
            x, font, anchor = float(columns.min()) - 3, small, "rm"
            wide = draw.textlength(structure.level, font=font)
            if wide > x:
                x, anchor = float(columns.max()) + 3, "lm"
            if anchor == "lm" and x + wide > pixels.shape[1]:
                x, anchor = float(np.median(columns)), "mm"
        else:
            x, font, anchor = _body_column(columns), big, "mm"
        draw.text((x, y), structure.level, (255, 255, 255), font, anchor, stroke_width=1, stroke_fill=(10, 12, 14))
    return np.asarray(image, np.uint8)


def _body_column(columns: NDArray[np.intp]) -> float:
    """The column to write a vertebra's name in: the middle of the column run that is at least half as high as any."""
    heights = np.bincount(columns)
    tall = np.flatnonzero(heights >= 0.5 * heights.max())
    return float(np.median(tall[: np.argmax(np.diff(tall, append=tall[-1] + 9) > 1) + 1]))
