"""Two runs side by side: what differs is shown with its difference, what is equal is counted, and HTML stays text."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spinefx.cli import main
from spinefx.contract.errors import StoreError
from spinefx.report import render_comparison
from spinefx.report.compare import comparison
from spinefx.report.folder import read

sys.path.insert(0, str(Path(__file__).parent))
import report_folder as by_hand


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs: the second has another option, other numbers in one row, one row less, another picture."""
    first, second = by_hand.write_run(tmp_path / "a" / "first"), by_hand.write_run(tmp_path / "b" / "second")
    findings = json.loads((second / "findings.json").read_text())
    ladder = findings["stages"][0]["findings"]["tables"][0]
    ladder["rows"][1][1] = 0.7
    del ladder["rows"][3]
    findings["stages"][0]["findings"]["sentences"] = ["Held-out IoU is 0.80."]
    by_hand.write_json(second / "findings.json", findings)
    record = json.loads((second / "run.json").read_text())
    record["plan"]["geometry"][0]["options"]["slab_mm"] = 9.0
    for folder in (first, second):
        for case in record["cases"][:2]:
            case["picture"] = f"qc/{case['case']}.png"
        by_hand.write_json(
            folder / "run.json", record if folder == second else {**by_hand.record(), "cases": record["cases"]}
        )
    by_hand.picture(second / "qc" / "1_t2.png", height=160, seed=9)
    return first, second


def test_another_plugin_is_one_line_of_the_plan_and_not_all_its_options(pair: tuple[Path, Path]) -> None:
    for folder, segment in zip(
        pair, ({"use": "unet", "epochs": 9, "image": "t2"}, {"use": "mask", "image": "t1"}), strict=True
    ):
        record = json.loads((folder / "run.json").read_text())
        record["plan"]["segment"] = segment
        by_hand.write_json(folder / "run.json", record)
    made = comparison(read(pair[0]), read(pair[1]))
    assert made.plans is not None
    told = [[cell.text for cell in row] for row in made.plans.rows if row[0].text.startswith("segment")]
    assert told == [["segment.use", "unet", "mask"], ["segment.image", "t2", "t1"]]


def test_what_differs_is_shown_with_its_difference_and_the_rest_is_counted(pair: tuple[Path, Path]) -> None:
    made = comparison(read(pair[0]), read(pair[1]))
    assert made.names == ("first", "second")
    assert made.plans is not None
    assert [[cell.text for cell in row] for row in made.plans.rows] == [
        ["geometry[disc].options.slab_mm", "12.0", "9.0"]
    ]
    (table,) = made.tables
    (row,) = table.rows
    assert [cell.text for cell in row[:2]] == ["level only", "AUC"]
    assert [float((cell.full or cell.text).replace("\u2212", "-")) for cell in row[2:]] == [
        0.6123456789, 0.7, pytest.approx(0.7 - 0.6123456789),
    ]  # fmt: skip
    assert "10 of 11 numbers are equal" in table.caption
    assert "3 more stand in one run only" in table.caption
    assert [twin.case for twin in made.twins] == ["1_t2"]
    assert made.alike == 1
    assert made.said[0].second == ("Held-out IoU is 0.80.",)


def test_a_run_beside_itself_differs_in_nothing(pair: tuple[Path, Path]) -> None:
    made = comparison(read(pair[0]), read(pair[0]))
    assert (made.plans, made.tables, made.twins, made.alike) == (None, (), (), 2)


def test_the_command_writes_one_offline_page_and_html_stays_text(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((pair[0] / "run.json").read_text())
    for folder in pair:
        by_hand.write_json(folder / "run.json", {**record, "state": "finished", "exit_code": 0, "worked": True})
    assert main(["report", str(pair[0]), "--compare", str(pair[1])]) == 0
    path = pair[0] / "compare-second.html"
    assert str(path) in capsys.readouterr().out
    source = path.read_text(encoding="utf-8")
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(source)
    assert tags.count("script") == 1
    assert "<script>alert" not in source
    assert "default-src 'none'" in source


def test_a_folder_that_is_no_run_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no run\.json here"):
        render_comparison(pair[0], tmp_path)
