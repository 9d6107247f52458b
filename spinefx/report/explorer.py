"""Shapes that the reader moves: surfaces packed for the page, and what each measures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import StoreError
from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.library import packed
from spinefx.report.numbers import Shown, decimals, is_number, show
from spinefx.report.tables import TableView, column_title, plain_table
from spinefx.store.surfaces import surface_of

_BUDGET = 5_000_000
"""Bytes that the surfaces of one figure may take in the page."""
_STEPS = 32_000


@dataclass(frozen=True)
class Slider:
    """One slider: what it moves, how many places it has, the one it starts at."""

    title: str
    unit: str
    about: str
    last: int
    start: int
    shown: str


@dataclass(frozen=True)
class Measure:
    """One measure of the shape in view; `shown` is that of the shape the page starts with."""

    title: str
    unit: str
    about: str
    shown: Shown


@dataclass(frozen=True)
class ExplorerView:
    """The explorer as the template draws it: `data` is packed for the script, `numbers` holds all of it as a table."""

    sliders: tuple[Slider, ...]
    measures: tuple[Measure, ...]
    data: str
    numbers: TableView
    left_out: int


@dataclass(frozen=True)
class _Shape:
    at: tuple[float, ...]
    measures: tuple[float | None, ...]
    file: str


def explorer_of(figure: Json, id_: str, run: RunFolder) -> ExplorerView | None:
    """The explorer of a `shapes` figure; None where it has no shape whose surface is there."""
    sliders = [mapping(entry) for entry in sequence(figure.get("sliders"))]
    columns = [mapping(entry) for entry in sequence(figure.get("columns"))]
    known = [_shape(mapping(entry), len(sliders), len(columns)) for entry in sequence(figure.get("shapes"))]
    shapes = [shape for shape in known if shape is not None]
    arrays, drawn = _arrays(shapes, run)
    if not sliders or not drawn:
        return None
    start = min(range(len(drawn)), key=lambda i: sum(abs(v) for v in drawn[i].at))
    places = [sorted({shape.at[i] for shape in drawn}) for i in range(len(sliders))]
    digits = [decimals(shape.measures[j] for shape in drawn) for j in range(len(columns))]
    told = {
        "places": places,
        "at": [shape.at for shape in drawn],
        "units": [text(s.get("unit")) for s in sliders],
        "shown": [[show(v, d).text for v, d in zip(shape.measures, digits, strict=True)] for shape in drawn],
        "full": [[show(v, d).full for v, d in zip(shape.measures, digits, strict=True)] for shape in drawn],
        "values": [shape.measures for shape in drawn],
        "start": start,
        "sizes": [(len(v) // 6, len(f) // 4) for v, f in arrays.pairs],
        "step_mm": arrays.step_mm,
    }
    names = [column_title(column) for column in columns]
    heads = [_with_unit(text(s.get("title")) or text(s.get("name")), s) for s in sliders]
    heads += [_with_unit(name, c) for name, c in zip(names, columns, strict=True)]
    rows = [[*shape.at, *shape.measures] for shape in shapes]
    return ExplorerView(
        sliders=tuple(
            Slider(
                title=text(s.get("title")) or text(s.get("name")),
                unit=text(s.get("unit")),
                about=text(s.get("about")),
                last=len(place) - 1,
                start=place.index(drawn[start].at[i]),
                shown=show(drawn[start].at[i]).text,
            )
            for i, (s, place) in enumerate(zip(sliders, places, strict=True))
        ),
        measures=tuple(
            Measure(name, text(c.get("unit")), text(c.get("about")), show(drawn[start].measures[j], digits[j]))
            for j, (name, c) in enumerate(zip(names, columns, strict=True))
        ),
        data=packed(told, [part for pair in arrays.pairs for part in pair]),
        numbers=plain_table(f"{id_}-numbers", "The numbers of all shapes", heads, rows, folded=True),
        left_out=len(known) - len(drawn),
    )


def _with_unit(title: str, column: Json) -> str:
    unit = text(column.get("unit"))
    return f"{title}, {unit}" if unit else title


def _shape(entry: Json, sliders: int, columns: int) -> _Shape | None:
    """A shape with all its positions; None where one is missing."""
    at = [float(v) for v in sequence(entry.get("at")) if is_number(v)]
    if len(at) != sliders:
        return None
    values: list[float | None] = [v if is_number(v) else None for v in sequence(entry.get("measures"))]
    return _Shape(tuple(at), tuple((values + [None] * columns)[:columns]), text(entry.get("file")))


@dataclass(frozen=True)
class _Arrays:
    """Vertices as int16 steps about one common middle, faces as int32, of the shapes that are drawn."""

    pairs: list[tuple[bytes, bytes]]
    step_mm: float


def _arrays(shapes: Sequence[_Shape], run: RunFolder) -> tuple[_Arrays, list[_Shape]]:
    """Surfaces in the viewer's axes (right, front, head), all about one middle, and the shapes they belong to."""
    found = []
    left = _BUDGET
    for shape in shapes:
        content = run.content(shape.file)
        if content is None or len(content) > left:
            continue
        try:
            vertices, faces = surface_of(content)
        except StoreError:
            continue
        if len(faces) and np.isfinite(vertices).all():
            left -= len(content)
            found.append((shape, vertices * np.array([-1, -1, 1], np.float32), _outward(vertices, faces)))
    if not found:
        return _Arrays([], 1.0), []
    points = np.concatenate([vertices for _, vertices, _ in found])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    step = max(float(np.abs(points - middle).max()) / _STEPS, 1e-6)
    step = 10.0 ** math.ceil(math.log10(step))
    pairs = [
        (np.rint((vertices - middle) / step).astype("<i2").tobytes(), faces.astype("<i4").tobytes())
        for _, vertices, faces in found
    ]
    return _Arrays(pairs, step), [shape for shape, _, _ in found]


def _outward(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """The faces, turned over where they enclose a negative volume: light falls on the outside."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return faces if np.einsum("ij,ij->", a, np.cross(b, c)) >= 0 else faces[:, ::-1]
