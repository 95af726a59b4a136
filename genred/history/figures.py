"""The library in figures, all of which were counted as the files changed: asking is quick however many they are."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from genred.history.browsing import Page
from genred.history.files_now import NOBODY
from genred.history.records import Outcome
from genred.history.schema import Connecting, tally, tally_albums, tally_latest, tally_now
from genred.names import VARIOUS

TWENTIETHS = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """How often something is in the way of a genre."""

    outcome: Outcome
    """``failed`` or ``skipped``."""
    reason: str
    files: int


@dataclass(frozen=True, slots=True)
class MixedAlbum:
    """An album by one artist whose files don't have the same genres."""

    artist: str
    album: str
    genres: Mapping[tuple[str, ...], int]
    """How many files have these genres; files without any are not counted."""

    @property
    def files(self) -> int:
        """The number of files of the album that have a genre."""
        return sum(self.genres.values())


class Figures:
    """Counts of what the files have now; `History.figures` holds it."""

    def __init__(self, reading: Connecting) -> None:
        self._reading = reading

    def by_author(self) -> dict[str, int]:
        """Count the files by who wrote their genres: ``you``, ``genred``, ``nobody``."""
        found = dict.fromkeys(("you", "genred", NOBODY), 0)
        with self._reading() as db:
            for by, count in db.execute(sa.select(tally_now.c.by, sa.func.sum(tally_now.c.count)).group_by("by")):
                found[by or NOBODY] += count
        return found

    def count_unseen(self) -> int:
        """Count the files whose genres nobody has seen: their tags can't be read, or were not read yet."""
        with self._reading() as db:
            return int(db.exec_driver_sql("SELECT count(*) FROM files WHERE genre IS NULL").scalar_one())

    def genres(self) -> dict[str, dict[str, int]]:
        """Count the files of each genre by who wrote it, most files first; a file with two counts for both."""
        found: defaultdict[str, dict[str, int]] = defaultdict(lambda: {"you": 0, "genred": 0})
        with self._reading() as db:
            for genres, by, count in db.execute(sa.select(tally_now).where(tally_now.c.by != "")):
                for genre in dict.fromkeys(json.loads(genres)):
                    found[genre][by] += count
        return dict(sorted(found.items(), key=lambda each: (-sum(each[1].values()), each[0])))

    def months(self) -> dict[str, dict[Outcome, int]]:
        """Count the decisions of each month by their outcome, the oldest month first."""
        found: defaultdict[str, dict[Outcome, int]] = defaultdict(dict)
        select = sa.select(tally.c.month, tally.c.outcome, sa.func.sum(tally.c.count)).group_by("month", "outcome")
        with self._reading() as db:
            for month, outcome, count in db.execute(select.order_by("month")):
                found[month][Outcome(outcome)] = count
        return dict(found)

    def outcomes(self) -> dict[Outcome, int]:
        """Count the files by the latest decision about each, in the order of `Outcome`; zero where there is none."""
        select = sa.select(tally_latest.c.outcome, sa.func.sum(tally_latest.c.count)).group_by("outcome")
        with self._reading() as db:
            found = dict(map(tuple, db.execute(select)))
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    def confidence(self) -> dict[Outcome, list[int]]:
        """Count the files that genred tagged, or abstained from, by the twentieth in which its confidence lay."""
        found = {outcome: [0] * TWENTIETHS for outcome in (Outcome.TAGGED, Outcome.ABSTAINED)}
        asked = [tally_latest.c.outcome.in_([outcome.value for outcome in found]), tally_latest.c.twentieth >= 0]
        with self._reading() as db:
            for row in db.execute(sa.select(tally_latest).where(*asked)).mappings():
                found[Outcome(row["outcome"])][row["twentieth"]] += row["count"]
        return found

    def reasons(self, limit: int) -> list[Reason]:
        """Return why files failed or were skipped, as far as that is still so; the most frequent first."""
        trouble = tally_latest.c.outcome.in_([Outcome.FAILED.value, Outcome.SKIPPED.value])
        total = sa.func.sum(tally_latest.c.count)
        select = (
            sa.select(tally_latest.c.outcome, tally_latest.c.reason, total).where(trouble).group_by("outcome", "reason")
        )
        with self._reading() as db:
            rows = db.execute(select.order_by(total.desc(), "outcome", "reason").limit(limit))
            return [Reason(Outcome(outcome), reason, files) for outcome, reason, files in rows]

    def count_mixed(self, most: int) -> int:
        """Count the albums by one artist whose files have several genres, up to ``most``."""
        with self._reading() as db:
            mixed = _mixed().with_only_columns(tally_albums.c.album_key).limit(most)
            return int(db.execute(sa.select(sa.func.count()).select_from(mixed.subquery())).scalar_one())

    def mixed(self, after: tuple[str, str] | None = None, size: int = 50) -> Page[MixedAlbum, tuple[str, str]]:
        """Return albums by one artist whose files have several genres, by artist and album.

        Parameters
        ----------
        after
            The keys of the artist and the album behind which the page begins.
        size
            At most so many.
        """
        key = sa.tuple_(tally_albums.c.artist_key, tally_albums.c.album_key)
        select = _mixed() if after is None else _mixed().where(key > after)
        with self._reading() as db:
            keys = [(row.artist_key, row.album_key) for row in db.execute(select.limit(size + 1))]
            albums = tuple(_album(db, *each) for each in keys[:size])
        return Page(albums, None, keys[size - 1] if len(keys) > size else None)


def _mixed() -> sa.Select[tuple[str, str]]:
    artist, album = tally_albums.c.artist_key, tally_albums.c.album_key
    several = sa.func.count() > 1
    named = artist.not_in(["", VARIOUS])
    return sa.select(artist, album).where(named).group_by(artist, album).having(several).order_by(artist, album)


_NAMES = """
SELECT coalesce(nullif(album_artist, ''), artist), album
FROM files WHERE album_key = ? AND album_artist_key = ? LIMIT 1
"""


def _album(db: sa.Connection, artist_key: str, album_key: str) -> MixedAlbum:
    """Return an album with its names as they are spelt on one of its files."""
    same = [tally_albums.c.artist_key == artist_key, tally_albums.c.album_key == album_key]
    rows = db.execute(sa.select(tally_albums.c.genre, tally_albums.c.count).where(*same))
    genres = {tuple(json.loads(genre)): count for genre, count in rows}
    by_size = sorted(genres.items(), key=lambda each: (-each[1], each[0]))
    names = db.exec_driver_sql(_NAMES, (album_key, artist_key)).first()
    artist, album = (artist_key, album_key) if names is None else names
    return MixedAlbum(artist, album, dict(by_size))
