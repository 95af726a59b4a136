"""The page of the service in a browser: what happens is seen as it happens, and without scripts after a reload."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from genred.config import Config, Watch
from genred.history.history import History
from genred.history.records import Outcome, Record
from genred.web.app import create
from tests.web.forms import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def library(tmp_path: Path) -> Iterator[tuple[Config, str]]:
    """An empty library, and the address of the pages over it."""
    (tmp_path / "music").mkdir()
    config = Config(watch=Watch(directories=(tmp_path / "music",)))
    config = config.with_changes("history", url=f"sqlite:///{tmp_path}/history.db")
    with serving(create(lambda: config)) as url:
        yield config, url


def opened(chromium: "Browser", url: str, *, scripts: bool = True) -> "Page":
    page = chromium.new_context(base_url=url, java_script_enabled=scripts).new_page()
    page.set_default_timeout(60_000)
    page.goto("/service")
    return page


def decided(config: Config, name: str, outcome: Outcome = Outcome.FAILED) -> int:
    """Record a decision, as the service does beside; return its run."""
    history = History.open(config.database)
    run = history.start_run("scan", "0")
    record = Record(config.watch.directories[0] / name, outcome, "so it is")
    is_tagged = outcome is Outcome.TAGGED
    history.record(replace(record, genre="Jazz", model="m", written=("Jazz",)) if is_tagged else record)
    history.close()
    return run


def test_decisions_appear_as_they_are_made(chromium: "Browser", library: tuple[Config, str]) -> None:
    """No reload; a name with markup is a name."""
    config, url = library
    page = opened(chromium, url)
    page.get_by_text("Nothing was decided yet.").wait_for()
    decided(config, "<b>new.mp3")
    page.locator("#decisions").get_by_text("<b>new.mp3").wait_for()
    page.context.close()


def test_a_scan_is_started_and_followed_with_keys_alone(chromium: "Browser", library: tuple[Config, str]) -> None:
    """What became of it is seen without a reload, and can be read in whole."""
    _, url = library
    page = opened(chromium, url)
    page.get_by_role("button", name="Scan", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator("#jobs .job").filter(has_text=re.compile("scan.*done", re.DOTALL)).wait_for()
    page.get_by_role("link", name="all that scan 1 said").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("scan .*: done")).wait_for()
    assert "nothing new to look at" in page.get_by_role("region", name="What it said").inner_text()
    page.context.close()


def test_a_run_is_undone_without_scripts(chromium: "Browser", library: tuple[Config, str]) -> None:
    """A question comes first, and it can be left."""
    config, url = library
    run = decided(config, "song.mp3", Outcome.TAGGED)
    page = opened(chromium, url, scripts=False)
    page.get_by_role("link", name=f"Undo run {run}").click()
    page.get_by_role("link", name="Leave it").click()
    page.get_by_role("link", name=f"Undo run {run}").click()
    page.get_by_role("button", name="Undo").click()
    page.locator("#jobs .job").filter(has_text=f"undo run {run}").wait_for()
    page.context.close()
