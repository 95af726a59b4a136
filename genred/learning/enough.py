"""How much music of a genre is enough to learn it from; a finer genre with less teaches the one above it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from genred.genres import Vocabulary
from genred.learning.labels import Labelled

LEAST_TRACKS = 8
LEAST_ARTISTS = 4
"""The least of each genre; with fewer, genred can't learn from some artists and test on others."""


def enough(
    labelled: Iterable[Labelled], covered: Collection[str], vocabulary: Vocabulary
) -> tuple[list[Labelled], dict[str, int]]:
    """Let genres with too few tracks or artists teach what they are a kind of; leave out those that are of no kind.

    Parameters
    ----------
    labelled
        Tracks with the finest genre that each teaches.
    covered
        Genres of which other music has enough.
    vocabulary
        Its tree says what is a kind of what.

    Returns
    -------
    list of Labelled
        The tracks that can teach, with the genre that each is to teach.
    dict
        How many tracks of each genre were left out.
    """
    items = list(labelled)
    while few := _too_few(items, covered):
        above = {genre: next(iter(vocabulary.ancestors(genre)), None) for genre in few}
        depth = {genre: len(vocabulary.ancestors(genre)) for genre, parent in above.items() if parent is not None}
        if not depth:
            break
        deepest = max(depth.values())
        moved = {genre: str(above[genre]) for genre in depth if depth[genre] == deepest}
        items = [replace(item, genre=moved.get(item.genre, item.genre)) for item in items]
    return [item for item in items if item.genre not in few], few


def _too_few(labelled: Iterable[Labelled], covered: Collection[str]) -> dict[str, int]:
    """Count the tracks of genres with too few tracks or artists."""
    artists: defaultdict[str, set[str]] = defaultdict(set)
    tracks: Counter[str] = Counter()
    for item in labelled:
        artists[item.genre].add(item.artist)
        tracks[item.genre] += 1
    return {
        genre: count
        for genre, count in tracks.items()
        if genre not in covered and (count < LEAST_TRACKS or len(artists[genre]) < LEAST_ARTISTS)
    }
