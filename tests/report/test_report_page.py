"""The report as a reader opens it: complete, self-contained, harmless, and the same each time."""

from __future__ import annotations

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spinefx.contract.errors import StoreError
from spinefx.report import render

sys.path.insert(0, str(Path(__file__).parent))
import report_folder as by_hand
import report_numbers as by_numbers
import report_scale as by_scale

VOID = {"meta", "img", "input", "br", "link", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, their own text, and whether tags close as they opened."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.misnested: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.elements[self.open.pop()][0] != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.elements[index][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, "".join(texts)) for name, attrs, texts in self.elements if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = by_hand.write_run(tmp_path_factory.mktemp("runs") / "run")
    render(made)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_cell_of_words_is_as_wide_as_reading_needs_and_no_row_a_screen_high(page: Page) -> None:
    cells = [(attrs.get("class") or "", text) for attrs, text in page.all("td")]
    notes = [kind for kind, text in cells if text.startswith("graded but not segmented")]
    assert notes
    assert set(notes) == {"long"}
    assert all(len(text) > 30 for kind, text in cells if kind == "long")
    assert {kind for kind, text in cells if text == "done"} == {"short"}, "a word or a level is not broken in two"


def in_cells(page: Page) -> tuple[set[float], set[str]]:
    """Numbers of all cells, in full where a cell is rounded; and the cells' texts."""
    cells = [(attrs.get("title"), text) for tag in ("td", "th") for attrs, text in page.all(tag)]
    numbers = {float(title) for title, text in cells if title and re.fullmatch(r"[-+\d.e]+", title)}
    for title, text in cells:
        plain = text.replace("\u2212", "-").replace("\u202f", "")
        if not title and re.fullmatch(r"-?\d+(\.\d+)?", plain):
            numbers.add(float(plain))
    return numbers, {text for _, text in cells}


def in_packs(page: Page) -> set[float]:
    """Numbers of the data that scripts draw: where points and shapes stand, and what shapes measure."""
    packs = [text for attrs, text in page.all("script") if str(attrs.get("id")).endswith("-data")]
    told = [by_numbers.carried(pack) for pack in packs]
    return {number for one in told for key in ("rows", "at", "values") for number in by_numbers.told(one.get(key, []))}


def test_every_number_of_the_findings_is_in_the_report(folder: Path, page: Page) -> None:
    numbers, texts = in_cells(page)
    packed = in_packs(page)
    wanted: list[float] = []
    for stage in json.loads((folder / "findings.json").read_text())["stages"]:
        for table in stage["findings"].get("tables", []):
            for cell in (cell for row in table["rows"] for cell in row):
                if isinstance(cell, bool):
                    assert ("yes" if cell else "no") in texts
                elif isinstance(cell, int | float):
                    wanted.append(float(cell))
                elif isinstance(cell, str):
                    assert cell in texts
        for figure in stage["findings"].get("figures", []):
            matrix = [v for row in figure["matrix"] for v in row if v is not None]
            if figure["kind"] == "points":
                assert set(matrix) <= packed
            else:
                wanted += matrix
            wanted += [v for shape in figure["shapes"] for v in (*shape["at"], *shape["measures"]) if v is not None]
            for series in figure["series"]:
                wanted += [v for key in ("x", "y", "low", "high") for v in series[key] if isinstance(v, int | float)]
    assert len(wanted) > 80
    assert [number for number in wanted if number not in numbers] == []


def test_every_number_of_a_real_run_s_report_is_in_its_findings(phantom_run: Path) -> None:
    page = Page((phantom_run / "report.html").read_text(encoding="utf-8"))
    known = set(by_numbers.told(json.loads((phantom_run / "findings.json").read_text())))
    sections = [text for attrs, text in page.all("section") if attrs["id"] not in PROVENANCE]
    assert len(sections) > 5
    main = Page((phantom_run / "report.html").read_text(encoding="utf-8").partition('<section id="methods"')[0])
    shown, _ = in_cells(main)
    assert len(shown) > 80
    assert sorted(number for number in shown | in_packs(main) if number not in known | DRAWN) == []
    answered = [text for _, text in page.all("tr") if "Definition of the reference standard" in text]
    assert "Labels joined to samples" in answered[0]
    flow = [text for attrs, text in page.all("b") if text.strip().isdigit()]
    split = [text for attrs, text in page.all("dd") if text.strip().isdigit()]
    assert len(flow) >= 2
    assert {float(text) for text in (*flow, *split)} <= known


PROVENANCE = {"methods", "checklists", "files", "provenance"}
"""Sections that tell how it was done: their numbers are options, versions, times and digests of run.json."""
DRAWN = {0.0, 1.0}
"""Ends of colour scales."""


def test_every_sentence_and_warning_is_in_the_report(page: Page) -> None:
    body = page.all("main")[0][1]
    for stage in by_hand.findings()["stages"]:
        for line in stage["findings"].get("sentences", []) + stage["findings"].get("warnings", []):
            assert line in body


def test_all_warnings_stand_in_the_summary(page: Page) -> None:
    summary = next(text for attrs, text in page.all("section") if attrs["id"] == "summary")
    assert f"Only 12 patients {by_hand.HOSTILE}" in summary
    assert "Few samples." in summary


def test_html_in_names_labels_and_notes_stays_text(folder: Path, page: Page) -> None:
    code = [text for attrs, text in page.all("script") if "type" not in attrs]
    assert len(code) == 1
    assert "alert" not in code[0]
    assert all(attrs["type"] == "application/octet-stream" for attrs, _ in page.all("script") if "type" in attrs)
    assert "<script>alert" not in (folder / "report.html").read_text(encoding="utf-8")
    assert page.all("title")[0][1].startswith("Discs <script>")
    assert not [name for _, attrs, _ in page.elements for name in attrs if name.startswith("on")]


def test_tags_close_in_the_order_in_which_they_opened(page: Page) -> None:
    assert page.misnested == []
    assert page.open == []


def test_no_address_leads_out_of_the_page(folder: Path, page: Page) -> None:
    source = (folder / "report.html").read_text(encoding="utf-8")
    for _, attrs, _ in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/"))
    assert not re.search(r"@import|url\((?!#)", source)
    assert not page.all("link") + page.all("iframe") + page.all("object") + page.all("base")


def test_the_policy_forbids_every_request_and_every_other_script(page: Page) -> None:
    policy = next(attrs["content"] for attrs, _ in page.all("meta") if attrs.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert re.search(r"script-src( 'sha256-[^']+')+;", policy)
    assert "unsafe-eval" not in policy


def test_links_inside_the_page_lead_somewhere_and_ids_are_unique(page: Page) -> None:
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs, _ in page.elements:
        for name in ("href", "aria-labelledby"):
            target = attrs.get(name)
            if target and not target.startswith("data:"):
                assert target.removeprefix("#") in ids


def test_what_a_screen_reader_needs_is_there(page: Page) -> None:
    assert page.all("html")[0][0]["lang"] == "en"
    assert all(attrs.get("alt") for attrs, _ in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attrs.get("scope") for attrs, _ in page.all("th"))
    assert len(page.all("h1")) == 1
    assert all(attrs.get("aria-label") for _, attrs, _ in page.elements if attrs.get("role") == "img")


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, copy)
    assert render(copy).read_bytes() == (folder / "report.html").read_bytes()
    assert render(copy).read_bytes() == (folder / "report.html").read_bytes()


def test_the_users_plot_style_does_not_change_the_report(folder: Path, tmp_path: Path) -> None:
    import matplotlib as mpl

    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    with mpl.rc_context({"font.size": 22, "axes.grid": False}):
        assert render(copy).read_bytes() == (folder / "report.html").read_bytes()
        assert mpl.rcParams["font.size"] == 22


def test_pictures_outside_the_folder_are_not_read(folder: Path, page: Page) -> None:
    panels = [text for attrs, text in page.all("li") if "no picture" in text]
    assert len(panels) == 2
    assert any("outside" in text for text in panels)


def test_drawings_take_their_colours_from_the_page(page: Page) -> None:
    drawn = [attrs for tag, attrs, _ in page.elements if tag == "svg"]
    styles = " ".join(attrs.get("style") or "" for _, attrs, _ in page.elements)
    assert len(drawn) == 4
    assert "var(--s0)" in styles
    assert "#0102" not in styles


def test_a_quarantined_case_is_named_with_its_cause(page: Page) -> None:
    rows = [text for attrs, text in page.all("tr") if "mask is off" in text]
    assert len(rows) == 1
    assert by_hand.HOSTILE in rows[0]


def test_a_run_without_findings_still_has_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    by_hand.write_json(folder / "run.json", {})
    text = Page(render(folder).read_text(encoding="utf-8")).all("main")[0][1]
    assert "no findings yet" in text
    assert "No case pictures" in text


def test_the_title_is_the_plans_or_else_the_folders(tmp_path: Path) -> None:
    folder = tmp_path / "discs"
    folder.mkdir()
    by_hand.write_json(folder / "run.json", {"plan": {"report": {"title": None}}})
    assert Page(render(folder).read_text(encoding="utf-8")).all("h1")[0][1] == "Run discs"


@pytest.mark.parametrize("broken", ["findings.json", "run.json"])
@pytest.mark.parametrize("content", ["{", "[1]"])
def test_damaged_json_is_an_error_that_names_the_file(tmp_path: Path, broken: str, content: str) -> None:
    by_hand.write_json(tmp_path / "run.json", {})
    (tmp_path / broken).write_text(content)
    with pytest.raises(StoreError, match=broken):
        render(tmp_path)


def test_a_folder_without_a_record_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no run\.json here; name the folder"):
        render(tmp_path)


def test_a_large_cohort_shows_quarantined_cases_first_and_all_after_sixty_small(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    cases = [by_hand.case(f"c{i}", f"p{i}", "quarantined" if i == 69 else "done", cause="why") for i in range(70)]
    by_hand.write_json(folder / "run.json", {"cases": cases})
    for made in cases:
        by_hand.picture(folder / "qc" / f"{made['case']}.png", height=12)
    page = Page(render(folder).read_text(encoding="utf-8"))
    shown = [attrs for attrs, _ in page.all("img") if not str(attrs["alt"]).startswith("Example")]
    assert len(shown) == 70
    assert str(shown[0]["alt"]).endswith("c69")
    assert [shown[i]["width"] for i in (0, 59, 60, 69)] == ["24", "24", "12", "12"]


def written(folder: Path, record: dict[str, object], findings: dict[str, object] | None = None) -> dict[str, str]:
    """The text of each section of the report of a run with this record."""
    folder.mkdir(exist_ok=True)
    by_hand.write_json(folder / "run.json", record)
    if findings is not None:
        by_hand.write_json(folder / "findings.json", findings)
    page = Page(render(folder).read_text(encoding="utf-8"))
    return {str(attrs["id"]): text for attrs, text in page.all("section")}


def test_without_a_flow_in_the_record_its_cases_tell_it(tmp_path: Path) -> None:
    cases = [by_hand.case(f"c{i}", "p", "done") for i in range(5)]
    cases += [by_hand.case("bad", "q", "quarantined", stage="geometry", plugin="disc", cause="no disc in view")]
    cohort = written(tmp_path / "run", {"cases": cases})["cohort"]
    for words in ("6cases found", "1 left out", "1 case in geometry disc", "5cases measured", "no disc in view"):
        assert words in cohort


def test_what_the_engine_found_stands_with_the_cohort(tmp_path: Path) -> None:
    found = by_hand.table("labels", [by_hand.column("label")], [["narrowing", 7.25]])
    entry = {"tables": [found], "warnings": ["1 of 6 cases was quarantined"]}
    missing = by_hand.table("missing", [by_hand.column("feature")], [["disc.height_mm"]])
    stages = {
        "stages": [
            {"kind": "engine", "name": "cohort", "findings": entry},
            {"kind": "engine", "name": "quality", "findings": {"tables": [missing]}},
        ]
    }
    sections = written(tmp_path / "run", {"cases": []}, stages)
    assert "Table labels" in sections["cohort"]
    assert "7.25" in sections["cohort"]
    assert "1 of 6 cases was quarantined" in sections["summary"]
    assert "disc.height_mm" in sections["cases"]
    assert set(sections) == {"summary", "cohort", "cases", "methods", "checklists", "files", "provenance"}


def test_a_failed_stage_and_a_stopped_run_are_told_first(tmp_path: Path) -> None:
    failed = [{"stage": "evaluator", "plugin": "predict", "cause": "one class only"}]
    record = {"failed": failed, "state": "encode", "error": "disk full"}
    summary = written(tmp_path / "run", record)["summary"]
    assert "evaluator predict failed: one class only" in summary
    assert "did not reach its end (state: encode; disk full)" in summary


def test_losses_stand_in_a_section_of_their_own_where_the_engine_tells_them(tmp_path: Path) -> None:
    drawn = by_hand.figure("losses", "line", x_label="Epoch", series=[by_hand.series("loss", [1, 2], [1.5, 0.75])])
    stages = {"stages": [{"kind": "engine", "name": "training", "findings": {"figures": [drawn]}}]}
    assert "0.750" in written(tmp_path / "a", {}, stages)["training"]
    assert "training" not in written(tmp_path / "b", {})


def test_sections_stand_in_the_order_of_the_argument(tmp_path: Path) -> None:
    names = [("evaluator", "predict"), ("geometry_analyser", "space"), ("evaluator", "reconstruction")]
    stages = {"stages": [{"kind": k, "name": n, "findings": {}} for k, n in [*names, ("evaluator", "segmentation")]]}
    order = [s for s in written(tmp_path / "run", {}, stages) if s.split("-")[0] in ("evaluator", "geometry")]
    assert order == [
        "evaluator-segmentation",
        "evaluator-reconstruction",
        "geometry-analyser-space",
        "evaluator-predict",
    ]


def test_the_plan_is_shown_as_the_toml_to_run_again(tmp_path: Path) -> None:
    plan = {"format": 1, "sections": {"report": {"title": "T"}, "encode": {"use": "pca", "latent_dim": 4}}}
    sections = written(tmp_path / "run", {"plan": plan})
    assert '[encode]\nuse = "pca"\nlatent_dim = 4' in sections["provenance"]
    assert "spinefx run pipeline.toml" in sections["provenance"]


def test_two_stages_of_one_name_are_told_apart(page: Page) -> None:
    headings = [text for _, text in page.all("h2")]
    assert "Reconstruction" in headings
    assert "Reconstruction (2)" in headings
    assert len(headings) == len(set(headings))


@pytest.mark.slow
def test_a_cohort_of_447_cases_stays_below_30_mb_and_holds_every_case(phantom_run: Path, tmp_path: Path) -> None:
    path = render(by_scale.multiplied(phantom_run, tmp_path / "large"))
    assert path.stat().st_size < 30_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert len([attrs for attrs, _ in page.all("li") if "data-case" in attrs]) == by_scale.COHORT
    assert 10 < len([attrs for attrs, _ in page.all("option") if "data-image" in attrs]) < by_scale.COHORT
