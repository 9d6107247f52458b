"""The page: the run's folder in, `report.html` out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinefx.report import checklists, findings, record
from spinefx.report.compare import comparison
from spinefx.report.files import files_of
from spinefx.report.folder import RunFolder, mapping, read, text
from spinefx.report.guide import examples
from spinefx.report.library import Library, library, script_hash
from spinefx.report.methods import methods
from spinefx.report.numbers import moment
from spinefx.report.pictures import Album
from spinefx.report.plan_text import toml_of
from spinefx.report.tables import plain_table
from spinefx.report.volumes import volumes_of
from spinefx.store.files import atomic_write_bytes, safe_name

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("data", "tables", "explorer", "points", "viewer")
_ENGINE = ("cohort", "quality", "training", "samples")
_ENGINE_TABLES = ("table-one", "labels", "missing")
"""Tables of the engine that answer a checklist's items."""
_KEY_SENTENCES = 2
_FIRST_PICTURES = 12


def render(folder: Path) -> Path:
    """The path of `report.html`, drawn anew from what the run's folder holds; the same folder gives the same bytes.

    Nothing is computed: numbers come from `run.json` and `findings.json`, pictures from the files they name. Parts
    that are absent are said to be absent. The page asks for nothing outside itself, and its policy forbids it.

    Raises
    ------
    StoreError
        If `folder` is no run's folder, holds damaged JSON, or cannot be written.
    """
    path = Path(folder) / "report.html"
    atomic_write_bytes(path, page(read(Path(folder))).encode("utf-8", errors="backslashreplace"))
    return path


def page(run: RunFolder) -> str:
    """The report as HTML text."""
    view = _view(run)
    figures = [figure for s in (*view["stages"], *filter(None, view["engine"].values())) for figure in s.figures]
    wanted = {
        "niivue": bool(view["volumes"]) or any(f.explorer for f in figures),
        "chart": any(f.cloud for f in figures),
    }
    libraries = [library(name) for name, needed in wanted.items() if needed]
    return _drawn("report", _SCRIPTS, libraries, **view, libraries=libraries)


def render_comparison(folder: Path, other: Path) -> Path:
    """The path of `compare-<other>.html` in `folder`: the two runs side by side, offline like the report.

    Raises
    ------
    StoreError
        As for `render`, for either folder.
    """
    second = read(Path(other))
    path = Path(folder) / f"compare-{safe_name(Path(other).resolve().name)}.html"
    drawn = _drawn("compare", ("data", "tables"), (), c=comparison(read(Path(folder)), second))
    atomic_write_bytes(path, drawn.encode("utf-8", errors="backslashreplace"))
    return path


def _drawn(template: str, scripts: Sequence[str], carried: Sequence[Library], **view: Any) -> str:
    """A template drawn with style, scripts and the policy that lets only these and the carried libraries run."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    script = "".join((_TEMPLATES / "script" / f"{name}.js").read_text(encoding="utf-8") for name in scripts)
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    hashes = " ".join(f"'{made}'" for made in (script_hash(script), *(one.hash for one in carried)))
    page = environment.get_template(f"{template}.html.j2")
    return page.render(style=style, script=script, script_hashes=hashes, **view)


def _breakable(name: str) -> Any:
    """The escaped name, which a narrow column may break after a point or an underscore."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[._])", name))


def _view(run: RunFolder) -> dict[str, Any]:
    """Everything that the template names. Case pictures are embedded first: they are what a budget must not cut."""
    album = Album(run)
    pictures, unseen = record.case_pictures(run, album)
    stages = tuple(findings.stage_views(run, album))
    engine = dict.fromkeys(_ENGINE) | {s.name: s for s in stages if s.of_engine}
    told = any(table.id.endswith("-quarantined") for s in engine.values() if s for table in s.tables)
    dictionary = run.dictionary
    written = methods(run)
    volumes, unopened = volumes_of(run, record.shown_first(run))
    return {
        "title": run.title,
        "started": moment(text(run.run.get("started"))),
        "version": text(run.run.get("spinefx")),
        "facts": record.facts(run),
        "key_sentences": [(s, s.sentences[:_KEY_SENTENCES]) for s in stages if s.sentences],
        "warnings": [(s, s.warnings) for s in stages if s.warnings],
        "failures": record.failures(run),
        "has_findings": run.has_findings,
        "flow": record.flow_steps(run),
        "split": record.split_rows(run),
        "quarantined": None if told else record.quarantined(run),
        "engine": engine,
        "pictures": pictures,
        "examples": examples() if pictures else (),
        "first_pictures": _FIRST_PICTURES,
        "unseen": unseen,
        "case_table": record.case_table(run),
        "volumes": volumes,
        "opened": {view.case for view in volumes},
        "unopened": unopened,
        "stages": sorted((s for s in stages if not s.of_engine), key=lambda s: s.rank),
        "methods": written.paragraphs,
        "works": written.works,
        "checklists": checklists.crosswalk(_parts(run, stages)),
        "dictionary": plain_table("dictionary", "What each feature means", dictionary[0], dictionary[1:], folded=True)
        if len(dictionary) > 1
        else None,
        "stage_table": record.stage_table(run),
        "versions": record.pairs(run, "versions"),
        "platform": record.pairs(run, "platform"),
        "seed": text(run.run.get("seed")),
        "command": text(run.run.get("command")) or "spinefx run pipeline.toml",
        "toml": toml_of(mapping(run.plan)),
        "files": files_of(run),
    }


def _parts(run: RunFolder, stages: tuple[findings.StageView, ...]) -> dict[str, tuple[str, str]]:
    """Parts of the report that answer a checklist's items, where this run has them: key -> (title, id)."""
    parts = {"methods": ("Methods", "methods"), "files": ("Files", "files"), "provenance": ("Provenance", "provenance")}
    if run.cases:
        parts |= {"flow": ("Cohort", "cohort"), "cases": ("Data quality", "cases")}
    if record.split_rows(run):
        parts["split"] = ("Cohort", "cohort")
    if len(run.dictionary) > 1:
        parts["dictionary"] = ("Files", "dictionary")
    for stage in stages:
        place = (stage.title, stage.id)
        for table in stage.tables if stage.of_engine else ():
            for name in _ENGINE_TABLES:
                if table.id.endswith(f"-{name}"):
                    parts.setdefault(name, (table.title.partition(".")[0], table.id))
        if stage.of_engine and stage.name == "training":
            parts["training"] = ("Training", "training")
        if any(figure.explorer for figure in stage.figures):
            parts.setdefault("explorer", place)
        if stage.warnings:
            parts.setdefault("limits", ("Summary", "summary"))
        if stage.kind == "Evaluator" and (stage.sentences or stage.tables):
            parts.setdefault("results", place)
            for key, start in (("prediction", "predict"), ("agreement", "agree"), ("training", "reconstruct")):
                if stage.name.startswith(start):
                    parts.setdefault(key, place)
    return parts
