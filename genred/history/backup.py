"""Copy a history, whole and as it was at one moment, while genred goes on writing to it.

SQLite's online backup begins anew whenever another process writes between two of its steps, unless the connection that
is read from is inside a read transaction: that sees the database as it was when the transaction began, and, in WAL
mode, keeps nobody from writing. What is written meanwhile stays in the write-ahead log until the copy is made.

The copy grows beside its place, under another name, and takes the place when it is complete, checked and on the disk.
Whatever goes wrong before that leaves an earlier backup as it was.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from genred.errors import GenredError, HistoryError
from genred.fs.files import readable
from genred.fs.locks import locked
from genred.history import database

STEP_PAGES = 4096
"""The pages that are copied, and then written to the disk, at a time: 16 MB, so that other writes wait for no more."""
MARGIN = 16 << 20
"""The bytes that a backup leaves free on its file system."""

_BESIDE = ("-wal", "-shm", "-journal")
"""What follows the name of a database in the names of the files that SQLite keeps beside it."""
_MODES = slice(18, 20)
_WAL = b"\2\2"
"""What stands there, in the header of a database that is in WAL mode, as one that genred works with is."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a history, and what is in it."""

    path: Path
    decisions: int
    files: int
    size: int
    """Bytes."""


def back_up(path: Path, target: Path, tell: Callable[[str], None]) -> Backup:
    """Copy a history to a file, or over an earlier backup of the same history.

    Parameters
    ----------
    path
        The history.
    target
        The copy to be; a link stays one, and leads to the new copy.
    tell
        Called with what is being done.

    Raises
    ------
    HistoryError
        If there is no history, or it is damaged.
    GenredError
        If the target is something else than a backup of this history, or can't be written.
    """
    only_read = database.prepare(path, readonly=True)
    place = Path(os.path.realpath(target))
    with database.translated(path):
        source = database.connect(path, readonly=only_read)
    with closing(source):
        with database.translated(path):
            source.execute("BEGIN")
            begun = _begun(source)
        try:
            _check_place(place, path, begun)
            _check_room(place, source)
            copy_whole(source, place, tell)
            with closing(database.connect(place, readonly=True)) as copy:
                count = "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM files)"
                decisions, files = copy.execute(count).fetchone()
        except sqlite3.Error as error:
            raise GenredError(f"{readable(place)}: no backup could be made of {readable(path)} ({error})") from error
        except OSError as error:
            raise GenredError(f"{readable(place)}: the backup can't be written there ({error.strerror})") from error
    return Backup(place, decisions, files, place.stat().st_size)


def copy_whole(source: sqlite3.Connection, place: Path, tell: Callable[[str], None] = lambda step: None) -> None:
    """Copy a database to a place, or leave at the place what is there; the copy is one file, and not in WAL mode.

    Parameters
    ----------
    source
        The database, in a read transaction, which ends when all is copied.
    place
        Where the copy goes; what is there is replaced, and its mode is kept. Others can't read a new file.
    tell
        Called with what is being done.

    Raises
    ------
    HistoryError
        If the database is damaged.
    sqlite3.Error, OSError
        If the copy can't be written.
    """
    with _beside(place) as (part, fd):
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # each step is brought to the disk, and in the end all of it
            copy.execute("PRAGMA journal_mode = OFF")

            def step(_: int, left: int, pages: int) -> None:
                os.fdatasync(fd)
                tell(f"copying the history: {1 - left / max(pages, 1):.0%}")

            source.backup(copy, pages=STEP_PAGES, progress=step)
            source.execute("COMMIT")  # from here on the write-ahead log need not be kept
            copy.execute("PRAGMA journal_mode = DELETE")
            tell("checking the copy")
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise HistoryError(
                f"{readable(place)}: not written, because the history is damaged ({found}); see `genred doctor`"
            )
        with suppress(FileNotFoundError):
            os.fchmod(fd, stat.S_IMODE(place.stat().st_mode))
        os.fsync(fd)
        os.replace(part, place)
        _sync_folder(place.parent)


@contextmanager
def _beside(place: Path) -> Iterator[tuple[Path, int]]:
    """Yield an empty file beside a place, for this process alone, and its descriptor; after an error the file is gone.

    The next backup to the place removes what a killed one left, and waits for one that is at work.
    """
    part = place.with_name(f".{place.name[:200]}.genred-backup")
    while True:
        _check_own(part)
        with locked(part, wait=True) as fd:
            if not (part.exists() and os.path.samestat(os.fstat(fd), part.stat())):
                continue  # the one that was waited for took it to its place
            _check_own(part)
            os.fchmod(fd, 0o600)
            try:
                os.ftruncate(fd, 0)
                _forget(part, *_BESIDE)
                yield part, fd
            except BaseException:
                _forget(part, "", *_BESIDE)
                raise
            return


def _check_own(part: Path) -> None:
    """Make sure that nobody else put a file, or a way to one, where a copy is to grow."""
    with suppress(FileNotFoundError):
        found = os.lstat(part)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            raise GenredError(f"{readable(part)}: in the way of the backup, and not genred's own; take it away")


def _forget(part: Path, *suffixes: str) -> None:
    for suffix in suffixes:
        part.with_name(part.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _begun(db: sqlite3.Connection) -> str | None:
    """Return when the first run of a history began, which tells it from others; None where there was none."""
    found: tuple[str] | None = db.execute("SELECT started_at FROM runs ORDER BY id LIMIT 1").fetchone()
    return None if found is None else found[0]


def _check_place(place: Path, path: Path, begun: str | None) -> None:
    """Make sure that a backup may be written to a place.

    Raises
    ------
    GenredError
        If there is something else than an earlier backup of the same history.
    """
    name = readable(place)
    if not place.parent.is_dir():
        raise GenredError(f"{name}: no such folder")
    own = {path.with_name(path.name + suffix).resolve() for suffix in ("", *_BESIDE)}
    if place in own or (place.exists() and place.samefile(path)):
        raise GenredError(f"{name}: that is the history itself; name another file for the backup")
    if not place.exists():
        return
    if not place.is_file():
        raise GenredError(f"{name}: no file; name one for the backup")
    try:
        with open(place, "rb") as file:
            modes = file.read(_MODES.stop)[_MODES]
        with database.translated(place), closing(database.connect(place, readonly=True)) as db:
            earlier = _begun(db) if database.version_in(place, db) is not None else None
    except OSError as error:
        raise GenredError(f"{name}: can't be read ({error.strerror})") from error
    except HistoryError as error:
        raise GenredError(f"{error}; it is left as it is") from error
    if modes == _WAL:
        raise GenredError(f"{name}: a database that something works with, and no backup; it is left as it is")
    if earlier is None or earlier != begun:
        raise GenredError(f"{name}: no backup of this history; it is left as it is")


def _check_room(place: Path, source: sqlite3.Connection) -> None:
    """Make sure that a copy has room: a service on the same disk would stand still if the copy took all of it.

    Raises
    ------
    GenredError
        If there is too little.
    """
    (size,) = source.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
    there = os.statvfs(place.parent)
    free = there.f_bavail * there.f_frsize
    if free < size + MARGIN:
        told = f"the backup takes {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free"
        raise GenredError(f"{readable(place)}: not enough space ({told})")
