"""The owner's words: what a person calls the music around a track, counted for the model.

A genre that genred wrote is no evidence, nor is a copy of one, until a person confirms it. Words are compared by the
user's vocabulary; a word that it doesn't know ("Blurgh") stands for itself, in whatever way it is spelt.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from genred.config import Evidence
from genred.genres import Vocabulary, key, parts
from genred.history.library import Album, Indexed
from genred.history.records import Author
from genred.model.counts import Counts, most, total
from genred.model.evidence import Owner
from genred.model.trust import Trust
from genred.names import VARIOUS, Labels

_ENOUGH = 2000
"""Albums by which to learn how well the owner's words agree."""
_NEXT_TO_NOTHING = 1e-9
"""Less than any vote: what rounding leaves of a difference."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the owner says about one album."""

    owners: tuple[Owner, ...]
    """What counts for each track, in the order of the tracks; of the album, the other tracks count."""
    spelling: Mapping[str, str]
    """The words that the owner writes for genres, where these are other words than the vocabulary's."""

    def written(self, genre: str, vocabulary: Vocabulary) -> str:
        """Return the word that is written into a file for a genre."""
        return self.spelling.get(genre) or vocabulary.written(genre)

    def word(self, genre: str, vocabulary: Vocabulary) -> str | None:
        """Return the word for a genre, or for the nearest genre above it that may be written; None if none may."""
        return self.written(genre, vocabulary) if vocabulary.allows(genre) else next(vocabulary.chain(genre), None)


class Told(Protocol):
    """Knows a person's genres: `genred.history.library.Library`, or that and more."""

    def by_artist(self, artists: Collection[str]) -> dict[str, list[Album]]: ...

    def shares(self) -> Mapping[tuple[str, ...], float]: ...

    def artists(self, albums: int) -> list[list[Album]]: ...


class Witness:
    """Asks the owner's library about albums.

    Parameters
    ----------
    library
        The tags of the known files.
    vocabulary
        The user's own words; a spelling that is configured is the one that is written.
    evidence
        The kinds of evidence that count.
    trust
        How much the owner's words count; None to learn it from how well they agree with each other.
    """

    def __init__(self, library: Told, vocabulary: Vocabulary, evidence: Evidence, trust: Trust | None = None) -> None:
        self._library = library
        self._vocabulary = vocabulary
        self._evidence = evidence
        self._given = trust
        self._trust = trust or Trust()
        self._dictionary: Dictionary | None = None

    def about(self, album: Sequence[Indexed]) -> Testimony:
        """Return what the owner says about the tracks of an album.

        Parameters
        ----------
        album
            All known tracks of it, decided or not: the genres that a person gave to some of them speak for the others.
        """
        if not (self._evidence.mates or self._evidence.artist):
            return Testimony((Owner(),) * len(album), {})
        words = self._words()
        told = [_told(track) if self._evidence.mates else {} for track in album]
        mates = total(told)
        artists = self._artists(album) if self._evidence.artist else {}
        counted = {artist: words.counted(votes) for artist, votes in artists.items()}
        owners = tuple(
            Owner(
                words.counted(total([mates, {word: -count for word, count in own.items()}])),
                next((counted[artist] for artist in _artists_of(track) if artist in counted), {}),
                words.library,
                self._trust,
            )
            for track, own in zip(album, told, strict=True)
        )
        return Testimony(owners, words.spelling([mates, total(artists.values())]))

    def _words(self) -> "Dictionary":
        shares = self._library.shares()
        if self._dictionary is None or self._dictionary.shares is not shares:
            self._dictionary = Dictionary(self._vocabulary, shares)
            self._trust = self._given or self._learnt(self._dictionary)
        return self._dictionary

    def _learnt(self, words: "Dictionary") -> Trust:
        artists = self._library.artists(_ENOUGH)
        return Trust.learnt([[words.counted(_tracks(album)) for album in albums] for albums in artists])

    def _artists(self, album: Sequence[Indexed]) -> dict[str, Counts]:
        """Return what a person calls the other albums of each artist of an album; each of those counts for one."""
        own = {_identity(track.labels) for track in album if track.labels is not None}
        asked = {artist for track in album for artist in _artists_of(track)}
        found: dict[str, Counts] = {}
        for artist, albums in self._library.by_artist(asked).items():
            votes = total(_album(other) for other in albums if (other.artist, other.album) not in own)
            if votes:
                found[artist] = votes
        return found


class Dictionary:
    """Names words by their meaning, and knows how the owner spells the names.

    Parameters
    ----------
    vocabulary
        The user's own words.
    shares
        Albums by genres, as `Library.shares` counts them.
    """

    def __init__(self, vocabulary: Vocabulary, shares: Mapping[tuple[str, ...], float]) -> None:
        self.shares = shares
        self._vocabulary = vocabulary
        self._set = {vocabulary.canonical(name) for name in vocabulary.spelling}
        self._names: dict[str, str] = {}
        votes = total(_votes(genres, share) for genres, share in shares.items())
        spelt: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for word, count in votes.items():
            spelt[key(word)][word] = count
        self._usual = {meaning: most(words) for meaning, words in spelt.items()}
        self.library = self.counted(votes)
        """Albums of the whole library by the names of their genres."""
        self._written = {name: self._usual.get(key(name), name) for name in self.library}

    def name(self, word: str) -> str:
        """Return the vocabulary's name for a word; of a word that is the owner's own, the usual spelling."""
        if word not in self._names:
            if self._vocabulary.knows(word):
                self._names[word] = self._vocabulary.canonical(word)
            else:
                self._names[word] = self._usual.setdefault(key(word), word)
        return self._names[word]

    def counted(self, votes: Counts) -> dict[str, float]:
        """Return votes by the names of the words."""
        found: defaultdict[str, float] = defaultdict(float)
        for word, count in votes.items():
            if count > _NEXT_TO_NOTHING:
                found[self.name(word)] += count
        return dict(found)

    def spelling(self, nearest: Iterable[Counts]) -> dict[str, str]:
        """Return the word to write for each genre that is not written by the vocabulary's name.

        Parameters
        ----------
        nearest
            Counts around a track, the nearest first: these words are taken over, whatever they are. From the rest of
            the library, only another spelling of the same word is.
        """
        found: dict[str, str] = {}
        for votes in nearest:
            words: defaultdict[str, dict[str, float]] = defaultdict(dict)
            for word, count in votes.items():
                words[self.name(word)][word] = count
            for name, spelt in words.items():
                found.setdefault(name, most(spelt))
        found = self._written | found
        return {name: word for name, word in found.items() if word != name and name not in self._set}


def _votes(genres: Iterable[str], weight: float = 1.0) -> Counts:
    """Return the words of one track's genres; several share its vote."""
    words = [word for genre in genres for word in parts(genre)]
    return total({word: weight / len(words)} for word in words)


def _told(track: Indexed) -> Counts:
    return _votes(track.genres) if track.by is Author.YOU else {}


def _tracks(album: Album) -> Counts:
    """Return the votes of an album, one for each track."""
    return total(_votes(genres, count) for genres, count in album.tracks.items())


def _album(album: Album) -> Counts:
    """Return the votes of an album, which are one in all; none if all of its genres are generic."""
    votes = _tracks(album)
    n = sum(votes.values())
    return {word: count / n for word, count in votes.items()}


def _identity(labels: Labels) -> tuple[str, str]:
    return labels.album_artist_key, labels.album_key


def _artists_of(track: Indexed) -> Collection[str]:
    """Return the keys under which to look for other albums: the album's artist, else that of the track."""
    if track.labels is None:
        return ()
    keys = (track.labels.album_artist_key, track.labels.artist_key)
    return [artist for artist in keys if artist and artist != VARIOUS]
