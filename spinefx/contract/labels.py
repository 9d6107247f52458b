"""Clinical labels, joined to structures by patient and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import LabelTableError
from spinefx.contract.features import Row
from spinefx.contract.grid import frozen_array

LabelKind = Literal["binary", "ordinal", "continuous", "nominal"]


@dataclass(frozen=True, order=True)
class LabelRow:
    """Whose label it is: one level of one patient, or (level "") the patient."""

    patient: str
    level: str = ""


@dataclass(frozen=True)
class Remark:
    """Free text that the table held about a patient or level; kept, never parsed."""

    row: LabelRow
    text: str


@dataclass(frozen=True, eq=False)
class Labels:
    """A label table in machine form.

    rows : (n,) LabelRow, each once.
    columns : name -> (n,) float64, NaN where missing; nominal labels hold the index into `categories[name]`.
    kinds : name -> `binary` (0/1), `ordinal`, `continuous` or `nominal`.
    targets, covariates : which columns are to be explained, and which explain.
    remarks : free text found in the table.   problems : rows that could not be used, one sentence each.

    Raises
    ------
    LabelTableError
        If a target or covariate is not a column, or lengths differ.
    """

    rows: tuple[LabelRow, ...] = ()
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    kinds: Mapping[str, LabelKind] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = {name: frozen_array(values, np.float64) for name, values in self.columns.items()}
        for name, values in columns.items():
            if values.shape != (len(self.rows),):
                raise LabelTableError(f"label column {name!r} has {values.size} values for {len(self.rows)} rows")
        for name in (*self.targets, *self.covariates):
            if name not in columns:
                raise LabelTableError(
                    f"label {name!r} is not in the table; it has {', '.join(columns) or 'no columns'}"
                )
        for name in ("columns", "kinds", "categories"):
            value = columns if name == "columns" else getattr(self, name)
            object.__setattr__(self, name, MappingProxyType(dict(value)))

    def __reduce__(self) -> tuple[object, ...]:
        parts = (self.rows, dict(self.columns), dict(self.kinds), dict(self.categories))
        return (Labels, (*parts, self.targets, self.covariates, self.remarks, self.problems))

    def at(self, rows: Sequence[Row]) -> dict[str, NDArray[np.float64]]:
        """Column name -> one value per row: the level's own, else the patient's, else NaN."""
        place = {row: i for i, row in enumerate(self.rows)}
        own = np.array([place.get(LabelRow(r.patient, r.level), -1) for r in rows], np.intp)
        whole = np.array([place.get(LabelRow(r.patient), -1) for r in rows], np.intp)
        out = {}
        for name, values in self.columns.items():
            padded = np.append(values, np.nan)
            first, second = padded[own], padded[whole]
            out[name] = np.where(np.isnan(first), second, first)
        return out
