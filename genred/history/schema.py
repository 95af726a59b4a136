"""The tables, their migrations, and connections that write (SQLAlchemy lives in this room alone).

One SQLite file in WAL mode. `records` is the append-only log that the users' view ``history`` shows; `files` is what is
known of each path now, and what the view ``now`` shows; `writes` is the journal that makes a tag write a transaction
and keeps the undo records. Paths are kept as the bytes the file system holds; times are ISO 8601 in UTC.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.errors import HistoryError
from genred.fs.files import Stamp, readable
from genred.history import database
from genred.history.backup import copy_whole
from genred.history.database import MIGRATIONS, SCHEMA, failed, inside, translated
from genred.names import Labels

Connecting = Callable[[], AbstractContextManager[sa.Connection]]
"""Opens a connection, for reading or for writing."""

metadata = sa.MetaData()

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
)

# Folders and mount points in them, with the file systems that were seen there; "" where an older schema noted none.
roots = sa.Table(
    "roots",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("file_system", sa.Text, primary_key=True, server_default=""),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("path", sa.LargeBinary, nullable=False, index=True),
    sa.Column("path_text", sa.Text),  # only where the bytes aren't fit for reading
    sa.Column("outcome", sa.Text, nullable=False, index=True),
    sa.Column("genre", sa.Text, index=True),
    sa.Column("confidence", sa.Float),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("written", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("undoes", sa.ForeignKey("records.id")),
    sa.Column("corrects", sa.ForeignKey("records.id")),  # the write of genred's that a person, or the album, corrected
    sa.Column("carries", sa.ForeignKey("records.id")),  # the write of genred's whose genres the file still or again has
    sa.Column("evidence", sa.Text),  # what decided, beside the tags: "track", "album", "artist" or "mates"
    sa.Index("ix_records_outcome_genre", "outcome", "genre"),
    sa.Index("ix_records_outcome_confidence", "outcome", "confidence"),
    sa.Index("ix_records_undoes", "undoes", sqlite_where=sa.text("undoes IS NOT NULL")),
    # And ix_records_path_text, on an expression, which SQLAlchemy can't compare with the database's.
    sa.Index("ix_records_corrects", "outcome", sqlite_where=sa.text("corrects IS NOT NULL")),
    sa.Index("ix_records_evidence", "evidence", sqlite_where=sa.text("evidence IS NOT NULL")),
)

# How many decisions, "" where there is no genre or no model; a trigger counts.
tally = sa.Table(
    "tally",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("outcome", "genre", "model", "month")),
    sa.Column("count", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The first and the last decision of each month; triggers note them.
months = sa.Table(
    "months",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("last", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# How many files have these genres now, "" where nobody wrote them; triggers on `files` count.
tally_now = sa.Table(
    "tally_now",
    metadata,
    sa.Column("genre", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# How many files have this as their latest decision; triggers on `files` count. The reason is "" but for failed and
# skipped ones, and the confidence is told in twentieths, -1 where there is none.
tally_latest = sa.Table(
    "tally_latest",
    metadata,
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("twentieth", sa.Integer, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# How many files of an album have these genres, of files that have any; the artist is "" where nobody is named.
tally_albums = sa.Table(
    "tally_albums",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("artist_key", "album_key", "genre")),
    sa.Column("count", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

STAMP = ("dev", "ino", "size", "mtime_ns", "ctime_ns")

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.LargeBinary, nullable=False, unique=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in STAMP),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("record", sa.ForeignKey("records.id"), index=True),
    sa.Column("wrote", sa.ForeignKey("records.id")),  # the tag write in force, whatever the file is called since
    # For the view `now`, as of the last look: a path fit for reading where the bytes aren't; the genres, as JSON, and
    # who wrote them ("you", "genred"). The labels are NULL until the tags were read, the keys also where there is none.
    *(sa.Column(name, sa.Text) for name in ("path_text", "genre", "by", "album", "artist", "album_artist")),
    *(sa.Column(name, sa.Text) for name in ("artist_key", "album_artist_key", "album_key")),
    sa.Column("compilation", sa.Integer),
    sa.Index("ix_files_inode", "ino", "dev"),
    sa.Index("ix_files_content", "size", "mtime_ns"),
    sa.Index("ix_files_artist", "artist_key", sqlite_where=sa.text("artist_key IS NOT NULL")),
    sa.Index("ix_files_library", "album_artist_key", "album_key", "genre", sqlite_where=sa.text("\"by\" = 'you'")),
    sa.Index("ix_files_unread", "path", sqlite_where=sa.text("album IS NULL")),
    sa.Index("ix_files_genre", "genre", "by", "path"),
    sa.Index("ix_files_album", "album_key", "album_artist_key", sqlite_where=sa.text("album_key IS NOT NULL")),
    # And ix_files_path_text, on an expression.
)

features = sa.Table(
    "features",
    metadata,
    sa.Column("file", sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Text, nullable=False, index=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)

writes = sa.Table(
    "writes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.LargeBinary, nullable=False),
    sa.Column("temp", sa.LargeBinary, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in STAMP),
    sa.Column("before_sha256", sa.LargeBinary),
    sa.Column("after_sha256", sa.LargeBinary),
    sa.Column("delta", sa.LargeBinary),
    sa.Column("draft", sa.Text),  # the record to be, until it is one
    sa.Column("record", sa.ForeignKey("records.id"), index=True),
)


def columns_of(stamp: Stamp) -> dict[str, int]:
    """Return a stamp for SQLite, whose integers are signed; some file systems use all 64 bits of an inode."""
    return {name: (getattr(stamp, name) + 2**63) % 2**64 - 2**63 for name in STAMP}


def stamp_in(row: sa.Row[Any]) -> Stamp:
    """Return the stamp in a row of `files` or `writes`."""
    dev, ino, *rest = (getattr(row, name) for name in STAMP)
    return Stamp(dev % 2**64, ino % 2**64, *rest)


LABELS = ("artist", "album_artist", "album", "compilation", "artist_key", "album_artist_key", "album_key")
"""The columns of `files` that hold the labels of a file, and the keys by which the labels are compared."""


def columns_of_labels(labels: Labels) -> dict[str, Any]:
    """Return the labels of a file as columns of `files`; all names are ``""`` and not NULL once the tags were read."""
    return {
        "artist": labels.artist,
        "album_artist": labels.album_artist,
        "album": labels.album,
        "compilation": int(labels.compilation),
        "artist_key": labels.artist_key or None,
        "album_artist_key": labels.album_artist_key or None,
        "album_key": labels.album_key or None,
    }


def labels_in(row: sa.Row[Any]) -> Labels | None:
    """Return the labels in a row of `files`; None where the tags were not read yet."""
    if row.album is None:
        return None
    return Labels(row.artist or "", row.album_artist or "", row.album, bool(row.compilation))


def at_or_below(column: sa.ColumnElement[bytes], path: Path) -> sa.ColumnElement[bool]:
    """Return the condition that a path column names this file, or a file below this folder."""
    first, behind = inside(path)
    return sa.or_(column == os.fsencode(path), sa.and_(column >= first, column < behind))


def by_no_index(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the column so that SQLite uses no index on it: SQLite can't tell a rare value from a common one."""
    return sa.UnaryExpression(column, operator=sa.sql.operators.custom_op("+"), type_=column.type)


def path_text(path: Path) -> str | None:
    """Return a path in readable form, None where the path is readable as it is."""
    return None if (text := readable(path)) == str(path) else text


_FORGET_FEATURES = """
DELETE FROM features WHERE file = (SELECT id FROM files WHERE path = ? AND (size, mtime_ns) <> (?, ?))
"""


def forget_features(db: sa.Connection, seen: Iterable[tuple[Path, Stamp]]) -> None:
    """Delete the features of what some paths held before, where a path holds something else now."""
    rows = [(os.fsencode(path), stamp.size, stamp.mtime_ns) for path, stamp in seen]
    db.exec_driver_sql(_FORGET_FEATURES, rows)


_KEEP_FEATURES = """
INSERT INTO features (file, version, vector) SELECT id, ?, ? FROM files WHERE path = ?
ON CONFLICT (file) DO UPDATE SET version = excluded.version, vector = excluded.vector
"""


def keep_features(db: sa.Connection, heard: Mapping[Path, tuple[str, bytes]]) -> None:
    """Keep the version of the features, and the vector, of each of some known files."""
    if heard:
        rows = [(version, vector, os.fsencode(path)) for path, (version, vector) in heard.items()]
        db.exec_driver_sql(_KEEP_FEATURES, rows)


@cache
def upsert(table: sa.Table, columns: tuple[str, ...], on: str) -> Any:
    """Return the statement that inserts a row of these columns, or updates the row with the same value in ``on``.

    It is made once for each kind of row: making it takes longer than running it.
    """
    from sqlalchemy.dialects.sqlite import insert

    statement = insert(table)
    changed = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=[on], set_=changed)


def migrate(path: Path, found: str | None) -> None:
    """Bring a database of this schema to the newest one, after a backup where the database holds something."""
    if found is not None:
        _back_up(path, found)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # half a second to import, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = connect(path)
    try:
        with writing(path, engine) as db:
            config.attributes["connection"] = db
            command.upgrade(config, SCHEMA)
    finally:
        engine.dispose()


def _back_up(path: Path, version: str) -> None:
    """Copy a database of this schema to a file beside it; one that another process has migrated by now is not."""
    place = path.with_name(f"{path.name}.schema-{version}")
    try:
        with translated(place), closing(database.connect(path)) as source:
            source.execute("BEGIN")
            if database.version_in(path, source) == version:
                copy_whole(source, place)
    except OSError as error:
        raise HistoryError(f"{place}: the history can't be copied there ({error.strerror})") from error


@contextmanager
def writing(path: Path, engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a write transaction, durable when the block ends."""
    with _translated(path), engine.begin() as db:
        yield db


@contextmanager
def reading(path: Path, engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection for reading; each query sees a snapshot of its own."""
    with _translated(path), engine.connect() as db:
        yield db.execution_options(reading=True)


def plain(db: sa.Connection) -> sqlite3.Connection:
    """Return the connection of Python's own SQLite that one of SQLAlchemy's stands on."""
    driver: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]  # any driver's, it says
    return driver


def connect(path: Path, *, readonly: bool = False) -> sa.Engine:
    """Return an engine for the database at ``path``; the engine opens nothing before its first use."""

    def opened() -> sqlite3.Connection:
        return database.connect(path, readonly=readonly)

    engine = sa.create_engine("sqlite://", creator=opened, poolclass=sa.pool.QueuePool)

    @sa.event.listens_for(engine, "begin")
    def begin(db: sa.Connection) -> None:
        # Deferred transactions that read first and write later fail at once beside another writer.
        if not db.get_execution_options().get("reading"):
            db.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        with translated(path):
            yield
    except sa.exc.DBAPIError as error:
        raise failed(path, error.orig) from error
