"""A stage's findings as the template draws them: figures as SVG, tinted tables and pictures; tables with their titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.methods import KINDS, kind_of
from spinefx.report.numbers import counted, is_number
from spinefx.report.pictures import Album, Picture
from spinefx.report.plots import SERIES, svg_of
from spinefx.report.tables import HeatView, TableView, figure_table, heat_of, slug, table_of, titled

ENGINE = "Engine"
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

    @property
    def of_engine(self) -> bool:
        """Whether the engine itself found it: it tells of the cohort, not of a plugin."""
        return self.kind == ENGINE


def stage_views(run: RunFolder, album: Album) -> Iterator[StageView]:
    """A section for each entry of `findings.json`; ids and titles stay unique where two entries share a name."""
    taken: set[str] = set()
    seen: Counter[tuple[str, str]] = Counter()
    for stage in run.stages:
        kind, name = kind_of(text(stage.get("kind"))), text(stage.get("name"))
        seen[kind, name] += 1
        again = f" ({seen[kind, name]})" if seen[kind, name] > 1 else ""
        id_ = _unique(f"{slug(kind)}-{slug(name)}", taken)
        findings = mapping(stage.get("findings"))
        inner: set[str] = set()
        figures = [mapping(entry) for entry in sequence(findings.get("figures"))]
        tables = [mapping(entry) for entry in sequence(findings.get("tables"))]
        yield StageView(
            id=id_,
            title=(text(stage.get("title")) or titled(name) or "Findings") + again,
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


def training(run: RunFolder) -> FigureView | None:
    """Losses per epoch, where the run holds the encoder's history and no stage draws it already."""
    if _drawn_by_a_stage(run):
        return None
    history = run.history
    names = list(dict.fromkeys(name for epoch in history for name in epoch if name != "epoch"))
    series = [
        {"name": name, "x": list(range(1, len(history) + 1)), "y": [epoch.get(name) for epoch in history]}
        for name in names
    ]
    if not series:
        return None
    figure = {"kind": "line", "title": "Losses per epoch", "x_label": "epoch", "y_label": "loss", "series": series}
    return figure_view(figure, "training-losses", Album(run, budget=0))


def _drawn_by_a_stage(run: RunFolder) -> bool:
    """Whether some stage's findings hold a line drawing over epochs."""
    figures = [mapping(f) for stage in run.stages for f in sequence(mapping(stage.get("findings")).get("figures"))]
    return any(f.get("kind") == "line" and text(f.get("x_label")).lower().startswith("epoch") for f in figures)
