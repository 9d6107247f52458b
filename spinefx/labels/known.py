"""The tables that spinefx knows by their columns, so that their users need no `key`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from spinefx.contract.labels import LabelKind
from spinefx.labels.cells import Cell, level_of_ivd, level_of_label, patient_of


@dataclass(frozen=True)
class TableForm:
    """How a table says whose label a row holds.

    patient : its column.   level : the column of level names, or "".   number : the column that counts discs, or "".
    rater : the column that says who read, or "".
    number_to_level : what a count means.   patient_of : how a cell becomes an id.
    kinds : what is known of its columns; `only` names the label columns where not every other column is one, `beside`
        the columns that are neither key nor label.
    """

    name: str
    patient: str
    level: str = ""
    number: str = ""
    number_to_level: Callable[[Cell], str | None] = level_of_ivd
    patient_of: Callable[[Cell], str] = patient_of
    kinds: Mapping[str, LabelKind] = field(default_factory=lambda: MappingProxyType({}))
    only: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    rater: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that say whose a row is."""
        return tuple(name for name in (self.patient, self.level, self.number, self.rater) if name)


SPIDER = TableForm(
    "SPIDER's radiological gradings",
    "Patient",
    number="IVD label",
    number_to_level=level_of_label,
    kinds=MappingProxyType(
        {
            "Modic": "nominal",
            "UP endplate": "binary",
            "LOW endplate": "binary",
            "Spondylolisthesis": "binary",
            "Disc herniation": "binary",
            "Disc narrowing": "binary",
            "Disc bulging": "binary",
            "Pfirrman grade": "ordinal",
        }
    ),
)

STUDY = TableForm(
    "the study's annotations",
    "Subject ID",
    level="Level",
    number="IVD number",
    kinds=MappingProxyType(
        {
            "Pfirrmann": "ordinal",
            "Bulging": "binary",
            "Herniation": "binary",
            "Modic": "nominal",
            "Listhesis": "binary",
            "Sup endplate": "binary",
            "Inf endplate": "binary",
            "Narrowing": "binary",
        }
    ),
)

OVERVIEW = TableForm(
    "SPIDER's overview",
    "new_file_name",
    patient_of=lambda cell: patient_of(cell).partition("_")[0],
    kinds=MappingProxyType({"sex": "nominal", "birth_date": "continuous"}),
    only=("sex", "birth_date"),
)

FEATURES = TableForm("a features table of spinefx", "patient", level="level", beside=("case", "structure"))

KNOWN = (SPIDER, STUDY, OVERVIEW, FEATURES)


def recognised(header: Sequence[str]) -> TableForm | None:
    """The known table that has these columns, or None."""
    names = set(header)
    return next((form for form in KNOWN if {*form.keys, *form.kinds, *form.beside} <= names), None)
