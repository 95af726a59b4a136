"""The owner's library as the tags tell it: artist, album and genres of every known file, and who wrote the genres.

Evidence is only what a person wrote: genres that genred wrote, and copies of them, stand in the same table under
genred's name, and the questions here pass over them.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.fs.files import Stamp
from genred.history.records import Author, Standing
from genred.history.schema import (
    Connecting,
    at_or_below,
    columns_of,
    columns_of_labels,
    files,
    forget_features,
    keep_features,
    labels_in,
    path_text,
    stamp_in,
)
from genred.history.schema import features as vectors
from genred.names import VARIOUS, Labels

_BATCH = 500

HELD_SECONDS = 600.0
"""The time for which the shares of the genres are good enough: a library of years changes little in it."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A known file as its tags describe it."""

    path: Path
    stamp: Stamp
    """The stamp of the file when it was seen last."""
    labels: Labels | None = None
    """None where the tags were not read yet."""
    genres: tuple[str, ...] = ()
    """The genres that the file had when it was seen last."""
    by: Author | None = None
    """Who wrote the genres."""
    standing: Standing = Standing.UNDECIDED
    """Why the file is left alone for now."""
    record: int | None = None
    """The latest decision about the file; None where there was none yet."""
    features: str | None = None
    """The version of the features that are kept of the file; None where it was not heard."""


@dataclass(frozen=True, slots=True)
class Album:
    """A person's genres on the tracks of one album."""

    artist: str
    """The key of the album's artist."""
    album: str
    """The key of the album; empty for tracks that name none."""
    tracks: Mapping[tuple[str, ...], int]
    """The number of tracks by their genres, as they are spelt."""


# The artist is named by the track or by the album.
_BY_ARTIST = """
SELECT album_artist_key, album_key, genre, count(*) FROM (
    SELECT * FROM files WHERE artist_key = :artist AND "by" = 'you'
    UNION ALL
    SELECT * FROM files WHERE album_artist_key = :artist AND "by" = 'you' AND artist_key IS NOT :artist
) WHERE genre <> '[]' AND NOT is_gone(path, dev) GROUP BY 1, 2, 3
"""

# Each album counts for one, by the share of its tracks; where no album is named, the folder is one.
_SHARES = """
SELECT genre, sum(share) FROM (
    SELECT genre, 1.0 * count / sum(count) OVER (PARTITION BY artist, album) AS share FROM (
        SELECT album_artist_key AS artist, album_key AS album, genre, count(*) AS count FROM files
        WHERE "by" = 'you' AND album_key IS NOT NULL GROUP BY 1, 2, 3
    )
    UNION ALL
    SELECT genre, 1.0 * count / sum(count) OVER (PARTITION BY folder) AS share FROM (
        SELECT folder_of(path) AS folder, genre, count(*) AS count FROM files
        WHERE "by" = 'you' AND album_key IS NULL GROUP BY 1, 2
    )
) GROUP BY genre
"""


_ALBUMS = """
SELECT album_artist_key, album_key, genre, count(*) FROM files
WHERE "by" = 'you' AND album_artist_key IS NOT NULL AND album_artist_key <> ? AND album_key IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2
"""


class Library:
    """What the tags of the known files say; `History.library` holds it.

    Parameters
    ----------
    reading, writing
        Open connections.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, reading: Connecting, writing: Connecting, clock: Callable[[], float] = time.monotonic) -> None:
        self._reading = reading
        self._writing = writing
        self._clock = clock
        self._shares: Mapping[tuple[str, ...], float] = {}
        self._good_until = -1.0

    def folder(self, folder: Path) -> list[Indexed]:
        """Return the known files that lie directly in a folder and are there, in the order of their names."""
        with suppress(OSError), os.scandir(folder) as entries:
            return self.of([Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)])
        return []

    def of(self, paths: Iterable[Path]) -> list[Indexed]:
        """Return those of some files that are known, in the order of their names."""
        keys = iter(sorted(map(os.fsencode, paths)))
        found: list[Indexed] = []
        with self._reading() as db:
            while batch := list(islice(keys, _BATCH)):
                found += map(_indexed, db.execute(_named(), {"paths": batch}))
        return found

    def by_artist(self, artists: Collection[str]) -> dict[str, list[Album]]:
        """Return the albums that a person gave genres to, by the keys of their artists or of their tracks' artists.

        Files that are gone don't count; those on a disk that is away do.
        """
        found: dict[str, list[Album]] = {}
        with self._reading() as db:
            for artist in artists:
                albums: defaultdict[tuple[str, str], dict[tuple[str, ...], int]] = defaultdict(dict)
                for of, album, genre, count in db.exec_driver_sql(_BY_ARTIST, {"artist": artist}):
                    albums[of or "", album or ""][tuple(json.loads(genre))] = count
                found[artist] = [Album(of, album, tracks) for (of, album), tracks in albums.items()]
        return found

    def shares(self) -> Mapping[tuple[str, ...], float]:
        """Return how many albums a person gave genres to, by these genres; a mixed album counts for each in part.

        The answer may be some minutes old, and files that are gone count.
        """
        if self._clock() >= self._good_until:
            with self._reading() as db:
                rows = db.exec_driver_sql(_SHARES)
                self._shares = {tuple(json.loads(genre)): share for genre, share in rows if genre != "[]"}
            self._good_until = self._clock() + HELD_SECONDS
        return self._shares

    def artists(self, albums: int) -> list[list[Album]]:
        """Return the albums that a person gave genres to, by artist, in the order of their keys; about so many at most.

        Compilations, and tracks that name no album, are left out.
        """
        found: defaultdict[str, dict[str, dict[tuple[str, ...], int]]] = defaultdict(dict)
        count = 0
        with self._reading() as db:
            for artist, album, genre, tracks in db.exec_driver_sql(_ALBUMS, (VARIOUS,)):
                if count >= albums and artist not in found:
                    break
                count += album not in found[artist]
                if genre != "[]":
                    found[artist].setdefault(album, {})[tuple(json.loads(genre))] = tracks
        return [[Album(artist, *album) for album in of.items()] for artist, of in found.items() if of]

    def unread(self, limit: int, below: Path | None = None, after: Path | None = None) -> list[Indexed]:
        """Return some known files whose tags are to be read, in the order of their names.

        Parameters
        ----------
        limit
            At most so many.
        below
            Only files in this folder.
        after
            Only files that come after this one.
        """
        terms: list[sa.ColumnElement[bool]] = [files.c.album.is_(None)]
        if below is not None:
            terms.append(at_or_below(files.c.path, below))
        if after is not None:
            terms.append(files.c.path > os.fsencode(after))
        select = sa.select(files, sa.null().label("version")).where(*terms).order_by(files.c.path).limit(limit)
        with self._reading() as db:
            return list(map(_indexed, db.execute(select)))

    def count_unread(self) -> int:
        """Count the known files whose tags are still to be read."""
        with self._reading() as db:
            return int(db.exec_driver_sql("SELECT count(*) FROM files WHERE album IS NULL").scalar_one())

    def note_all(self, read: Iterable[Indexed], heard: Mapping[Path, tuple[str, bytes]] | None = None) -> None:
        """Note what is known of files about which nothing is decided yet, in one transaction.

        What was known of a file stays known: its decision, and, if its content is the same, its features and its
        standing.

        Parameters
        ----------
        read
            The files as their tags describe them, each with the standing of one that is unknown so far, or has changed.
        heard
            The version of the features and their vector, of those that were heard.
        """
        news = list(read)
        if news:
            rows = list(map(_row, news))
            with self._writing() as db:
                forget_features(db, [(file.path, file.stamp) for file in news])
                db.execute(_noting(tuple(rows[0])), rows)
                keep_features(db, heard or {})

    def note_labels(self, labels: Mapping[Path, Labels]) -> None:
        """Note the labels of known files about whose genres there is no news, in one transaction."""
        if not labels:
            return
        with self._writing() as db:
            for path, names in labels.items():
                update = files.update().where(files.c.path == os.fsencode(path))
                db.execute(update.values(columns_of_labels(names)))


@cache
def _named() -> sa.Select[Any]:
    """Return the statement for known files by their names, with the versions of their vectors; see `upsert`."""
    joined = files.outerjoin(vectors, vectors.c.file == files.c.id)
    named = files.c.path.in_(sa.bindparam("paths", expanding=True))
    return sa.select(files, vectors.c.version).select_from(joined).where(named).order_by(files.c.path)


@cache
def _noting(columns: tuple[str, ...]) -> Any:
    """Return the statement that inserts a row, or updates the row with the same path; see `upsert`."""
    from sqlalchemy.dialects.sqlite import insert

    statement = insert(files)
    new = statement.excluded
    same = sa.and_(files.c.size == new.size, files.c.mtime_ns == new.mtime_ns)
    edited = sa.and_(files.c.dev == new.dev, files.c.ino == new.ino)  # backlog stays backlog, whoever edits it
    put_off = sa.or_(files.c.standing == Standing.BACKLOG.value, files.c.standing == Standing.TRIED.value)
    is_news = sa.and_(files.c.standing != Standing.PERSON.value, ~same, ~sa.and_(put_off, edited))
    changed: dict[str, Any] = {name: new[name] for name in columns if name not in ("path", "standing")}
    changed["standing"] = sa.case((is_news, new.standing), else_=files.c.standing)
    return statement.on_conflict_do_update(index_elements=["path"], set_=changed)


def _row(file: Indexed) -> dict[str, Any]:
    return {
        "path": os.fsencode(file.path),
        "path_text": path_text(file.path),
        **columns_of(file.stamp),
        **columns_of_labels(file.labels or Labels()),
        "genre": json.dumps(file.genres, ensure_ascii=False),
        "by": file.by.value if file.by is not None else None,
        "standing": file.standing.value,
    }


def _indexed(row: sa.Row[Any]) -> Indexed:
    return Indexed(
        path=Path(os.fsdecode(row.path)),
        stamp=stamp_in(row),
        labels=labels_in(row),
        genres=tuple(json.loads(row.genre or "[]")),
        by=None if row.by is None else Author(row.by),
        standing=Standing(row.standing),
        record=row.record,
        features=row.version,
    )
