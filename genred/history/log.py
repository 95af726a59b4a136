"""The log, for those who only read it: what was decided, and how often. SQLAlchemy isn't imported for it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from genred.history import database, queries
from genred.history.queries import Selection, record_in
from genred.history.records import Query, Record, Run


class Log:
    """The decisions; `reading` opens it, and a `History` is one that can be added to.

    Parameters
    ----------
    path
        The database.
    asking
        Opens a connection for reading.
    """

    def __init__(self, path: Path, asking: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self.path = path
        self.asking = asking

    def records(self, query: Query) -> Iterator[Record]:
        """Yield the decisions that match, newest first."""
        with self.asking() as db:
            yield from map(record_in, Selection.of(db, query).rows(db, query.limit))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count what happened and what the files have now, as `queries.shares` and `queries.counts` do."""
        with self.asking() as db:
            return {"shares": queries.shares(db)} | queries.counts(db)

    def runs(self, limit: int) -> list[Run]:
        """Return the last runs that wrote tags, newest first, as far as they are among the last fifty runs."""
        with self.asking() as db:
            return list(queries.latest_runs(db, limit))


@contextmanager
def reading(path: Path) -> Iterator[Log]:
    """Open the log of a database; make the database the newest schema's where that is needed.

    Raises
    ------
    HistoryError
        If there is no database, or it isn't one of genred's, or it is of a newer genred.
    """
    only_read = database.prepare(path, readonly=True)
    with database.translated(path):
        opened = database.connect(path, readonly=only_read)

    @contextmanager
    def asking() -> Iterator[sqlite3.Connection]:
        with database.translated(path):
            yield opened

    with closing(opened):
        yield Log(path, asking)
