"""A library as its owner labelled it, made up around the artists of the training table.

Half of the artists are in it, with one to a handful of albums of ten tracks, 5,000 tracks in all. One artist of ten is
called by a word that no model knows, and one of ten by a genre that is not the artist's. Half of the wrong labels
are whole albums, half are tracks. Each genre is spelled in three ways.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genred.genres import canonical, key
from genred.model.counts import Counts
from genred.model.evidence import Owner
from genred.model.table import Table
from genred.model.trust import Trust

TRACKS = 10
OWN = ("Krautrock", "Kids", "Deutschrock", "Chanson", "Soundtrack")
_SPELLINGS = (str, str.upper, lambda word: word.replace("-", " ").lower())


@dataclass(frozen=True)
class Library:
    """Albums by artist, their tracks by genre as the owner means them, and what the owner would call other music."""

    albums: Mapping[str, Sequence[Counts]]
    words: Mapping[str, str]
    """The owner's word for all that an artist makes, where it is not the genre of the music."""

    @classmethod
    def made(cls, table: Table, seed: int, *, known: float = 0.5, wrong: float = 0.1) -> "Library":
        """Make a library.

        Parameters
        ----------
        known
            Share of the artists that are in it.
        wrong
            Share of the tracks that are labelled with a genre chosen by chance.
        """
        rng = np.random.default_rng([99, seed])
        genres = [str(genre) for genre in np.unique(table.y)]
        makes = defaultdict[str, list[str]](list)
        for artist, genre in zip(table.groups, table.y, strict=True):
            makes[str(artist)].append(str(genre))
        words: dict[str, str] = {}
        albums: dict[str, list[Counts]] = {}

        def labelled(genre: str, share: float) -> str:
            return genre if rng.random() >= share else str(rng.choice(genres))

        for artist, of in makes.items():
            chance = rng.random()
            if chance < 0.2:
                words[artist] = canonical(str(rng.choice(OWN if chance < 0.1 else genres)))
            albums[artist] = []
            for _ in range(rng.geometric(2 / 3) if rng.random() < known else 0):
                genre = labelled(words.get(artist, str(rng.choice(of))), wrong / 2)
                spelled = [_SPELLINGS[rng.integers(3)](labelled(genre, wrong / 2)) for _ in range(TRACKS)]
                albums[artist].append(meant(spelled))
        return cls(albums, words)

    def word(self, artist: str, genre: str) -> str:
        """Return what the owner would call music of a genre."""
        return self.words.get(artist, genre)

    def trust(self) -> Trust:
        """Return how much the owner's words are to be trusted, learnt from them."""
        return Trust.learnt(self.albums.values())

    def owner(self, artist: str, trust: Trust, mates: Counts | None = None) -> Owner:
        """Return what the owner calls the music around a new album."""
        return Owner(mates or {}, _albums(self.albums[artist]), self.shares, trust)

    def mates(self, artist: str, word: str, count: int) -> Counts:
        """Return the words for so many tracks of an album, nine of ten of them right."""
        rng = np.random.default_rng([98, count, *f"{artist} {word}".encode()])
        return meant([word if rng.random() >= 0.1 else "Polka" for _ in range(count)])

    def is_a(self, kind: str, artist: str) -> bool:
        """Return whether an artist is known, unknown, agreeing (as many albums, of one word), or torn (of several)."""
        of = [max(album, key=lambda word: album[word]) for album in self.albums[artist]]
        agreeing = len(set(of)) == 1
        kinds = {
            "": True,
            "known": bool(of),
            "unknown": not of,
            "agreeing 1": agreeing and len(of) == 1,
            "agreeing 2": agreeing and len(of) > 1,
            "torn": len(set(of)) > 1,
        }
        return kinds[kind]

    @property
    def shares(self) -> Counts:
        return _albums([album for of in self.albums.values() for album in of])


def meant(spelled: Sequence[str]) -> Counts:
    """Return how often each genre is meant."""
    known = {key(word): canonical(word) for word in OWN}
    return Counter(known.get(key(one), canonical(one)) for one in spelled)


def _albums(albums: Sequence[Counts]) -> Counts:
    shares = defaultdict[str, float](float)
    for album in albums:
        for word, tracks in album.items():
            shares[word] += tracks / sum(album.values())
    return shares
