"""The report in a real browser, from file://: quiet, asking for nothing, moving where it is touched, open to everyone.

Needs Chromium, playwright and axe-playwright-python (`pip install --group browser`); skipped where one is absent.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinefx.report import render

sys.path.insert(0, str(Path(__file__).parent))
import report_folder as by_hand

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.slow,
]
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Opened:
    """A page of a report, with everything it said and asked for."""

    def __init__(self, browser: Any, path: Path, *, dark: bool = False, width: int = 1280) -> None:
        scheme = "dark" if dark else "light"
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda m: self.said.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.said.append(f"error: {e.stack[-900:]}"))
        self.page.on("dialog", lambda d: (self.said.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on("request", lambda r: self._asked(r.url))
        self.page.goto(path.as_uri())

    def _asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")) and not url.endswith("/report.html"):
            self.said.append(f"request: {url}")

    def part(self, selector: str) -> Any:
        """The part of the page, in view and ready."""
        box = self.page.locator(selector).first
        box.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "s => { const b = document.querySelector(s); return b.dataset.ready || b.dataset.shown || b.dataset.failed }",
            arg=selector,
            timeout=60_000,
        )
        assert box.get_attribute("data-failed") is None
        return box


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *SOFTWARE_GL])
        yield made
        made.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(by_hand.write_run(tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture(scope="module")
def opened(browser: Any, report: Path) -> Iterator[Opened]:
    made = Opened(browser, report)
    yield made
    made.context.close()


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390)])
def test_it_says_nothing_asks_for_nothing_and_fits(browser: Any, report: Path, dark: bool, width: int) -> None:
    opened = Opened(browser, report, dark=dark, width=width)
    for part in (".viewer", ".explorer", ".cloud"):
        opened.part(part)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.said == []
    opened.context.close()


def test_a_real_run_s_report_is_as_quiet(browser: Any, phantom_run: Path) -> None:
    opened = Opened(browser, phantom_run / "report.html")
    for part in (".viewer", ".cloud"):
        opened.part(part)
    assert opened.said == []
    opened.context.close()


PAPER = 720
"""CSS pixels between the margins of an A4 page."""


@pytest.mark.parametrize("which", ["by hand", "real"])
def test_on_paper_nothing_is_cut_off_and_long_tables_end(
    browser: Any, report: Path, phantom_run: Path, which: str
) -> None:
    opened = Opened(browser, report if which == "by hand" else phantom_run / "report.html", width=PAPER)
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wide = "[...document.querySelectorAll('table')].filter((t) => t.getBoundingClientRect().right > innerWidth)"
    assert opened.page.evaluate(f"{wide}.map((t) => t.caption.textContent)") == []
    shown = "(t) => [...t.tBodies[0].rows].filter((r) => r.offsetParent !== null).length"
    for table in opened.page.locator("table.sortable").all():
        rows, left = table.locator("tbody tr").count(), table.evaluate(shown)
        assert left in (0, min(rows, 40))
        told = table.locator("xpath=../following-sibling::p[@class='on-paper']")
        assert told.count() == (rows > 40)
        if rows > 40:
            assert told.text_content().startswith(f"{rows - 40} more row")
    opened.context.close()


def test_a_slider_moves_the_shape_and_its_measures(opened: Opened) -> None:
    box = opened.part(".explorer")
    before, seen = box.locator(".measures tbody tr").first.inner_text(), box.locator("canvas").screenshot()
    assert before.split()[-2:] == ["10.50", "10.50"]
    slider = box.locator("input[type=range]").first
    slider.focus()
    opened.page.keyboard.press("ArrowRight")
    assert box.locator("output").first.inner_text() == "+1 SD"
    assert box.locator(".measures tbody tr").first.inner_text().split()[-2:] == ["10.50", "13.50"]
    assert box.locator("canvas").screenshot() != seen
    assert slider.get_attribute("aria-valuetext") == "+1 SD"
    second = box.locator("input[type=range]").nth(1)
    bounds = second.bounding_box()
    opened.page.mouse.click(bounds["x"] + bounds["width"] - 3, bounds["y"] + bounds["height"] / 2)
    assert [o.inner_text() for o in box.locator("output").all()] == ["0 SD", "+1 SD"]
    box.locator("button.middle").click()
    assert box.locator(".measures tbody tr").first.inner_text().split()[-2:] == ["10.50", "10.50"]


def test_a_drag_turns_the_shape_and_so_do_arrow_keys(opened: Opened) -> None:
    box = opened.part(".explorer")
    canvas = box.locator("canvas")
    canvas.scroll_into_view_if_needed()
    angle = "b => b.view.scene.renderAzimuth"
    before, seen = box.evaluate(angle), canvas.screenshot()
    bounds = canvas.bounding_box()
    x, y = bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x + 60, y + 10, steps=4)
    opened.page.mouse.up()
    assert box.evaluate(angle) != before
    assert canvas.screenshot() != seen
    turned = box.evaluate(angle)
    canvas.focus()
    opened.page.keyboard.press("ArrowRight")
    assert box.evaluate(angle) != turned
    box.locator("[data-view=side]").click()
    assert box.evaluate(angle) == 270
    assert opened.said == []


def test_a_point_of_the_cloud_leads_to_its_case(opened: Opened) -> None:
    for part in (".viewer", ".explorer"):
        opened.part(part)  # what loads when it comes near moves what lies below
    box = opened.part(".cloud")
    box.scroll_into_view_if_needed()
    place = box.evaluate(
        """b => {
          const at = b.chart.data.datasets.findIndex((set) => set.label === "L4-L5");
          const point = b.chart.getDatasetMeta(at).data[0];
          return [point.x, point.y];
        }"""
    )
    box.locator("canvas").click(position={"x": place[0], "y": place[1]})
    # the chart answers in the next frame
    opened.page.wait_for_function("() => document.querySelector('.cloud').dataset.point === '0'", timeout=5000)
    detail = box.locator(".detail")
    assert "1_t2:disc:L4-L5" in detail.inner_text()
    assert [d.inner_text() for d in detail.locator("dd").all()][:2] == ["0", "2.5"]
    assert detail.locator("img").get_attribute("alt").endswith("1_t2")
    box.locator("select").nth(1).select_option(index=2)
    box.locator("canvas").focus()
    opened.page.keyboard.press("ArrowRight")
    assert "9" in detail.inner_text()
    opened.page.keyboard.press("ArrowRight")
    assert detail.locator("dt").nth(1).inner_text().startswith(by_hand.HOSTILE[:20])


def test_the_viewer_names_what_is_clicked_and_opens_another_case(opened: Opened) -> None:
    box = opened.part(".viewer")
    box.locator("[data-view=sagittal]").click()
    canvas = box.locator("canvas")
    canvas.scroll_into_view_if_needed()
    bounds = canvas.bounding_box()
    seen = canvas.screenshot()
    opened.page.mouse.click(bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2 + 4)
    opened.page.wait_for_function("() => document.querySelector('.viewer .status').textContent.includes('mm')")
    assert f"disc {by_hand.HOSTILE[:20]}" in box.locator(".status").inner_text()
    assert canvas.screenshot() != seen
    box.locator("[data-view=space]").click()
    before = box.evaluate("b => b.view.scene.renderAzimuth")
    opened.page.mouse.move(bounds["x"] + 200, bounds["y"] + 200)
    opened.page.mouse.down()
    opened.page.mouse.move(bounds["x"] + 260, bounds["y"] + 200, steps=4)
    opened.page.mouse.up()
    assert box.evaluate("b => b.view.scene.renderAzimuth") != before
    opened.page.locator("button.in-space[data-case='2_t2']").click()
    opened.page.wait_for_function("() => document.querySelector('.viewer').dataset.shown === '2_t2'")
    assert opened.said == []


def test_tables_sort_at_a_click_and_at_a_key(opened: Opened) -> None:
    table = opened.page.locator("table.sortable", has=opened.page.get_by_text("Table ladder", exact=True))
    column = "t => [...t.tBodies[0].rows].map((row) => row.cells[1].textContent)"
    head = table.locator("thead button").nth(1)
    head.click()
    assert table.evaluate(column) == ["\u22120.250", "0.500", "0.612", "0.750"]
    head.focus()
    opened.page.keyboard.press("Enter")
    assert table.evaluate(column) == ["0.750", "0.612", "0.500", "\u22120.250"]
    assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "descending"


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390)])
@pytest.mark.parametrize("which", ["by hand", "real"])
def test_axe_finds_no_violation(
    browser: Any, report: Path, phantom_run: Path, which: str, dark: bool, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    opened = Opened(browser, report if which == "by hand" else phantom_run / "report.html", dark=dark, width=width)
    for part in (".viewer", ".explorer", ".cloud"):
        if opened.page.locator(part).count():
            opened.part(part)
    opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    found = axe.Axe().run(opened.page, options={"runOnly": {"type": "tag", "values": LEVELS}}).response
    opened.context.close()
    assert [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]] == []
    assert len(found["passes"]) > 20
