"""The library in figures, in a browser and as one file: every figure leads to as many rows as it says."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from genred.config import Config
from genred.history.history import History
from genred.history.records import Outcome
from genred.web import report
from genred.web.summary import Model, summary
from tests.command import Genred
from tests.web.story import EVIL

CARD = {
    "name": "own-1",
    "tracks": 30,
    "artists": 7,
    "figures": {
        "genres": ["Jazz", "Rock"],
        "recall": {"Jazz": 0.4, "Rock": 0.9},
        "precision": {"Jazz": 0.8, "Rock": 0.6},
        "confusion": [[4, 6], [2, 18]],
    },
}


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def history(told: Config) -> Iterator[History]:
    found = History.open(told.database, readonly=True)
    yield found
    found.close()


def all_rows(client: TestClient, url: str) -> list[str]:
    """Return the rows of all pages of a table, from this one on."""
    found: list[str] = []
    while True:
        answer = client.get(url)
        assert answer.status_code == 200, url
        found += re.findall(r'<tr role="row">\n(.*?)</tr>', answer.text, re.DOTALL)
        onward = re.search(r'href="([^"]*)" rel="next"', answer.text)
        if onward is None:
            return found
        url = unescape(onward[1])


def test_every_figure_has_as_many_rows_behind_it_as_it_says(client: TestClient, history: History) -> None:
    """Whose genres, which genres, outcomes, confidence, reasons, and what was decided when."""
    figures = summary(history, {})
    bars = [*figures.authors, *figures.genres, *figures.outcomes, *figures.confidence, *figures.reasons, *figures.times]
    counted = {bar.url: bar.total for bar in bars if bar.total}
    assert len(counted) > 12
    assert {url: len(all_rows(client, url)) for url in counted} == counted


def test_the_pages_show_the_figures(client: TestClient, history: History) -> None:
    """As links, on both pages; all of them on the page of all figures."""
    figures = summary(history, {})
    library = unescape(client.get("/library").text)
    for bar in (*figures.authors, *figures.genres, *figures.outcomes, *figures.confidence, *figures.reasons):
        assert bar.url in library
    assert all(bar.url in unescape(client.get("/").text) for bar in (*figures.authors, *figures.outcomes))
    assert f"{figures.with_genre} of {figures.files} files" in library


def test_the_report_is_the_page_of_all_figures_in_one_file(history: History) -> None:
    """No script, no address, nothing to click; and what it shows is what the page shows."""
    text = report.page(history, CARD, datetime(2026, 11, 26, tzinfo=UTC)).decode()
    elements = Elements(text).found
    assert not {"script", "link", "img", "iframe", "a", "form"} & {tag for tag, _ in elements}
    assert not any({"src", "href", "style"} & attributes.keys() for _, attributes in elements)
    assert "<style>" in text
    for words in ("by genred", "Genres now", "no audio can be read from it", "Mostly taken for", "own-1"):
        assert words in text


def test_a_model_is_told_by_its_card() -> None:
    """The best known genre first, each with the genre for which it is mostly taken."""
    model = Model.of(CARD)
    assert model is not None
    assert [(skill.genre, skill.tracks, skill.mistaken) for skill in model.skills] == [
        ("Rock", 20, "Jazz"),
        ("Jazz", 10, "Rock"),
    ]
    assert [skill.recognised.total for skill in model.skills] == [0.9, 0.4]


@pytest.mark.parametrize(
    "card", [{}, {"figures": 3}, CARD | {"figures": {"genres": ["Jazz"]}}, CARD | {"name": None, "tracks": "x"}]
)
def test_a_card_that_is_none_is_no_model(card: dict[str, object]) -> None:
    """The file of a model is a stranger's until it was checked."""
    assert Model.of(card) is None


def test_an_empty_library_is_told_in_words(home: Path, client: TestClient) -> None:
    """Before anything was decided every page stands, and the report too."""
    from genred.web.app import create

    config = Config().with_changes("history", url=f"sqlite:///{home}/new.db")
    with TestClient(create(lambda: config), base_url="http://127.0.0.1:8420") as empty:
        for url in ("/", "/library", "/library/mixed", "/history", "/now"):
            assert empty.get(url).status_code == 200, url
    history = History.open(home / "new.db")
    assert b"No file has a genre yet" in report.page(history, {}, datetime(2026, 11, 26, tzinfo=UTC))
    history.close()


def test_names_are_text_on_every_page(client: TestClient) -> None:
    """A folder named with markup, and a file that is no UTF-8, are shown and linked, and nothing of them is obeyed."""
    for url in ("/history?path=/", "/now", "/"):
        text = client.get(url).text
        assert EVIL not in text
        assert "<script>" not in text
    odd = [row for row in all_rows(client, "/now") if r"M\xfcnchen\n\x1b[31m.flac" in row]
    assert len(odd) == 1
    (link,) = re.findall(r'class="file" href="([^"]*)"', odd[0])
    assert len(all_rows(client, unescape(link))) == 1


@pytest.mark.parametrize(
    "query", ["outcome=lost", "since=yesterish", "run=x", "before=-1", "genre=%ff", "path=music", "by=me", "sure=101"]
)
def test_what_can_not_be_asked_for_is_told(client: TestClient, query: str) -> None:
    """With the answer that says so, and never with a page of something else."""
    table = "/now" if query.startswith("by") else "/history"
    assert client.get(f"{table}?{query}").status_code in (400, 404)


def test_a_script_gets_what_the_command_prints(client: TestClient, history: History) -> None:
    """The keys of `genred history --json` and of the view, and the address of the next rows in a header."""
    answer = client.get("/api/history?outcome=failed&limit=3")
    assert [list(row) for row in answer.json()] == [
        ["id", "at", "path", "outcome", "genre", "confidence", "previous", "written", "model", "run", "reason"]
    ] * 3
    assert answer.links["next"]["url"].startswith("/api/history?outcome=failed&limit=3&before=")
    now = client.get("/api/now?by=genred&limit=1000")
    assert "next" not in now.links
    assert len(now.json()) == history.figures.by_author()["genred"]
    assert list(now.json()[0]) == ["path", "genre", "by", "confidence", "at", "album", "artist"]
    assert {row["outcome"] for row in client.get("/api/history?outcome=kept&outcome=failed").json()} == {
        Outcome.KEPT,
        Outcome.FAILED,
    }


def test_genred_report_writes_one_file(
    genred: Genred, told: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is told to; else on stdout, which is no terminal here; and where it can't be written is said."""
    monkeypatch.setenv("GENRED_HISTORY_URL", f"sqlite:///{told.database}")
    page = tmp_path / "new" / "library.html"
    ran = genred("report", "-o", page)
    assert (ran.code, ran.out) == (0, f"{page}\n")
    printed = genred("report")
    assert printed.out.startswith("<!doctype html>")
    assert page.read_text().startswith("<!doctype html>")
    assert genred("report", "--json", "-o", page).out == f'{{"path": "{page}"}}\n'
    assert genred("report", "-o", tmp_path).code == 1
    assert genred("report", "-o", "-", "--open").code == 2


def test_a_report_is_opened_from_the_cache(
    genred: Genred, told: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who only wants to look finds no file in their way."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.setenv("GENRED_HISTORY_URL", f"sqlite:///{told.database}")
    ran = genred("report", "--open")
    assert (ran.code, ran.out) == (0, f"{tmp_path}/cache/genred-report.html\n")
    assert (tmp_path / "opened").read_text() == f"file://{tmp_path}/cache/genred-report.html\n"
