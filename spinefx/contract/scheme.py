"""What the numbers in a mask mean.

A scheme is data: value -> Structure. The known schemes live in `schemes.py`; users add theirs by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True)
class Scheme:
    """A named table from mask value to Structure; 0 is always background.

    Raises
    ------
    SchemeError
        If one structure is given two values, or a value lies outside 1..65535.
    """

    name: str
    table: Mapping[int, Structure]
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
        unknown = sorted({int(v) for v in values} - set(self.table) - {0})
        if unknown:
            raise SchemeError(
                f"mask values {unknown} are not in scheme {self.name!r}; "
                f"it knows {_ranges(self.table)}. Name the right scheme, or add these values to a scheme of your own."
            )


def _ranges(values: Iterable[int]) -> str:
    """`1-25, 100, 201-225` for a set of whole numbers."""
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in parts)
