"""What the files have now, found by genre, author, artist, album, folder or words, in the order of their paths.

`genred.history.browsing` makes pages of it (SQLAlchemy lives here too).
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.fs.files import readable
from genred.history.queries import FEW, spelt
from genred.history.records import Author
from genred.history.schema import at_or_below, by_no_index, files, tally_now
from genred.names import album_key, name_key

CHUNK, MOST = 4096, 65536
"""How many rows a search reads before it looks at the clock: at first, and, twice as many each time, at most."""
LAST = Path(os.fsdecode(b"/" + b"\xff" * 8))
"""A path behind those of all files: no name in UTF-8 has such bytes."""
NOBODY = "nobody"
"""Stands for the author of files that have no genre."""


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


_ROWS = """
SELECT files.path, files.genre, files."by", records.at, nullif(files.album, '') AS album,
       CASE WHEN files."by" = 'genred' THEN coalesce(records.confidence, answer.confidence) END AS confidence,
       nullif(files.artist, '') AS artist
FROM json_each(:ids) AS wanted JOIN files ON files.id = wanted.value
LEFT JOIN records ON records.id = files.record LEFT JOIN records AS answer ON answer.id = records.carries
ORDER BY files.path
"""


@dataclass(frozen=True, slots=True)
class Place:
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


def paths(db: sa.Connection, wanted: Wanted, place: Place) -> Iterator[tuple[list[Found], Path | None]]:
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
    for word in wanted.text.split():
        yield sa.or_(*(column.contains(each, autoescape=True) for column in columns for each in spelt(word)))


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


def _read(db: sa.Connection, terms: Terms, place: Place, path: sa.ColumnElement[bytes] = files.c.path) -> list[Found]:
    """Return the first files that match."""
    select = place.first(sa.select(files.c.id, files.c.path).where(*terms), path)
    return [(row.id, row.path) for row in db.execute(select)]


def _of_lists(db: sa.Connection, lists: Lists, terms: Terms, place: Place) -> list[Found]:
    """Return the first files with one of these lists of genres, from the first ones of each list."""
    each = sa.func.json_each(json.dumps(list(lists))).table_valued("value")
    genre, by = (sa.func.json_extract(each.c.value, f"$[{number}]") for number in (0, 1))
    same = [files.c.genre == genre, files.c.by.is_not_distinct_from(by), *terms]
    first = place.first(sa.select(files.c.id).where(*same), files.c.path).correlate(each)
    found = files.alias()
    select = sa.select(found.c.id, found.c.path).select_from(each.join(found, found.c.id.in_(first)))
    return [(row.id, row.path) for row in db.execute(place.first(select, found.c.path))]


def _searched(
    db: sa.Connection, terms: Terms, place: Place, within: Terms
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


def path_of(found: Found) -> Path:
    return Path(os.fsdecode(found[1]))


def rows(db: sa.Connection, found: Iterable[Found]) -> tuple[FileNow, ...]:
    """Return the rows of files, in the order of their paths."""
    found_rows = db.exec_driver_sql(_ROWS, {"ids": json.dumps([number for number, _ in found])})
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
        for row in found_rows
    )
