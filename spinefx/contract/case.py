"""A case: whose scan it is and where its files lie, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

Fact = str | int | float | bool | None


_NOTHING: Mapping[str, Any] = MappingProxyType({})


def frozen_mapping(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A read-only copy of `values`."""
    return MappingProxyType(dict(values)) if values else _NOTHING


@dataclass(frozen=True, slots=True)
class Case:
    """One series of one patient, before anything is read.

    id : unique in the cohort (`12_t2`).   patient : the unit of every split (`12`).
    files : role -> path (`{"t2": ..., "mask": ...}`); empty where the loader makes its data.
    facts : what the loader knows beside the images (sex, age, scanner); never a patient's name.
    notes : what a reader must know about this case ("graded but not segmented: T12-L1").
    known_as : what label tables call the patient, where `patient` only stands in for it; never shown or written.
    origin : the loader's own case, where ids are hashed; for the loader alone, never shown or written.
    """

    id: str
    patient: str
    files: Mapping[str, Path] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    known_as: str = field(default="", repr=False, compare=False)
    origin: Case | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", frozen_mapping(self.files))
        object.__setattr__(self, "facts", frozen_mapping(self.facts))

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.id, self.patient, dict(self.files), dict(self.facts), self.notes)
        return (Case, (*parts, self.known_as, self.origin))
