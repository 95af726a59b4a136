"""The tracks that are judged together, as their owner tells of them: whose album it is, and what it is called. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genred.genres import is_generic
from genred.history.library import Indexed
from genred.history.records import Author


@dataclass(frozen=True, slots=True)
class Said:
    """A genre that tracks of an album have."""

    genre: str
    """As it is spelt; several genres of one track are one text."""
    by: Author
    count: int
    """The number of tracks."""


@dataclass(frozen=True, slots=True)
class Company:
    """Tracks that are judged together."""

    title: str
    """The title of the album; empty where no track names one."""
    artist: str
    """The artist of the album; of an album by many, the artist of these tracks."""
    is_by_many: bool
    """True for the tracks of one artist on an album by many."""
    tracks: tuple[Path, ...]
    heard: int
    """The number of tracks whose sound counts."""
    said: tuple[Said, ...]
    """The genres of the tracks, a person's first, and those of most tracks first; generic ones are left out."""


def company(album: Sequence[Indexed], heard: Collection[Path]) -> Company:
    """Tell of tracks that are judged together.

    Parameters
    ----------
    album
        The tracks.
    heard
        Those of them whose sound counts.
    """
    labels = [track.labels for track in album if track.labels is not None]
    by_many = any(names.is_by_many for names in labels)
    artists = [names.artist if by_many else names.album_artist or names.artist for names in labels]
    counts = Counter((", ".join(genres), track.by) for track in album if (genres := _telling(track)) and track.by)
    said = [Said(genre, by, count) for (genre, by), count in counts.items()]
    return Company(
        _usual(names.album for names in labels),
        _usual(artists),
        by_many,
        tuple(track.path for track in album),
        len(heard),
        tuple(sorted(said, key=lambda it: (it.by is not Author.YOU, -it.count, it.genre))),
    )


def _telling(track: Indexed) -> list[str]:
    return [genre for genre in track.genres if not is_generic(genre)]


def _usual(names: Iterable[str]) -> str:
    """Return the name that is given most; of several, the first in the alphabet."""
    counts = Counter(filter(None, names))
    return min(counts, key=lambda name: (-counts[name], name), default="")
