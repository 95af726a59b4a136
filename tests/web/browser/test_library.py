"""The library in a browser: from a figure to its rows, through the pages of a table, and the report from a file."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from genred.config import Config
from genred.history.history import History
from genred.web import report
from tests.web.browser.conftest import Visit
from tests.web.test_library import CARD


def test_a_figure_leads_to_its_rows(visit: Visit) -> None:
    """By a click, without a script: as many files as the figure says, or a full page of them."""
    page = visit("/library", scripts=False)
    row = page.locator("section", has=page.locator("#genres")).locator("tbody tr").first
    count = int(re.sub(r"\D", "", row.locator("td.number").inner_text()))
    row.locator("a").click()
    assert page.locator("table tbody tr").count() == min(count, 50)


def test_the_history_is_searched_by_keyboard(visit: Visit) -> None:
    """From the top of the page: skip to the content, type, press Enter, and leaf to the last page and back."""
    page = visit("/history")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("flac")
    page.keyboard.press("Enter")
    page.wait_for_url("**/history?text=flac*")
    rows = page.locator("table tbody tr")
    first = rows.first.inner_text()
    while page.locator("a[rel=next]").count():
        page.locator("a[rel=next]").focus()
        page.keyboard.press("Enter")
        page.wait_for_load_state()
    while page.locator("a[rel=prev]").count():
        page.locator("a[rel=prev]").focus()
        page.keyboard.press("Enter")
        page.wait_for_load_state()
    assert rows.first.inner_text() == first


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_opens_from_a_file(shelved: tuple[Config, str], visit: Visit, tmp_path: Path, width: int) -> None:
    """It asks for nothing, fits the screen, and the browser has no complaints."""
    history = History.open(shelved[0].database, readonly=True)
    file = tmp_path / "report.html"
    file.write_bytes(report.page(history, CARD, datetime(2026, 11, 26, tzinfo=UTC)))
    history.close()
    page = visit("/healthz", width=width)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("heading", name="Genres now").is_visible()
