"""How far a track lies from the music that a model was trained on: what is too far is not judged."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats

Rows = NDArray[np.intp]
Folds = Sequence[tuple[Rows, Rows]]

MUSIC_KEPT = 0.97
"""Share of unheard music that the out-of-distribution score must let pass."""

N_NEIGHBOURS = 5

_SAME = 0.2
"""Share of the usual distance between neighbours under which two tracks are one: rounded differently, or described with
another version of the libraries. Of the built-in model's music, no two tracks are nearer than two fifths of it."""

_AT_ONCE = 500


class Novelty(Fitted):
    """The mean squared distance to the nearest tracks of the training music, times that from its middle, squared.

    Noise and tones are far from everything; speech is nearer to some music, but extreme in many features at once.
    Coordinates are those of `genred.model.neighbourhood.Neighbourhood`.

    Attributes
    ----------
    limit_ : float
        The score beyond which a track is strange.
    apart_ : float
        How far a training track usually is from the nearest other one.
    music_ : (n_tracks, n_novelty_axes)
        The training music.
    """

    SHAPES: ClassVar = {"limit_": (), "apart_": (), "music_": ("n_music", "n_novelty_axes")}
    limit_: float
    apart_: float
    music_: Floats

    def fit(self, Z: Floats, folds: Folds) -> Self:
        """Learn from the training music; the limit is set on artists that a fold left out."""
        unheard = [self._fit(Z[train]).score(Z[test]) for train, test in folds]
        self.limit_ = float(np.quantile(np.concatenate(unheard), MUSIC_KEPT))
        self._fit(Z)
        self.apart_ = float(np.median(nearest(self.music_, self.music_, 2)[0][:, -1]))  # the first is itself
        return self

    def is_strange(self, Z: Floats) -> NDArray[np.bool_]:
        """Tell, (n_tracks,), which are farther away than all but a few tracks of unheard music are."""
        return np.asarray(self.score(Z) > self.limit_)

    def recognise(self, Z: Floats, among: int) -> tuple[NDArray[np.bool_], Rows]:
        """Find tracks among the first of the training music: (n_tracks,) which are there, and (n_tracks,) the nearest.

        A track is one of them, however it was rounded, where it is nearer than any two are.
        """
        distances, rows = nearest(self.music_[:among], Z[:, :-1], 1)
        return np.asarray(distances[:, 0] < _SAME * self.apart_), rows[:, 0]

    def score(self, Z: Floats) -> Floats:
        """Return how strange each track is, (n_tracks,)."""
        return np.asarray((self.neighbours(Z)[0] ** 2).mean(axis=1) * Z[:, -1])

    def neighbours(self, Z: Floats) -> tuple[Floats, Rows]:
        """Return distances of the nearest training tracks, ascending, and their rows, (n_tracks, n_neighbours) each."""
        return nearest(self.music_, Z[:, :-1], min(N_NEIGHBOURS, len(self.music_)))

    def _fit(self, Z: Floats) -> Self:
        self.music_ = np.ascontiguousarray(Z[:, :-1])
        return self


def nearest(music: Floats, Z: Floats, n: int) -> tuple[Floats, Rows]:
    """Return distances of the ``n`` nearest rows of ``music``, ascending, and their numbers, (len(Z), n) each."""
    n = min(n, len(music))
    distances, rows = np.empty((len(Z), n)), np.empty((len(Z), n), np.intp)
    lengths = (music**2).sum(axis=1)
    for first in range(0, len(Z), _AT_ONCE):
        few = slice(first, first + _AT_ONCE)
        squared = lengths - 2 * Z[few] @ music.T + (Z[few] ** 2).sum(axis=1, keepdims=True)
        near = np.argpartition(squared, n - 1, axis=1)[:, :n]
        # Once more from the differences: of two tracks that are nearly the same, the sum above leaves rounding errors.
        exact = np.sqrt(((Z[few, None] - music[near]) ** 2).sum(axis=2))
        order = np.argsort(exact, axis=1, kind="stable")
        distances[few], rows[few] = np.take_along_axis(exact, order, 1), np.take_along_axis(near, order, 1)
    return distances, rows
