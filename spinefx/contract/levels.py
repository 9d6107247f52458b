"""Which level each labelled vertebra is: spines with a sixth lumbar, a thirteenth rib, or a count that was off.

Masks come first, this module only renames: the same voxels, other levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spinefx.contract.errors import SchemeError
from spinefx.contract.scan import LabelMap
from spinefx.contract.scheme import KINDS_OF_LEVEL, Scheme, Structure

LOWEST_LEVELS = ("L3", "L4", "L5", "L6")
"""What the vertebra on the sacrum may be."""

THORACIC_COUNTS = (11, 12, 13)
"""How many vertebrae may bear ribs."""


def upward(lowest: str = "L5", thoracic: int = 12) -> tuple[str, ...]:
    """Levels from the sacrum upwards in a spine whose lowest vertebra is `lowest`: `L6, L5, ... T12, ... C1`."""
    if lowest not in LOWEST_LEVELS:
        raise SchemeError(f"lowest vertebra {lowest!r} is none of {', '.join(LOWEST_LEVELS)}")
    if thoracic not in THORACIC_COUNTS:
        raise SchemeError(f"{thoracic} thoracic vertebrae, wanted one of {', '.join(map(str, THORACIC_COUNTS))}")
    lumbar = [f"L{n}" for n in range(int(lowest[1:]), 0, -1)]
    return (*lumbar, *(f"T{n}" for n in range(thoracic, 0, -1)), *(f"C{n}" for n in range(7, 0, -1)))


def as_counted(mask: LabelMap) -> LabelMap:
    """The mask with its discs named after the vertebrae that are there: `L5-L6` where there is an L6, `T12-T13` where a T13.

    The mask itself where there is neither.
    """
    there = {structure.level for structure in mask.structures("vertebra")}
    if not there & {"L6", "T13"}:
        return mask
    chain = upward("L6" if "L6" in there else "L5", 13 if "T13" in there else 12)
    return _renamed(mask, {level: level for level in chain}, chain, mask.scheme.name)


def recounted(mask: LabelMap, *, lowest: str = "L5", thoracic: int = 12) -> LabelMap:
    """The mask with its vertebrae and discs counted anew: the lowest in it is `lowest`, the others follow upwards.

    Parameters
    ----------
    lowest : level of the lowest vertebra in the mask (of a mask of discs: of the vertebra above the lowest disc).
    thoracic : vertebrae with ribs; 13 puts a T13 between T12 and L1.

    Raises
    ------
    SchemeError
        If the mask holds no vertebra and no disc, or more than the spine has levels.
    """
    present = {_upper(s) for s in mask.structures() if s.kind in KINDS_OF_LEVEL}
    old = [level for level in upward("L6", 13) if level not in ("L6", "T13") or level in present]
    start = next((i for i, level in enumerate(old) if level in present), None)
    if start is None:
        raise SchemeError("mask holds neither vertebrae nor discs, there is nothing to count")
    new = upward(lowest, thoracic)
    names = dict(zip(old[start:], new, strict=False))
    if lost := sorted(present - set(names)):
        raise SchemeError(f"no level is left for {', '.join(lost)} when counted from {lowest} with {thoracic} thoracic")
    return _renamed(mask, names, new, f"{mask.scheme.name}, counted from {lowest}")


def converted(mask: LabelMap, to: Scheme, *, drop: Iterable[str] = ()) -> LabelMap:
    """The mask in another scheme's values.

    drop : kinds that become background where the other scheme has no value for them.

    Raises
    ------
    SchemeError
        Listing the structures that the other scheme has no value for.
    """
    import numpy as np

    table = np.zeros(65536, np.uint16)
    missing = []
    gone = set(drop)
    for structure in mask.check_scheme().structures():
        value = next((v for v, s in to.table.items() if s == structure), None)
        if value is not None:
            table[mask.scheme.value_of(structure)] = value
        elif structure.kind not in gone:
            missing.append(f"{structure.kind} {structure.level}".strip())
    if missing:
        raise SchemeError(
            f"scheme {to.name!r} has no value for {', '.join(missing)}; drop their kinds, or take another"
        )
    return LabelMap(table[mask.labels], mask.grid, to)


def _upper(structure: Structure) -> str:
    return structure.level.partition("-")[0]


def _renamed(mask: LabelMap, names: Mapping[str, str], chain: tuple[str, ...], title: str) -> LabelMap:
    """The mask with level x called names[x]; discs reach down to the next of `chain`."""
    table: dict[int, Structure] = {}
    for value, structure in mask.scheme.table.items():
        if structure.kind not in KINDS_OF_LEVEL:
            table[value] = structure
        elif (level := names.get(_upper(structure))) is not None:
            place = chain.index(level)
            disc = f"{level}-{chain[place - 1] if place else 'S1'}"
            table[value] = Structure.of(structure.kind, disc if structure.kind == "disc" else level)
    return LabelMap(mask.labels, mask.grid, Scheme(title, table, mask.scheme.ignored))
