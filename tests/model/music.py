"""Vectors like those of music, in three genres of which two overlap."""

import numpy as np
from numpy.typing import NDArray

from genred.model.table import Table
from genred.sound.features import FEATURE_NAMES, N_META

Vector = NDArray[np.float32]
GENRES = ("Jazz", "Metal", "Rock")


def vectors(genre: str, n: int, seed: int = 0) -> Vector:
    """Music-like vectors: Jazz is far from the others, Metal and Rock overlap."""
    rng = np.random.default_rng([seed, GENRES.index(genre)])
    X = rng.normal(0, 1, (n, len(FEATURE_NAMES))).astype(np.float32)
    X[:, N_META : N_META + 40] += {"Jazz": -2.0, "Metal": 1.0, "Rock": 0.85}[genre]
    X[:, :N_META] = (-20, 30)
    return X


def table(seed: int = 0) -> Table:
    """Return 40 tracks of each genre, by ten artists."""
    y = np.repeat(GENRES, 40)
    artists = np.array([f"{genre} {i % 10}" for genre in GENRES for i in range(40)])
    return Table(np.concatenate([vectors(g, 40, seed) for g in GENRES]), y, artists, np.full(len(y), "test"))
