"""How far an owner's words are to be trusted, learnt from how well they agree with each other. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Self

from genred.model.counts import Counts, total

_TRIED = [0.025 * 2 ** (step / 2) for step in range(17)]
_MOST_OF_MATES = 0.3
"""With this, three agreeing tracks of an album still outdo any sound."""

_CAUTION = 3.0
"""What a library must gain in log-likelihood before the usual trust is left by a factor of e."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How much is known of a genre without an owner's words, as the number of words that it outweighs.

    Two words for a genre against 0.5 make it likely by 2 / (2 + 0.5), before anything is heard.
    """

    mates: float = 0.1
    """Against words for tracks of the same album."""
    artist: float = 0.1
    """Against words for other albums by the same artist."""

    @classmethod
    def learnt(cls, artists: Iterable[Sequence[Counts]]) -> Self:
        """Learn from an owner's library how well one word foretells the next.

        Each album is foretold from the others of its artist, and each track from the others of its album. A small
        library changes little.

        Parameters
        ----------
        artists
            For each artist the albums, and for each album its tracks by genre.
        """
        of_artists = [[album for album in albums if sum(album.values()) > 0] for albums in artists]
        albums = [album for of in of_artists for album in of]
        shares = [[_shares(album) for album in of] for of in of_artists]
        common = _shares(total([share for of in shares for share in of]))
        several = [(total(of), share) for of in shares if len(of) > 1 for share in of]
        return cls(
            _likeliest(
                cls().mates, _MOST_OF_MATES, lambda known: sum(_tracks(album, common, known) for album in albums)
            ),
            _likeliest(
                cls().artist, max(_TRIED), lambda known: sum(_album(of, one, common, known) for of, one in several)
            ),
        )


def _tracks(album: Counts, common: Counts, known: float) -> float:
    """Return how likely each track's word is by those of the others, a mean of logarithms."""
    n = sum(album.values())
    if n <= 1:
        return 0.0
    likely = {word: max(count - 1, 0.0) + known * common[word] for word, count in album.items() if count > 0}
    return sum(album[word] * log(likely[word] / (n - 1 + known)) for word in likely) / n


def _album(artist: Counts, one: Counts, common: Counts, known: float) -> float:
    """Return how likely an album's words are by those for the artist's other albums."""
    others = sum(artist.values()) - 1
    likely = {word: max(artist[word] - share, 0.0) + known * common[word] for word, share in one.items()}
    return sum(share * log(likely[word] / (others + known)) for word, share in one.items())


def _likeliest(usual: float, most: float, likelihood: Callable[[float], float]) -> float:
    def score(known: float) -> float:
        return likelihood(known) - _CAUTION * log(known / usual) ** 2

    return max([usual, *(tried for tried in _TRIED if tried <= most)], key=score)


def _shares(counts: Counts) -> Counts:
    n = sum(counts.values())
    return {word: count / n for word, count in counts.items() if count > 0}
