"""How the sound of music and its owner's words together make genres likely. Pure.

The words are counted as in a Polya urn: of those who were asked before, each counts one, and what is known without them
counts `genred.model.evidence.Trust`. What is known without the artist's other albums is the sound; what is known
without the album's other tracks is the sound and those albums. A word counts more where the music sounds like it, and
less where it doesn't. A word that the model doesn't know sounds somewhat like the genre of the model that it is a kind
of; one that is a kind of none counts as it is. Without words, nothing changes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genred.genres.vocabulary import Vocabulary
from genred.model.evidence import Owner
from genred.model.fitted import Floats

DEAF = 0.2
"""The share of an owner's words that have nothing to do with how music sounds: no sound outdoes some agreeing words."""

_DEAF_TO_KINDS = 0.5
"""The same of words for kinds of a genre that the model knows: they sound like it, more or less."""

_PULL = 0.3
"""The exponent of how common genres are in the library: music that arrives may be other than what is there."""

_UNSEEN = 20.0
"""Albums of all genres alike that are taken to be in a library beside its own."""


def words(genres: NDArray[np.str_], owners: Sequence[Owner]) -> list[str]:
    """Return the genres of the model, in their order, and then the owner's words beyond those."""
    known = list(map(str, genres))
    said = {word for owner in owners for counts in (owner.mates, owner.artist) for word in counts}
    return known + sorted(said.difference(known))


def believe(sound: Floats, named: Sequence[str], owner: Owner, vocabulary: Vocabulary) -> Floats:
    """Return how likely genres are by all evidence, (n_tracks, n_words).

    Parameters
    ----------
    sound : (n_tracks, n_genres)
        How likely the genres of the model are by the sound, with genres equally likely before.
    named : (n_words,)
        As `words` returns them.
    owner
        The owner's words.
    vocabulary
        Its tree says what is a kind of what.
    """
    n, genres = sound.shape
    fits = np.ones((n, len(named)))
    fits[:, :genres] = (1 - DEAF) * genres * sound + DEAF
    for column, word in enumerate(named[genres:], genres):
        if (above := next((genre for genre in vocabulary.line(word) if genre in named[:genres]), None)) is not None:
            kind_of = genres * sound[:, named.index(above)]
            fits[:, column] = (1 - _DEAF_TO_KINDS) * kind_of + _DEAF_TO_KINDS
    likely = np.zeros_like(fits)
    likely[:, :genres] = sound * _common(owner.library, named[:genres])
    likely /= likely.sum(axis=1, keepdims=True)
    for counts, known_without in ((owner.artist, owner.trust.artist), (owner.mates, owner.trust.mates)):
        said = np.array([max(0.0, counts.get(word, 0.0)) for word in named])
        likely = said * fits + max(known_without, 1e-6) * likely
        likely /= likely.sum(axis=1, keepdims=True)
    return likely


def _common(library: Mapping[str, float], genres: Sequence[str]) -> Floats:
    """Return by what the probability of each genre is multiplied, since the owner uses it more or less often."""
    albums = np.array([max(0.0, library.get(genre, 0.0)) for genre in genres]) + _UNSEEN / len(genres)
    return np.asarray((albums / albums.mean()) ** _PULL)
