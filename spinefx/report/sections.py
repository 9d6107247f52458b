"""The page's parts as plain data: what the template draws, in the order in which a reader meets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.methods import KINDS, PARTS, kind_of, options_text
from spinefx.report.numbers import counted, duration, is_number, show
from spinefx.report.pictures import Album, Picture
from spinefx.report.plots import SERIES, svg_of
from spinefx.report.tables import HeatView, TableView, figure_table, heat_of, plain_table, slug, table_of, titled

CASE_PICTURES = 60
"""So many cases are shown with their picture at most."""
_POINTS_LISTED = 3000


@dataclass(frozen=True)
class PanelView:
    """A small picture with its caption; `picture` is None where the file is absent."""

    caption: str
    picture: Picture | None


@dataclass(frozen=True)
class FigureView:
    """A figure: exactly one of `svg`, `heat`, `panels` is filled, none where there is nothing to draw."""

    id: str
    title: str
    caption: str
    alt: str
    svg: str = ""
    legend: tuple[tuple[str, int], ...] = ()
    heat: HeatView | None = None
    panels: tuple[PanelView, ...] = ()
    per_row: int = 4
    numbers: TableView | None = None
    note: str = ""


@dataclass(frozen=True)
class StageView:
    """One stage's findings as a section."""

    id: str
    title: str
    kind: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    figures: tuple[FigureView, ...]
    tables: tuple[TableView, ...]


@dataclass(frozen=True)
class FlowStep:
    """One box of the cohort's flow, and who left after it."""

    step: str
    count: str
    left_out: str
    why: str


@dataclass(frozen=True)
class CaseView:
    """A case with its picture."""

    case: str
    outcome: str
    picture: Picture
    lines: tuple[str, ...]


def stage_views(run: RunFolder, album: Album) -> Iterator[StageView]:
    """A section for each entry of `findings.json`; ids stay unique where two entries share a name."""
    taken: set[str] = set()
    for stage in run.stages:
        kind, name = kind_of(text(stage.get("kind"))), text(stage.get("name"))
        id_ = _unique(f"{slug(kind)}-{slug(name)}", taken)
        findings = mapping(stage.get("findings"))
        inner: set[str] = set()
        figures = [mapping(entry) for entry in sequence(findings.get("figures"))]
        tables = [mapping(entry) for entry in sequence(findings.get("tables"))]
        yield StageView(
            id=id_,
            title=text(stage.get("title")) or titled(name) or "Findings",
            kind=KINDS.get(kind, titled(kind)),
            sentences=tuple(map(text, sequence(findings.get("sentences")))),
            warnings=tuple(map(text, sequence(findings.get("warnings")))),
            figures=tuple(
                figure_view(figure, _unique(f"{id_}-{slug(text(figure.get('name')))}", inner), album)
                for figure in figures
            ),
            tables=tuple(table_of(table, _unique(f"{id_}-t", inner)) for table in tables),
        )


def _unique(id_: str, taken: set[str]) -> str:
    made, count = id_, 1
    while made in taken:
        count += 1
        made = f"{id_}-{count}"
    taken.add(made)
    return made


def figure_view(figure: Json, id_: str, album: Album) -> FigureView:
    """A figure drawn: SVG for lines, clouds and bars, a tinted table for a heatmap, embedded pictures."""
    kind, title = text(figure.get("kind")), text(figure.get("title")) or titled(text(figure.get("name")))
    base = FigureView(id_, title, text(figure.get("caption")), alt=f"{title}.")
    if kind == "heatmap":
        heat = heat_of(figure)
        alt = f"{title}: a table of {counted(len(heat.rows), 'row')} and {counted(len(heat.columns), 'column')}."
        return FigureView(base.id, title, base.caption, alt, heat=heat if heat.rows else None)
    if kind == "pictures":
        return _pictures(figure, base, album)
    names = [text(mapping(entry).get("name")) for entry in sequence(figure.get("series"))]
    numbers = figure_table(figure, f"{id_}-numbers")
    note = ""
    if numbers is not None and len(numbers.rows) > _POINTS_LISTED:
        note, numbers = f"{counted(len(numbers.rows), 'point')}, listed in findings.json.", None
    alt = (
        f"{title}: {_KIND_WORDS.get(kind, 'a drawing')} of {', '.join(name for name in names if name) or 'one series'}"
    )
    axes = [f"{text(figure.get(key))} {word}" for key, word in _AXES if text(figure.get(key))]
    return FigureView(
        id=id_,
        title=title,
        caption=base.caption,
        alt=f"{alt}{'; ' + ', '.join(axes) if axes else ''}. The numbers follow as a table.",
        svg=svg_of(figure, id_),
        legend=tuple((name, i % SERIES) for i, name in enumerate(names)) if len(names) > 1 else (),
        numbers=numbers,
        note=note,
    )


_KIND_WORDS = {"line": "a line drawing", "scatter": "a cloud of points", "bars": "bars"}
_AXES = (("x_label", "along x"), ("y_label", "along y"))


def _pictures(figure: Json, base: FigureView, album: Album) -> FigureView:
    panels = [mapping(panel) for panel in sequence(figure.get("panels"))]
    views = tuple(PanelView(text(panel.get("caption")), album.embed(text(panel.get("file")))) for panel in panels)
    absent = sum(view.picture is None for view in views)
    note = f"{counted(absent, 'picture')} of {len(views)} not shown here." if absent else ""
    per_row = figure.get("per_row")
    wide = int(per_row) if is_number(per_row) and per_row else 4
    return FigureView(base.id, base.title, base.caption, base.alt, panels=views, per_row=max(wide, 1), note=note)


def flow_steps(run: RunFolder) -> tuple[FlowStep, ...]:
    """The cohort's flow as the record tells it."""
    steps = [mapping(step) for step in sequence(run.run.get("flow"))]
    return tuple(
        FlowStep(
            text(step.get("step")),
            show(step.get("count")).text,
            show(step.get("left_out")).text if step.get("left_out") else "",
            text(step.get("why")),
        )
        for step in steps
    )


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
    """Every case: outcome, time and notes."""
    rows = [
        [text(c.get("case")), text(c.get("patient")), text(c.get("outcome")), c.get("seconds"), text(c.get("notes"))]
        for c in run.cases
    ]
    return (
        plain_table("cases-all", "All cases", ("Case", "Patient", "Outcome", "Time, s", "Notes"), rows)
        if rows
        else None
    )


def case_pictures(run: RunFolder, album: Album) -> tuple[tuple[CaseView, ...], int]:
    """Cases with their pictures, quarantined ones first, then those with notes; and how many pictures are not shown."""
    order = sorted(run.cases, key=lambda case: (case.get("outcome") != "quarantined", not case.get("notes")))
    shown: list[CaseView] = []
    unseen = 0
    for case in order:
        name = text(case.get("picture")) or f"qc/{text(case.get('case'))}.png"
        if len(shown) >= CASE_PICTURES:
            unseen += run.picture(name) is not None
            continue
        refused = album.refused
        picture = album.embed(name)
        if picture is None:
            unseen += album.refused > refused
            continue
        notes = [text(note) for note in sequence(case.get("notes"))]
        cause = text(case.get("cause"))
        lines = ([cause] if cause else []) + notes
        shown.append(CaseView(text(case.get("case")), text(case.get("outcome")), picture, tuple(lines)))
    return tuple(shown), unseen


def training(run: RunFolder) -> FigureView | None:
    """Losses per epoch, where the record holds the encoder's history."""
    history = [mapping(epoch) for epoch in sequence(run.run.get("history"))]
    names = list(dict.fromkeys(name for epoch in history for name in epoch if name != "epoch"))
    series = [
        {"name": name, "x": list(range(1, len(history) + 1)), "y": [epoch.get(name) for epoch in history]}
        for name in names
    ]
    if not series:
        return None
    figure = {"kind": "line", "title": "Losses per epoch", "x_label": "epoch", "y_label": "loss", "series": series}
    return figure_view(figure, "training-losses", Album(run, budget=0))


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
