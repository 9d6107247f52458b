"""The label schemes of the public spine data sets, as tables.

Two of them collide (101-125 is a partial vertebra in SPIDER and a disc in VerSe's family; 201-225 a disc or an
endplate), which is why no loader ever guesses a scheme.
"""

from __future__ import annotations

from collections.abc import Iterator

from spinefx.contract.errors import SchemeError
from spinefx.contract.scheme import Scheme, Structure

UPWARD = ["L5", "L4", "L3", "L2", "L1"] + [f"T{n}" for n in range(12, 0, -1)] + [f"C{n}" for n in range(7, 0, -1)]
"""Vertebral levels from the sacrum upwards, as most people have them."""


def below(level: str) -> str:
    """The level under a vertebra (`S1` under `L5`), in the usual 7-12-5 spine; L6 sits on S1 and T13 on L1."""
    if level == "L6":
        return "S1"
    if level == "T13":
        return "L1"
    position = UPWARD.index(level)
    return "S1" if position == 0 else UPWARD[position - 1]


def disc_below(level: str) -> str:
    """The name of the disc under a vertebra: `L5-S1` for `L5`."""
    return f"{level}-{below(level)}"


def _spider() -> Iterator[tuple[int, Structure]]:
    for n in range(1, 26):
        level = UPWARD[n - 1] if n <= len(UPWARD) else f"V{n}"
        disc = disc_below(level) if n <= len(UPWARD) else f"V{n}-{UPWARD[-1]}"
        yield n, Structure.of("vertebra", level)
        yield 100 + n, Structure.of("partial-vertebra", level)
        yield 200 + n, Structure.of("disc", disc)
    yield 100, Structure.of("canal")


def _verse() -> Iterator[tuple[int, Structure]]:
    levels = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 7)]
    numbered = dict(enumerate(levels, start=1)) | {28: "T13"}
    for value, level in numbered.items():
        yield value, Structure.of("vertebra", level)
        yield 100 + value, Structure.of("disc", disc_below(level))
        yield 200 + value, Structure.of("endplate", level)
    yield 26, Structure.of("sacrum", "S1")
    yield 60, Structure.of("cord")
    yield 61, Structure.of("canal")


def _totalsegmentator() -> Iterator[tuple[int, Structure]]:
    yield 25, Structure.of("sacrum")
    yield 26, Structure.of("sacrum", "S1")
    for value, level in enumerate(UPWARD, start=27):
        yield value, Structure.of("vertebra", level)
    yield 79, Structure.of("cord")


def _totalsegmentator_mr() -> Iterator[tuple[int, Structure]]:
    """One value for all vertebrae and one for all discs: no single one can be told, hence kinds of their own."""
    yield 18, Structure.of("sacrum")
    yield 19, Structure.of("vertebrae")
    yield 20, Structure.of("discs")
    yield 21, Structure.of("cord")


_IGNORED = {"totalsegmentator": range(1, 118), "totalsegmentator-mr": range(1, 57)}
"""Organs and other bones of TotalSegmentator's two models (117 classes of `total`, 56 at most of `total_mr`)."""


def _totalspineseg() -> Iterator[tuple[int, Structure]]:
    yield 1, Structure.of("cord")
    yield 2, Structure.of("canal")
    for first, letter, count in ((11, "C", 7), (21, "T", 12), (41, "L", 5)):
        for n in range(1, count + 1):
            yield first + n - 1, Structure.of("vertebra", f"{letter}{n}")
    yield 50, Structure.of("sacrum")
    for value, upper in enumerate([f"C{n}" for n in range(2, 7)], start=63):
        yield value, Structure.of("disc", disc_below(upper))
    for value, upper in enumerate(["C7", *(f"T{n}" for n in range(1, 12))], start=71):
        yield value, Structure.of("disc", disc_below(upper))
    for value, upper in enumerate(["T12", *(f"L{n}" for n in range(1, 5))], start=91):
        yield value, Structure.of("disc", disc_below(upper))
    yield 100, Structure.of("disc", "L5-S1")


SCHEMES: dict[str, Scheme] = {
    name: Scheme(name, table, frozenset(_IGNORED.get(name, ())) - set(table))
    for name, table in {
        "spider": dict(_spider()),
        "verse": dict(_verse()),
        "totalsegmentator": dict(_totalsegmentator()),
        "totalsegmentator-mr": dict(_totalsegmentator_mr()),
        "totalspineseg": dict(_totalspineseg()),
    }.items()
}


def scheme(name: str) -> Scheme:
    """The known scheme of that name; SchemeError lists the known ones."""
    try:
        return SCHEMES[name]
    except KeyError:
        raise SchemeError(f"no label scheme {name!r}; known: {', '.join(SCHEMES)}") from None
