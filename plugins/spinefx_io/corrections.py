"""Masks that mean something else in single cases: spines that count otherwise, and values that a reader has corrected.

levels.csv                             case or patient, and either how its spine counts or what a value is
patient,case,lowest,thoracic,value,structure
17,,L6,,,                              the lowest vertebra of patient 17 is an L6
41,,L5,13,,                            patient 41 has thirteen thoracic vertebrae
,23_t2,,,7,partial-vertebra T11        in this one case, 7 is the part of a T11
,23_t2,,,8,ignored                     and 8 is a mistake
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from spinefx.api import (
    LOWEST_LEVELS,
    THORACIC_COUNTS,
    Case,
    DataError,
    LabelMap,
    Scheme,
    SchemeError,
    Structure,
    as_counted,
    read_rows,
    recounted,
)

LOWEST, THORACIC, VALUE = "lowest_vertebra", "thoracic_vertebrae", "mask_value_"
"""Facts of a case whose mask means something else; the value's number follows the last."""

IGNORED = "ignored"


@dataclass(frozen=True)
class Correction:
    """What a table says of one case or patient: how the spine counts ("" and 0 where it does not say), what values are."""

    lowest: str = ""
    thoracic: int = 0
    values: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))

    def over(self, other: Correction) -> Correction:
        """Both, this one going first where they differ."""
        values = {**other.values, **self.values}
        return Correction(self.lowest or other.lowest, self.thoracic or other.thoracic, values)

    def marked(self, case: Case) -> Case:
        """The case with the correction among its facts, so that it enters its key, and its notes."""
        facts: dict[str, Any] = dict(case.facts)
        notes = list(case.notes)
        if self.lowest or self.thoracic:
            facts |= {LOWEST: self.lowest or "L5", THORACIC: self.thoracic or 12}
            with_ribs = f" with {self.thoracic} thoracic" if self.thoracic not in (0, 12) else ""
            notes.append(f"levels counted from {self.lowest or 'L5'}{with_ribs}")
        for value, text in sorted(self.values.items()):
            facts[f"{VALUE}{value}"] = text
            notes.append(f"mask value {value} is {text} by the table of levels")
        return replace(case, facts=facts, notes=tuple(notes))


def read_corrections(path: Path) -> dict[str, Correction]:
    """Case or patient -> what the table says.

    Raises
    ------
    DataError
        Naming the row that says nothing, nonsense, or something else than an earlier one.
    """
    out: dict[str, Correction] = {}
    for row in read_rows(path):
        where = f"{path.name} line {row['line']}"
        name = row.get("case", "") or row.get("patient", "")
        if not name:
            raise DataError(f"{where}: names no `case` and no `patient`")
        new, old = _correction(row, where), out.get(name, Correction())
        if new.over(old) != old.over(new):
            raise DataError(f"{where}: names {name[:40]!a} again and says otherwise")
        out[name] = new.over(old)
    return out


def of_case(corrections: Mapping[str, Correction], case: Case, met: set[str]) -> Case:
    """The case with what the table says of it and of its patient; `met` gathers the names that were found."""
    names = [name for name in (case.id, case.patient) if name in corrections]
    met.update(names)
    found = Correction()
    for name in names:
        found = found.over(corrections[name])
    return found.marked(case) if names else case


def refuse_misspelt(names: Iterable[str], cases: Iterable[Case], table: str) -> None:
    """DataError where an id of the table that no case has differs from one of theirs in zeros before digits or capitals alone."""
    known = {_folded(name): name for case in cases for name in (case.id, case.patient)}
    for name in names:
        if (other := known.get(_folded(name), name)) != name:
            raise DataError(f"{table}: names {name[:40]!a}, the data have {other!a}; write it as they do")


def corrected(mask: LabelMap, case: Case | None = None) -> LabelMap:
    """The mask with the meaning that its case's facts give it, values without meaning made 0.

    Raises
    ------
    SchemeError
        For values that neither scheme nor table knows, levels that cannot be counted, a structure with two values.
    DataError
        If nothing but ignored values is left.
    """
    facts = case.facts if case is not None else {}
    own = {int(name.removeprefix(VALUE)): str(text) for name, text in facts.items() if name.startswith(VALUE)}
    mask = _without(mask, {*mask.scheme.ignored, *(value for value, text in own.items() if text == IGNORED)})
    named = _structures(own)
    mask.scheme.require(value for value in mask.values if value not in named)
    name, ignored = mask.scheme.name, mask.scheme.ignored
    if named:
        usual = {value: structure for value, structure in mask.scheme.table.items() if value not in named}
        mask = LabelMap(mask.labels, mask.grid, Scheme(name, usual, ignored))
    if LOWEST in facts or THORACIC in facts:
        mask = recounted(mask, lowest=str(facts.get(LOWEST, "L5")), thoracic=int(facts.get(THORACIC) or 12))
    else:
        mask = as_counted(mask)
    return _with(mask, named) if named else mask


def _structures(texts: Mapping[int, str]) -> dict[int, Structure]:
    rows = {str(value): text for value, text in texts.items() if text != IGNORED}
    return dict(Scheme.parse("table of levels", rows).table) if rows else {}


def _with(mask: LabelMap, named: Mapping[int, Structure]) -> LabelMap:
    """The mask with some values named anew; a value that is not in it gives its structure away."""
    for value, structure in mask.scheme.table.items():
        if structure in named.values() and value in mask.values:
            raise SchemeError(
                f"mask value {value} is {structure.kind} {structure.level} too; correct it in the table of levels"
            )
    table = {value: structure for value, structure in mask.scheme.table.items() if structure not in named.values()}
    return LabelMap(
        mask.labels, mask.grid, Scheme(f"{mask.scheme.name}, corrected", {**table, **named}, mask.scheme.ignored)
    )


def _correction(row: Mapping[str, str], where: str) -> Correction:
    lowest, thoracic = row.get("lowest", "").upper(), row.get("thoracic", "")
    if lowest not in ("", *LOWEST_LEVELS) or thoracic not in ("", *map(str, THORACIC_COUNTS)):
        raise DataError(
            f"{where}: lowest = {lowest[:20]!r}, thoracic = {thoracic[:20]!r}; wanted lowest one of "
            f"{', '.join(LOWEST_LEVELS)} and thoracic one of {', '.join(map(str, THORACIC_COUNTS))}"
        )
    value, text = row.get("value", ""), row.get("structure", "")
    if bool(value) != bool(text):
        raise DataError(
            f"{where}: `value` and `structure` go together, as 7 and partial-vertebra T11, or 8 and ignored"
        )
    if not (lowest or thoracic or value):
        raise DataError(f"{where}: says nothing; wanted `lowest`, `thoracic`, or `value` with `structure`")
    if value and text != IGNORED:
        try:
            Scheme.parse("table of levels", {value: text})
        except SchemeError as error:
            raise DataError(f"{where}: {error}") from error
    elif value and not (value.isascii() and value.isdecimal() and 0 < int(value) < 65536):
        raise DataError(f"{where}: {value[:20]!r} is no mask value")
    return Correction(lowest, int(thoracic or 0), {int(value): text} if value else {})


def _without(mask: LabelMap, ignored: Iterable[int]) -> LabelMap:
    values = sorted(ignored)
    if not values:
        return mask
    keep = np.arange(65536, dtype=np.uint16)
    keep[values] = 0
    labels = keep[mask.labels]
    if not labels.any():
        raise DataError("mask holds nothing but values that its scheme ignores")
    return LabelMap(labels, mask.grid, mask.scheme)


def _folded(name: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.casefold())
