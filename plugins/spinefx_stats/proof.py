"""The proof that no patient was on both sides: who lies where, and how many lie in two places."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from spinefx.api import Column, Study, Table
from spinefx_stats.cohort import Cohort
from spinefx_stats.words import PARTS, Cell


def split_proof(study: Study, cohort: Cohort) -> Table:
    """Patients and samples of each part, and the patients that two parts share: 0."""
    people = {part: {row.patient for row in cohort.rows if study.split.part.get(row.patient) == part} for part in PARTS}
    rows: list[tuple[Cell, ...]] = [
        (title, len(people[part]), sum(row.patient in people[part] for row in cohort.rows), _named(people[part]))
        for part, title in PARTS.items()
    ]
    rows += [(f"{PARTS[a]} and {PARTS[b]}", len(people[a] & people[b]), 0, "") for a, b in combinations(PARTS, 2)]
    columns = (Column("part", "Part"), Column("patients", "Patients"), Column("n", "Samples"), Column("which", "Which"))
    return Table(
        "split-proof", "Who was fitted on, who was judged", columns, tuple(rows), "No patient lies in two parts."
    )


def folds_table(cohort: Cohort) -> Table:
    """Patients and samples of each fold, and how many patients of it lie in another fold too: 0."""
    names = np.array([row.patient for row in cohort.rows], dtype=str)
    rows: list[tuple[Cell, ...]] = []
    for fold in np.unique(cohort.fold[cohort.fold >= 0]):
        inside = cohort.fold == fold
        mine, others = set(names[inside].tolist()), set(names[~inside].tolist())
        rows.append((int(fold) + 1, len(mine), int(inside.sum()), len(mine & others)))
    columns = (
        Column("fold", "Fold"), Column("patients", "Patients"), Column("n", "Samples"),
        Column("shared", "Patients in another fold too"),
    )  # fmt: skip
    return Table("fold-proof", "Folds", columns, tuple(rows))


def _named(patients: set[str], most: int = 20) -> str:
    ordered = sorted(patients, key=lambda name: (len(name), name))
    return ", ".join(ordered[:most]) + (f", and {len(ordered) - most} more" if len(ordered) > most else "")
