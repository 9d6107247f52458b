"""What one cell of a table means: a patient's id, a level, a number, or nothing.

Nothing is guessed in silence: a cell that cannot be read comes back as missing, with the reason.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta

from spinefx.contract.errors import SchemeError
from spinefx.contract.schemes import UPWARD, disc_below, scheme

Cell = str | int | float | bool | datetime | date | time | timedelta | None
"""What a reader hands over for one cell."""

MISSING = frozenset({"", "-", "--", ".", "?", "na", "n/a", "nan", "none", "null", "missing", "unknown", "#n/a"})
"""Words that mean "no value", in lower case."""

NONE = "none"
"""One of them that may as well be a grade ("none, mild, severe"): what it means hangs on its column."""

WORDS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "present": 1.0, "absent": 0.0}
WORDS |= {"positive": 1.0, "negative": 0.0}

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d{1,3})?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_ORDER = {"S1": -1, "L6": -0.5, "T13": 4.5} | {name: float(i) for i, name in enumerate(UPWARD)}
_VERTEBRA = re.compile(r"(?:TH|T|C|L|S)\d{1,2}")


def text_of(cell: Cell) -> str:
    """The cell as text, blanks at its ends and doubled ones inside removed; "" for an empty cell."""
    return "" if cell is None else re.sub(r"\s+", " ", str(cell)).strip()


def is_missing(cell: Cell) -> bool:
    """Whether the cell says nothing: empty, or one of the words for that."""
    return cell is None or text_of(cell).lower() in MISSING or (isinstance(cell, float) and math.isnan(cell))


def patient_of(cell: Cell) -> str:
    """A patient's id as text: `1`, `1.0` and `"1"` are all `"1"`; leading zeros are kept."""
    text = text_of(cell)
    return text.partition(".")[0] if re.fullmatch(r"\d+\.0+", text) else text


def level_of(cell: Cell) -> str | None:
    """A level in the contract's spelling, or None where it is none.

    `L5/S1`, `l5s1`, `L5 - S1` and `S1-L5` are `L5-S1`; `Th12` is `T12`; `L4/5` is `L4-L5`.
    """
    text = re.sub(r"[\s_/–—-]+", "-", text_of(cell).upper()).strip("-")
    text = re.sub(r"^((?:TH|T|C|L)\d{1,2})-(\d{1,2})$", lambda m: f"{m[1]}-{m[1].rstrip('0123456789')}{m[2]}", text)
    found = [part.replace("TH", "T") for part in _VERTEBRA.findall(text)]
    if not found or len(found) > 2 or "".join(found) != text.replace("-", "").replace("TH", "T"):
        return None
    if not all(name in _ORDER for name in found):
        return None
    return "-".join(sorted(found, key=lambda name: -_ORDER[name]))


def level_of_ivd(cell: Cell) -> str | None:
    """The disc of this number (1 = L5-S1, counted upwards), or None where there is no such disc."""
    number, _ = number_of(cell)
    if number is None or number != int(number) or not 1 <= number <= len(UPWARD):
        return None
    return disc_below(UPWARD[int(number) - 1])


def level_of_label(cell: Cell) -> str | None:
    """The disc that SPIDER's masks give the value 200 + this label, or None where there is none."""
    number, _ = number_of(cell)
    if number is None or number != int(number) or number < 1:
        return None
    try:
        structure = scheme("spider")[200 + int(number)]
    except (KeyError, SchemeError):
        return None
    return structure.level if structure.kind == "disc" else None


def number_of(cell: Cell, *, comma: bool = True) -> tuple[float | None, str]:
    """The cell's number, or None with the reason ("" where the cell is simply empty).

    comma : whether `3,5` may be read as 3.5. `1,234` could mean either and is never read.
    """
    if is_missing(cell):
        return None, ""
    if isinstance(cell, bool):
        return float(cell), ""
    if isinstance(cell, int | float):
        number = float(cell)
        return (number, "") if math.isfinite(number) else (None, f"{cell} is not a finite number")
    if isinstance(cell, datetime | date | time | timedelta):
        return None, f"{cell} is a date or time, wanted a number"
    text = text_of(cell)
    if text.lower() in WORDS:
        return WORDS[text.lower()], ""
    if _NUMBER.fullmatch(text):
        number = float(text)
        return (number, "") if math.isfinite(number) else (None, f"{text!r} is not a finite number")
    if _THOUSANDS.fullmatch(text):
        return None, f"{text!r} may be a decimal comma or a thousands separator"
    if comma and _COMMA.fullmatch(text):
        return float(text.replace(",", ".")), ""
    if re.fullmatch(r"[<>≤≥]=? ?[\d.,]+", text):
        return None, f"{text!r} only bounds a value"
    if text.startswith("#"):
        return None, f"{text!r} is a spreadsheet error"
    return None, f"{text[:40]!r} is not a number"
