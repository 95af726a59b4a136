"""The log as it grows: what was decided since, oldest first, for one who only reads.

The log is added to by one writer at a time, in the order of its ids: whatever came later stands behind the id that was
seen last. So to notice that there is news takes one look at the newest id. Nobody who follows changes the database or
brings it up to date, and the database may come, go, and be another one meanwhile.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genred.errors import HistoryError
from genred.history import database
from genred.history.queries import Selection, record_in
from genred.history.records import Query, Record

log = logging.getLogger(__name__)

_NEWEST = "SELECT id, at FROM records ORDER BY id DESC LIMIT 1"
_TO_COME = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Errors of one who must not write, in the moment in which somebody who may opens the database or closes it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log, behind one decision."""

    id: int = 0
    """The number of the decision; 0 at the beginning of the log."""
    at: str = ""
    """When it was decided, as `iso` writes it, by which another log is told from this one; empty where nobody knows."""


class Follower:
    """Reads the log of a database that others write.

    Parameters
    ----------
    path
        The database, whether it is there already or not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, ...] | None = None
        self._end: Place | None = None
        self._version: tuple[int] | None = None
        self.trouble: HistoryError | None = None
        """Why nothing could be read at the last look, though that may change; None where all is well."""

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = self._file = self._end = self._version = None

    def after(self, place: Place | None, query: Query, limit: int) -> tuple[list[Record], Place | None]:
        """Return decisions behind a place that match, oldest first, and the place behind which nothing was read yet.

        Parameters
        ----------
        place
            Where to read on; None at what is the end of the log now.
        query
            The filters; its own limit is not looked at.
        limit
            At most so many.

        Raises
        ------
        HistoryError
            If the database can't be used, and no waiting helps: it is somebody else's, or of a newer genred; or if
            there is no such place in it.
        """
        try:
            with self._reading() as db:
                newest = self._newest(db)
                self.trouble = None
                if place is None or place == newest:
                    return [], newest
                place = self._found_again(db, place, newest)
                selection = Selection.of(db, query)
                rows = selection.rows(db, limit, above=place.id, below=newest.id + 1, oldest_first=True)
                found = list(map(record_in, rows))
        except HistoryError as error:
            if not (error.transient or _is_to_come(error)):
                raise
            self.trouble, end = error, self._end
            self.close()
            return [], end if place is None else place
        last = found[-1] if len(found) == limit else None
        return found, newest if last is None else Place(last.id or 0, last.at or "")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Open the database that lies at the path now."""
        try:
            st = self._path.stat()
        except FileNotFoundError:
            self._end = Place()
            message = f"{self._path}: no history yet; it begins with `genred run` or `genred scan`"
            raise HistoryError(message, transient=True) from None
        except OSError as error:
            raise HistoryError(f"{self._path}: {error.strerror}") from error
        file = (st.st_dev, st.st_ino, *self._at_rest(st))
        if self._file != file:
            self.close()
        with database.translated(self._path):
            if self._db is None:
                self._db, self._file = database.connect(self._path, growing=True), file
            yield self._db

    def _at_rest(self, st: os.stat_result) -> tuple[int, ...]:
        """Return by what news is noticed in a database that nobody has open, and that is read as it lies."""
        if database.is_writable(self._path) or not database.is_at_rest(self._path):
            return ()
        return st.st_size, st.st_mtime_ns

    def _newest(self, db: sqlite3.Connection) -> Place:
        """Return the end of the log, and make sure that this genred knows its tables."""
        version = db.execute("PRAGMA data_version").fetchone()
        if version == self._version and self._end is not None:
            return self._end  # nobody wrote since
        self._end = None
        found = database.version_in(self._path, db)
        row = db.execute(_NEWEST).fetchone() if found else None
        self._end = Place() if row is None else Place(*row)
        if found != database.SCHEMA:
            state = f"written by an older genred (schema {found})" if found else "empty"
            way = "the next start of the genred that writes there makes it ready"
            raise HistoryError(f"{self._path}: {state}; {way}", transient=True)
        self._version = version
        return self._end

    def _found_again(self, db: sqlite3.Connection, place: Place, newest: Place) -> Place:
        """Return a place in the log as it is now; in another log, behind all that was decided before the place was."""
        if place.id == 0:
            return place
        row = db.execute("SELECT at FROM records WHERE id = ?", (place.id,)).fetchone()
        if row is not None and place.at in ("", row[0]):
            return Place(place.id, row[0])
        if not place.at:
            message = f"{self._path}: there is no decision {place.id} yet, the newest is {newest.id}"
            raise HistoryError(f"{message}; is it another history?")
        (later,) = db.execute("SELECT min(id) FROM records WHERE at > ?", (place.at,)).fetchone()
        there = newest.id if later is None else later - 1
        log.warning("%s: another history than before; going on behind decision %d", self._path, there)
        return Place(there)


def _is_to_come(error: HistoryError) -> bool:
    """Return whether the database can be read as soon as somebody has it open who may write to it."""
    return getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _TO_COME
