"""The report's parts by themselves: digits, plans as TOML, pictures within a budget, heatmaps."""

from __future__ import annotations

import math
import re
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinefx.report import folder as report_folder_module
from spinefx.report.numbers import decimals, duration, moment, show
from spinefx.report.pictures import Album
from spinefx.report.plan_text import toml_of
from spinefx.report.plots import svg_of
from spinefx.report.tables import heat_of

sys.path.insert(0, str(Path(__file__).parent))
import report_folder as by_hand


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 6))
def test_a_shown_number_or_its_title_is_the_full_value(value: float, places: int) -> None:
    shown = show(value, places)
    plain = shown.text.replace("\u2212", "-").replace("\u202f", "")
    assert float(shown.full or plain) == value


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.81234, 0.5], ["0.812", "0.500"]),
        ([1.0, 250.0], ["1", "250"]),
        ([7.3519, 11.02], ["7.35", "11.02"]),
        ([121.78, 1.2636, 0.00004], ["122", "1.26", "4.0×10⁻⁵"]),
        ([187.2, 1.031, 0.31], ["187", "1.03", "0.31"]),
        ([0.04, 3.24e-9], ["0.0400", "3.2×10⁻⁹"]),
        ([-0.25, 0.5], ["\u22120.250", "0.500"]),
        ([12345678, 1], ["12\u202f345\u202f678", "1"]),
        ([None, float("nan"), ""], ["–", "–", "–"]),
        ([True, "a<b"], ["yes", "a<b"]),
    ],
)
def test_a_column_is_shown_with_digits_that_suit_all_of_it(values: list[object], texts: list[str]) -> None:
    places = decimals(values)
    assert [show(value, places).text for value in values] == texts


def test_times_are_said_as_people_say_them() -> None:
    assert [duration(s) for s in (0.42, 59.6, 192, 7384, None)] == ["0.4 s", "1 min 0 s", "3 min 12 s", "2 h 3 min", ""]
    assert moment("2025-06-12T09:14:03+00:00") == "12 June 2025, 09:14 UTC"
    assert moment("yesterday") == "yesterday"


def test_a_plan_as_text_is_toml_that_says_the_same() -> None:
    plan = {
        "title": 'a "quoted" \\ name\n',
        "run": {"seed": 7, "timeout": None, "on_error": "quarantine", "tags": ["a", "b"]},
        "data": {"use": "spider", "modalities": {"t1": "x y", "t2": {"deep key": 1.5}}},
        "geometry": [{"use": "disc", "options": {"slab_mm": 12.0, "exact": True}}, {"use": "space"}],
        "augment": [],
    }
    text = toml_of(plan)
    assert "# timeout: not set" in text
    without = {**plan, "run": {k: v for k, v in plan["run"].items() if v is not None}}
    assert tomllib.loads(text) == without


def test_pictures_over_the_budget_are_counted_and_left_out(tmp_path: Path) -> None:
    folder = by_hand.write_run(tmp_path / "run")
    run = report_folder_module.read(folder)
    roomy, tight = Album(run), Album(run, budget=100)
    picture = roomy.embed("qc/1_t2.png")
    assert picture is not None
    assert (picture.width, picture.height) == (320, 160)
    assert picture.uri.startswith("data:image/")
    assert tight.embed("qc/1_t2.png") is None
    assert tight.refused == 1
    assert roomy.embed("run.json") is None
    assert roomy.refused == 0


def test_a_heatmap_with_negative_values_is_tinted_around_zero() -> None:
    heat = heat_of({"matrix": [[-0.5, 0.0, 1.0, None]], "row_names": ["z0"], "column_names": list("abcd")})
    (name, cells), *_ = heat.rows
    assert (name, heat.diverging) == ("z0", True)
    assert [(c.tint, c.strength) for c in cells] == [("n", 0.5), ("p", 0.0), ("p", 1.0), ("", 0.0)]


def test_a_heatmap_without_negative_values_runs_from_its_smallest_to_its_largest() -> None:
    heat = heat_of({"matrix": [[2.0, 3.0], [4.0, 4.0]]})
    assert [[c.strength for c in cells] for _, cells in heat.rows] == [[0.0, 0.5], [1.0, 1.0]]
    assert (heat.low, heat.high) == ("2", "4")


@pytest.mark.parametrize("kind", ["line", "scatter", "bars"])
def test_a_drawing_names_what_it_shows(kind: str) -> None:
    figure = {"kind": kind, "x_label": "height of <b>discs</b>", "series": [{"name": "s", "x": [1, 2], "y": [3, 4]}]}
    svg = svg_of(figure, "f")
    assert "height of &lt;b&gt;discs&lt;/b&gt;" in svg
    assert "<b>" not in svg


def test_points_can_be_pointed_at_to_read_whose_they_are() -> None:
    labels = ["1_t2:disc:L4-L5", "2_t2:disc:<L5>"]
    series = [{"name": "s", "x": [1.0, 2.0], "y": [3.0, 4.0], "labels": labels}]
    svg = svg_of({"kind": "scatter", "series": series}, "f")
    assert "<title>1_t2:disc:L4-L5: 1, 3</title>" in svg
    assert "<title>2_t2:disc:&lt;L5&gt;: 2, 4</title>" in svg


def test_a_figure_without_a_finite_value_is_not_drawn() -> None:
    assert svg_of({"kind": "line", "series": [{"name": "s", "x": [1], "y": [math.nan]}]}, "f") == ""
    assert svg_of({"kind": "bars", "series": []}, "f") == ""


@pytest.mark.parametrize("kind", ["line", "scatter", "bars"])
def test_a_series_keeps_the_colour_of_its_legend_where_one_before_it_has_no_value(kind: str) -> None:
    empty, full = {"name": "majority", "x": [1], "y": [None]}, {"name": "level", "x": [1], "y": [0.18]}
    assert "var(--s0)" in svg_of({"kind": kind, "series": [full]}, "f")
    svg = svg_of({"kind": kind, "series": [empty, full]}, "f")
    assert "var(--s1)" in svg
    assert "var(--s0)" not in svg


@pytest.mark.parametrize(("value", "low", "high"), [(-3.512, -4.0, -2.0), (3.5, 2.0, 4.0), (-0.5123, None, None)])
def test_the_number_of_a_bar_stands_outside_bar_and_whisker(value: float, low: float, high: float) -> None:
    series = [{"name": "s", "x": ["disc.volume_mm3"], "y": [value], "low": [low], "high": [high]}]
    svg = ElementTree.fromstring(svg_of({"kind": "bars", "series": series}, "f"))
    drawn = [e.get("d") or "" for e in svg.iter("path") if "--s0" in (style := e.get("style") or "") or "1.1" in style]
    across = [float(x) for path in drawn for x in re.findall(r"[ML] ([\d.]+)", path)]
    (number,) = [e for e in svg.iter("text") if "font-size: 8.5px" in (e.get("style") or "")]
    at, before = float(number.get("x") or 0), "text-anchor: end" in (number.get("style") or "")
    assert before == (value < 0)
    assert at < min(across) if before else at > max(across)
    (frame,) = svg.iter("rect")
    assert at - 5 * len(number.text or "") > float(frame.get("x") or 0)


def test_a_cloud_of_many_columns_carries_the_first_and_says_how_many_are_left() -> None:
    from spinefx.report.cloud import cloud_of

    matrix = [[float(i * j) / 7 for j in range(400)] for i in range(3000)]
    figure = {"columns": [{"name": f"c{j}"} for j in range(400)], "matrix": matrix, "groups": {}}
    cloud = cloud_of(figure)
    assert cloud is not None
    assert (len(cloud.axes), cloud.left_out) == (80, 320)
    assert len(cloud.data) < 3_000_000
    assert cloud_of(figure | {"columns": figure["columns"][:399]}) is None
