"""How numbers and parts are worded in sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping

from spinefx.api import Row, Split

Cell = str | int | float | bool | None
"""What a table's cell may hold."""

PARTS: Mapping[str, str] = {"train": "training", "validation": "validation", "test": "held out"}
"""Part -> what people call it."""


def part_of(split: Split, row: Row) -> str:
    """The part of the row's patient, "" where it has none."""
    return str(split.part.get(row.patient, ""))


def between(value: object, low: object, high: object) -> str:
    """`0.742 (0.701 to 0.780)`, without the bracket where there is no interval."""
    number, a, b = (float(v) if isinstance(v, int | float) else math.nan for v in (value, low, high))
    return f"{number:.3f}" if math.isnan(a) or math.isnan(b) else f"{number:.3f} ({a:.3f} to {b:.3f})"


def several(number: int, what: str) -> str:
    """`1 row`, `4 rows`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def signed(value: float, low: float, high: float) -> str:
    """`+0.041 (-0.010 to +0.090)`."""
    return f"{value:+.3f}" if math.isnan(low) or math.isnan(high) else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def slug(text: str) -> str:
    """The text as a figure's name: small letters and digits, dashes between."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
