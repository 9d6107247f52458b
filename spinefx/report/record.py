"""What the run's record tells: the cohort and who was left out, the cases, the stages, the few numbers on top."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.methods import KINDS, PARTS, kind_of, options_text
from spinefx.report.numbers import counted, duration, is_number, show
from spinefx.report.pictures import Album, Picture
from spinefx.report.tables import TableView, plain_table, titled

CASE_PICTURES = 60
"""So many cases are shown with their picture in full size; the others are shown small."""


@dataclass(frozen=True)
class FlowStep:
    """One box of the cohort's flow, and who left after it."""

    step: str
    count: str
    left_out: str
    why: str


@dataclass(frozen=True)
class CaseView:
    """A case with its picture, and that of its measurements where there is one."""

    case: str
    outcome: str
    picture: Picture
    lines: tuple[str, ...]
    measured: Picture | None = None


def flow_steps(run: RunFolder) -> tuple[FlowStep, ...]:
    """The cohort's flow as the record tells it; without one, what its list of cases tells."""
    steps = [mapping(step) for step in sequence(run.run.get("flow"))] or _told_by_cases(run)
    return tuple(
        FlowStep(
            text(step.get("step")),
            show(step.get("count")).text,
            show(step.get("left_out")).text if step.get("left_out") else "",
            text(step.get("why")),
        )
        for step in steps
    )


def _told_by_cases(run: RunFolder) -> list[Json]:
    """Found, quarantined by stage, and left."""
    if not run.cases:
        return []
    failed = [case for case in run.cases if case.get("outcome") == "quarantined"]
    stages = Counter(" ".join(filter(None, (text(c.get("stage")), text(c.get("plugin"))))) or "unknown" for c in failed)
    why = "\n".join(f"{counted(n, 'case')} in {stage}" for stage, n in stages.items())
    return [
        {"step": "cases found", "count": len(run.cases), "left_out": len(failed), "why": why},
        {"step": "cases measured", "count": len(run.cases) - len(failed)},
    ]


def failures(run: RunFolder) -> tuple[str, ...]:
    """What went wrong with the whole: stages of the cohort that failed, and why the run stopped before its end."""
    lines = [
        f"{' '.join(filter(None, (text(f.get('stage')), text(f.get('plugin')))))} failed: {text(f.get('cause'))}"
        for f in map(mapping, sequence(run.run.get("failed")))
    ]
    state, error = text(run.run.get("state")), text(run.run.get("error"))
    if state and state != "finished":
        lines.append(f"The run did not reach its end (state: {state}{'; ' + error if error else ''}).")
    return tuple(lines)


def split_rows(run: RunFolder) -> tuple[tuple[str, int], ...]:
    """Part of the split -> how many patients, as the record tells it."""
    split = mapping(run.run.get("split"))
    return tuple((PARTS.get(part, part), int(n)) for part, n in split.items() if is_number(n))


def quarantined(run: RunFolder) -> TableView | None:
    """Who was left out by a failure, and why."""
    rows = [
        [text(case.get(key)) for key in ("case", "patient", "stage", "plugin", "cause")]
        for case in run.cases
        if case.get("outcome") == "quarantined"
    ]
    heads = ("Case", "Patient", "Stage", "Plugin", "Cause")
    return plain_table("quarantined", "Quarantined cases", heads, rows) if rows else None


def case_table(run: RunFolder) -> TableView | None:
    """Every case: outcome and notes."""
    rows = [[text(case.get(key)) for key in ("case", "patient", "outcome", "notes")] for case in run.cases]
    return plain_table("cases-all", "All cases", ("Case", "Patient", "Outcome", "Notes"), rows) if rows else None


def shown_first(run: RunFolder) -> list[Json]:
    """The cases in the order in which a reader should meet them: quarantined ones, those with notes, the others."""
    return sorted(run.cases, key=lambda case: (case.get("outcome") != "quarantined", not case.get("notes")))


def case_pictures(run: RunFolder, album: Album) -> tuple[tuple[CaseView, ...], int]:
    """Cases with their pictures, quarantined ones first, then those with notes; and how many pictures are not shown.

    The first `CASE_PICTURES` are shown as they are, the others small, as long as the page's budget lasts.
    """
    shown: list[CaseView] = []
    unseen = 0
    for case in shown_first(run):
        name = text(case.get("picture")) or f"qc/{text(case.get('case'))}.png"
        small, refused = len(shown) >= CASE_PICTURES, album.refused
        picture = album.embed(name, small=small)
        if picture is None:
            unseen += album.refused > refused
            continue
        measured = None if small else album.embed(f"{name.removesuffix('.png')}-measured.png")
        notes = [text(note) for note in sequence(case.get("notes"))]
        cause = text(case.get("cause"))
        lines = ([cause] if cause else []) + notes
        shown.append(CaseView(text(case.get("case")), text(case.get("outcome")), picture, tuple(lines), measured))
    return tuple(shown), unseen


def stage_table(run: RunFolder) -> TableView | None:
    """Every stage that ran, where it came from and its options."""
    rows = []
    for stage in map(mapping, sequence(run.run.get("stages"))):
        kind = kind_of(text(stage.get("kind")))
        options = options_text(mapping(stage.get("options")))
        rows.append(
            [KINDS.get(kind, titled(kind)), *(text(stage.get(key)) for key in ("name", "dist", "version")), options]
        )
    heads = ("Kind", "Name", "From", "Version", "Options")
    return plain_table("stages", "Stages", heads, rows) if rows else None


def pairs(run: RunFolder, key: str) -> tuple[tuple[str, str], ...]:
    """A mapping of the record as pairs of text."""
    return tuple((str(name), text(value)) for name, value in mapping(run.run.get(key)).items())


def facts(run: RunFolder) -> tuple[tuple[str, str], ...]:
    """The few numbers under the title: what went in, what came out, how long it took."""
    outcomes = [text(case.get("outcome")) for case in run.cases]
    left_out = outcomes.count("quarantined")
    patients = {text(case.get("patient")) for case in run.cases}
    found = [("cases", show(len(outcomes)).text), ("patients", show(len(patients)).text)] if outcomes else []
    found += [("quarantined", show(left_out).text)] if outcomes else []
    found += [("test patients", show(n).text) for part, n in split_rows(run) if part == "test"]
    spent = duration(run.run.get("seconds"))
    return (*found, *([("computing time", spent)] if spent else []))
