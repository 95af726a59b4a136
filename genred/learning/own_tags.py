"""A person's own library as labelled music: the genres that they set, never those that genred wrote."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Place, Vocabulary, is_generic, is_said
from genred.history.history import History
from genred.history.identity import copied_answer, recognise, sha256_of, sounds_alike
from genred.history.journal import Journal
from genred.history.records import Author, Known, Standing
from genred.learning.enough import enough
from genred.learning.labels import Labelled, label_of
from genred.names import Labels

OWN = "genre written by genred, and confirmed by nobody"
"""The reason why most tracks of a tagged library teach nothing."""


@dataclass(frozen=True)
class Found:
    """The music in a library that can teach, and the reasons why the rest can't."""

    labelled: list[Labelled]
    left_out: Counter[str]
    """The number of tracks that were left out for each reason."""


def from_tags(
    paths: Iterable[Path],
    analyser: Analyser,
    history: History | None,
    vocabulary: Vocabulary,
    separator: str = Tags().separator,
    covered: Collection[str] = (),
) -> Found:
    """Return the music among ``paths`` that can teach: only genres with enough to learn from and to test on.

    A genre with too few tracks or artists teaches the genre above it, if that has enough with it.

    Parameters
    ----------
    paths, analyser, history, vocabulary, separator
        As for `by_a_person`.
    covered
        Genres of which there is enough other music to learn from: of these, a single track in ``paths`` is of use.
    """
    found = by_a_person(paths, analyser, history, vocabulary, separator)
    labelled, few = enough(found.labelled, covered, vocabulary)
    left_out = found.left_out + Counter({f"too few tracks or artists of {genre}": n for genre, n in few.items()})
    return Found(labelled, left_out)


def by_a_person(
    paths: Iterable[Path],
    analyser: Analyser,
    history: History | None,
    vocabulary: Vocabulary,
    separator: str = Tags().separator,
) -> Found:
    """Return the music among ``paths`` with the genre that it teaches, if a person gave it its genres.

    Of several genres, `label_of` finds the one that they teach.

    Parameters
    ----------
    paths
        Files; the workers read their tags.
    analyser
        The workers.
    history
        The history of what genred wrote; None if genred never wrote anything.
    vocabulary
        The meanings of the user's spellings.
    separator
        The text that genred puts between genres in a tag that has no lists.
    """
    labelled: list[Labelled] = []
    left_out: Counter[str] = Counter()
    unsure: dict[Path, tuple[Labelled, Known]] = {}
    for path, look in analyser.analyse(paths, Ask.TAGS):
        if not isinstance(look, Analysis):
            left_out["tags can't be read"] += 1
            continue
        if all(map(is_generic, look.genres)):
            left_out["no genre"] += 1
            continue
        if (genre := label_of(look.genres, vocabulary)) is None:
            left_out["several genres that have nothing in common"] += 1
            continue
        # Without an artist, the folder stands for one: an album is by one artist more often than not.
        item = Labelled(path, genre, _artist(look.labels) or str(path.parent), "library")
        answered = _answered(path, look.places, history, separator) if history is not None else None
        if answered is None:
            labelled.append(item)
        elif answered.is_sure or answered.file is None:
            left_out[OWN] += 1
        else:
            unsure[path] = item, answered.file
    if history is not None and unsure:
        for path in _other_music({path: known for path, (_, known) in unsure.items()}, analyser, history):
            labelled.append(unsure.pop(path)[0])
        left_out[OWN] += len(unsure)
    return Found(labelled, left_out)


def _artist(labels: Labels) -> str:
    """Return the name by which an artist is one group: the album's, but on albums by many that of the track."""
    return labels.artist_key if labels.is_by_many else labels.album_artist_key


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer of genred's that a file carries, and the file for which genred gave the answer."""

    file: Known | None
    """The known file; None for a copy of one, and for one that is being written."""
    is_sure: bool
    """False if something else was done to the file since: the file may be other music with the same genre."""


def _answered(path: Path, places: Sequence[Place], history: History, separator: str) -> _Answered | None:
    """Return the file for which genred gave this answer; None if a person set or confirmed the genre."""
    try:
        stamp = stamp_of(path)
    except FileError:
        return None
    if _is_being_written(path, history):
        return _Answered(None, is_sure=True)
    known = recognise(history, path, stamp)
    if known is not None and known.standing is Standing.PERSON and known.by is not Author.GENRED:
        return None
    wrote = history.answer(known.wrote) if known is not None and known.wrote is not None else None
    if known is not None and wrote is not None and is_said(places, wrote, separator):
        is_latest = known.record == known.wrote or known.standing is Standing.PERSON
        return _Answered(known, is_sure=is_latest and known.stamp.same_content(stamp))
    copied = copied_answer(history, path, stamp, places, separator)
    return _Answered(known, is_sure=True) if copied is not None else None


def _is_being_written(path: Path, history: History) -> bool:
    """Return whether a save put this file here and isn't recorded yet, because it goes on, or was cut.

    It is asked before the history: a save that ends meanwhile is found there. The folder may have been renamed.
    """
    begun = [intent for intent in Journal(history).unfinished() if intent.ready and intent.path.name == path.name]
    return bool(begun) and sha256_of(path) in [intent.after_sha256 for intent in begun]


def _other_music(files: Mapping[Path, Known], analyser: Analyser, history: History) -> Iterator[Path]:
    """Listen to files that were edited or replaced since genred tagged them, and yield those that are other music.

    A file that can't be compared counts as the one that genred tagged: an example fewer does less harm than a model
    that learns its own answers.
    """
    analyser.warm_up()
    for path, look in analyser.analyse(files, Ask.BOTH):
        if isinstance(look, Analysis) and look.features is not None:
            version, vector = look.features
            before = history.features_of([files[path].path], version).get(files[path].path)
            if before is not None and not sounds_alike(before, vector):
                yield path
