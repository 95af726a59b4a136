"""Every page as it is seen: wide and narrow, light and dark, and by people who can't see it."""

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from genred.config import Config
from genred.web.render import ref
from tests.web.browser.conftest import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("/", "/library", "/library/mixed", "/review", "/review/album", "/history", "/now", "/service", "/nowhere")
ALL: dict[str, Any] = {"resultTypes": ["violations"]}


def faults(page: "Page", options: dict[str, Any]) -> list[str]:
    """Return what axe finds on a page."""
    found = Axe().run(page, options=options).response["violations"]
    return [f"{fault['id']}: {[node['html'] for node in fault['nodes']][:3]}" for fault in found]


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_are_made_for_everybody(shelved: tuple[Config, str], visit: Visit, width: int) -> None:
    """Nothing is wider than the screen, and axe finds nothing: names, order, landmarks, contrast in both schemes."""
    album = shelved[0].watch.directories[0] / "Marlow & the Ferrymen" / "Low Tide Letters"
    song = min(path for path in album.iterdir() if path.suffix == ".flac")
    page = visit("/healthz", width=width)
    found: dict[str, list[str]] = {}
    for url in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(f"{url}?path={ref(song)}" if url == "/review/album" else url)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.setdefault(url, []).append("wider than the screen")
        page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
        wrong = faults(page, ALL)
        page.emulate_media(color_scheme="dark")
        wrong += faults(page, ALL | {"runOnly": ["color-contrast"]})
        if wrong:
            found.setdefault(url, []).extend(wrong)
    assert not found
