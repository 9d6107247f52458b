"""Lines, clouds and bars as inline SVG that takes its colours from the page.

matplotlib draws in stand-in colours; these become CSS variables, so that one drawing serves the light and the dark
scheme. The same figure gives the same bytes: no date, fixed ids, the library's default style whatever the user's.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from spinefx.report.folder import Json, mapping, sequence, text
from spinefx.report.numbers import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = 8
"""Colours that the style sheet knows; further series begin again with the first."""

_INK, _SOFT, _RULE, _PAPER = "#010203", "#010204", "#010205", "#010206"
_COLOURS = [f"#0102{i:02x}" for i in range(0x10, 0x10 + SERIES)]
_VARIABLES = {_INK: "--ink", _SOFT: "--soft", _RULE: "--rule", _PAPER: "--paper"} | {
    colour: f"--s{i}" for i, colour in enumerate(_COLOURS)
}
_RASTER_ABOVE, _LONGEST_NAME = 6000, 34
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spinefx",
    "text.parse_math": False,
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _RULE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": _RULE,
    "ytick.color": _RULE,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}


def svg_of(figure: Json, id_: str) -> str:
    """The drawing of a `line`, `scatter` or `bars` figure; "" where nothing in it can be drawn."""
    every = (_points(mapping(entry), place) for place, entry in enumerate(sequence(figure.get("series"))))
    series = [points for points in every if points.y]
    if not any(math.isfinite(y) for points in series for y in points.y):
        return ""
    with _plain_style():
        from matplotlib.figure import Figure

        kind = text(figure.get("kind"))
        categories = list(dict.fromkeys(x for points in series for x in points.x if isinstance(x, str)))
        upright = kind != "bars"
        height = 3.1 if upright else 0.55 + 0.2 * max(len(categories), 1) * (len(series) + 0.8)
        drawing = Figure(figsize=(5.4, min(max(height, 1.3), 14)))
        axes = drawing.add_subplot()
        if upright:
            _draw_upright(axes, kind, series, categories)
        else:
            _draw_bars(axes, series, categories)
        axes.set_xlabel(_clean(text(figure.get("x_label" if upright else "y_label"))))
        axes.set_ylabel(_clean(text(figure.get("y_label" if upright else "x_label"))))
        return _page_svg(drawing, id_, [points.titles() for points in series])


class _Series:
    """A series with every point on one index: x, y, low, high, label. `place` is where it stands in the legend."""

    def __init__(self, name: str, place: int, points: Sequence[tuple[float | str, float, float, float, str]]) -> None:
        self.name = name
        self.place = place
        self.x = [p[0] for p in points]
        self.y = [p[1] for p in points]
        self.low = [p[2] for p in points]
        self.high = [p[3] for p in points]
        self.labels = [p[4] for p in points]

    @property
    def colour(self) -> str:
        return _COLOURS[self.place % SERIES]

    @property
    def bounded(self) -> bool:
        return any(math.isfinite(v) for v in (*self.low, *self.high))

    def titles(self) -> list[str]:
        """One line per point, shown when it is pointed at."""
        return [
            ": ".join(part for part in (label or self.name, f"{show(x).text}, {show(y).text}") if part)
            for label, x, y in zip(self.labels, self.x, self.y, strict=True)
        ]


def _points(entry: Json, place: int) -> _Series:
    """The series without points that have no finite y or no x."""
    values = [list(sequence(entry.get(name))) for name in ("x", "y", "low", "high", "labels")]
    points: list[tuple[float | str, float, float, float, str]] = []
    for i in range(min(len(values[0]), len(values[1]))):
        x = values[0][i]
        y, low, high = (_number(column[i] if i < len(column) else None) for column in values[1:4])
        label = text(values[4][i]) if i < len(values[4]) else ""
        at: float | str = _clean(x) if isinstance(x, str) else _number(x)
        if math.isfinite(y) and (isinstance(at, str) or math.isfinite(at)):
            points.append((at, y, low, high, _clean(label)))
    return _Series(_clean(text(entry.get("name"))), place, points)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _clean(words: str) -> str:
    """Only what prints: control characters and lone surrogates have no place in XML."""
    return "".join(c for c in words if c.isprintable())


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST_NAME else words[: _LONGEST_NAME - 1] + "…"


def _draw_upright(axes: Axes, kind: str, series: Sequence[_Series], categories: list[str]) -> None:
    place = {name: i for i, name in enumerate(categories)}
    total = sum(len(points.y) for points in series)
    size = 22 if total < 150 else 12 if total < 1500 else 5
    for i, points in enumerate(series):
        colour = points.colour
        x = [float(place[v]) if isinstance(v, str) else v for v in points.x]
        if kind == "line":
            if points.bounded:
                axes.fill_between(x, points.low, points.high, color=colour, alpha=0.16, linewidth=0)
            mark = "o" if len(x) <= 25 else ""
            axes.plot(x, points.y, color=colour, marker=mark, markersize=3.5, dashes=_dashes(points.place))
            continue
        if points.bounded:
            axes.vlines(x, points.low, points.high, color=colour, alpha=0.5, linewidth=1)
        cloud = axes.scatter(x, points.y, s=size, color=colour, alpha=0.65, linewidths=0)
        cloud.set_gid(f"points-{i}")
        cloud.set_rasterized(total > _RASTER_ABOVE)
    if categories:
        slanted = sum(map(len, categories)) > 50
        axes.set_xticks(range(len(categories)), [_short(name) for name in categories])
        axes.tick_params(axis="x", rotation=35 if slanted else 0)
    elif all(isinstance(v, float) and v == int(v) for points in series for v in points.x):
        axes.locator_params(axis="x", integer=True)
    axes.tick_params(length=0)


def _dashes(place: int) -> tuple[float, float] | tuple[None, None]:
    """Later rounds of the palette are dashed, so that no two of the first sixteen lines look alike."""
    return (None, None) if place < SERIES else (3, 2)


def _draw_bars(axes: Axes, series: Sequence[_Series], categories: list[str]) -> None:
    """Horizontal bars: names stay readable. Whiskers where bounds are given, else the value at the bar's end, outwards."""
    names: list[float | str] = list(categories)
    names += sorted({v for points in series for v in points.x if not isinstance(v, str)})
    place = {name: i for i, name in enumerate(names)}
    thick = 0.78 / len(series)
    for i, points in enumerate(series):
        at = [place[v] + (i - (len(series) - 1) / 2) * thick for v in points.x]
        axes.barh(at, points.y, height=thick * 0.86, color=points.colour, alpha=0.8)
        if points.bounded:
            axes.hlines(at, points.low, points.high, color=_INK, linewidth=1.1)
        for y, value, low, high in zip(at, points.y, points.low, points.high, strict=True):
            ends = [value, *(bound for bound in (low, high) if math.isfinite(bound))]
            end, away, side = (min(ends), -4, "right") if value < 0 else (max(ends), 4, "left")
            axes.annotate(
                show(value).text, (end, y), (away, 0), textcoords="offset points", va="center", ha=side, fontsize=8.5
            )
    axes.set_yticks(range(len(names)), [_short(v) if isinstance(v, str) else show(v).text for v in names])
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    if any(value < 0 for points in series for value in points.y):
        low, high = axes.get_xlim()
        axes.set_xlim(low - 0.12 * (high - low), high)  # its number does not reach into the names
    axes.tick_params(length=0)


@contextmanager
def _plain_style() -> Iterator[None]:
    """The library's own defaults plus ours, whatever the user set; put back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def _page_svg(drawing: Figure, id_: str, titles: Sequence[Sequence[str]]) -> str:
    """matplotlib's SVG without prolog, metadata, namespaces and fixed size; ids made unique, points named."""
    import io

    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    canvas: Any = FigureCanvasSVG(drawing)
    canvas.print_svg(buffer, metadata={"Date": None})  # savefig would draw and lay out twice
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314  (matplotlib's own output, just written)
    for parent in list(root.iter()):
        parent.tag = parent.tag.rpartition("}")[2]
        parent.text, parent.tail = (parent.text or "").strip() or None, None
        for child in list(parent):
            if child.tag.endswith(("metadata", "style")):
                parent.remove(child)
        parent.attrib = {_local(key): _inside(_local(key), value, id_) for key, value in parent.attrib.items()}
    for i, lines in enumerate(titles):
        _name_points(root, f"{id_}-points-{i}", lines)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"class": "plot", "aria-hidden": "true", "focusable": "false"}
    return ElementTree.tostring(root, encoding="unicode")


def _local(key: str) -> str:
    return key.rpartition("}")[2]


def _inside(key: str, value: str, id_: str) -> str:
    """An attribute's value with ids prefixed and stand-in colours replaced by the page's variables."""
    if key == "id":
        return f"{id_}-{value}"
    if key == "href" and value.startswith("#"):
        return f"#{id_}-{value[1:]}"
    value = re.sub(r"url\(#", f"url(#{id_}-", value)
    if key == "style":
        value = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", value)
        value = re.sub(r"#0102[0-9a-f]{2}", lambda found: f"var({_VARIABLES[found[0]]})", value)
    return value


def _name_points(root: ElementTree.Element, id_: str, lines: Sequence[str]) -> None:
    group = next((e for e in root.iter("g") if e.get("id") == id_), None)
    marks = [] if group is None else list(group.iter("use"))
    if len(marks) == len(lines):
        for mark, line in zip(marks, lines, strict=True):
            ElementTree.SubElement(mark, "title").text = line
