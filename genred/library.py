"""A person's own library as labelled music: the genres that they set, never those that genred wrote."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from genred.analysis import Analyser, Ask, Look
from genred.genres import Vocabulary, is_generic
from genred.history import History
from genred.records import Standing
from genred.training import Labelled

LEAST_TRACKS = 8
LEAST_ARTISTS = 4
"""Of each genre; with fewer nothing can be learnt and tested on artists that weren't learnt from."""


@dataclass(frozen=True)
class Found:
    """What a library can teach, and why the rest of it can't.

    ``left_out`` counts tracks by reason.
    """

    labelled: list[Labelled]
    left_out: Counter[str]


def from_tags(paths: Iterable[Path], analyser: Analyser, history: History | None, vocabulary: Vocabulary) -> Found:
    """The music among ``paths`` that carries exactly one genre of a person's own.

    Parameters
    ----------
    paths
        Files; their tags are read by the workers.
    analyser
        The workers.
    history
        What genred wrote; None where it never wrote anything.
    vocabulary
        What the user's spellings mean.
    """
    labelled: list[Labelled] = []
    left_out: Counter[str] = Counter()
    for path, look in analyser.look(paths, Ask.TAGS):
        reason = _unfit(path, look, history)
        if reason or not isinstance(look, Look):
            left_out[reason] += 1
            continue
        (name,) = (name for name in look.genres if not is_generic(name))
        # Without an artist the folder has to do: an album is by one artist more often than not.
        labelled.append(
            Labelled(path, vocabulary.canonical(name), look.artist.casefold() or str(path.parent), "library")
        )
    return _enough(labelled, left_out)


def _unfit(path: Path, look: Look | object, history: History | None) -> str:
    """Why a file teaches nothing; empty where it does."""
    if not isinstance(look, Look):
        return "tags can't be read"
    said = [name for name in look.genres if not is_generic(name)]
    if not said:
        return "no genre"
    if len(said) > 1:
        return "more than one genre"
    if history is not None and history.written(path) == look.genres and not _is_confirmed(path, history):
        return "genre written by genred, and confirmed by nobody"
    return ""


def _is_confirmed(path: Path, history: History) -> bool:
    known = history.known(path)
    return known is not None and known.standing is Standing.PERSON


def _enough(labelled: list[Labelled], left_out: Counter[str]) -> Found:
    artists: defaultdict[str, set[str]] = defaultdict(set)
    tracks: Counter[str] = Counter()
    for item in labelled:
        artists[item.genre].add(item.artist)
        tracks[item.genre] += 1
    fit = {genre for genre in tracks if tracks[genre] >= LEAST_TRACKS and len(artists[genre]) >= LEAST_ARTISTS}
    for genre in tracks.keys() - fit:
        left_out[f"too few tracks or artists of {genre}"] += tracks[genre]
    return Found([item for item in labelled if item.genre in fit], left_out)
