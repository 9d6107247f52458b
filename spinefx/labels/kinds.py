"""Cells of one column become numbers of one kind: binary, ordinal, continuous or nominal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.labels import LabelKind
from spinefx.labels.cells import NONE, WORDS, Cell, is_missing, number_of, text_of

MAX_GRADES = 12
"""More whole numbers than this are a measurement, not grades."""
MAX_CATEGORIES = 30


@dataclass(frozen=True)
class Typed:
    """A column as numbers, or (`kind` None) the reason why it holds no label.

    values : (n,) float64, NaN where missing; nominal ones index `categories`.
    unread : (position, why) of each cell that says something that could not be read.
    """

    kind: LabelKind | None
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()
    unread: tuple[tuple[int, str], ...] = ()
    reason: str = ""


def typed(cells: Sequence[Cell], known: LabelKind | None = None) -> Typed:
    """The column in machine form; its kind inferred from its values unless it is `known`.

    "none" is a category among words; among numbers, where it may be a grade or no value, it is missing and named.
    """
    present = [i for i, cell in enumerate(cells) if not is_missing(cell)]
    none = [i for i, cell in enumerate(cells) if text_of(cell).lower() == NONE]
    nothing = np.full(len(cells), np.nan)
    if not present:
        return Typed(None, nothing, reason='says "none" throughout' if none else "is empty")
    if sum(isinstance(cells[i], datetime | date) for i in present) * 2 > len(present):
        return Typed(None, nothing, reason="holds dates; a label is a number or a category")
    read = [number_of(cell) for cell in cells]
    numbers = np.array([np.nan if number is None else number for number, _ in read])
    unread = tuple((i, why) for i, (_, why) in enumerate(read) if why)
    bounds = sum("bounds" in why or "may be" in why or "error" in why for _, why in unread)
    if known == "nominal" or (known is None and (len(unread) - bounds) * 5 > len(present)):
        return _nominal(cells, sorted([*present, *none]), known=known is not None)
    unread += tuple((i, f"{text_of(cells[i])!r} may be a grade or no value") for i in none)
    if known == "binary":
        odd = [i for i, number in enumerate(numbers) if number not in (0.0, 1.0) and np.isfinite(number)]
        unread += tuple((i, f"{text_of(cells[i])!r} is neither 0 nor 1") for i in odd)
        numbers[odd] = np.nan
    return Typed(known or _kind(numbers), numbers, unread=unread)


def _kind(numbers: NDArray[np.float64]) -> LabelKind:
    values = np.unique(numbers[np.isfinite(numbers)])
    if set(values) <= {0.0, 1.0}:
        return "binary"
    whole = np.array_equal(values, np.round(values))
    return "ordinal" if whole and len(values) <= MAX_GRADES and np.ptp(values) <= 2 * MAX_GRADES else "continuous"


def _nominal(cells: Sequence[Cell], present: Sequence[int], *, known: bool) -> Typed:
    texts = {i: _category(cells[i]) for i in present}
    names = tuple(sorted(set(texts.values()), key=lambda t: (len(t), t) if t.isdigit() else (999, t)))
    values = np.full(len(cells), np.nan)
    if not known and (len(names) > MAX_CATEGORIES or 2 * len(names) > len(present) > 4):
        return Typed(None, values, reason="holds free text; a label is a number or a category")
    place = {name: float(i) for i, name in enumerate(names)}
    for i, text in texts.items():
        values[i] = place[text]
    return Typed("nominal", values, names)


def _category(cell: Cell) -> str:
    number, _ = number_of(cell)
    if number is not None and text_of(cell).lower() not in WORDS:
        return f"{number:g}"
    return text_of(cell)
