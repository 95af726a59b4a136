"""The library in figures: what was counted as files changed is what a count of all files finds."""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from genred.fs.files import Stamp
from genred.history.figures import MixedAlbum, Reason
from genred.history.files_now import Wanted
from genred.history.history import History
from genred.history.library import Indexed
from genred.history.records import Author, Outcome, Query, Record
from genred.names import VARIOUS, Labels
from tests.history.filled import fill, stamp


@pytest.fixture
def churned(history: History) -> History:
    """A history whose files were decided about, read, moved, and lost."""
    rng = random.Random(3)
    for _ in range(6):
        fill(history, rng, 25)
        named = Labels(artist=rng.choice(["Ann", "", "Various Artists"]), album=rng.choice(["One", ""]))
        path = Path(f"/m/read/{rng.randrange(4)}.mp3")
        history.library.note_all([Indexed(path, stamp(path), named, ("Dub",), Author.YOU)])
        known = history.files.known(Path("/m/a/3 100% Éa.mp3"))
        if known is not None:
            history.files.refresh(known, Path("/m/moved.mp3"), known.stamp)
        with history.writing() as db:
            db.exec_driver_sql("DELETE FROM features")
            db.exec_driver_sql("DELETE FROM files WHERE id % 11 = 5")
    return history


def rows(history: History, sql: str) -> list[tuple[object, ...]]:
    with history.reading() as db:
        return [tuple(row) for row in db.execute(sa.text(sql))]


def test_files_are_counted_by_their_latest_decision(churned: History) -> None:
    """Also those that were decided about again, renamed or forgotten."""
    latest = list(churned.records(Query(latest=True)))
    outcomes = Counter(record.outcome for record in latest)
    assert churned.figures.outcomes() == {outcome: outcomes[outcome] for outcome in Outcome}
    trouble = [record for record in latest if record.outcome in (Outcome.FAILED, Outcome.SKIPPED)]
    reasons = Counter((record.outcome, record.reason) for record in trouble)
    expected = {Reason(outcome, reason, count) for (outcome, reason), count in reasons.items()}
    assert set(churned.figures.reasons(100)) == expected
    assert len(expected) > 2


def test_each_column_of_the_confidence_has_its_rows(churned: History) -> None:
    """A column is as high as there are decisions behind its link."""
    confidence = churned.figures.confidence()
    assert sum(confidence[Outcome.TAGGED]) > 5
    for step in range(20):
        query = Query(outcomes=(Outcome.TAGGED, Outcome.ABSTAINED), latest=True, twentieth=step)
        assert len(list(churned.records(query))) == sum(counts[step] for counts in confidence.values())


@pytest.mark.parametrize(
    ("confidence", "twentieth"), [(0.0, 0), (0.05, 1), (0.8, 16), (0.15, 3), (0.999, 19), (1.0, 19)]
)
def test_a_confidence_on_the_edge_is_in_the_column_above_it(
    history: History, confidence: float, twentieth: int
) -> None:
    """Whatever binary fractions make of it, and full confidence in the last one."""
    path = Path("/m/a.mp3")
    record = Record(path, Outcome.TAGGED, "", "Jazz", confidence, written=("Jazz",), model="builtin", stamp=stamp(path))
    history.record(record)
    assert history.figures.confidence()[Outcome.TAGGED].index(1) == twentieth


def test_albums_with_several_genres_are_found(churned: History) -> None:
    """Every one, in the order of artist and album, on however many pages; compilations and nameless ones are none."""
    found: dict[tuple[str, str], Counter[str]] = {}
    sql = "SELECT album_artist_key, album_key, genre FROM files WHERE genre <> '[]' AND album_key IS NOT NULL"
    for artist, album, genre in rows(churned, sql):
        if artist not in (None, VARIOUS):
            found.setdefault((str(artist), str(album)), Counter())[str(genre)] += 1
    expected = [counts for _, counts in sorted(found.items()) if len(counts) > 1]
    assert len(expected) > 2
    albums: list[MixedAlbum] = []
    after = None
    while page := churned.figures.mixed(after, size=2):
        albums += page.rows
        if page.onward is None:
            break
        after = page.onward
    assert [
        {json.dumps(genres, ensure_ascii=False): n for genres, n in album.genres.items()} for album in albums
    ] == expected
    assert churned.figures.count_mixed(1000) == len(expected)
    assert churned.figures.count_mixed(2) == 2


def test_an_album_is_named_as_its_files_name_it(history: History) -> None:
    """Not by the keys that compare names."""
    for number, genre in enumerate(("Jazz", "Soul")):
        path = Path(f"/m/{number}.mp3")
        labels = Labels(artist="Ann", album_artist="The Björks", album="Vol. 1 (Disc 1)")
        history.record(
            Record(path, Outcome.KEPT, "", previous=(genre,), stamp=Stamp(1, number, 1, 1, 1), labels=labels)
        )
    (album,) = history.figures.mixed().rows
    assert (album.artist, album.album) == ("The Björks", "Vol. 1 (Disc 1)")
    assert album.files == 2
    assert len(history.browsing.files(Wanted(artist=album.artist, album=album.album)).rows) == 2


def test_authors_genres_and_unread_files_add_up(churned: History) -> None:
    """Every known file is somebody's, nobody's, or was never read."""
    history = churned
    history.files.note_backlog([("/m/new.mp3", Stamp(1, 999, 1, 1, 1))], backlog=True)
    by = history.figures.by_author()
    assert sum(by.values()) + history.figures.count_unseen() == history.files.count_known()
    assert by["you"] > 0
    assert by["genred"] > 0
    genres = history.figures.genres()
    counted = Counter(
        (genre, by)
        for genres_, by in rows(history, 'SELECT genre, "by" FROM files WHERE "by" IS NOT NULL')
        for genre in set(json.loads(str(genres_)))
    )
    assert {(genre, by): n for genre, both in genres.items() for by, n in both.items() if n} == counted


def test_months_are_those_of_the_decisions(history: History) -> None:
    """However a clock jumps: what is asked for by time is found, and nothing else."""
    path = Path("/m/a.mp3")
    for number, moment in enumerate(
        ("2026-03-31T23:59:59.999Z", "2025-12-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z")
    ):
        history.record(replace(Record(path, Outcome.FAILED, str(number)), stamp=stamp(path)))
        with history.writing() as db:
            db.execute(sa.text("UPDATE records SET at = :at WHERE id = :id"), {"at": moment, "id": number + 1})
    for since, until, found in (
        ("2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", ["2", "0"]),
        ("2025-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", ["1"]),
        ("2026-03-02T00:00:00.000Z", None, ["0"]),
        ("2027-01-01T00:00:00.000Z", None, []),
        (None, "2025-11-30T00:00:00.000Z", []),
    ):
        assert [record.reason for record in history.records(Query(since=since, until=until))] == found
