"""Tracks of one album, heard together.

Tracks of an album share a genre, but for a few strays, so each is evidence for the others. They are alike in more than
the genre: what misleads the model about one of them misleads it about the next, so several count for less than their
number.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats

STRAYS = 0.05
"""The share of tracks that are of another genre than their album."""

_USUAL, _DOUBT = 0.8, 0.1
"""The kinship of music at hand is believed as far as music shows it: what it is taken for before, give or take."""

_MOST = 12
"""Tracks of one artist that are taken for an album, to learn from."""


class Album(Fitted):
    """How much the tracks of an album say of each other.

    The other tracks count as ``n / (1 + (n - 1) * kinship_)`` independent ones, and the track itself as one.

    Attributes
    ----------
    kinship_ : float
        From 0 (each track is evidence of its own) to 1 (all others together count as one track).
    """

    SHAPES: ClassVar = {"kinship_": ()}
    kinship_: float

    def fit(
        self,
        probabilities: Floats,
        truth: NDArray[np.intp],
        artists: NDArray[np.str_],
        sources: NDArray[np.str_],
    ) -> Self:
        """Find the kinship under which the truth is likeliest, with all tracks of an artist as an album.

        Artists change their genre sooner than albums do, and all sources weigh the same: both keep the model careful.

        Parameters
        ----------
        probabilities : (n_tracks, n_genres)
            Of tracks whose artist the model had not heard.
        truth : (n_tracks,) int
            The column of the true genre.
        artists, sources : (n_tracks,) str
        """
        albums = _by_artist(artists)
        tracks = sum(map(len, albums))

        def loss(kinship: float) -> float:
            self.kinship_ = kinship
            missed = defaultdict[str, list[float]](list)
            for album in albums:
                likely = self.together(probabilities[album])[np.arange(len(album)), truth[album]]
                missed[str(sources[album[0]])].extend(-np.log(likely + 1e-9))
            doubt = (kinship - _USUAL) ** 2 / (2 * _DOUBT**2)
            return doubt + tracks * sum(sum(each) / len(each) for each in missed.values()) / max(1, len(missed))

        self.kinship_ = float(min(np.linspace(0, 1, 21), key=loss))
        return self

    def together(self, probabilities: Floats) -> Floats:
        """Return how likely genres are, track by track, once all tracks of an album were heard.

        Parameters
        ----------
        probabilities : (n_tracks, n_genres)
            Of each track alone, with genres equally likely before.
        """
        return _normal(probabilities * self.others(probabilities)) if len(probabilities) > 1 else probabilities

    def others(self, probabilities: Floats) -> Floats:
        """Return how likely genres are for each track by the other tracks of its album, (n_tracks, n_genres)."""
        n, genres = probabilities.shape
        worth = 1 / (1 + (n - 1) * min(max(self.kinship_, 0.0), 1.0))
        spoken = worth * np.log((1 - STRAYS) * genres * probabilities + STRAYS)
        others = spoken.sum(axis=0) - spoken
        likely = _normal(np.exp(others - others.max(axis=1, keepdims=True)))
        return np.asarray((1 - STRAYS) * likely + STRAYS / genres)


def _normal(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _by_artist(artists: NDArray[np.str_]) -> Sequence[NDArray[np.intp]]:
    """Return the rows of each artist who has several, in pieces as long as albums are."""
    rows = defaultdict[str, list[int]](list)
    for row, artist in enumerate(artists):
        rows[str(artist)].append(row)
    pieces = [np.array(of[i : i + _MOST]) for of in rows.values() for i in range(0, len(of), _MOST)]
    return [piece for piece in pieces if len(piece) > 1]
