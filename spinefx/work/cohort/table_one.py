"""Table 1: who the patients are and what their structures carry, by part of the split.

Patients are counted once; what differs between a patient's structures (levels, grades) is counted by structure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.features import Row
from spinefx.contract.findings import Column, Table
from spinefx.contract.labels import LabelRow, Labels
from spinefx.contract.samples import Split

Floats = NDArray[np.float64]
_PARTS = ("train", "validation", "test")
_MOST_WORDS = 12
"""A characteristic of more words than this is an identifier, not a characteristic."""
_CAPTION = (
    "Mean (SD) and median [quartiles] of measures, n (%) of categories; percentages are of those without a missing value. "
    "SMD: absolute standardised mean difference between the test patients and those fitted on (training and validation); "
    "above 0.1 the parts differ noticeably (Austin, Multivariate Behav Res 46:399, 2011)."
)


@dataclass(frozen=True)
class _Trait:
    """One characteristic of the units (patients or structures): numbers, or codes of `words`; NaN where missing."""

    name: str
    values: Floats
    words: tuple[str, ...] = ()


def table_one(rows: Sequence[Row], split: Split, labels: Labels, facts: Mapping[str, Mapping[str, Any]]) -> Table:
    """Characteristics of the patients and of their samples `rows`: all, and in each part of the split."""
    patients = sorted({row.patient for row in rows})
    by_patient = [split.part[p] for p in patients]
    by_row = [split.part[r.patient] for r in rows]
    constant, varying = _labelled(patients, rows, labels)
    told = [*_facts(patients, rows, facts, taken={t.name for t in constant}), *constant]
    body: list[tuple[str, ...]] = [_counted("Patients", by_patient)]
    scans = Counter(patient for patient, _ in {(row.patient, row.case) for row in rows})
    if len(set(scans.values())) > 1:
        told = [_Trait("Scans of a patient", np.array([scans[p] for p in patients], np.float64)), *told]
    for trait in told:
        body += _lines(trait, by_patient)
    levels = tuple(dict.fromkeys(r.level for r in sorted(rows, key=lambda r: _height(r.level)) if r.level))
    body.append(_counted("Structures", by_row))
    if 1 < len(levels) <= 30:
        body += _lines(_words("Level", [r.level for r in rows], levels), by_row)
    for trait in varying:
        body += _lines(trait, by_row)
    columns = (
        Column("characteristic", "Characteristic"),
        Column("value", "Value"),
        Column("all", "All"),
        Column("train", "Training"),
        Column("validation", "Validation"),
        Column("test", "Test"),
        Column("missing", "Missing"),
        Column("smd", "SMD", about="Test against training and validation; above 0.1 the parts differ noticeably."),
    )
    return Table("table-one", "Table 1. Patients and structures", columns, tuple(body), _CAPTION)


def _height(level: str) -> tuple[int, int]:
    """Order of levels from head to foot, by the first vertebra named."""
    first = level.partition("-")[0]
    region = "CTLS".find(first[:1])
    return (region if region >= 0 else 9, int(first[1:]) if first[1:].isdigit() else 0)


def _facts(
    patients: Sequence[str], rows: Sequence[Row], facts: Mapping[str, Mapping[str, Any]], taken: set[str]
) -> list[_Trait]:
    """What the loader knows of each patient: the first case that says it."""
    known: dict[str, dict[str, Any]] = {p: {} for p in patients}
    for case, patient in dict.fromkeys((r.case, r.patient) for r in rows):
        for name, value in facts.get(case, {}).items():
            known[patient].setdefault(name, value)
    traits = []
    for name in dict.fromkeys(name for told in known.values() for name in told):
        values = [known[p].get(name) for p in patients]
        present = [v for v in values if v is not None and v == v]
        if name in taken or not present:
            continue
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in present):
            traits.append(_Trait(name, np.array([np.nan if v is None else v for v in values], np.float64)))
        elif all(isinstance(v, str | bool) for v in present) and len({str(v) for v in present}) <= _MOST_WORDS:
            traits.append(_words(name, ["" if v is None else str(v) for v in values]))
    return traits


def _words(name: str, values: Sequence[str], order: Sequence[str] = ()) -> _Trait:
    words = tuple(order or sorted({v for v in values if v}))
    place = {word: float(i) for i, word in enumerate(words)}
    return _Trait(name, np.array([place.get(v, np.nan) for v in values]), words)


def _labelled(patients: Sequence[str], rows: Sequence[Row], labels: Labels) -> tuple[list[_Trait], list[_Trait]]:
    """Labels that are one value for each patient, and those that differ between a patient's structures."""
    at = labels.at(rows)
    where = {p: i for i, p in enumerate(patients)}
    index = np.array([where[r.patient] for r in rows], np.intp)
    whole = {r.patient for r in labels.rows if not r.level}
    place = {row: i for i, row in enumerate(labels.rows)}
    constant: list[_Trait] = []
    varying: list[_Trait] = []
    for name, values in at.items():
        own = np.full(len(patients), np.nan)
        own[index[::-1]] = values[::-1]
        given = {p: labels.columns[name][place[LabelRow(p)]] for p in whole & where.keys()}
        for patient, value in given.items():
            own[where[patient]] = value
        same = np.isnan(values) | (values == own[index])
        words = _names(name, values, labels)
        told = any(value == value for value in given.values()) or len(set(values[~np.isnan(values)].tolist())) > 1
        of_patient = bool(same.all()) and told and len(rows) > len(patients)
        (constant if of_patient else varying).append(_Trait(name, *_coded(own if of_patient else values, words)))
    return constant, varying


def _names(name: str, values: Floats, labels: Labels) -> dict[float, str]:
    """Value -> word of a label that counts as a category; empty for a measure."""
    present = sorted(set(values[~np.isnan(values)].tolist()))
    if labels.kinds.get(name, "continuous") == "continuous" or len(present) > _MOST_WORDS:
        return {}
    known = labels.categories.get(name, ())
    return {v: known[int(v)] if known else f"{v:g}" for v in present}


def _coded(values: Floats, words: Mapping[float, str]) -> tuple[Floats, tuple[str, ...]]:
    place = {v: float(i) for i, v in enumerate(words)}
    return (np.array([place.get(v, np.nan) for v in values]) if words else values), tuple(words.values())


def _by_part(parts: Sequence[str], tell: Callable[[NDArray[np.bool_]], str]) -> list[str]:
    """`tell` of all, then of each part."""
    member = np.array(parts)
    return [tell(np.ones(len(parts), bool)), *(tell(member == part) for part in _PARTS)]


def _counted(name: str, parts: Sequence[str]) -> tuple[str, ...]:
    return (name, "n", *_by_part(parts, lambda inside: str(int(inside.sum()))), "", "")


def _lines(trait: _Trait, parts: Sequence[str]) -> list[tuple[str, ...]]:
    """The lines of one characteristic; the first gives its missing values and its SMD."""
    fitted = np.array(parts) != "test"
    missing = str(int(np.isnan(trait.values).sum()))
    smd = difference(trait.values[fitted], trait.values[~fitted], categories=len(trait.words))
    tail = (missing, "" if np.isnan(smd) else f"{smd:.2f}")
    if not trait.words:
        mean = (trait.name, "mean (SD)", *_by_part(parts, lambda inside: _mean(trait.values[inside])), *tail)
        return [mean, (trait.name, "median [quartiles]", *_by_part(parts, lambda i: _median(trait.values[i])), "", "")]
    lines = []
    for code, word in enumerate(trait.words):
        cells = _by_part(parts, lambda inside, code=code: _share(trait.values[inside], code))  # type: ignore[misc]
        lines.append((trait.name, word, *cells, *(tail if not code else ("", ""))))
    return lines


def _mean(values: Floats) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return ""
    return f"{known.mean():.1f} ({known.std(ddof=1):.1f})" if known.size > 1 else f"{known[0]:.1f}"


def _median(values: Floats) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return ""
    low, middle, high = np.percentile(known, [25, 50, 75])
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def _share(values: Floats, code: int) -> str:
    known = values[~np.isnan(values)]
    count = int((known == code).sum())
    return f"{count} ({100 * count / known.size:.1f})" if known.size else ""


def difference(a: Floats, b: Floats, *, categories: int = 0) -> float:
    """Absolute standardised mean difference of two groups; NaN where either has fewer than two values or no spread.

    For `categories` above 1 the values are codes 0..categories-1, and the difference is the Mahalanobis distance of
    their shares.

    Notes
    -----
    Yang and Dalton, A unified approach to measuring the effect size between two groups, SAS Global Forum 335 (2012).
    """
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if min(a.size, b.size) < 2:
        return float("nan")
    if categories < 2:
        if categories:
            return float("nan")
        spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        return float(abs(a.mean() - b.mean()) / spread) if spread > 0 else float("nan")
    shares = [np.array([(part == code).mean() for code in range(1, categories)]) for part in (a, b)]
    covariance = sum(np.diag(p) - np.outer(p, p) for p in shares) / 2
    gap = shares[0] - shares[1]
    if np.linalg.matrix_rank(covariance) < len(gap):
        return float("nan") if not np.any(gap) else float(np.sqrt(max(gap @ np.linalg.pinv(covariance) @ gap, 0.0)))
    return float(np.sqrt(gap @ np.linalg.solve(covariance, gap)))
