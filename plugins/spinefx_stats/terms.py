"""What regressions with patients are made of and give: fixed terms, whose rows are whose, coefficients with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx_stats.weighted import Array

FEWEST_PATIENTS = 10
FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Term:
    """A coefficient with its 95 % interval; for 0/1 outcomes on the scale of log odds."""

    name: str
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    df: float = float("nan")


@dataclass(frozen=True)
class Fitted:
    """What a fit gave; `terms` empty where `note` says why there is no number.

    between, within : variance of the patients' intercepts, and of what is left (linear models only).
    explained : share of the variance that the fixed terms explain (linear models only).
    """

    model: str
    n: int
    patients: int
    terms: tuple[Term, ...] = ()
    between: float = float("nan")
    within: float = float("nan")
    explained: float = float("nan")
    note: str = ""

    def term(self, name: str) -> Term:
        """The term of that name; one without numbers where there is none."""
        return next((term for term in self.terms if term.name == name), Term(name))

    @property
    def icc(self) -> float:
        """Share of the variance left by the fixed terms that belongs to the patient."""
        return self.between / (self.between + self.within)


@dataclass(frozen=True, eq=False)
class Design:
    """Fixed terms: a constant is added, columns that others already say are left out.

    names : (k,).   columns : (n, k).   codes : (n,) patients as whole numbers.
    """

    names: Sequence[str]
    columns: Array
    codes: NDArray[np.intp]
    kept: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", independent(self.columns))

    @property
    def people(self) -> int:
        """How many patients there are; 0 where there is no row."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def matrix(self) -> Array:
        """(n, 1 + kept) constant first."""
        return np.column_stack([np.ones(len(self.columns)), self.columns[:, list(self.kept)]])

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        return ("constant", *(self.names[i] for i in self.kept))

    def degrees(self, column: Array) -> float:
        """Degrees of freedom of a term: of rows where it varies within patients, of patients where it does not.

        Notes
        -----
        Between-within method: Schluchter and Elashoff, J Stat Comput Simul 37:69 (1990).
        """
        people = self.people
        inner = [i for i in self.kept if varies_within(self.columns[:, i], self.codes)]
        if varies_within(column, self.codes):
            return max(len(self.codes) - people - len(inner), 1)
        return max(people - (len(self.kept) - len(inner)) - 1, 1)


def varies_within(column: Array, codes: NDArray[np.intp]) -> bool:
    """Whether more than a hundredth of the column's variance lies within patients."""
    counts = np.bincount(codes)
    means = np.bincount(codes, column) / np.maximum(counts, 1)
    total = float(column.var())
    return bool(((column - means[codes]) ** 2).mean() > 0.01 * total) if total > 0 else False


def independent(columns: Array) -> tuple[int, ...]:
    """Columns that add something to a constant and the columns before them."""
    basis = [np.ones(len(columns)) / np.sqrt(max(len(columns), 1))]
    kept = []
    for i, column in enumerate(columns.T):
        left = column - sum((column @ b) * b for b in basis)
        left = left - sum((left @ b) * b for b in basis)
        size = float(np.linalg.norm(left))
        if size > 1e-7 * max(float(np.linalg.norm(column)), 1e-300):
            kept.append(i)
            basis.append(left / size)
    return tuple(kept)


def too_few(y: Array, design: Design, *, binary: bool) -> str:
    """Why no model is fitted, or ""."""
    people = design.people
    if people < FEWEST_PATIENTS:
        return f"{people} patients, {FEWEST_PATIENTS} are needed"
    if len(y) < people + 5 and not binary:
        return f"{len(y)} rows of {people} patients: most have one row, so patient and row cannot be told apart"
    if len(y) < 3 * (len(design.kept) + 1):
        return f"{len(y)} rows for {len(design.kept) + 1} terms"
    if binary:
        rarer = int(min((y > 0.5).sum(), (y <= 0.5).sum()))
        if rarer < FEWEST_OF_A_CLASS:
            return f"{rarer} rows of the rarer class, {FEWEST_OF_A_CLASS} are needed"
    return "the outcome does not vary" if np.ptp(y) == 0 else ""


def attempt(fit: Any) -> tuple[Any, str]:
    """The result and the first warning that statsmodels gave, or None and why it failed."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            result = fit()
        except (np.linalg.LinAlgError, ValueError, FloatingPointError, ZeroDivisionError) as error:
            return None, f"{type(error).__name__}: {error}"
    return result, str(told[0].message) if told else ""
