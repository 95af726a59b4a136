"""A real browser in front of the pages: Debian's chromium, led by playwright, without a screen."""

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import pytest

from genred.config import Config
from genred.web.app import create
from tests.web import shelf
from tests.web.forms import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = shutil.which("chromium")

Scheme = Literal["light", "dark"]
Visit = Callable[..., "Page"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as slow."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, str]]:
    """A shelf of made-up albums, and the address of the pages over it: one for all tests, each has its own albums."""
    config, told = shelf.fill(tmp_path_factory.mktemp("shelf"))
    with serving(create(lambda: config, workers=shelf.workers(told))) as url:
        yield config, url.rstrip("/")


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """One browser for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _is_answer(said: "ConsoleMessage") -> bool:
    """Return whether the browser says nothing bad, or only that something isn't there or can't be done any more."""
    return said.type not in ("error", "warning") or said.text.endswith(("404 (Not Found)", "409 (Conflict)"))


@pytest.fixture
def visit(chromium: "Browser", shelved: tuple[Config, str]) -> Iterator[Visit]:
    """Open a page as somebody sees it; what the browser complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def visit(
        url: str, *, width: int = 1280, scheme: Literal["light", "dark"] = "light", scripts: bool = True
    ) -> "Page":
        context = chromium.new_context(
            base_url=shelved[1],
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            java_script_enabled=scripts,
            has_touch=width < 500,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: None if _is_answer(said) else complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not complaints
