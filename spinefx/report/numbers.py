"""How a number is shown: few digits to read, the full value kept beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MISSING = "–"
MINUS = "\u2212"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Shown:
    """A value as a reader sees it: `text`, and `full` where the text is rounded (else "")."""

    text: str
    full: str = ""
    number: bool = False
    missing: bool = False


def is_number(value: Any) -> bool:
    """True for a finite int or float (a bool is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_missing(value: Any) -> bool:
    """True for None, "" and NaN."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def decimals(values: Iterable[Any]) -> int:
    """Digits after the point that suit all of `values` together: none for whole numbers, about three that count."""
    numbers = [abs(float(value)) for value in values if is_number(value)]
    if not numbers or all(number == int(number) for number in numbers):
        return 0
    largest = max(numbers)
    if 0.1 <= largest < 2:
        return 3
    return min(max(2 - math.floor(math.log10(largest)), 0), 6) + (1 if largest >= 10 and largest < 100 else 0)


def show(value: Any, places: int | None = None) -> Shown:
    """`value` with `places` digits after the point (its own choice where None)."""
    if is_missing(value):
        return Shown(MISSING, missing=True)
    if isinstance(value, bool):
        return Shown("yes" if value else "no")
    if isinstance(value, str):
        return Shown(value)
    if isinstance(value, int):
        return _kept(_grouped(str(value)), repr(value))
    if isinstance(value, float):
        if math.isinf(value):
            return Shown("∞" if value > 0 else MINUS + "∞", repr(value), number=True)
        return _kept(_rounded(value, decimals([value]) if places is None else places), repr(value))
    return Shown(str(value))


def _kept(text: str, full: str) -> Shown:
    plain = text.replace(MINUS, "-")
    return Shown(text, "" if plain == full or _same(plain, full) else full, number=True)


def _same(text: str, full: str) -> bool:
    try:
        return float(text) == float(full)
    except ValueError:
        return False


def _rounded(value: float, places: int) -> str:
    if places == 0 and 0.5 <= abs(value) < 10 and value != round(value):  # 1.03 beside 122 is not 1
        return f"{value:.3g}".replace("-", MINUS)
    if 1e-4 <= abs(value) < 0.5 * 10.0**-places:
        return f"{value:.2g}".replace("-", MINUS)
    if value != 0 and abs(value) < 0.5 * 10.0**-places:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", MINUS)
    if abs(value) >= 1e15:
        return f"{value:.3g}".replace("-", MINUS)
    return _grouped(f"{value:.{places}f}")


def _grouped(text: str) -> str:
    """Thousands apart by a narrow space from five digits on, and a real minus sign."""
    sign, digits = (MINUS, text[1:]) if text.startswith("-") else ("", text)
    whole, point, rest = digits.partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", "\u202f")
    return f"{sign}{whole}{point}{rest}"


def duration(seconds: Any) -> str:
    """`3 min 12 s` for 192; "" where it is no number."""
    if not is_number(seconds):
        return ""
    whole = round(float(seconds))
    if whole < 60:
        return f"{float(seconds):.1f} s" if whole < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(stamp: str) -> str:
    """`12 June 2025, 09:14 UTC` for an ISO time; any other text as it is."""
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    zone = f" {time.tzname()}" if time.tzinfo else ""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M}{zone}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 case`, `2 cases`."""
    return f"{show(number).text} {noun if number == 1 else plural or noun + 's'}"
