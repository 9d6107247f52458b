"""Checks of what reviewers will ask for: measures that are right, findings that are there, and none that are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spinefx.contract.features import UNITS, Features, unit_of
from spinefx.contract.findings import Findings
from spinefx.contract.scan import Scan
from spinefx.phantom import rotation
from spinefx.testing.bench import moved, phantom_scan, phantom_truth, scaled
from spinefx.testing.lab import ConformanceError, Lab, NotApplicableError
from spinefx.testing.study import PLANTED, phantom_study

LENGTHS = {"mm": 1, "mm2": 2, "mm3": 3, "ml": 3}
"""Unit -> the power of length that it is."""
PLACES = ("position", "centre", "centroid", "origin")
"""Words in the name of a feature that says where something is, and so moves with it."""
MOTION = 1e-3
"""How far a size may change when the patient is moved, relative, beside .02 of its unit: the voxels are the same."""
RIGHT = {
    "mm": (0.6, 0.05), "deg": (1.5, 0.0), "percent": (2.0, 0.05), "mm2": (0.0, 0.08), "mm3": (0.0, 0.05), "ml": (0.0, 0.05),
    "": (0.02, 0.05),
}  # fmt: skip
"""Unit -> how far a measure may lie from the phantom's truth in 2 mm slices: that much, or that share, the larger."""


def its_numbers_are_of_the_case(lab: Lab) -> None:
    """Rows are the scan's own structures, names are words with a unit, and a missing number has its reason."""
    scan = phantom_scan(1)
    features = _measured(lab, scan)
    for row in features.rows:
        if (row.case, row.patient) != (scan.case.id, scan.case.patient):
            raise ConformanceError(
                f"{lab.what} gives a row of case {row.case!r}, patient {row.patient!r}, for case {scan.case.id!r}; take both "
                "from scan.case"
            )
    for name in features.columns:
        last = name.rpartition("_")[2]
        near = {
            "mm^2": "mm2",
            "mm^3": "mm3",
            "degrees": "deg",
            "degree": "deg",
            "rad": "deg",
            "cm": "mm",
            "pct": "percent",
        }
        if last in near or last.lower() != last:
            raise ConformanceError(
                f"{lab.what}: feature {name!r} ends in no unit that is known; units are {', '.join(UNITS)}, as in height_mm "
                f"(here {near.get(last, 'lower case')}?)"
            )
    structures = {(s.kind, s.level) for s in scan.require_mask().structures()} | {("spine", "")}
    if strange := [row.id for row in features.rows if (row.structure, row.level) not in structures]:
        raise ConformanceError(f"{lab.what} gives a row of {strange[0]!r}, which the mask does not hold")


def a_rigid_motion_changes_no_size(lab: Lab) -> None:
    """Turned by some degrees and moved by centimetres, a patient is as large as before."""
    scan = phantom_scan(1)
    turn = rotation(sagittal_deg=9.0, coronal_deg=-7.0, axial_deg=8.0)
    before, after = _measured(lab, scan), _measured(lab, moved(scan, turn, (35.0, -60.0, 90.0)))
    for name, row, a, b in _paired(before, after):
        unit = unit_of(name)
        size = unit in LENGTHS or unit in ("suv", "percent")
        if size and not any(word in name for word in PLACES) and not np.isclose(a, b, rtol=MOTION, atol=0.02):
            raise ConformanceError(
                f"{lab.what}: {name} of {row} is {a:.4g} and, after the patient was turned and moved, {b:.4g}; a rigid motion "
                "changes no size. Measure in world mm (scan.mask.grid), not along array axes; a place is named position_..."
            )


def a_larger_patient_measures_larger(lab: Lab) -> None:
    """In a patient 1.1 times as large lengths are 1.1 times as long, areas 1.21 times, volumes 1.331 times as large."""
    scan, factor = phantom_scan(1), 1.1
    before, after = _measured(lab, scan), _measured(lab, scaled(scan, factor))
    for name, row, a, b in _paired(before, after):
        power = LENGTHS.get(unit_of(name))
        if power is None or any(word in name for word in PLACES):
            continue
        wanted = a * factor**power
        if not np.isclose(b, wanted, rtol=0.02, atol=0.1):
            raise ConformanceError(
                f"{lab.what}: {name} of {row} is {a:.4g}, and {b:.4g} in a patient {factor} times as large (wanted {wanted:.4g}); "
                "it does not follow the spacing. Counts of voxels times grid.voxel_mm3 are volumes, indices are no lengths"
            )


def its_measures_are_right_on_phantoms(lab: Lab) -> None:
    """Features with a known truth equal it within what the voxels allow."""
    scan, truth = phantom_scan(1, fine=True), phantom_truth(1)
    features = _measured(lab, scan)
    compared = 0
    for name, values in features.columns.items():
        known = lab.asked.truths.get(name, f"{lab.asked.name}.{name}")
        if known not in truth.columns:
            if name in lab.asked.truths:
                raise ConformanceError(
                    f"{lab.what}: the phantom has no truth named {known!r}; it has {', '.join(truth.columns)}"
                )
            continue
        unit = unit_of(name) or unit_of(known)
        for row, true in zip(truth.rows, truth.columns[known], strict=True):
            if row not in features.rows or np.isnan(true):
                continue
            value = float(values[features.rows.index(row)]) * (
                1000.0 if (unit_of(name), unit_of(known)) == ("ml", "mm3") else 1
            )
            if np.isnan(value):
                continue
            compared += 1
            least, share = RIGHT.get(unit, (0.0, 0.05))
            allowed = max(least, share * abs(float(true)))
            if abs(value - true) > allowed:
                raise ConformanceError(
                    f"{lab.what}: {name} of {row.id} is {value:.4g} on a phantom whose {known} is {true:.4g} "
                    f"(within {allowed:.2g} was wanted)"
                )
    if not compared:
        raise NotApplicableError("none of its features is among the phantom's truths; name them: truths={...}")


def its_findings_are_plain(lab: Lab) -> None:
    """Tables hold text and numbers, one cell a column; every figure has what its kind draws."""
    result = lab.first.result
    findings: Findings = result[1] if isinstance(result, tuple) else result
    if not isinstance(findings, Findings):
        raise ConformanceError(
            f"{lab.what} gives {type(findings).__name__}; wanted Findings(tables=..., sentences=...)"
        )
    for table in findings.tables:
        for row in table.rows:
            if len(row) != len(table.columns):
                raise ConformanceError(
                    f"{lab.what}: table {table.name!r} has a row of {len(row)} cells under {len(table.columns)} columns"
                )
            if odd := [c for c in row if not (c is None or isinstance(c, str | int | float | bool))]:
                raise ConformanceError(
                    f"{lab.what}: table {table.name!r} holds a {type(odd[0]).__name__}; cells are text, whole number, number, "
                    "true or false, or None"
                )
    if not (findings.tables or findings.sentences or findings.warnings or findings.figures):
        raise ConformanceError(f"{lab.what} found nothing and says nothing; a warning must tell why")
    for sentence in (*findings.sentences, *findings.warnings):
        if "nan" in sentence.lower().split():
            raise ConformanceError(f"{lab.what} says {sentence!r}; say in words what could not be computed")


def it_finds_what_was_planted(lab: Lab) -> None:
    """The one effect of the bench's study is marked as a finding."""
    genuine, _ = _marked(lab)
    if not genuine:
        raise ConformanceError(
            f"{lab.what} marks no finding between {', '.join(PLANTED)}, which go together in all {len(phantom_study().samples)} "
            "discs of the bench; what is marked true in the column `finding`?"
        )


def it_finds_nothing_else(lab: Lab) -> None:
    """What was drawn by chance, once for each patient, is no finding."""
    _, false = _marked(lab)
    if len(false) > 1:
        raise ConformanceError(
            f"{lab.what} marks {len(false)} findings where there is only chance ({' with '.join(false[0])} among them); the "
            "bench gives one value a patient at five levels: count patients, not rows, and correct for many tests"
        )


def its_rows_are_the_study_s(lab: Lab) -> None:
    """An analyser of latents gives numbers about the study's own samples."""
    features = lab.first.result[0]
    if strange := [row.id for row in features.rows if row not in phantom_study().latents.rows]:
        raise ConformanceError(
            f"{lab.what} gives a row {strange[0]!r} that the study does not have; take study.latents.rows"
        )


def _marked(lab: Lab) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """What is marked true under a column `finding`: pairs of planted names, and others."""
    study = phantom_study()
    names = {*study.latents.names, *study.features.columns, *study.labels.columns}
    findings: Findings = lab.first.result
    genuine: list[tuple[str, ...]] = []
    false: list[tuple[str, ...]] = []
    marks = 0
    for table in findings.tables:
        columns = [column.name for column in table.columns]
        if "finding" not in columns:
            continue
        for row in table.rows:
            about = tuple(str(cell) for cell in row if cell in names)
            if len(about) < 2:
                continue
            marks += 1
            if row[columns.index("finding")] is True:
                (genuine if set(about) <= set(PLANTED) else false).append(about)
    if not marks:
        raise NotApplicableError(
            "none of its tables has a column `finding` beside two names of features, latents or labels"
        )
    return genuine, false


def _measured(lab: Lab, scan: Scan) -> Features:
    features: Any = lab.stage.measure(scan)
    if not isinstance(features, Features):
        raise ConformanceError(
            f"{lab.what} gives {type(features).__name__}; wanted Features, as Features.of_case(scan.case, {{...}})"
        )
    return features


def _paired(before: Features, after: Features) -> Iterator[tuple[str, str, float, float]]:
    place: Mapping[Any, int] = {row: i for i, row in enumerate(after.rows)}
    for name, values in before.columns.items():
        for row, a in zip(before.rows, values, strict=True):
            if row in place and name in after.columns:
                b = float(after.columns[name][place[row]])
                if np.isfinite(a) and np.isfinite(b):
                    yield name, row.id, float(a), b
