"""A stage's findings as the template draws them: figures of every kind, tables with their titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from spinefx.report.cloud import CloudView, cloud_of
from spinefx.report.explorer import ExplorerView, explorer_of
from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.methods import KINDS, kind_of
from spinefx.report.numbers import counted, is_number
from spinefx.report.pictures import Album, Picture
from spinefx.report.plots import SERIES, svg_of
from spinefx.report.tables import HeatView, TableView, figure_table, heat_of, slug, table_of, titled

ENGINE = "Engine"
_ORDER = (("Segmenter", "segment"), ("Encoder", "reconstruct"), ("Geometry analyser", "latent"))
"""Kind, or how a stage's name begins, in the order of the page; all others follow."""
_POINTS_LISTED = 3000


@dataclass(frozen=True)
class PanelView:
    """A small picture with its caption; `picture` is None where the file is absent."""

    caption: str
    picture: Picture | None


@dataclass(frozen=True)
class FigureView:
    """A figure: one of `svg`, `heat`, `panels`, `explorer`, `cloud` is filled, none where there is nothing to draw."""

    id: str
    title: str
    caption: str
    alt: str
    svg: str = ""
    legend: tuple[tuple[str, int], ...] = ()
    heat: HeatView | None = None
    panels: tuple[PanelView, ...] = ()
    per_row: int = 4
    explorer: ExplorerView | None = None
    cloud: CloudView | None = None
    numbers: TableView | None = None
    note: str = ""


@dataclass(frozen=True)
class StageView:
    """One stage's findings as a section."""

    id: str
    name: str
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

    @property
    def rank(self) -> int:
        """Its place in the page: masks before the shapes learnt from them, these before what is claimed of them."""
        first = [i for i, (kind, start) in enumerate(_ORDER) if self.kind == kind or self.name.startswith(start)]
        return first[0] if first else len(_ORDER)


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
            name=name,
            title=(text(stage.get("title")) or titled(name) or "Findings") + again,
            kind=KINDS.get(kind, titled(kind)),
            sentences=tuple(map(text, sequence(findings.get("sentences")))),
            warnings=tuple(map(text, sequence(findings.get("warnings")))),
            figures=tuple(
                figure_view(figure, _unique(f"{id_}-{slug(text(figure.get('name')))}", inner), run, album)
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


def figure_view(figure: Json, id_: str, run: RunFolder, album: Album) -> FigureView:
    """A figure drawn: SVG for lines, clouds and bars, a tinted table for a heatmap; pictures, shapes, points embedded."""
    kind, title = text(figure.get("kind")), text(figure.get("title")) or titled(text(figure.get("name")))
    base = FigureView(id_, title, text(figure.get("caption")), alt=f"{title}.")
    if kind == "heatmap":
        heat = heat_of(figure)
        alt = f"{title}: a table of {counted(len(heat.rows), 'row')} and {counted(len(heat.columns), 'column')}."
        return FigureView(base.id, title, base.caption, alt, heat=heat if heat.rows else None)
    if kind == "pictures":
        return _pictures(figure, base, album)
    if kind == "shapes":
        explorer = explorer_of(figure, id_, run)
        left_out = explorer.left_out if explorer else len(sequence(figure.get("shapes")))
        note = f"{counted(left_out, 'shape')} not drawn here." if left_out else ""
        return FigureView(base.id, title, base.caption, base.alt, explorer=explorer, note=note)
    if kind == "points":
        return FigureView(base.id, title, base.caption, base.alt, cloud=cloud_of(figure))
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
