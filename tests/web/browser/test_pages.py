"""Every page as it is seen: wide and narrow, light and dark, and by people who can't see it."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from genred.config import Config
from genred.web.render import ref
from tests.web.browser.conftest import Scheme, Visit

PAGES = ("/", "/library", "/library/mixed", "/review", "/review/album", "/history", "/now", "/service", "/nowhere")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_pages_fit_and_are_made_for_everybody(
    shelved: tuple[Config, str], visit: Visit, width: int, scheme: Scheme
) -> None:
    """Nothing is wider than the screen, and axe finds nothing: names, contrast, order, landmarks."""
    album = shelved[0].watch.directories[0] / "Marlow & the Ferrymen" / "Low Tide Letters"
    song = min(path for path in album.iterdir() if path.suffix == ".flac")
    page = visit("/healthz", width=width, scheme=scheme)
    found: dict[str, list[str]] = {}
    for url in PAGES:
        page.goto(f"{url}?path={ref(song)}" if url == "/review/album" else url)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.setdefault(url, []).append("wider than the screen")
        for details in page.locator("details").all():
            details.evaluate("(it) => { it.open = true }")
        for fault in Axe().run(page).response["violations"]:
            found.setdefault(url, []).append(f"{fault['id']}: {[node['html'] for node in fault['nodes']][:3]}")
    assert not found
