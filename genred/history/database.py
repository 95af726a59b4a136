"""The file that holds the history: how it is opened, which schema is in it, and SQLite's errors as genred's."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from genred.errors import HistoryError
from genred.fs.files import is_gone

SCHEMA = "0007"
"""The newest migration in genred/history/migrations/versions."""

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(path: Path, *, readonly: bool = False) -> bool:
    """Make or migrate the database where that is needed; return whether it can be read and no more.

    Raises
    ------
    HistoryError
        If the file isn't a database, is of a newer genred, can't be written to, or (``readonly``) isn't there.
    """
    if readonly:
        if not is_there(path):
            raise HistoryError(f"{path}: no history yet; it begins with `genred run` or `genred scan`")
        if not is_writable(path):
            _check(path)
            return True
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise HistoryError(f"{path.parent}: the state folder can't be made ({error.strerror})") from error
    if not is_writable(path):
        raise HistoryError(f"{path}: can't be written to: it is another user's, or on a read-only file system")
    if (found := version(path)) != SCHEMA:
        from genred.history.schema import migrate  # SQLAlchemy takes a quarter of a second to import

        migrate(path, found)
    return False


def is_there(path: Path) -> bool:
    """Return whether there is a database at a path.

    Raises
    ------
    HistoryError
        If its folder can't be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}") from error


def is_writable(path: Path) -> bool:
    """Return whether a database can be written to, which takes the right to make files beside it."""
    return all(os.access(it, os.W_OK) for it in (path.parent, path) if it.exists())


def version(path: Path, *, readonly: bool = False) -> str | None:
    """Return the schema of a database; None where the database is empty.

    Raises
    ------
    HistoryError
        If the database is somebody else's, or of a newer genred.
    """
    with translated(path), closing(connect(path, readonly=readonly)) as db:
        return version_in(path, db)


def version_in(path: Path, db: sqlite3.Connection) -> str | None:
    """Return what `version` does, of a database that is open."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in tables:
        if tables:
            raise HistoryError(f"{path}: a database, but not one of genred's")
        return None
    found: str | None = next((name for (name,) in db.execute("SELECT version_num FROM alembic_version")), None)
    if found is None and "records" in tables:
        raise HistoryError(f"{path}: doesn't say of which version it is (alembic_version is empty); put back a backup")
    if found is not None and not list((MIGRATIONS / "versions").glob(f"{found}_*.py")):
        raise HistoryError(f"{path}: written by a newer genred (schema {found}); update genred to open it")
    return found


def _check(path: Path) -> None:
    """Make sure that a database can be read that can't be migrated."""
    if (found := version(path, readonly=True)) != SCHEMA:
        raise HistoryError(
            f"{path}: written by an older genred (schema {found}), and the folder can't be written to;"
            " the next start of the genred that writes there brings it up to date"
        )


def connect(path: Path, *, readonly: bool = False, growing: bool = False) -> sqlite3.Connection:
    """Open a connection, on which a transaction begins only where that is said.

    Parameters
    ----------
    path
        The database.
    readonly
        True to read it as it is.
    growing
        True to read it, and to see what others write meanwhile.
    """
    if path.is_dir():
        raise HistoryError(f"{path}: a folder, and no history; history.url names a file")
    if path.exists() and not os.access(path, os.R_OK):
        raise HistoryError(f"{path}: can't be read by you; the history is its owner's")
    options = ""
    if growing and is_writable(path):
        options = "?mode=ro"
    elif growing or readonly:
        options = "?immutable=1" if is_at_rest(path) else "?mode=ro"
    name = os.fsdecode(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    db = sqlite3.connect(f"file:{name}{options}", uri=True, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        db.create_function("folder_of", 1, os.path.dirname, deterministic=True)
        db.create_function("is_gone", 2, _is_gone)
        if not options:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        db.close()
        raise
    return db


def is_at_rest(path: Path) -> bool:
    """Return whether nobody has a database open who may write to it; SQLite needs to be told that to read it as it is.

    Whoever has it open keeps a write-ahead log beside it, and an index of the log.

    Raises
    ------
    HistoryError
        If a log was left without its index where no index can be made.
    """
    log, index = (_size(path.with_name(path.name + end)) for end in ("-wal", "-shm"))
    if log and index is None and not is_writable(path):
        raise HistoryError(
            f"{path}: its newest decisions are in {path.name}-wal, which can't be read in a folder that can't be"
            " written to: copy both files to a folder of yours, and set GENRED_HISTORY_URL=sqlite:////path/of/the/copy"
        )
    return not log and (log is None or index is None)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def inside(folder: Path) -> tuple[bytes, bytes]:
    """Return the first path that may be below a folder, and the first behind all of these."""
    begin = os.fsencode(folder).rstrip(b"/") + b"/"
    return begin, begin[:-1] + b"0"  # "0" follows "/"


def _is_gone(path: bytes, dev: int) -> bool:
    return is_gone(os.fsdecode(path), dev % 2**64)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise errors of SQLite as errors of this database."""
    try:
        yield
    except sqlite3.Error as error:
        raise failed(path, error) from error


def failed(path: Path, error: BaseException | None) -> HistoryError:
    """Return an error of SQLite as one of this database; one that may be over in a while is transient."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest of it says more of the same
    passes = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return HistoryError(f"{path}: {error}", transient=passes)
