"""The log, opened by who only reads it: the same as through the history, and without SQLAlchemy."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from genred.errors import HistoryError
from genred.history.database import SCHEMA, version
from genred.history.history import History
from genred.history.log import reading
from genred.history.records import Outcome, Query, Record
from tests.history.test_history import migrated
from tests.recipes import eventful


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eventful(tmp_path_factory.mktemp("log") / "history.db")


def test_who_only_reads_gets_the_same(database: Path) -> None:
    """Decisions, counts and runs, while another process has the database open for writing."""
    with closing(History.open(database)) as history, history.writing(), reading(database) as log:
        for query in (Query(), Query(outcomes=(Outcome.TAGGED, Outcome.FAILED), limit=3), Query(text="husband sinner")):
            assert list(log.records(query)) == list(history.records(query))
        assert log.counts() == history.counts()
        assert log.runs(5) == history.runs(5) != []


def test_paths_are_read_to_the_byte(history: History) -> None:
    """A name that is no UTF-8 comes out as it went in, and is found."""
    path = Path(os.fsdecode(b"/music/caf\xe9\n100%_/a.mp3"))
    history.record(Record(path, Outcome.FAILED, "no sound"))
    with reading(history.path) as log:
        for query in (Query(path=path), Query(path=path.parent), Query(text="100%_"), Query(text="NO SOUND")):
            assert [record.path for record in log.records(query)] == [path], query
        assert list(log.records(Query(text="100_%"))) == []


def test_no_sqlalchemy_is_imported(database: Path) -> None:
    """It takes longer to import than everything else that `genred history` does."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom genred.history.log import reading\n"
        "from genred.history.records import Query\n"
        "with reading(Path(sys.argv[1])) as log:\n    assert list(log.records(Query())) and log.counts()\n"
        "sys.exit('sqlalchemy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(database)], check=True)


def test_an_older_database_is_migrated_to_be_read(tmp_path: Path) -> None:
    """By who finds it, as far as the folder can be written to."""
    path = tmp_path / "history.db"
    migrated(path, "0001")
    with reading(path) as log:
        assert list(log.records(Query())) == []
    assert version(path) == SCHEMA


def test_in_a_folder_that_cannot_be_written_to_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is of this schema is read all the same; an older one is left for who may write there."""
    path, older = tmp_path / "history.db", tmp_path / "older.db"
    eventful(path)
    migrated(older, "0001")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    before = sorted(tmp_path.iterdir()), path.read_bytes()
    with reading(path) as log:
        assert log.counts()["outcome"]
        with pytest.raises(HistoryError, match="readonly"), log.asking() as db:
            db.execute("DELETE FROM records")
    with pytest.raises(HistoryError, match=r"older\.db: written by an older genred \(schema 0001\)"), reading(older):
        pass
    assert (sorted(tmp_path.iterdir()), path.read_bytes()) == before


@pytest.mark.parametrize(
    ("ends", "is_read"),
    [(["-wal", "-shm"], True), (["-wal"], False), (["-shm"], True), ([], True)],
    ids=["log and index", "log", "index", "neither"],
)
def test_a_copy_in_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: list[str], is_read: bool
) -> None:
    """It is read, unless its newest decisions can't be; then the message says how. Nothing is made beside it."""
    copy = tmp_path / "copy" / "history.db"
    copy.parent.mkdir()
    eventful(tmp_path / "history.db")
    with closing(History.open(tmp_path / "history.db")) as history:
        history.start_run("scan", "0")
        for end in ["", *ends]:
            shutil.copy(f"{history.path}{end}", f"{copy}{end}")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    before = sorted(copy.parent.iterdir())
    if is_read:
        with reading(copy) as log:
            assert log.counts()["outcome"]
    else:
        with (
            pytest.raises(HistoryError, match=r"in history\.db-wal, which can't be read.*copy both files"),
            reading(copy),
        ):
            pass
    assert sorted(copy.parent.iterdir()) == before


def test_an_empty_log_without_an_index_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of a folder leave one behind."""
    eventful(tmp_path / "history.db")
    (tmp_path / "history.db-wal").touch()
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    with reading(tmp_path / "history.db") as log:
        assert log.counts()["outcome"]


@pytest.mark.parametrize("right", [os.R_OK, os.W_OK])
def test_another_users_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: int) -> None:
    """In a group's folder the file alone may be closed: it isn't opened to write, which would make files there."""
    path = tmp_path / "history.db"
    eventful(path)
    monkeypatch.setattr(os, "access", lambda asked, mode: asked != path or mode != right)
    if right == os.R_OK:
        with pytest.raises(HistoryError, match=r"history\.db: can't be read by you"), reading(path):
            pass
        return
    with reading(path) as log, pytest.raises(HistoryError, match="readonly"), log.asking() as db:
        db.execute("DELETE FROM records")
    with pytest.raises(HistoryError, match=r"history\.db: can't be written to"):
        History.open(path)


def test_a_newer_database_is_not_read(history: History) -> None:
    """What its columns mean isn't known."""
    with closing(sqlite3.connect(history.path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(HistoryError, match="newer genred"), reading(history.path):
        pass


def test_trouble_while_reading_is_told_with_the_path(history: History) -> None:
    """As an error for people, also after it was opened."""
    with reading(history.path) as log:
        with history.writing() as db:
            db.exec_driver_sql("DROP TABLE tally")
        with pytest.raises(HistoryError, match=r"history\.db: no such table: tally"):
            log.counts()
