"""The tracks of one album with everything that speaks for their genres."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from genred.genres.vocabulary import Vocabulary
from genred.model.album import Album
from genred.model.belief import believe, words
from genred.model.counts import most
from genred.model.evidence import Ground, Kind, Owner
from genred.model.fitted import Floats


@dataclass(frozen=True)
class Heard:
    """The sound of some tracks."""

    probabilities: Floats
    """(n_tracks, n_genres), of each track alone."""
    faults: Sequence[str]
    """Why a track can't be judged by its sound; empty where it can."""


class Unit:
    """The sound of an album's tracks, and what their owner says.

    Parameters
    ----------
    genres : (n_genres,) str
        Of the model.
    album
        How much the tracks of an album say of each other.
    heard
        The tracks.
    owners : (n_tracks,)
        The owner's words about the music around each track.
    vocabulary
        Its tree says what is a kind of what.
    untold
        Genres that the model recognises too seldom to answer them by the sound.

    Attributes
    ----------
    words : list of str
        The genres of the model, then words of the owner beyond those: what `track` and `together` count by.
    judged : list of int
        The tracks that can be judged by their sound.
    """

    def __init__(
        self,
        genres: NDArray[np.str_],
        album: Album,
        heard: Heard,
        owners: Sequence[Owner],
        vocabulary: Vocabulary | None = None,
        untold: Collection[str] = (),
    ) -> None:
        self.vocabulary = vocabulary or Vocabulary()
        self.untold = untold
        self.words = words(genres, owners)
        self.heard = heard
        self.owners = owners
        self.judged = [i for i, fault in enumerate(heard.faults) if not fault]
        known = heard.probabilities[self.judged]
        nothing = np.full(heard.probabilities.shape, 1 / len(genres))
        self._alone, self._others, self._sound = nothing, nothing.copy(), nothing.copy()
        self._alone[self.judged] = known
        self._others[self.judged], self._sound[self.judged] = album.others(known), album.together(known)
        self._found: list[tuple[Owner, Floats]] = []

    def track(self, i: int, without: Kind | None = None) -> Floats:
        """Return how likely each word is for one track by all evidence, or all but one kind, (n_words,)."""
        sound = {Kind.TRACK: self._others, Kind.ALBUM: self._alone}.get(without or Kind.MATES, self._sound)
        owner = self.owners[i]
        if without is Kind.MATES:
            owner = replace(owner, mates={})
        if without is Kind.ARTIST:
            owner = replace(owner, artist={})
        return np.asarray(believe(sound[[i]], self.words, owner, self.vocabulary)[0])

    def together(self, owner: Owner) -> Floats:
        """Return what share of the tracks each word is likely right for, (n_words,)."""
        for asked, found in self._found:  # the owner says the same of all tracks of most albums
            if asked == owner:
                return found
        sound = self._sound[self.judged or [0]]
        found = np.asarray(believe(sound, self.words, owner, self.vocabulary).mean(axis=0))
        self._found.append((owner, found))
        return found

    def untold_of(self, owner: Owner) -> frozenset[str]:
        """Return the genres that can't be answered: not by the sound, and the owner doesn't say them."""
        return frozenset(self.untold).difference(owner.mates, owner.artist)

    def grounds(self, i: int, genre: str) -> tuple[Ground, ...]:
        """Return the evidence about one track, that which speaks most for a genre first.

        Returns
        -------
        tuple of Ground
            Empty where the track alone was heard, and nothing was said.
        """
        owner = self.owners[i]
        told = [(Kind.MATES, owner.mates), (Kind.ARTIST, owner.artist)]
        found: list[tuple[Kind, str, float, float, float]] = []
        for kind, counts in told:
            if (of := sum(counts.values())) > 0:
                word = most(counts)
                found.append((kind, word, counts[word] / of, counts[word], of))
        if i in self.judged and (found or len(self.judged) > 1):
            found.append((Kind.TRACK, *self._sounds_like(self._alone[i]), 1.0, 1.0))
        if i in self.judged and len(self.judged) > 1:
            word, share = self._sounds_like(self._others[i])
            others = self._tops[word] - (self._sounds_like(self._alone[i])[0] == word)
            found.append((Kind.ALBUM, word, share, float(others), len(self.judged) - 1.0))
        at = self.words.index(genre) if genre in self.words else None
        weighed = [Ground(*ground, self._weight(i, at, ground[0])) for ground in found]
        return tuple(sorted(weighed, key=lambda ground: -ground.weight))

    @cached_property
    def _tops(self) -> Counter[str]:
        """Count the tracks that sound most like each genre, each alone."""
        return Counter(self._sounds_like(self._alone[i])[0] for i in self.judged)

    def _weight(self, i: int, word: int | None, kind: Kind) -> float:
        if word is None:
            return 0.0
        return _log_odds(float(self.track(i)[word])) - _log_odds(float(self.track(i, without=kind)[word]))

    def _sounds_like(self, likely: Floats) -> tuple[str, float]:
        return self.words[int(likely.argmax())], float(likely.max())


def _log_odds(probability: float) -> float:
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))
