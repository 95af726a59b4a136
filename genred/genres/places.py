"""The places of a file that name genres, and what they say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genred.genres.spellings import is_generic, key, pieces
from genred.genres.tree import canonical

ID3V1 = "ID3v1"
"""The name of the place that holds a number from a fixed list, and so can name only the genres of that list."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file that may name genres, and the genres that it names."""

    where: str
    """The tag and its field, by the names under which a person would look for them."""
    genres: tuple[str, ...]


def said(places: Sequence[Place]) -> tuple[str, ...]:
    """Return all genres that a file names: those of its first place, then others that other places name.

    A place that says nothing ("Unknown") counts only if no place says anything.
    """
    telling = [place for place in places if not all(map(is_generic, place.genres))]
    if not telling:
        return next((place.genres for place in places if place.genres), ())
    first, *others = telling
    found = list(first.genres)
    known = _meanings(found)
    for genre in (genre for place in others for genre in place.genres if not is_generic(genre)):
        if not _meanings([genre]) <= known:
            found.append(genre)
            known |= _meanings([genre])
    return tuple(found)


def _meanings(names: Sequence[str]) -> set[str]:
    """Return the meanings of some genres, in whatever way the genres are joined."""
    return {key(canonical(part)) for name in names for part in pieces(name) if not is_generic(part)}


def is_said(places: Iterable[Place], genres: Sequence[str], separator: str) -> bool:
    """Return whether a file names these genres, and no place in the file names another genre.

    The first place must name them; the other places may be silent. A tag without lists has the genres as one text.
    """
    first, *others = [*places] or [Place("", ())]
    return _agrees(first, genres, separator) and all(
        _agrees(place, genres, separator) or all(map(is_generic, place.genres)) for place in others
    )


def _agrees(place: Place, genres: Sequence[str], separator: str) -> bool:
    if place.where == ID3V1:
        return [key(name) for name in place.genres] == [key(name) for name in genres[:1]]
    return place.genres in (tuple(genres), (separator.join(genres),))
