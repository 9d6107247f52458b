"""The tables beside a phantom cohort, in the forms in which spine groups really keep them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spinefx.phantom.draw import Grades, Patient
from spinefx.phantom.truth import truths

GRADINGS = (
    "Patient", "IVD label", "Modic", "UP endplate", "LOW endplate", "Spondylolisthesis", "Disc herniation",
    "Disc narrowing", "Disc bulging", "Pfirrman grade",
)  # fmt: skip
"""Columns of SPIDER's radiological_gradings.csv, spelt as there."""

ANNOTATIONS = (
    "Subject ID", "IVD number", "Level", "Pfirrmann", "Bulging", "Herniation", "Modic", "Listhesis", "Sup endplate",
    "Inf endplate", "Narrowing", None,
)  # fmt: skip
"""Columns of annotations.xlsx; the last has no name."""

OVERVIEW = (
    "new_file_name",
    "num_vertebrae",
    "num_discs",
    "sex",
    "birth_date",
    "subset",
    "PixelSpacing",
    "SliceThickness",
)
"""Columns of overview.csv that are filled here, named as in SPIDER."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A csv file in UTF-8 with \\n line ends."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _discs(patient: Patient) -> Iterable[tuple[int, str, Grades, Grades]]:
    for number, (level, grades) in enumerate(patient.grades.items(), start=1):
        yield number, level, grades, patient.second[level]


def gradings_bytes(patients: Iterable[Patient]) -> bytes:
    """radiological_gradings.csv: the first reader's grades, one row per patient and disc."""
    rows = [
        (p.id, n, g.modic, g.upper_endplate, g.lower_endplate, g.listhesis, g.herniation, g.narrowing, g.bulging,
         g.pfirrmann)
        for p in patients for n, _, g, _ in _discs(p)
    ]  # fmt: skip
    return csv_bytes(GRADINGS, rows)


def overview_bytes(patients: Iterable[Patient], series: Sequence[str], spacing_mm: Sequence[float]) -> bytes:
    """overview.csv: one row per series; ages missing here and there, blanks behind the sex, as in the real one."""
    rows = [
        (f"{p.id}_{name}", len(p.grades), len(p.grades), p.sex + " " * (p.number % 3 == 0),
         "" if p.number % 5 == 0 else p.age, "training", f"[{spacing_mm[1]}, {spacing_mm[2]}]", spacing_mm[0])
        for p in patients for name in series
    ]  # fmt: skip
    return csv_bytes(OVERVIEW, rows)


def truth_bytes(patients: Iterable[Patient], series: Sequence[str]) -> bytes:
    """truth.csv: case, patient, structure, level, then every true number by its feature's name; blank where none."""
    found = [
        (patient, structure, level, numbers)
        for patient in patients
        for structure, level, numbers in truths(patient.spine)
    ]
    names = list(dict.fromkeys(name for *_, numbers in found for name in numbers))
    rows = [
        (f"{patient.id}_{one}", patient.id, structure, level, *(_cell(numbers.get(name, np.nan)) for name in names))
        for one in series
        for patient, structure, level, numbers in found
    ]
    return csv_bytes(("case", "patient", "structure", "level", *names), rows)


def _cell(number: float) -> str:
    return "" if np.isnan(number) else f"{number:.6f}"


def annotations_bytes(patients: Iterable[Patient]) -> bytes:
    """annotations.xlsx: the second reader's grades; the id once, then blank, and remarks in the id's column."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(ANNOTATIONS)
    for patient in patients:
        for number, level, _, g in _discs(patient):
            first = patient.number if number == 1 else (patient.remark or None) if number == 2 else None
            sheet.append(
                (first, number, level, g.pfirrmann, g.bulging, g.herniation, g.modic, g.listhesis, g.upper_endplate,
                 g.lower_endplate, g.narrowing, "slips forward" if g.listhesis else None)
            )  # fmt: skip
    raw = io.BytesIO()
    book.save(raw)
    return _timeless(raw.getvalue())


def _timeless(workbook: bytes) -> bytes:
    """The same workbook with every date set to 1980, so that equal cohorts give equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
