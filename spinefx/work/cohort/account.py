"""What the engine itself tells of a finished cohort: who came in, Table 1, what is missing, the losses, every sample.

Each is a stage's entry of `findings.json`, named `cohort`, `quality`, `training` and `samples`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from spinefx.contract.features import Features, Row, unit_of
from spinefx.contract.findings import Column, Figure, Findings, Series, Table
from spinefx.contract.labels import Labels
from spinefx.work.cases.outcome import CaseResult
from spinefx.work.cohort.cohort import Cohort
from spinefx.work.cohort.flow import cohort_flow
from spinefx.work.cohort.found import Found
from spinefx.work.cohort.table_one import table_one

_POINTS = 5_000
"""Samples of the cloud at most; beyond, whole cases are taken at equal steps."""
_MOST_WORDS = 12


def account(
    results: Sequence[CaseResult], cohort: Cohort, features: Features, found: Sequence[Found]
) -> Iterator[tuple[str, Findings]]:
    """The engine's own findings, each with its name, beside what the stages `found`."""
    rows = cohort.samples.rows
    flow = cohort_flow(results, cohort.samples, cohort.split, cohort.labels)
    first = table_one(rows, cohort.split, cohort.labels, cohort.facts)
    yield "cohort", replace(flow, tables=(flow.tables[0], first, *flow.tables[1:]))
    yield "quality", Findings(tables=(_missing(features),)) if features.columns else Findings()
    if cohort.encoded:
        if cohort.history and not _drawn(found):
            yield "training", Findings(figures=(_losses(cohort.history),))
        yield "samples", Findings(figures=tuple(_cloud(cohort, features)))


def _missing(features: Features) -> Table:
    """How many numbers each feature lacks or has doubts about, and why most often; anatomy and latents alike."""
    why: dict[str, Counter[str]] = {}
    for (_row, name), reason in features.reasons.items():
        why.setdefault(name, Counter())[reason] += 1
    kinds, which = np.unique(np.array([row.structure for row in features.rows], "U"), return_inverse=True)
    remarked: dict[str, set[str]] = {}
    for row, name in features.reasons:
        remarked.setdefault(name, set()).add(row.structure)
    body = []
    for name, values in features.columns.items():
        # a feature is due in all structures of the kinds that carry it anywhere, as a number or with a remark
        carrying = np.isin(kinds, sorted(remarked.get(name, ())))
        carrying[which[np.isfinite(values)]] = True
        kind = carrying[which]
        known = int(np.isfinite(values[kind]).sum())
        total = int(kind.sum())
        reasons = why.get(name, Counter())
        most = "; ".join(f"{reason} ({n})" for reason, n in reasons.most_common(2))
        body.append((name, unit_of(name), known, total - known, sum(reasons.values()), most))
    body.sort(key=lambda line: -line[3])
    columns = (
        Column("feature", "Feature"),
        Column("unit", "Unit"),
        Column("measured", "Measured"),
        Column("missing", "Missing"),
        Column(
            "remarked", "With a remark", about="Missing or doubtful: features_missing.csv names each with its reason."
        ),
        Column("why", "Why, most often"),
    )
    caption = "Of the structures that carry the feature at all. Every single remark stands in features_missing.csv."
    return Table("missing", "Missing and doubtful numbers", columns, tuple(body), caption)


def _drawn(found: Sequence[Found]) -> bool:
    """Whether some stage has drawn a line over epochs already."""
    figures = [figure for item in found for figure in item.findings.get("figures", ())]
    return any(f["kind"] == "line" and str(f["x_label"]).lower().startswith("epoch") for f in figures)


def _losses(history: Sequence[Mapping[str, float]]) -> Figure:
    names = list(dict.fromkeys(name for epoch in history for name in epoch if name != "epoch"))
    epochs = tuple(range(1, len(history) + 1))
    series = tuple(Series(name, epochs, tuple(e.get(name, float("nan")) for e in history)) for name in names)
    return Figure("losses", "Losses per epoch", "line", "Epoch", "Loss", series)


def _cloud(cohort: Cohort, features: Features) -> Iterator[Figure]:
    """Latents and features of the samples, for the reader to choose axes from."""
    latents, labels = cohort.latents, cohort.labels
    chosen = _whole_cases(latents.rows)
    rows = [latents.rows[i] for i in chosen]
    columns = {name: latents.z[chosen, i].astype(float) for i, name in enumerate(latents.names)}
    columns |= {name: values for name, values in features.at(rows).items() if np.isfinite(values).any()}
    groups = {"Level": tuple(r.level for r in rows), "Part": tuple(cohort.split.part[r.patient] for r in rows)}
    for name, values in labels.at(rows).items():
        words = _worded(name, values, labels)
        if words:
            groups[name] = words
        elif np.isfinite(values).any():
            columns.setdefault(name, values)
    names = list(columns)
    if not rows or len(names) < 2:
        return
    cut = (
        "" if len(chosen) == len(latents.rows) else f" {len(chosen)} of {len(latents.rows)}, whole cases evenly taken."
    )
    yield Figure(
        "samples",
        "Every sample",
        "points",
        x_label=names[0],
        y_label=names[1],
        matrix=tuple(map(tuple, np.stack([columns[name] for name in names], axis=1).tolist())),
        row_names=tuple(r.id for r in rows),
        columns=tuple(Column(name, unit=_unit(name, features)) for name in names),
        cases=tuple(r.case for r in rows),
        groups=groups,
        caption="One point per sample; point at one to read it, choose it to see its case." + cut,
    )


def _unit(name: str, features: Features) -> str:
    return unit_of(name) if name in features.columns else ""


def _whole_cases(rows: Sequence[Row]) -> list[int]:
    """Indices of the samples that are shown: all, or whole cases at equal steps so that about `_POINTS` are left."""
    cases = list(dict.fromkeys(row.case for row in rows))
    step = max(1, -(-len(rows) // _POINTS))
    kept = set(cases[::step])
    return [i for i, row in enumerate(rows) if row.case in kept]


def _worded(name: str, values: np.ndarray, labels: Labels) -> tuple[str, ...]:
    """A label's values as words, where it has few; else ()."""
    present = set(values[np.isfinite(values)].tolist())
    if not present or len(present) > _MOST_WORDS or labels.kinds.get(name) == "continuous":
        return ()
    known = labels.categories.get(name, ())
    return tuple("" if not np.isfinite(v) else known[int(v)] if known else f"{v:g}" for v in values)
