"""Who came in and who was left out, and why: the first table of every report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spinefx.contract.features import Row
from spinefx.contract.findings import Column, Findings, Table
from spinefx.contract.labels import Labels
from spinefx.contract.samples import Split
from spinefx.labels import audit
from spinefx.store.samples import StoredSamples
from spinefx.work.cases.outcome import CaseResult


def cohort_flow(results: Sequence[CaseResult], samples: StoredSamples, split: Split, labels: Labels) -> Findings:
    """Cases found, quarantined, cut into samples; patients by part; labels joined or not; one person under two names."""
    rows = samples.rows
    kept = [r for r in results if r.failure is None]
    out = [r for r in results if r.failure is not None]
    patients = {r.patient for r in results}
    remaining = {r.patient for r in kept}
    flow = Table(
        "flow",
        "Cohort flow",
        (
            Column("step", "Step"),
            Column("cases", "Cases"),
            Column("patients", "Patients"),
            Column("samples", "Samples"),
        ),
        (
            ("found by the loader", len(results), len(patients), None),
            ("quarantined", len(out), len(patients - remaining), None),
            ("measured and cut into samples", len(kept), len(remaining), len(rows)),
            *_parts(rows, split),
        ),
        "A patient counts as quarantined when none of its cases is left.",
    )
    left_out = Table(
        "quarantined",
        "Left out, and why",
        (Column("case", "Case"), Column("stage", "Stage"), Column("plugin", "Plugin"), Column("cause", "Cause")),
        tuple((r.case, r.failure.stage, r.failure.plugin, r.failure.cause) for r in out if r.failure),
    )
    join = audit(labels, rows)
    joined = [_labelled(rows, labels), join.table()] if labels.columns else []
    tables = [flow, *([left_out] if out else []), *joined]
    warnings = [f"{len(out)} of {len(results)} cases were quarantined"] if out else []
    for cases in samples.twins:
        warnings.append(
            f"cases {', '.join(cases)} are of different patients and hold the same voxels: one person twice, perhaps in training "
            "and in test? Keep one, or give them one patient id."
        )
    if labels.rows and not join.matched:
        warnings.append("no label met a structure: the table's patients or levels are not those of the images")
    return Findings(tuple(tables), warnings=tuple(warnings + list(labels.problems)))


def _parts(rows: Sequence[Row], split: Split) -> list[tuple[str, int, int, int]]:
    table = []
    for part in ("train", "validation", "test"):
        inside = [r for r in rows if split.part[r.patient] == part]
        table.append(
            (f"in the {part} part", len({r.case for r in inside}), len({r.patient for r in inside}), len(inside))
        )
    return table


def _labelled(rows: Sequence[Row], labels: Labels) -> Table:
    """How many structures carry each label, by value."""
    at = labels.at(rows)
    body = []
    for name, values in at.items():
        present = values[values == values]
        kind = labels.kinds.get(name, "continuous")
        names = labels.categories.get(name, ())
        if kind == "continuous" or len(set(present.tolist())) > 12:
            spread = f"{present.min():g} to {present.max():g}" if present.size else ""
        else:
            counted = {v: int((present == v).sum()) for v in sorted(set(present.tolist()))}
            spread = ", ".join(f"{names[int(v)] if names else f'{v:g}'}: {n}" for v, n in counted.items())
        body.append((name, kind, int(present.size), len(rows) - int(present.size), spread))
    columns = (
        Column("label", "Label"),
        Column("kind", "Kind"),
        Column("with", "Samples with it"),
        Column("without", "without"),
        Column("values", "Values"),
    )
    return Table("labels", "Labels joined to samples", columns, tuple(body))


def strata(name: str, patients: Sequence[str], rows: Sequence[Row], labels: Labels) -> Mapping[str, object]:
    """Patient -> third of the cohort by the patient's mean of label `name`; patients without it are one stratum."""
    values = labels.at(rows)[name]
    means = {}
    for patient in patients:
        own = [v for row, v in zip(rows, values, strict=True) if row.patient == patient and v == v]
        if own:
            means[patient] = sum(own) / len(own)
    ranked = sorted(set(means.values()))
    return {p: int(3 * ranked.index(m) / len(ranked)) for p, m in means.items()}
