"""The log as it grows: nothing is lost and nothing comes twice, whatever becomes of the database."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genred.errors import HistoryError
from genred.history.following import Follower, Place
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from tests.history.filled import fill

ALL = Query()


@pytest.fixture
def follower(history: History) -> Iterator[Follower]:
    follower = Follower(history.path)
    yield follower
    follower.close()


def decide(history: History, *names: str, outcome: Outcome = Outcome.FAILED) -> list[int]:
    """Record decisions; return their numbers."""
    return [history.record(Record(Path("/m", name), outcome, "why")).id or 0 for name in names]


def began(path: Path) -> History:
    history = History.open(path)
    history.start_run("scan", "0")
    return history


def numbers(found: list[Record]) -> list[int | None]:
    return [record.id for record in found]


def test_it_begins_at_the_end_or_where_it_is_told(history: History, follower: Follower) -> None:
    """What comes next is told, oldest first; of what was before, as much as is asked for."""
    earlier = decide(history, "a", "b")
    found, place = follower.after(None, ALL, 10)
    assert (found, place and place.id) == ([], earlier[-1])
    later = decide(history, "c", "d", "e")
    found, place = follower.after(place, ALL, 10)
    assert numbers(found) == later
    assert follower.after(place, ALL, 10) == ([], place)
    assert numbers(follower.after(Place(), ALL, 10)[0]) == earlier + later
    assert numbers(follower.after(Place(earlier[0]), ALL, 10)[0]) == earlier[1:] + later


def test_a_place_moves_over_what_does_not_match(history: History, follower: Follower) -> None:
    """So that a follower of rare outcomes doesn't read everything again and again."""
    decide(history, "a")
    (kept,) = decide(history, "b", outcome=Outcome.KEPT)
    (last,) = decide(history, "c")
    found, place = follower.after(Place(), Query(outcomes=(Outcome.KEPT,)), 10)
    assert (numbers(found), place and place.id) == ([kept], last)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A history to which each example adds."""
    history = began(tmp_path_factory.mktemp("growing") / "history.db")
    yield history
    history.close()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), steps=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5)), min_size=1))
def test_in_steps_comes_what_the_history_has(growing: History, seed: int, steps: list[tuple[int, int]]) -> None:
    """However many are decided and read in between, and whatever the filters: all that match, once, in order."""
    rng = random.Random(seed)
    query = Query(
        outcomes=tuple(rng.sample(list(Outcome), rng.randrange(3))),
        genres=tuple(rng.sample(["rock", "Jazz"], rng.randrange(2))),
        path=rng.choice([None, Path("/m/a"), Path("/m/a/c")]),
    )
    follower = Follower(growing.path)
    _, place = follower.after(None, query, 1)
    assert place is not None
    start = place.id
    found: list[Record] = []
    for decisions, limit in steps:
        fill(growing, rng, decisions)
        some, place = follower.after(place, query, limit)
        found += some
    while (step := follower.after(place, query, 3))[1] != place:
        found += step[0]
        place = step[1]
    follower.close()
    assert numbers(found) == [number for number in numbers(list(growing.records(query)))[::-1] if (number or 0) > start]
    follower.close()


def test_nothing_is_lost_while_others_write(history: History, follower: Follower) -> None:
    """Three writers at once, and a reader that never waits for them."""
    others = [began(history.path) for _ in range(3)]
    writers = [threading.Thread(target=decide, args=(other, *map(str, range(20)))) for other in others]
    for writer in writers:
        writer.start()
    place: Place | None = Place()
    found: list[Record] = []
    while len(found) < 60:
        some, place = follower.after(place, ALL, 7)
        found += some
    for writer, other in zip(writers, others, strict=True):
        writer.join()
        other.close()
    assert numbers(found) == sorted(set(numbers(found)), key=lambda number: number or 0)
    assert follower.after(place, ALL, 7)[0] == []


def test_it_waits_for_a_history(home: Path) -> None:
    """Where there is none yet, all that comes is news: the first decision too."""
    path = home / "later" / "history.db"
    follower = Follower(path)
    found, place = follower.after(None, ALL, 10)
    assert (found, place) == ([], Place())
    assert "no history yet" in str(follower.trouble)
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    assert follower.after(place, ALL, 10) == ([], Place())
    assert "empty" in str(follower.trouble)
    history = began(path)
    ids = decide(history, "a", "b")
    found, place = follower.after(place, ALL, 10)
    assert (numbers(found), follower.trouble) == (ids, None)
    history.close()
    follower.close()
    follower.close()


def test_it_goes_on_over_restarts_of_the_service(history: History, follower: Follower) -> None:
    """SQLite empties its log of writes when the last writer closes, and makes it anew for the next."""
    place: Place | None = Place()
    found: list[Record] = []
    ids = decide(history, "a")
    for number in range(3):
        some, place = follower.after(place, ALL, 10)
        found += some
        other = began(history.path)
        history.close()
        ids += decide(other, str(number))
        other.close()
    found += follower.after(place, ALL, 10)[0]
    assert numbers(found) == ids


def test_it_waits_until_an_older_history_is_brought_up_to_date(history: History, follower: Follower) -> None:
    """A follower changes nothing in the database, and leaves that to the next start of the service."""
    decide(history, "a")
    history.close()
    with sqlite3.connect(history.path) as db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
    db.close()
    found, place = follower.after(None, ALL, 10)
    assert (found, place and place.id) == ([], 1)
    assert "older genred" in str(follower.trouble)
    with sqlite3.connect(history.path) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        db.execute("UPDATE alembic_version SET version_num = '0007'")
    db.close()
    other = began(history.path)
    ids = decide(other, "b")
    other.close()
    assert numbers(follower.after(place, ALL, 10)[0]) == ids


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer genred"),
        ("DROP TABLE alembic_version", "not one of genred's"),
    ],
)
def test_what_no_waiting_helps_with_is_an_error(
    history: History, follower: Follower, change: str, message: str
) -> None:
    """Also in the middle: after an update a restart takes the new program, and what is somebody else's stays so."""
    follower.after(None, ALL, 10)
    with sqlite3.connect(history.path) as db:
        db.execute(change)
    db.close()
    with pytest.raises(HistoryError, match=message):
        follower.after(Place(), ALL, 10)


def test_another_history_is_told_from_the_beginning(history: History, follower: Follower) -> None:
    """Somebody deleted the database, and the service began a new one: its numbers say nothing."""
    decide(history, *map(str, range(5)))
    _, place = follower.after(None, ALL, 10)
    history.close()
    for file in history.path.parent.glob("history.db*"):
        file.unlink()
    found, place = follower.after(place, ALL, 10)
    assert "no history yet" in str(follower.trouble)
    other = began(history.path)
    ids = decide(other, "a", "b")
    found, place = follower.after(place, ALL, 10)
    assert (numbers(found), place and place.id) == (ids, 2)
    other.close()


def test_a_restored_history_goes_on_where_it_was_cut(history: History, follower: Follower) -> None:
    """What a backup has was told, and what comes is news, under numbers that were others' before."""
    decide(history, "a", "b")
    history.close()
    backup = Path(shutil.copy(history.path, history.path.with_name("backup")))
    other = began(history.path)
    decide(other, "c", "d")
    _, place = follower.after(None, ALL, 10)
    assert place is not None
    assert place.id == 4
    other.close()
    follower.close()
    for file in history.path.parent.glob("history.db*"):
        file.unlink()
    shutil.copy(backup, history.path)
    found, place = follower.after(place, ALL, 10)
    assert (found, place and place.id) == ([], 2)
    other = began(history.path)
    ids = decide(other, "x", "y", "z")
    assert numbers(follower.after(place, ALL, 10)[0]) == ids == [3, 4, 5]
    other.close()


def test_a_number_that_never_was_is_an_error(history: History, follower: Follower) -> None:
    """A person who names it means another history, and would miss what this one has."""
    decide(history, "a")
    with pytest.raises(HistoryError, match="no decision 7 yet, the newest is 1"):
        follower.after(Place(7), ALL, 10)


def test_retention_takes_nothing_from_it(history: History, follower: Follower) -> None:
    """`history.retention_days` forgets what undo needs, and no decision."""
    ids = decide(history, "a", "b")
    history.forget_undo_records(0)
    assert numbers(follower.after(Place(), ALL, 10)[0]) == ids


SCRIPT = """
import sys
from pathlib import Path
from genred.history.following import Follower, Place
from genred.history.records import Query

follower = Follower(Path(sys.argv[1]))
print([record.id for record in follower.after(Place(), Query(), 10)[0]], follower.trouble)
"""


@pytest.mark.slow
def test_it_needs_no_right_to_write(history: History) -> None:
    """A folder may be read-only for it: it reads while the service is at work, and while nobody is."""
    folder = history.path.parent

    def looked() -> str:
        shell = f'mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec "$@"'
        command = ["unshare", "-Urm", "sh", "-c", shell, "sh", sys.executable, "-c", SCRIPT, str(history.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "unshare" in done.stderr or "mount" in done.stderr:
            pytest.skip("no user namespaces here")
        assert done.returncode == 0, done.stderr
        return done.stdout

    decide(history, "a", "b")
    assert looked() == "[1, 2] None\n"
    history.close()
    assert looked() == "[1, 2] None\n"


@contextmanager
def closed() -> Iterator[None]:
    """No folder and no file can be written to by who looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
        yield


def test_news_in_a_folder_that_cannot_be_written_to(history: History, follower: Follower) -> None:
    """Are noticed when somebody opens the database, while it is open, and after it was closed again."""
    decide(history, "a")
    history.close()
    with closed():
        found, place = follower.after(Place(), ALL, 10)
        assert (numbers(found), follower.after(place, ALL, 10)) == ([1], ([], place))
    other = began(history.path)
    with closed():
        for name in ("b", "c"):
            decide(other, name)
            found, place = follower.after(place, ALL, 10)
            assert [record.path.name for record in found] == [name]
        decide(other, "d")
        other.close()
        found, place = follower.after(place, ALL, 10)
        assert [record.path.name for record in found] == ["d"]
