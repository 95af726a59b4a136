"""The history as pages of rows, each found from the last row of the page before it.

A page costs the same wherever it lies, and nothing is counted for it. Rows that are added meanwhile move nothing: a
page begins behind a row, and not after a number of rows. Where no index helps, as with what stands in the middle of a
name, a page is searched for `SECONDS` and then says how far the search came.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from genred.history.files_now import CHUNK, LAST, MOST, FileNow, Place, Wanted, path_of, paths, rows
from genred.history.queries import Selection, record_in
from genred.history.records import Query, Record
from genred.history.schema import Connecting, plain

Row = TypeVar("Row")
Key = TypeVar("Key")
Other = TypeVar("Other")

SIZE = 50
SECONDS = 0.1
"""A search that has not filled its page reads no further after this time."""
_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[Row, Key]):
    """Some rows, and where the pages before and after them begin."""

    rows: tuple[Row, ...]
    back: Key | None
    """What the page before it is asked for with; None on the first page."""
    onward: Key | None
    """What the next page is asked for with; None on the last page."""
    is_cut: bool = False
    """True where the search came to the end of its time and not to the end of the page."""

    def reversed(self) -> "Page[Row, Key]":
        """Return the page that was read from its end."""
        return Page(self.rows[::-1], self.onward, self.back, self.is_cut)

    def of(self, rows: Iterable[Other]) -> "Page[Other, Key]":
        """Return the page with these rows instead of its own."""
        return Page(tuple(rows), self.back, self.onward, self.is_cut)


class Browsing:
    """Pages of the history; `History.browsing` holds it.

    Parameters
    ----------
    reading
        Opens a connection.
    clock
        Monotonic, in seconds.
    size
        How many rows a page has.
    """

    def __init__(self, reading: Connecting, clock: Callable[[], float] = time.monotonic, *, size: int = SIZE) -> None:
        self._reading = reading
        self._clock = clock
        self._size = size

    def sized(self, size: int) -> Self:
        """Return the same with pages of another size."""
        return type(self)(self._reading, self._clock, size=size)

    def decisions(self, query: Query, *, below: int | None = None, above: int | None = None) -> Page[Record, int]:
        """Return decisions that match, newest first.

        Parameters
        ----------
        query
            The filters; the limit is not looked at.
        below
            The page begins behind this id.
        above
            The page ends before this id, which counts instead of ``below``.
        """
        with self._reading() as db:
            log = plain(db)
            selection = Selection.of(log, query)
            if above is not None:
                found = self._turn(
                    _newer(log, selection, above, self._size + 1), above, _END, lambda row: int(row["id"])
                )
                if found.onward is not None:
                    page = found.reversed()
                    return page.of(map(record_in, page.rows))
                below = None
            found = self._turn(_older(log, selection, below, self._size + 1), below, 0, _id)
            return found.of(map(record_in, found.rows))

    def files(self, wanted: Wanted, *, after: Path | None = None, before: Path | None = None) -> Page[FileNow, Path]:
        """Return files that match, in the order of their paths.

        Parameters
        ----------
        wanted
            The filters.
        after
            The page begins behind this path.
        before
            The page ends before this path, which counts instead of ``after``.
        """
        with self._reading() as db:
            if before is not None:
                place = Place(os.fsencode(before), self._size + 1, backward=True)
                found = self._turn(paths(db, wanted, place), before, Path("/"), path_of)
                if found.onward is not None:
                    return found.reversed().of(rows(db, found.rows))
                after = None
            place = Place(None if after is None else os.fsencode(after), self._size + 1)
            found = self._turn(paths(db, wanted, place), after, LAST, path_of)
            return found.of(rows(db, found.rows))

    def _turn(
        self,
        parts: Iterable[tuple[list[Row], Key | None]],
        origin: Key | None,
        end: Key,
        key_of: Callable[[Row], Key],
    ) -> Page[Row, Key]:
        """Return a page in the direction in which it is read.

        Parameters
        ----------
        parts
            Rows, and the key up to which was read for them; None where that is the end.
        origin
            The key behind which the page begins; None at the beginning.
        end
            A key behind all others.
        key_of
            Returns the key of a row.
        """
        until = self._clock() + SECONDS
        read: list[Row] = []
        reached: Key | None = None
        for found, reached in parts:
            read += found
            if len(read) > self._size or reached is None or self._clock() >= until:
                break
        is_full = len(read) > self._size
        kept = tuple(read[: self._size])
        onward = key_of(kept[-1]) if is_full else reached
        # Behind a search that was cut short, nothing may be left; the page before is then the last one with rows.
        back = key_of(kept[0]) if kept else end if reached is None else reached
        return Page(kept, None if origin is None else back, onward, not is_full and reached is not None)


def _older(
    db: sqlite3.Connection, selection: Selection, below: int | None, limit: int
) -> Iterator[tuple[list[sqlite3.Row], int | None]]:
    """Yield decisions from the newest on, and from which id on nothing was read yet."""
    if selection.is_small:
        yield list(selection.rows(db, limit, below=below)), None
        return
    high = below if below is not None else _last(db) + 1
    step = CHUNK
    while high > 1:
        low = max(0, high - step)
        found = list(selection.rows(db, limit, above=low, below=high))
        high, step = low + 1, min(MOST, 2 * step)
        yield found, high if high > 1 else None


def _newer(
    db: sqlite3.Connection, selection: Selection, above: int, limit: int
) -> Iterator[tuple[list[sqlite3.Row], int | None]]:
    """Yield decisions from an id on, the oldest first."""
    if selection.is_small:
        yield list(selection.rows(db, limit, above=above, oldest_first=True)), None
        return
    last, step = _last(db), CHUNK
    while above < last:
        high = min(last + 1, above + step)
        found = list(selection.rows(db, limit, above=above, below=high, oldest_first=True))
        above, step = high - 1, min(MOST, 2 * step)
        yield found, above if above < last else None


def _id(row: sqlite3.Row) -> int:
    return int(row["id"])


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(id), 0) FROM records").fetchone()[0])
