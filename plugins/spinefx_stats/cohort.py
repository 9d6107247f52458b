"""A study laid out as columns over the samples' rows: latents, geometry, level, covariates, labels, parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Row, Study
from spinefx_stats.patients import Patients
from spinefx_stats.weighted import Array

FROM_LATENTS = ("space.*", "traversal.*", "feature-maps.*", "latent.*", "latents.*")
"""Columns that latent analysers compute: no anatomy, and they have seen whom the encoder has seen."""

RADIOMICS = "radiomics.*"
"""Columns that are a rival of geometry and latents and not a part of them."""

QUALITY = ("*.residual_mm", "*.slices", "*.touches_border")
"""How well something was measured, not what it measures; taken only where an option names it."""


@dataclass(frozen=True, eq=False)
class Target:
    """A label as it is judged: a nominal one becomes one target per category, against the rest.

    kind : `binary`, `ordinal` or `continuous`.   values : (n,) NaN where missing.
    """

    name: str
    kind: str
    values: Array = field(repr=False)


@dataclass(frozen=True, eq=False)
class Cohort:
    """n rows (the samples') by columns.

    latents : (n, d).   geometry, covariates, radiomics : name -> (n,) NaN where missing.   levels : (n,) level names.
    fitted, tested : (n,) bool, whose patient lies in train or validation, or in test.   fold : (n,) whole numbers.
    """

    rows: tuple[Row, ...]
    latents: Array
    latent_names: tuple[str, ...]
    geometry: Mapping[str, Array]
    covariates: Mapping[str, Array]
    levels: NDArray[np.str_]
    fitted: NDArray[np.bool_]
    tested: NDArray[np.bool_]
    fold: NDArray[np.intp]
    targets: tuple[Target, ...]
    patients: Patients
    radiomics: Mapping[str, Array] = field(default_factory=dict)

    @property
    def level_dummies(self) -> Array:
        """(n, k) one column per level, none where all rows have one level."""
        names = np.unique(self.levels)
        return (self.levels[:, None] == names[None, :]).astype(np.float64) if len(names) > 1 else self.nothing

    @property
    def nothing(self) -> Array:
        """(n, 0)."""
        return np.zeros((len(self.rows), 0))

    def stacked(self, columns: Mapping[str, Array]) -> Array:
        """(n, k) of named columns."""
        return np.stack(list(columns.values()), axis=1) if columns else self.nothing


def cohort_of(
    study: Study, *, features: Sequence[str] = (), facts: Sequence[str] = (), resamples: int = 1000
) -> Cohort:
    """The study's columns. `features` are patterns of geometry columns, `facts` names of numeric or two-valued facts.

    Raises
    ------
    DataError
        If a pattern is of no column that was measured.
    """
    rows = study.latents.rows
    patterns = tuple(features) or ("*",)
    barred = FROM_LATENTS if features else (*FROM_LATENTS, *QUALITY, RADIOMICS)
    measured = study.features.at(rows)
    _refuse_vain(features, list(measured))
    geometry = {
        name: values
        for name, values in measured.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
        and not any(fnmatchcase(name, pattern) for pattern in barred)
        and varies(values)
    }
    return Cohort(
        rows=rows,
        latents=np.asarray(study.latents.z, np.float64),
        latent_names=study.latents.names,
        geometry=geometry,
        covariates=_covariates(study, rows, facts),
        levels=np.array([row.level for row in rows], dtype=str),
        fitted=study.split.mask(rows, "train", "validation"),
        tested=study.split.mask(rows, "test"),
        fold=np.array([study.split.fold.get(row.patient, -1) for row in rows], np.intp),
        targets=_targets(study, rows),
        patients=Patients([row.patient for row in rows], study.seed, resamples),
        radiomics={n: v for n, v in measured.items() if fnmatchcase(n, RADIOMICS) and varies(v)},
    )


def _refuse_vain(patterns: Sequence[str], columns: Sequence[str]) -> None:
    """Raise where a pattern matches nothing: a misspelt feature would only be missing from every table."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in columns):
            near = get_close_matches(pattern, columns, 3, 0.5) or columns[:12]
            raise DataError(
                f"features: nothing that was measured is named {pattern!r}; there is {', '.join(near) or 'nothing'}"
            )


def varies(values: Array) -> bool:
    """Whether at least three values are present and they are not all one."""
    present = values[np.isfinite(values)]
    return len(present) >= 3 and bool(np.ptp(present) > 1e-12 * np.abs(present).max())


def _targets(study: Study, rows: Sequence[Row]) -> tuple[Target, ...]:
    labels, out = study.labels, []
    columns = labels.at(rows)
    for name in labels.targets:
        values, kind = columns[name], labels.kinds.get(name, "continuous")
        if kind != "nominal":
            out.append(Target(name, kind, values))
            continue
        for index, category in enumerate(labels.categories.get(name, ())):
            against = np.where(np.isfinite(values), (values == index).astype(np.float64), np.nan)
            out.append(Target(f"{name} = {category}", "binary", against))
    return tuple(out)


def _covariates(study: Study, rows: Sequence[Row], facts: Sequence[str]) -> dict[str, Array]:
    """Covariate columns of the label table, then the facts named; text becomes one 0/1 column per value but the first."""
    out: dict[str, Array] = {}
    columns = study.labels.at(rows)
    for name in study.labels.covariates:
        if study.labels.kinds.get(name) == "nominal":
            categories = study.labels.categories.get(name, ())
            for index, category in enumerate(categories[1:], start=1):
                present = np.isfinite(columns[name])
                out[f"{name} = {category}"] = np.where(present, (columns[name] == index).astype(float), np.nan)
        else:
            out[name] = columns[name]
    wanted = {name.casefold() for name in facts}
    known = [study.facts.get(row.case, {}) for row in rows]
    for name in sorted({key for fact in known for key in fact if key.casefold() in wanted} - set(out)):
        out |= _fact(name, [fact.get(name) for fact in known])
    return {name: values for name, values in out.items() if varies(values)}


def _fact(name: str, values: Sequence[object]) -> dict[str, Array]:
    if all(value is None or isinstance(value, int | float) for value in values):
        return {name: np.array([np.nan if v is None else float(v) for v in values])}  # type: ignore[arg-type]
    texts = ["" if value is None else str(value).strip() for value in values]
    categories = sorted(set(texts) - {""})
    if not 2 <= len(categories) <= 5:
        return {}
    return {
        f"{name} = {category}": np.array([float(t == category) if t else np.nan for t in texts])
        for category in categories[1:]
    }
