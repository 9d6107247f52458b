"""`audit`: which label met which structure, and what was left over on either side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spinefx.contract.features import Row
from spinefx.contract.findings import Column, Table
from spinefx.contract.labels import LabelRow, Labels


@dataclass(frozen=True)
class Audit:
    """The join of labels with the structures found in the images, by patient and level, over all series of a patient.

    matched : label rows that met a structure.   only_images : patient and level of structures without a label.
    only_table : label rows that met none.
    ambiguous : (structure's patient, label's patient) that differ only in leading zeros or case; never joined.
    """

    matched: tuple[LabelRow, ...]
    only_images: tuple[LabelRow, ...]
    only_table: tuple[LabelRow, ...]
    ambiguous: tuple[tuple[str, str], ...]

    def table(self) -> Table:
        """The audit for the report: what, how many, which."""
        rows = (
            ("label met a structure", len(self.matched), _named(self.matched)),
            ("structure without a label", len(self.only_images), _named(self.only_images)),
            ("label without a structure", len(self.only_table), _named(self.only_table)),
            ("patient ids alike but not equal", len(self.ambiguous), _pairs(self.ambiguous)),
        )
        return Table(
            "label-audit",
            "Labels joined to structures",
            (Column("what", "What"), Column("count", "Count"), Column("which", "Which")),
            rows,
            "Joined by patient and level; several series of a patient share their labels.",
        )


def audit(labels: Labels, rows: Sequence[Row]) -> Audit:
    """How `labels` and the structures `rows` meet. Case-wide rows count only where labels are per patient."""
    by_level = any(row.level for row in labels.rows)
    found = {LabelRow(row.patient, row.level if by_level else "") for row in rows if row.level or not by_level}
    owned = set(labels.rows)
    people = {row.patient for row in found}
    met = {row for row in owned if row in found or (not row.level and row.patient in people)}
    covered = {row for row in found if row in owned or LabelRow(row.patient) in owned}
    lonely, unused = found - covered, owned - met
    alike: dict[str, str] = {_folded(row.patient): row.patient for row in sorted(unused)}
    strangers = sorted(people - {row.patient for row in owned})
    ambiguous = tuple((name, alike[_folded(name)]) for name in strangers if _folded(name) in alike)
    return Audit(_ordered(met), _ordered(lonely), _ordered(unused), ambiguous)


def _folded(patient: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", patient.casefold())


def _ordered(rows: set[LabelRow]) -> tuple[LabelRow, ...]:
    return tuple(sorted(rows, key=lambda row: (len(row.patient), row.patient, row.level)))


def _named(rows: Sequence[LabelRow], most: int = 6) -> str:
    """`patient 2: L5-S1, L4-L5; patient 3: L5-S1; and 7 more patients`; where there are many, of each how many."""
    people: dict[str, list[str]] = {}
    for row in rows:
        people.setdefault(row.patient, []).append(row.level)
    shown = [f"patient {name}{_levels(levels)}" for name, levels in list(people.items())[:most]]
    rest = len(people) - most
    return "; ".join([*shown, f"and {rest} more patients"] if rest > 0 else shown)


def _levels(levels: Sequence[str]) -> str:
    if levels == [""]:
        return ""
    return f": {', '.join(levels)}" if len(levels) <= 3 else f": {len(levels)} levels"


def _pairs(pairs: Sequence[tuple[str, str]], most: int = 12) -> str:
    shown = ", ".join(f"{image!r} in images, {table!r} in the table" for image, table in pairs[:most])
    return f"{shown}, and {len(pairs) - most} more" if len(pairs) > most else shown
