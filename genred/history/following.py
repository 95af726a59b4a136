"""The log as it grows: what was decided since, oldest first, for one who only reads (SQLAlchemy lives here too).

The log is added to by one writer at a time, in the order of its ids: whatever came later stands behind the id that was
seen last. So to notice that there is news takes one look at the newest id. Nobody who follows changes the database or
brings it up to date, and the database may come, go, and be another one meanwhile.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.errors import HistoryError
from genred.history import schema
from genred.history.queries import Selection, record_in
from genred.history.records import Query, Record
from genred.history.schema import records

log = logging.getLogger(__name__)

_NEWEST = sa.select(records.c.id, records.c.at).order_by(records.c.id.desc()).limit(1)
_TO_COME = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Errors of one who must not write where nobody who may has the database open; they pass when somebody has."""


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
        self._engine: sa.Engine | None = None
        self._file: tuple[int, int] | None = None
        self._end: Place | None = None
        self._version: int | None = None
        self.trouble: HistoryError | None = None
        """Why nothing could be read at the last look, though that may change; None where all is well."""

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._file = self._end = self._version = None

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
                bounds: dict[str, Any] = {"above": place.id, "below": newest.id + 1, "oldest_first": True}
                found = list(map(record_in, db.execute(selection.statement(limit, **bounds))))
        except HistoryError as error:
            if not (error.transient or _is_to_come(error)):
                raise
            self.trouble, end = error, self._end
            self.close()
            return [], end if place is None else place
        last = found[-1] if len(found) == limit else None
        return found, newest if last is None else Place(last.id or 0, last.at or "")

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """Open the database that lies at the path now."""
        try:
            st = self._path.stat()
        except FileNotFoundError:
            self._end = Place()
            message = f"{self._path}: no history yet; it begins with `genred run` or `genred scan`"
            raise HistoryError(message, transient=True) from None
        except OSError as error:
            raise HistoryError(f"{self._path}: {error.strerror}") from error
        if self._engine is None or self._file != (st.st_dev, st.st_ino):
            self.close()
            self._engine, self._file = schema.connect(self._path, growing=True), (st.st_dev, st.st_ino)
        with schema.reading(self._path, self._engine) as db:
            yield db

    def _newest(self, db: sa.Connection) -> Place:
        """Return the end of the log, and make sure that this genred knows its tables."""
        version = db.exec_driver_sql("PRAGMA data_version").scalar()
        if version == self._version and self._end is not None:
            return self._end  # nobody wrote since
        self._end = None
        found = schema.version(self._path, db)
        row = db.execute(_NEWEST).first() if found else None
        self._end = Place() if row is None else Place(row.id, row.at)
        if found != schema.SCHEMA:
            state = f"written by an older genred (schema {found})" if found else "empty"
            way = "the next start of the genred that writes there makes it ready"
            raise HistoryError(f"{self._path}: {state}; {way}", transient=True)
        self._version = version
        return self._end

    def _found_again(self, db: sa.Connection, place: Place, newest: Place) -> Place:
        """Return a place in the log as it is now; in another log, behind all that was decided before the place was."""
        if place.id == 0:
            return place
        at = db.execute(sa.select(records.c.at).where(records.c.id == place.id)).scalar()
        if at is not None and place.at in ("", at):
            return Place(place.id, at)
        if not place.at:
            message = f"{self._path}: there is no decision {place.id} yet, the newest is {newest.id}"
            raise HistoryError(f"{message}; is it another history?")
        later = db.execute(sa.select(sa.func.min(records.c.id)).where(records.c.at > place.at)).scalar()
        there = newest.id if later is None else later - 1
        log.warning("%s: another history than before; going on behind decision %d", self._path, there)
        return Place(there)


def _is_to_come(error: HistoryError) -> bool:
    """Return whether the database can be read as soon as somebody has it open who may write to it."""
    cause = getattr(error.__cause__, "orig", error.__cause__)
    return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _TO_COME
