import json
import logging
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import alembic.command
import alembic.config
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genred.errors import HistoryError, LockedError
from genred.fs.files import Stamp
from genred.fs.locks import locked
from genred.history import schema
from genred.history.database import MIGRATIONS, SCHEMA, version
from genred.history.history import History
from genred.history.journal import Begun, Journal, Proof, Undo
from genred.history.records import Outcome, Query, Record, Standing
from genred.history.schema import metadata

STAMP = Stamp(dev=1, ino=2, size=3, mtime_ns=4, ctime_ns=5)
SONG = Path("/music/song.mp3")


def tagged(path: Path = SONG, **more: object) -> Record:
    return Record(path, Outcome.TAGGED, "sure", genre="Rock", written=("Rock",), stamp=STAMP, **more)  # type: ignore[arg-type]  # fields of the record


def write(history: History, record: Record) -> Record:
    """A tag write as safewrite does it."""
    journal = Journal(history)
    with journal.exclusive():
        (write_id,) = journal.begin([Begun(record.path, record.path.with_name(".genred-x.tmp"), STAMP, record)])
        journal.ready({write_id: Proof(b"delta", b"before", b"after")})
        return journal.finish({write_id: STAMP})[0]


@given(name=st.binary(min_size=1, max_size=255).filter(lambda name: not {0, ord("/")} & set(name)))
def test_any_name_is_kept_to_the_byte(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    """Paths come back as they went in, and the view shows them as text."""
    folder = tmp_path_factory.getbasetemp() / "names"
    history = History.open(folder / "history.db")
    history.start_run("scan", "0")
    path = Path("/music") / os.fsdecode(name)
    history.record(Record(path, Outcome.KEPT, "theirs", stamp=STAMP))
    assert next(history.records(Query(limit=1))).path == path
    assert history.files.known(path) is not None
    with sqlite3.connect(folder / "history.db") as db:
        (text,) = db.execute("SELECT path FROM history ORDER BY id DESC LIMIT 1").fetchone()
    db.close()
    assert text.isprintable()
    history.close()


def test_the_view_is_the_contract(history: History) -> None:
    """Its columns, times in UTC and genres as JSON lists are what people's scripts rely on."""
    history.record(tagged(previous=("Unknown",), confidence=0.9, model="builtin-1"))
    with sqlite3.connect(history.path) as db:
        cursor = db.execute("SELECT * FROM history")
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    db.close()
    columns = "id, at, path, outcome, genre, confidence, previous, written, model, run, reason"
    assert ", ".join(row) == columns
    assert row["at"].endswith("Z")
    assert (json.loads(row["previous"]), json.loads(row["written"])) == (["Unknown"], ["Rock"])


def test_what_is_recorded_is_known_until_it_changes(history: History) -> None:
    """The one identity rule: same path, same stamp, done."""
    history.record(tagged())
    other = Stamp(dev=1, ino=2, size=3, mtime_ns=4, ctime_ns=6)
    new = SONG.with_name("new.mp3")
    assert list(history.files.unknown([(SONG, STAMP), (new, STAMP)])) == [(new, STAMP)]
    assert list(history.files.unknown([(SONG, other)])) == [(SONG, other)]


def test_what_passed_is_tried_again(history: History) -> None:
    """A file that failed for want of space is not done."""
    history.record(Record(SONG, Outcome.FAILED, "no space left", stamp=STAMP, standing=Standing.RETRY))
    assert list(history.files.unknown([(SONG, STAMP)])) == [(SONG, STAMP)]


def test_the_backlog_is_left_alone_unless_asked_for(history: History) -> None:
    """What was there before genred is known, but a scan may look at it."""
    assert history.files.note_backlog([(SONG, STAMP)], backlog=True) == 1
    assert list(history.files.unknown([(SONG, STAMP)])) == []
    assert list(history.files.unknown([(SONG, STAMP)], backlog=True)) == [(SONG, STAMP)]


@pytest.mark.parametrize("backlog", [True, False])
def test_a_file_met_on_another_disk_keeps_what_is_known_of_it(history: History, backlog: bool) -> None:
    """A copy with its times is the same file; another file of that name is looked at, or stays backlog."""
    other = SONG.with_name("other.mp3")
    history.record(tagged())
    history.record(tagged(other))
    history.files.note_backlog([(SONG.with_name("old.mp3"), STAMP)], backlog=True)
    copied = Stamp(dev=7, ino=8, size=3, mtime_ns=4, ctime_ns=9)
    edited = Stamp(dev=7, ino=9, size=4, mtime_ns=5, ctime_ns=9)
    new = SONG.with_name("new.mp3")
    met = [(SONG, copied), (other, edited), (SONG.with_name("old.mp3"), edited), (new, edited)]
    assert history.files.note_backlog(met, backlog=backlog) == (1 if backlog else 0)
    assert [path for path, _ in history.files.unknown(met)] == ([other] if backlog else [other, new])
    known = history.files.known(SONG)
    assert known is not None
    assert (known.standing, known.stamp) == (Standing.DONE, copied)


def test_a_renamed_file_is_recognised_by_its_inode(history: History) -> None:
    """It keeps what is known of it."""
    history.record(tagged())
    (known,) = history.files.of_file(STAMP)
    history.files.refresh(known, SONG.with_name("renamed.mp3"), STAMP)
    assert history.files.known(SONG) is None
    assert history.files.known(SONG.with_name("renamed.mp3")) is not None


def test_inodes_of_all_64_bits_are_kept(history: History) -> None:
    """SQLite's integers are signed; some file systems' inodes are not."""
    stamp = Stamp(dev=2**64 - 1, ino=2**63 + 5, size=1, mtime_ns=-1, ctime_ns=2)
    history.record(Record(SONG, Outcome.KEPT, "", stamp=stamp))
    known = history.files.known(SONG)
    assert known is not None
    assert known.stamp == stamp


def test_filters_of_the_history_compose(history: History) -> None:
    """Newest first, and all that are given must hold."""
    first = history.record(tagged())
    history.record(Record(Path("/music/sub/x.mp3"), Outcome.FAILED, "damaged"))
    history.record(Record(Path("/music2/x.mp3"), Outcome.FAILED, "damaged"))
    assert [r.path.name for r in history.records(Query(outcomes=(Outcome.FAILED,), path=Path("/music")))] == ["x.mp3"]
    assert [r.id for r in history.records(Query(genres=("rock",)))] == [first.id]
    assert [r.id for r in history.records(Query(limit=2))] == [3, 2]
    assert list(history.records(Query(since="2999"))) == []
    assert len(list(history.records(Query(path=Path("/"))))) == 3


def test_a_write_is_unfinished_until_its_record_appears(history: History) -> None:
    """Intent, way back and record are durable in this order."""
    journal = Journal(history)
    with journal.exclusive():
        (write_id,) = journal.begin([Begun(SONG, Path("/music/.t"), STAMP, tagged())])
        assert [(i.ready, i.temp) for i in journal.unfinished()] == [(False, Path("/music/.t"))]
        journal.ready({write_id: Proof(b"d", b"b", b"a")})
        assert [i.ready for i in journal.unfinished()] == [True]
        assert list(history.records(Query())) == []
        journal.finish({write_id: STAMP})
    assert journal.unfinished() == []
    assert [r.written for r in history.records(Query())] == [("Rock",)]


def test_another_process_can_finish_a_write(history: History) -> None:
    """The record to be is in the journal, whole; the draft in memory is only a short cut."""
    journal = Journal(history)
    draft = tagged(previous=("a", "b"), confidence=0.5, model="m", standing=Standing.PERSON)
    (write_id,) = journal.begin([Begun(SONG, Path("/music/.t"), STAMP, draft)])
    journal.ready({write_id: Proof(b"d", b"b", b"a")})
    later = History.open(history.path)
    record = Journal(later).finish({write_id: STAMP})[0]
    assert (record.previous, record.confidence, record.run, record.standing) == (("a", "b"), 0.5, 1, Standing.PERSON)
    later.close()


def test_an_abandoned_write_leaves_nothing(history: History) -> None:
    """Neither in the log nor in the journal."""
    journal = Journal(history)
    (write_id,) = journal.begin([Begun(SONG, Path("/music/.t"), STAMP, tagged())])
    journal.abandon(write_id)
    assert journal.unfinished() == []
    assert list(history.records(Query())) == []


def test_what_was_taken_back_cannot_be_taken_back_again(history: History) -> None:
    """Undo goes one step at a time, newest first, and never twice over the same."""
    first, second = write(history, tagged()), write(history, tagged())
    assert [undo.record.id for undo in Journal(history).undoable(Query())] == [second.id, first.id]
    history.record(Record(SONG, Outcome.UNDONE, "", stamp=STAMP, undoes=second.id))
    assert [undo.record.id for undo in Journal(history).undoable(Query())] == [first.id]


def test_genres_that_genred_wrote_are_remembered_until_undone(history: History) -> None:
    """So that a person's change of them is seen as such."""
    assert history.files.genres_written(SONG) is None
    done = write(history, tagged())
    history.record(Record(SONG, Outcome.KEPT, "", stamp=STAMP))
    assert history.files.genres_written(SONG) == ("Rock",)
    history.record(Record(SONG, Outcome.UNDONE, "", stamp=STAMP, undoes=done.id))
    assert history.files.genres_written(SONG) is None


def test_undo_records_age_and_the_log_does_not(history: History) -> None:
    """Retention drops what undo needs, never what happened."""
    write(history, tagged())
    assert history.forget_undo_records(1) == 0
    assert history.forget_undo_records(-1) == 1
    assert Journal(history).undoable(Query()) == []
    assert len(list(history.records(Query()))) == 1


def test_only_one_holds_a_lock(tmp_path: Path) -> None:
    """A second genred is told so; the lock is free again when the first ends."""
    with locked(tmp_path / "lock"), pytest.raises(LockedError, match="another genred"), locked(tmp_path / "lock"):
        pass
    with locked(tmp_path / "lock"):
        pass


def test_two_may_write_side_by_side(history: History) -> None:
    """The service and a command share the database without an error."""
    other = History.open(history.path)
    other.start_run("set", "0")

    def many(database: History) -> None:
        for _ in range(50):
            database.files.known(SONG)
            database.record(tagged())

    thread = threading.Thread(target=many, args=(other,))
    thread.start()
    many(history)
    thread.join()
    assert len(list(history.records(Query()))) == 100
    other.close()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_schema_of_the_code_is_that_of_the_migrations(history: History) -> None:
    """Alembic finds nothing to do in a new database."""
    import sqlalchemy as sa
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = sa.create_engine(f"sqlite:///{history.path}")
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_codes() -> None:
    """Whoever adds a migration and forgets the constant hears of it."""
    assert sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("0*.py"))[-1] == SCHEMA


def migrated(path: Path, revision: str) -> None:
    """Make a database of an older schema, by the migrations of that time."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = schema.connect(path)
    with schema.writing(path, engine) as db:
        config.attributes["connection"] = db
        alembic.command.upgrade(config, revision)
    engine.dispose()


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A database of the first schema, as its own migration made it, with a row in every table."""
    path = tmp_path / "history.db"
    migrated(path, "0001")
    song, old = b"/music/caf\xe9.mp3", b"/music/old.mp3"
    record = (
        1,
        "2026-01-01T00:00:01.000Z",
        song,
        r"/music/caf\xe9.mp3",
        "tagged",
        "Jazz",
        0.9,
        "[]",
        '["Jazz"]',
        "m",
        1,
        "",
        None,
    )
    with closing(sqlite3.connect(path)) as first, first:
        for table, row in [
            ("runs", (1, "2026-01-01T00:00:00.000Z", "run", "0.1")),
            ("roots", (b"/music",)),
            ("records", record),
            ("files", (1, song, 1, 2, 3, 4, 5, "done", 1, 1)),
            ("files", (2, old, 1, 3, 3, 4, 5, "backlog", None, None)),
            ("features", (1, "1", b"vector")),
            ("writes", (1, song, b"temp", 1, 2, 3, 4, 5, b"before", b"after", b"delta", None, 1)),
        ]:
            first.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - names of ours - our own names
    return path


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a database of the first schema holds."""
    with closing(sqlite3.connect(path)) as db:
        everything = dict.fromkeys(("runs", "features", "writes", "history"), "*")
        record = "id, at, path, path_text, outcome, genre, confidence, previous, written, model, run, reason, undoes"
        file = "id, path, dev, ino, size, mtime_ns, ctime_ns, standing, record, wrote"
        columns = everything | {"roots": "path", "records": record, "files": file}
        return {table: db.execute(f"SELECT {what} FROM {table}").fetchall() for table, what in columns.items()}  # noqa: S608 - names of ours


def test_an_older_database_is_migrated_and_loses_nothing(first: Path) -> None:
    """Every row is what it was, what it was is kept beside it, and it is worked with as if it had always been so."""
    before = rows(first)
    history = History.open(first)
    assert rows(first) == before
    assert history.file_systems(Path("/music")) == {""}
    history.start_run("run", "0")
    history.record(tagged(Path("/music/new.mp3")))
    assert [record.genre for record in history.records(Query())] == ["Rock", "Jazz"]
    assert history.files.genres_written(Path(os.fsdecode(b"/music/caf\xe9.mp3"))) == ("Jazz",)
    assert [undo.record.id for undo in Journal(history).standing(Query()) if isinstance(undo, Undo)] == [1]
    history.close()
    backup = first.with_name("history.db.schema-0001")
    assert rows(backup) == before
    assert version(backup) == "0001"
    History.open(first).close()


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A database of the third schema: a correction and a kept tag, a renamed file, and what an undo put back."""
    path = tmp_path / "history.db"
    migrated(path, "0003")
    changed = "genred wrote Jazz and a person changed it to Polka"
    log = [  # path, outcome, previous, written, model, reason, undoes
        ("/m/a", "tagged", "[]", '["Jazz"]', "m", "Jazz 0.9", None),
        ("/m/a", "kept", '["Polka"]', "[]", None, changed, None),
        ("/m/b", "tagged", "[]", '["Jazz"]', "m", "Jazz 0.9", None),
        ("/m/b", "kept", '["Jazz"]', "[]", None, "it has a genre already: Jazz", None),
        ("/m/c", "tagged", '["Other"]', '["Rock", "Pop"]', "m", "Rock 0.9", None),
        ("/m/c", "undone", '["Rock", "Pop"]', '["Other"]', None, "took back Rock, Pop", 5),
        ("/m/old name", "tagged", "[]", '["Jazz"]', "m", "Jazz 0.9", None),
        ("/m/d", "kept", "[]", "[]", None, "genred wrote Jazz and a person removed it", None),
        ("/m/e", "failed", "[]", "[]", None, "no audio in it", None),
        ("/m/f", "tagged", "[]", '["Polka"]', None, "a person set it", None),
    ]
    known = [("/m/a", 2, 1), ("/m/b", 4, 3), ("/m/c", 6, None), ("/m/d", 8, 7), ("/m/e", 9, None), ("/m/f", 10, 10)]
    record = "path, outcome, previous, written, model, reason, undoes"
    file = "path, dev, ino, size, mtime_ns, ctime_ns, standing, record, wrote"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO runs VALUES (1, '2026-01-01T00:00:00.000Z', 'run', '0.1')")
        for name, *rest in log:
            values = (name.encode(), *rest)
            db.execute(f"INSERT INTO records (at, run, {record}) VALUES ('2026', 1, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - names of ours
        for name, latest, wrote in known:
            values = (name.encode(), latest, wrote)
            db.execute(f"INSERT INTO files ({file}) VALUES (?, 1, 2, 3, 4, 5, 'done', ?, ?)", values)  # noqa: S608 - names of ours
    return path


def test_corrections_and_what_stands_now_are_found_in_an_older_history(third: Path) -> None:
    """Which write was corrected, until then said in words alone; what each file has, and who wrote it."""
    history = History.open(third)
    assert {record.id: record.corrects for record in history.records(Query()) if record.corrects} == {2: 1, 8: 7}
    assert now(third) == {
        "/m/a": (["Polka"], "you"),
        "/m/b": (["Jazz"], "genred"),
        "/m/c": (["Other"], "you"),
        "/m/d": ([], None),
        "/m/f": (["Polka"], "you"),
    }
    counts = history.counts()
    assert counts["shares"]["changed"] == 2
    assert (counts["now"], counts["now_by"]) == ({"Polka": 2, "Jazz": 1, "Other": 1}, {"genred": 1, "you": 3})
    history.close()


def now(path: Path) -> dict[str, tuple[list[str], str | None]]:
    """What the view `now` says of each file."""
    with closing(sqlite3.connect(path)) as db:
        return {path: (json.loads(genre), by) for path, genre, by in db.execute("SELECT path, genre, by FROM now")}


def test_the_view_now_is_the_contract(history: History) -> None:
    """Its columns, one row a file; album and artist are there and empty yet."""
    first = history.record(tagged(model="m", confidence=0.9))
    with closing(sqlite3.connect(history.path)) as db:
        cursor = db.execute("SELECT * FROM now")
        columns, row = [column[0] for column in cursor.description], cursor.fetchone()
        assert cursor.fetchone() is None
    assert columns == ["path", "genre", "by", "confidence", "at", "album", "artist"]
    assert row == (str(SONG), '["Rock"]', "genred", 0.9, first.at, None, None)


def test_the_view_now_tells_what_stands(history: History) -> None:
    """Written by genred, set, kept, corrected, put back, without a genre; a failure says nothing of a genre."""
    names = ("own", "set", "kept", "corrected", "undone", "none", "failed")
    own, set_, kept, corrected, undone, none, failed = (SONG.with_name(name) for name in names)
    first = {path: write(history, tagged(path, model="m")) for path in (own, corrected, undone, failed)}
    write(history, tagged(set_))
    history.record(Record(kept, Outcome.KEPT, "", previous=("Polka", "Waltz"), stamp=STAMP))
    correction = Record(corrected, Outcome.KEPT, "", previous=("Soul",), stamp=STAMP, corrects=first[corrected].id)
    history.record(correction)
    history.record(Record(undone, Outcome.UNDONE, "", written=("Other",), stamp=STAMP, undoes=first[undone].id))
    history.record(Record(none, Outcome.ABSTAINED, "", stamp=STAMP))
    history.record(Record(failed, Outcome.FAILED, "no space", stamp=STAMP))
    history.files.note_backlog([(SONG.with_name("backlog"), STAMP)], backlog=True)
    assert {Path(path).name: row for path, row in now(history.path).items()} == {
        "own": (["Rock"], "genred"),
        "set": (["Rock"], "you"),
        "kept": (["Polka", "Waltz"], "you"),
        "corrected": (["Soul"], "you"),
        "undone": (["Other"], "you"),
        "none": ([], None),
        "failed": (["Rock"], "genred"),
    }
    counts = history.counts()
    assert counts["genre"] == {"Rock": 5}
    assert counts["now"] == {"Rock": 3, "Other": 1, "Polka": 1, "Soul": 1, "Waltz": 1}
    assert (counts["now_by"], counts["now_genred"]) == ({"genred": 2, "you": 4}, {"Rock": 2})


def test_an_undone_decision_of_a_person_gives_genreds_answer_back(history: History) -> None:
    """What it was before they set theirs is what stands again, and genred's."""
    first = write(history, tagged(model="m"))
    theirs = write(history, Record(SONG, Outcome.TAGGED, "", written=("Polka",), previous=("Rock",), stamp=STAMP))
    undone = Record(SONG, Outcome.UNDONE, "", written=("Rock",), stamp=STAMP, undoes=theirs.id)
    assert history.record(undone).carries == first.id
    assert now(history.path) == {str(SONG): (["Rock"], "genred")}
    assert history.files.genres_written(SONG) == ("Rock",)


def test_a_migration_that_fails_changes_nothing(first: Path) -> None:
    """All of it happens, or nothing; the next start tries again."""
    with closing(sqlite3.connect(first)) as db:
        db.execute("CREATE TABLE places (in_the_way)")
    before = rows(first)
    with pytest.raises(HistoryError, match="places"):
        History.open(first)
    assert rows(first) == before
    with closing(sqlite3.connect(first)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'tally'").fetchall() == []
        db.execute("DROP TABLE places")
    History.open(first).close()


def test_without_a_backup_there_is_no_migration(first: Path) -> None:
    """Where none can be made it is told, and the database stays as it was."""
    first.with_name("history.db.schema-0001").mkdir()
    before = rows(first)
    with pytest.raises(HistoryError, match="Is a directory"):
        History.open(first)
    assert rows(first) == before


def test_a_newer_database_is_refused(history: History) -> None:
    """An old genred never touches what it doesn't understand."""
    with sqlite3.connect(history.path) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(HistoryError, match="newer genred"):
        History.open(history.path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    """Nothing is added to it."""
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(HistoryError, match="not one of genred's"):
        History.open(tmp_path / "other.db")


def test_a_database_without_its_version_is_refused(tmp_path: Path) -> None:
    """Nobody could say how to bring it up to date."""
    History.open(tmp_path / "x.db").close()
    with closing(sqlite3.connect(tmp_path / "x.db")) as db:
        db.execute("DELETE FROM alembic_version")
        db.commit()
    with pytest.raises(HistoryError, match="alembic_version is empty"):
        History.open(tmp_path / "x.db")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(HistoryError, match="a folder, and no history"):
        History.open(tmp_path)
    (tmp_path / "x.db").write_bytes(b"not a database at all, but long enough to look at" * 20)
    with pytest.raises(HistoryError, match=r"x\.db: file is not a database"):
        History.open(tmp_path / "x.db")


@pytest.mark.parametrize("statement", ["", "CREATE TABLE theirs (x)"])
def test_a_database_that_is_refused_is_let_go(tmp_path: Path, statement: str) -> None:
    """It isn't open any more, however it was refused: a person may move it away."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
    if not statement:
        path.write_bytes(b"not a database at all, but long enough to look at" * 20)
    with pytest.raises(HistoryError) as held:
        History.open(path)
    assert str(path) not in {file.path for file in psutil.Process().open_files()}, held.value


def test_a_full_database_is_told_from_a_damaged_one(history: History) -> None:
    """What passes, such as a full disk, is told from what stays."""

    def fails(sql: str) -> HistoryError:
        with pytest.raises(HistoryError) as caught, history.writing() as db:
            db.exec_driver_sql(sql)
        return caught.value

    with history.writing() as db:
        db.exec_driver_sql("PRAGMA max_page_count = 1")
    assert fails("CREATE TABLE t AS SELECT randomblob(1000000)").transient
    assert not fails("SELECT 1 FROM unheard_of").transient
