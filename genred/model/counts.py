"""An owner's words, counted. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

Counts = Mapping[str, float]
"""Tracks, or albums, by genre."""


def total(parts: Iterable[Counts]) -> dict[str, float]:
    """Return the sums of several counts, word by word."""
    found: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        for word, count in part.items():
            found[word] += count
    return dict(found)


def most(counts: Counts) -> str:
    """Return the word that counts most; of several, the first in alphabetical order."""
    return min(counts, key=lambda word: (-counts[word], word))
