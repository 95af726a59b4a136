"""Features to coordinates in which distances mean something: for genres, and for telling music from the rest.

What is fitted is kept as plain arrays: a model that is only asked needs no scikit-learn, neither the time to import it
nor the version that fitted it.
"""

from collections import Counter
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import scipy.special
from numpy.typing import NDArray

from genred.model.fitted import Fitted, Floats
from genred.sound.features import CHAIN_FAMILIES, FEATURE_NAMES, N_META

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

_AT_ONCE = 200
"""Tracks that are ranked at a time: as many as fit into the processor's cache with what it takes."""


class Space(Fitted):
    """The training music's own axes.

    Every feature is made normally distributed by its quantiles in the training music, families of features are
    weighted so that large ones don't drown the others, and all are rotated to their principal axes. A feature that is
    the same for nearly all of the music counts nothing: its ranks would tell how it was rounded. Where genres are
    to be told apart, what re-encoding moves is damped: by the square root of one plus `damping` times its variance, in
    units of the mean variance of the music along an axis.
    """

    SHAPES: ClassVar = {
        "quantiles_": ("n_quantiles", "n_features"),
        "weights_": ("n_features",),
        "genre_axes_": ("n_features_for_genre", "n_genre_axes"),
        "genre_origin_": ("n_genre_axes",),
        "novelty_axes_": ("n_features", "n_novelty_axes"),
        "novelty_origin_": ("n_novelty_axes",),
    }
    quantiles_: Floats
    weights_: Floats
    genre_axes_: Floats
    genre_origin_: Floats
    novelty_axes_: Floats
    novelty_origin_: Floats

    n_quantiles = 200
    n_genre_axes = 500
    n_novelty_axes = 60
    damping = 3.0

    @staticmethod
    def axes() -> dict[str, int]:
        """Return the lengths of axes that the features decide."""
        return {"n_features": len(FEATURE_NAMES) - N_META, "n_features_for_genre": len(_columns_for_genre())}

    def fit(self, X: NDArray[np.float32]) -> Self:
        """Learn the axes from features without `N_META`, (n_tracks, n_features)."""
        from sklearn.preprocessing import QuantileTransformer

        spread = QuantileTransformer(n_quantiles=min(self.n_quantiles, len(X)), subsample=None).fit(X)
        self.quantiles_ = spread.quantiles_
        self.weights_ = _family_weights() * _moves(X)
        normal = self.normal(X)
        rotation = _rotation(normal[:, _columns_for_genre()], self.n_genre_axes, copy=False)
        moved = _re_encoding()[:, _columns_for_genre()] @ rotation.components_.T
        variance, axes = np.linalg.eigh(moved.T @ moved / rotation.explained_variance_.mean())
        damped = axes / np.sqrt(1 + self.damping * variance) @ axes.T
        self.genre_axes_ = rotation.components_.T @ damped / np.sqrt(rotation.explained_variance_.sum())
        self.genre_origin_ = rotation.mean_ @ self.genre_axes_
        rotation = _rotation(normal, self.n_novelty_axes)
        self.novelty_axes_ = rotation.components_.T.copy()
        self.novelty_origin_ = rotation.mean_ @ self.novelty_axes_
        return self

    def normal(self, X: NDArray[np.float32]) -> Floats:
        """Return weighted normal scores, (n_tracks, n_features)."""
        scores = np.empty(X.shape)
        for first in range(0, len(X), _AT_ONCE):
            few = slice(first, first + _AT_ONCE)
            scores[few] = scipy.special.ndtri(np.clip(_ranks(self.quantiles_, X[few]), 1e-7, 1 - 1e-7))
        np.clip(scores, -3, 3, out=scores)  # in place here and below: ten thousand tracks are 128 MB
        scores *= self.weights_
        return scores

    def for_genre(self, normal: Floats) -> Floats:
        """Return coordinates whose mean squared length in the training music is 1, but for the damping."""
        return np.asarray(normal[:, _columns_for_genre()] @ self.genre_axes_ - self.genre_origin_)

    def for_novelty(self, normal: Floats) -> Floats:
        """Return coordinates, and in a last column the squared length of the whole vector."""
        return np.column_stack([normal @ self.novelty_axes_ - self.novelty_origin_, (normal**2).sum(axis=1)])


def _moves(X: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which features differ by more than rounding to half precision, as a kept table is, from track to track."""
    low, high = np.quantile(X, [0.1, 0.9], axis=0)
    return np.asarray(high - low > 2 * np.finfo(np.float16).eps * np.maximum(np.abs(low), np.abs(high)))


def _ranks(quantiles: Floats, X: NDArray[np.float32]) -> Floats:
    """Return the share of the training music below each value, (n_tracks, n_features).

    Quantiles are (n_quantiles, n_features). What scikit-learn's QuantileTransformer computes feature by feature, here
    for all features at once: for one track that is a hundred times quicker.
    """
    x = X.astype(np.float64)
    last = len(quantiles) - 1
    below, up_to = _count(quantiles, x, np.less), _count(quantiles, x, np.less_equal)
    low, high = (np.take_along_axis(quantiles, np.clip(i, 0, last), axis=0) for i in (below - 1, below))
    between = below - 1 + (x - low) / np.where(high > low, high - low, 1)
    # A value that many tracks share has the middle of their ranks.
    rank = np.where(below < up_to, (below + up_to - 1) / 2, between) / max(1, last)
    return np.where(x <= quantiles[0], 0.0, np.where(x >= quantiles[-1], 1.0, rank))


def _count(quantiles: Floats, x: Floats, compare: np.ufunc) -> NDArray[np.intp]:
    """Count the quantiles of its feature less than (or equal to) each value, by halving in all features at once."""
    found = np.zeros(x.shape, np.intp)
    step = 1 << (len(quantiles).bit_length() - 1)
    while step:
        tried = found + step
        inside = np.minimum(tried, len(quantiles)) - 1
        found = np.where(
            (tried <= len(quantiles)) & compare(np.take_along_axis(quantiles, inside, axis=0), x), tried, found
        )
        step //= 2
    return found


def _rotation(X: Floats, n_axes: int, *, copy: bool = True) -> "PCA":
    from sklearn.decomposition import PCA

    return PCA(min(n_axes, len(X) - 1, X.shape[1]), copy=copy, svd_solver="randomized", random_state=0).fit(X)


def _families() -> list[str]:
    return [name.split(".")[0] for name in FEATURE_NAMES[N_META:]]


@cache
def _family_weights() -> Floats:
    """Return one over the fourth root of the number of features of a kind, for each feature."""
    counts = Counter(_families())
    return np.array([counts[family] ** -0.25 for family in _families()])


@cache
def _re_encoding() -> Floats:
    """Return a factor of the covariance of what re-encoding does to weighted normal scores, (n_axes, n_features).

    Measured on copies of the built-in model's music through random equalisers, filters and codecs.
    """
    with (resources.files("genred") / "data" / "re_encoding.npy").open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False), np.float64)


@cache
def _columns_for_genre() -> NDArray[np.intp]:
    return np.flatnonzero([family not in CHAIN_FAMILIES for family in _families()])
