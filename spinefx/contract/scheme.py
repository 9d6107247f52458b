"""What the numbers in a mask mean.

A scheme is data: value -> Structure. The known schemes live in `schemes.py`; users add theirs by name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from spinefx.contract.errors import SchemeError


@dataclass(frozen=True, order=True)
class Structure:
    """One anatomical structure.

    kind : `vertebra`, `disc`, `canal`, `cord`, `sacrum`, `endplate`, `partial-vertebra`, ...
    level : `L5` for a vertebra, `L5-S1` for a disc, "" where a level makes no sense (canal).
    name : what people call it; equal to the level where there is one.
    """

    kind: str
    level: str
    name: str

    @classmethod
    def of(cls, kind: str, level: str = "") -> Structure:
        """The structure with the name that follows from its kind and level."""
        return cls(kind, level, level or kind)


KINDS_OF_LEVEL = ("vertebra", "partial-vertebra", "endplate", "disc")
"""Kinds that a level belongs to."""

_LEVEL = re.compile(r"C[1-7]|T(?:1[0-3]|[1-9])|L[1-6]|S1")
_KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Scheme:
    """A named table from mask value to Structure; 0 is always background.

    ignored : values that may stand in a mask and mean nothing here (a segmenter's organs); loaders make them 0.

    Raises
    ------
    SchemeError
        If one structure is given two values, or a value lies outside 1..65535.
    """

    name: str
    table: Mapping[int, Structure]
    ignored: Collection[int] = ()
    _values: Mapping[Structure, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[Structure, int] = {}
        for value, structure in self.table.items():
            if not 1 <= value <= 65535:
                raise SchemeError(f"scheme {self.name!r}: value {value} lies outside 1..65535")
            if structure in values:
                raise SchemeError(f"scheme {self.name!r}: {structure} has two values, {values[structure]} and {value}")
            values[structure] = value
        object.__setattr__(self, "_values", values)

    @classmethod
    def parse(cls, name: str, rows: Mapping[str, str], *, ignored: Iterable[int] = ()) -> Scheme:
        """The scheme that texts describe, as a TOML table gives them: `{"1": "vertebra L5", "100": "canal"}`.

        Raises
        ------
        SchemeError
            Listing every row that is none: a value that is no whole number, a kind or level that nobody knows.
        """
        table: dict[int, Structure] = {}
        wrong: list[str] = []
        for key, text in rows.items():
            if not (key.isascii() and key.isdecimal() and len(key) < 6):
                wrong.append(f"{key[:20]!r} is no mask value")
                continue
            try:
                table[int(key)] = _structure(text)
            except SchemeError as error:
                wrong.append(f"{key} = {text[:40]!r}: {error}")
        if wrong or not table:
            raise SchemeError(f"scheme {name!r}: {'; '.join(wrong[:8]) or 'has no rows'}")
        return cls(name, table, frozenset(ignored) - set(table))

    def __getitem__(self, value: int) -> Structure:
        return self.table[value]

    def __contains__(self, value: object) -> bool:
        return value in self.table

    def value_of(self, structure: Structure) -> int:
        """The mask value of `structure`; SchemeError where the scheme has none."""
        try:
            return self._values[structure]
        except KeyError:
            raise SchemeError(f"scheme {self.name!r} has no value for {structure}") from None

    def find(self, kind: str, level: str = "") -> Structure | None:
        """The structure of that kind and level, or None."""
        wanted = Structure.of(kind, level)
        return wanted if wanted in self._values else None

    def require(self, values: Iterable[int]) -> None:
        """Raise SchemeError that lists every value (0 aside) which the scheme does not know."""
        unknown = sorted({int(v) for v in values} - set(self.table) - set(self.ignored) - {0})
        if unknown:
            raise SchemeError(
                f"mask values {unknown} are not in scheme {self.name!r}; "
                f"it knows {_ranges(self.table)}. Name the right scheme, or add these values to a scheme of your own."
            )


def _structure(text: str) -> Structure:
    """`disc L5-S1` or `canal` as a Structure."""
    kind, _, level = text.strip().partition(" ")
    level = level.strip()
    if not _KIND.fullmatch(kind):
        raise SchemeError('wanted a kind and a level, as "vertebra L5", "disc L5-S1" or "canal"')
    if kind not in KINDS_OF_LEVEL:
        if level and kind != "sacrum":
            near = difflib.get_close_matches(kind, KINDS_OF_LEVEL, 1, 0.6)
            raise SchemeError(f"{kind!r} has no levels; " + (f"{near[0]!r}?" if near else f"{KINDS_OF_LEVEL} have"))
        return Structure.of(kind, level)
    parts = level.split("-")
    if len(parts) != (2 if kind == "disc" else 1) or not all(map(_LEVEL.fullmatch, parts)):
        raise SchemeError(f"{level!r} is no level of a {kind}; wanted {'L5-S1' if kind == 'disc' else 'C1 .. L6'}")
    return Structure.of(kind, level)


def _ranges(values: Iterable[int]) -> str:
    """`1-25, 100, 201-225` for a set of whole numbers."""
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in parts)
