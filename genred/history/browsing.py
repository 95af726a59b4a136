"""The history as pages of rows, each found from the last row of the page before it.

A page costs the same wherever it lies, and nothing is counted for it. Rows that are added meanwhile move nothing: a
page begins behind a row, and not after a number of rows. Where no index helps, as with what stands in the middle of a
name, a page is searched for `SECONDS` and then says how far the search came.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import sqlalchemy as sa

from genred.fs.files import readable
from genred.history.queries import FEW, Selection, by_no_index, containing, record_in
from genred.history.records import Author, Query, Record
from genred.history.schema import Connecting, at_or_below, files, tally_now
from genred.names import album_key, name_key

Row = TypeVar("Row")
Key = TypeVar("Key")
Other = TypeVar("Other")

SIZE = 50
SECONDS = 0.1
"""A search that has not filled its page reads no further after this time."""
CHUNK, MOST = 4096, 65536
"""How many rows a search reads before it looks at the clock: at first, and, twice as many each time, at most."""
NOBODY = "nobody"
"""Stands for the author of files that have no genre."""


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


@dataclass(frozen=True, slots=True)
class FileNow:
    """One row of the view ``now``."""

    path: Path
    genres: tuple[str, ...]
    by: Author | None
    confidence: float | None
    at: str | None
    album: str | None
    artist: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the row with the keys of the view."""
        return {
            "path": readable(self.path),
            "genre": self.genres,
            "by": self.by,
            "confidence": self.confidence,
            "at": self.at,
            "album": self.album,
            "artist": self.artist,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the files; all that are given must hold."""

    genre: str = ""
    """The file has this genre, in upper or lower case."""
    by: str = ""
    """Who wrote the genres: ``you``, ``genred`` or ``nobody``."""
    artist: str = ""
    """The artist of the track, or of the ``album`` that is wanted too, however the name is spelt."""
    album: str = ""
    """The album, however the name is spelt, on all of its discs."""
    path: Path | None = None
    """A file, or a folder and all below it."""
    text: str = ""
    """Each of these words stands in the path, the artist or the album."""


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
            selection = Selection.of(db, query)
            if above is not None:
                found = self._turn(_newer(db, selection, above, self._size + 1), above, lambda row: int(row.id))
                if found.onward is not None:
                    page = found.reversed()
                    return page.of(map(record_in, page.rows))
                below = None
            found = self._turn(_older(db, selection, below, self._size + 1), below, lambda row: int(row.id))
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
                place = _Place(os.fsencode(before), self._size + 1, backward=True)
                found = self._turn(_paths(db, wanted, place), before, _path)
                if found.onward is not None:
                    return found.reversed().of(_rows(db, found.rows))
                after = None
            place = _Place(None if after is None else os.fsencode(after), self._size + 1)
            found = self._turn(_paths(db, wanted, place), after, _path)
            return found.of(_rows(db, found.rows))

    def _turn(
        self, parts: Iterable[tuple[list[Row], Key | None]], origin: Key | None, key_of: Callable[[Row], Key]
    ) -> Page[Row, Key]:
        """Return a page in the direction in which it is read.

        Parameters
        ----------
        parts
            Rows, and the key up to which was read for them; None where that is the end.
        origin
            The key behind which the page begins; None at the beginning.
        key_of
            Returns the key of a row.
        """
        until = self._clock() + SECONDS
        rows: list[Row] = []
        reached: Key | None = None
        for found, reached in parts:
            rows += found
            if len(rows) > self._size or reached is None or self._clock() >= until:
                break
        is_full = len(rows) > self._size
        kept = tuple(rows[: self._size])
        onward = key_of(kept[-1]) if is_full else reached
        back = origin if origin is None or (not kept and reached is None) else key_of(kept[0]) if kept else reached
        return Page(kept, back, onward, not is_full and reached is not None)


def _older(
    db: sa.Connection, selection: Selection, below: int | None, limit: int
) -> Iterator[tuple[list[sa.Row[Any]], int | None]]:
    """Yield decisions from the newest on, and from which id on nothing was read yet."""
    if selection.is_small:
        yield list(db.execute(selection.statement(limit, below=below))), None
        return
    high = below if below is not None else _last(db) + 1
    step = CHUNK
    while high > 1:
        low = max(0, high - step)
        found = db.execute(selection.statement(limit, above=low, below=high))
        high, step = low + 1, min(MOST, 2 * step)
        yield list(found), high if high > 1 else None


def _newer(
    db: sa.Connection, selection: Selection, above: int, limit: int
) -> Iterator[tuple[list[sa.Row[Any]], int | None]]:
    """Yield decisions from an id on, the oldest first."""
    if selection.is_small:
        yield list(db.execute(selection.statement(limit, above=above, oldest_first=True))), None
        return
    last, step = _last(db), CHUNK
    while above < last:
        high = min(last + 1, above + step)
        found = db.execute(selection.statement(limit, above=above, below=high, oldest_first=True))
        above, step = high - 1, min(MOST, 2 * step)
        yield list(found), above if above < last else None


def _last(db: sa.Connection) -> int:
    return int(db.exec_driver_sql("SELECT coalesce(max(id), 0) FROM records").scalar_one())


# -- files -------------------------------------------------------------------------------------------------------------

_ROWS = """
SELECT files.path, files.genre, files."by", records.at, nullif(files.album, '') AS album,
       CASE WHEN files."by" = 'genred' THEN coalesce(records.confidence, answer.confidence) END AS confidence,
       nullif(files.artist, '') AS artist
FROM json_each(:ids) AS wanted JOIN files ON files.id = wanted.value
LEFT JOIN records ON records.id = files.record LEFT JOIN records AS answer ON answer.id = records.carries
ORDER BY files.path
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of files begins, and which way it is read."""

    key: bytes | None
    limit: int
    backward: bool = False

    def first(self, select: sa.Select[Any], path: sa.ColumnElement[bytes]) -> sa.Select[Any]:
        """Return the statement for the first files of those that are selected."""
        if self.key is not None:
            select = select.where(path < self.key if self.backward else path > self.key)
        return select.order_by(path.desc() if self.backward else path).limit(self.limit)


Found = tuple[int, bytes]
"""The id and the path of a file."""
Lists = dict[tuple[str, str | None], int]
"""How many files have these genres, as the table spells them, by this author."""
Terms = Sequence[sa.ColumnElement[bool]]


def _paths(db: sa.Connection, wanted: Wanted, place: _Place) -> Iterator[tuple[list[Found], Path | None]]:
    """Yield files that match, and the path up to which was read; None for the last."""
    lists = _lists(db, wanted) if wanted.genre or wanted.by else None
    within = list(_below(wanted.path)) if wanted.path is not None else []
    terms = [by_no_index(files.c.genre).is_not(None), *within, *_texts(wanted)]
    if wanted.artist or wanted.album:
        # Few: they are sorted.
        yield _read(db, [*terms, *_named(wanted), *_among(lists)], place, by_no_index(files.c.path)), None
    elif lists is not None and (not wanted.text or sum(lists.values()) <= FEW):
        yield _of_lists(db, lists, terms, place), None
    elif wanted.text:
        yield from _searched(db, [*terms, *_among(lists)], place, within)
    else:
        yield _read(db, terms, place), None


def _lists(db: sa.Connection, wanted: Wanted) -> Lists:
    """Return the lists of genres that match, each with its author, and how many files have it."""
    select = sa.select(tally_now)
    if wanted.by:
        select = select.where(tally_now.c.by == ("" if wanted.by == NOBODY else wanted.by))
    genre = wanted.genre.casefold()
    return {
        (list_, by or None): count
        for list_, by, count in db.execute(select)
        if not genre or genre in map(str.casefold, json.loads(list_))
    }


def _texts(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    path = sa.func.coalesce(files.c.path_text, sa.cast(files.c.path, sa.Text))
    columns = (path, sa.func.coalesce(files.c.artist, ""), sa.func.coalesce(files.c.album, ""))
    yield from containing(wanted.text, *columns)


def _below(path: Path) -> Iterator[sa.ColumnElement[bool]]:
    here = os.fsencode(path)
    yield files.c.path >= here
    yield files.c.path < here + b"0"  # it follows "/"
    yield at_or_below(by_no_index(files.c.path), path)


def _named(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    artist, album = name_key(wanted.artist), album_key(wanted.album)
    if wanted.artist and wanted.album:
        of_album = sa.and_(files.c.album_key == album, files.c.album_artist_key == artist)
        yield sa.or_(of_album, sa.and_(files.c.artist_key == artist, by_no_index(files.c.album_key) == album))
    elif wanted.artist:
        yield files.c.artist_key == artist
    else:
        yield files.c.album_key == album


def _among(lists: Lists | None) -> Iterator[sa.ColumnElement[bool]]:
    if lists is not None:
        both = sa.tuple_(by_no_index(files.c.genre), sa.func.coalesce(files.c.by, ""))
        yield both.in_([(genre, by or "") for genre, by in lists])


def _read(db: sa.Connection, terms: Terms, place: _Place, path: sa.ColumnElement[bytes] = files.c.path) -> list[Found]:
    """Return the first files that match."""
    select = place.first(sa.select(files.c.id, files.c.path).where(*terms), path)
    return [(row.id, row.path) for row in db.execute(select)]


def _of_lists(db: sa.Connection, lists: Lists, terms: Terms, place: _Place) -> list[Found]:
    """Return the first files with one of these lists of genres, from the first ones of each list."""
    each = sa.func.json_each(json.dumps(list(lists))).table_valued("value")
    genre, by = (sa.func.json_extract(each.c.value, f"$[{number}]") for number in (0, 1))
    same = [files.c.genre == genre, files.c.by.is_not_distinct_from(by), *terms]
    first = place.first(sa.select(files.c.id).where(*same), files.c.path).correlate(each)
    found = files.alias()
    select = sa.select(found.c.id, found.c.path).select_from(each.join(found, found.c.id.in_(first)))
    return [(row.id, row.path) for row in db.execute(place.first(select, found.c.path))]


def _searched(
    db: sa.Connection, terms: Terms, place: _Place, within: Terms
) -> Iterator[tuple[list[Found], Path | None]]:
    """Yield files part by part, as long as somebody wants more."""
    path, step = files.c.path, CHUNK
    while True:
        ahead = replace(place, limit=1).first(sa.select(path).where(*within), path).offset(step - 1)
        end = db.execute(ahead).scalar()
        part = [] if end is None else [path >= end if place.backward else path <= end]
        yield _read(db, [*terms, *part], place), None if end is None else Path(os.fsdecode(end))
        if end is None:
            return
        place, step = replace(place, key=end), min(MOST, 2 * step)


def _path(found: Found) -> Path:
    return Path(os.fsdecode(found[1]))


def _rows(db: sa.Connection, found: Iterable[Found]) -> tuple[FileNow, ...]:
    """Return the rows of files, in the order of their paths."""
    rows = db.exec_driver_sql(_ROWS, {"ids": json.dumps([number for number, _ in found])})
    return tuple(
        FileNow(
            Path(os.fsdecode(row.path)),
            tuple(json.loads(row.genre)),
            None if row.by is None else Author(row.by),
            row.confidence,
            row.at,
            row.album,
            row.artist,
        )
        for row in rows
    )
