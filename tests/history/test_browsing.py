"""Pages of the history: together they are the whole, wherever they are cut."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genred.history import browsing, files_now
from genred.history.browsing import Browsing, Page
from genred.history.files_now import NOBODY, Wanted
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from tests.history.filled import fill

WORDS = ("", "a", "björk", "ROOTS", "100%", "_", "é", "3", "a b", "failed to", "nowhere")

several = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def full(history: History) -> History:
    """A history of two runs."""
    rng = random.Random(0)
    fill(history, rng, 90)
    history.start_run("run", "0")
    fill(history, rng, 60)
    return history


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (browsing, files_now):
        monkeypatch.setattr(module, "CHUNK", 5)


queries = st.builds(
    Query,
    genres=st.sampled_from([(), ("rock",), ("Rock", "Zydeco")]),
    outcomes=st.sampled_from([(), (Outcome.TAGGED,), (Outcome.FAILED, Outcome.KEPT)]),
    path=st.sampled_from([None, Path("/m/a"), Path("/m")]),
    run=st.sampled_from([None, 1, 2, 9]),
    twentieth=st.sampled_from([None, None, 0, 7, 19]),
    reason=st.sampled_from([None, None, "100% sure"]),
    latest=st.booleans(),
    text=st.sampled_from(WORDS),
)
wants = st.builds(
    Wanted,
    genre=st.sampled_from(["", "", "ROCK", "électro", "Zydeco"]),
    by=st.sampled_from(["", "", "you", "genred", NOBODY]),
    artist=st.sampled_from(["", "", "roots, the", "bjork"]),
    album=st.sampled_from(["", "", "album 1"]),
    path=st.sampled_from([None, None, Path("/m/a"), Path("/m/a b/3 100% Éa.mp3"), Path("/m")]),
    text=st.sampled_from(WORDS),
)
sizes = st.integers(1, 9)
clocks = st.sampled_from([lambda: 0.0, count().__next__])
"""A machine that is never late, and one whose time is always over."""


def forward(turn: Callable[[Any], Page[Any, Any]]) -> Iterator[Page[Any, Any]]:
    page = turn(None)
    yield page
    while page.onward is not None:
        page = turn(page.onward)
        yield page


@several
@given(queries, sizes, clocks)
def test_pages_of_decisions_are_all_that_match(full: History, query: Query, size: int, clock: Any) -> None:
    """One after the other, in their order, none twice, and full but for the last or a search cut short."""
    pages = list(forward(lambda key: Browsing(full.reading, clock, size=size).decisions(query, below=key)))
    assert [row for page in pages for row in page.rows] == list(full.records(query))
    assert all(len(page.rows) == size or page.is_cut for page in pages[:-1])


@several
@given(wants, sizes, clocks)
def test_pages_of_files_are_all_that_match(full: History, wanted: Wanted, size: int, clock: Any) -> None:
    """The same of the files, against a plain look at every row of the view."""
    pages = list(forward(lambda key: Browsing(full.reading, clock, size=size).files(wanted, after=key)))
    every = Browsing(full.reading, size=1000).files(Wanted()).rows
    expected = [row for row in every if matches(row.as_json(), wanted)]
    assert [row for page in pages for row in page.rows] == expected
    assert all(len(page.rows) == size or page.is_cut for page in pages[:-1])


def matches(row: dict[str, Any], wanted: Wanted) -> bool:
    path, here = row["path"], str(wanted.path)
    text = f"{path} {row['artist']} {row['album']}".casefold()
    return (
        (not wanted.genre or wanted.genre.casefold() in [genre.casefold() for genre in row["genre"]])
        and (not wanted.by or (row["by"] or NOBODY) == wanted.by)
        and (not wanted.artist or {"roots, the": "The Roots", "bjork": "Björk"}[wanted.artist] == row["artist"])
        and (not wanted.album or row["album"] == "Album 1")
        and (wanted.path is None or path == here or path.startswith(f"{here}/"))
        and all(word.casefold() in text for word in wanted.text.split())
    )


@several
@given(queries, sizes, clocks)
def test_a_page_back_shows_what_was_left(full: History, query: Query, size: int, clock: Any) -> None:
    """From the last page to the first all rows come again, none twice, whatever a search was cut to."""
    turning = Browsing(full.reading, clock, size=size)
    page = list(forward(lambda key: turning.decisions(query, below=key)))[-1]
    found = list(page.rows)
    while page.back is not None:
        first = page.back
        page = turning.decisions(query, above=page.back)
        found = [*page.rows, *(row for row in found if row not in page.rows)]
        assert page.back is None or page.back > first
    assert found == list(full.records(query))


@several
@example(Wanted(path=Path("/m"), text="a"), 5, count().__next__)  # the last row is the last one of a part
@given(wants, sizes, clocks)
def test_a_page_of_files_back_shows_what_was_left(full: History, wanted: Wanted, size: int, clock: Any) -> None:
    turning = Browsing(full.reading, clock, size=size)
    pages = list(forward(lambda key: turning.files(wanted, after=key)))
    page, found = pages[-1], list(pages[-1].rows)
    while page.back is not None:
        last = page.back
        page = turning.files(wanted, before=page.back)
        found = [*page.rows, *(row for row in found if row not in page.rows)]
        assert page.back is None or bytes(page.back) < bytes(last)
    assert found == [row for page in pages for row in page.rows]


@settings(several, max_examples=15)
@given(queries, sizes)
def test_decisions_made_meanwhile_move_no_page(full: History, query: Query, size: int) -> None:
    """Who reads on finds what was there when reading began, and nothing twice."""
    before = list(full.records(query))
    rng = random.Random(1)
    turning = Browsing(full.reading, size=size)
    found: list[Record] = []
    for page in forward(lambda key: turning.decisions(replace(query, latest=False), below=key)):
        found += page.rows
        fill(full, rng, 1)
    if not query.latest:
        assert found == before
