"""A person's own library as labelled music: the genres that they set, never those that genred wrote."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from genred.analysis.analyser import Analyser, Ask, Look
from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Place, Vocabulary, is_generic, is_said
from genred.history.history import History
from genred.history.identity import copied_from, recognise, sounds_alike
from genred.history.records import Known, Outcome, Query, Standing
from genred.learning.labels import Labelled
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.table import Table

OWN = "genre written by genred, and confirmed by nobody"
"""Why most tracks of a tagged library teach nothing."""

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


def from_tags(
    paths: Iterable[Path],
    analyser: Analyser,
    history: History | None,
    vocabulary: Vocabulary,
    separator: str = Tags().separator,
) -> Found:
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
    separator
        What genred puts between genres where a tag has no lists.
    """
    labelled: list[Labelled] = []
    left_out: Counter[str] = Counter()
    unsure: dict[Path, tuple[Labelled, Known]] = {}
    for path, look in analyser.look(paths, Ask.TAGS):
        reason = _unfit(look)
        if reason or not isinstance(look, Look):
            left_out[reason] += 1
            continue
        (name,) = (name for name in look.genres if not is_generic(name))
        # Without an artist the folder has to do: an album is by one artist more often than not.
        item = Labelled(path, vocabulary.canonical(name), look.artist.casefold() or str(path.parent), "library")
        answered = _answered(path, look.places, history, separator) if history is not None else None
        if answered is None:
            labelled.append(item)
        elif answered.is_sure:
            left_out[OWN] += 1
        else:
            unsure[path] = item, answered.file
    if history is not None and unsure:
        for path in _other_music({path: known for path, (_, known) in unsure.items()}, analyser, history):
            labelled.append(unsure.pop(path)[0])
        left_out[OWN] += len(unsure)
    return _enough(labelled, left_out)


@dataclass(frozen=True)
class Comparison:
    """Two models on the same music, neither flattered: tracks a model was fitted to are judged out of fold."""

    new: Evaluation
    old: Evaluation

    @property
    def is_better(self) -> bool:
        return self.new.balanced_accuracy >= self.old.balanced_accuracy

    def lines(self) -> list[str]:
        """Per genre, for reading in a terminal."""
        was, now = self.old.recall, self.new.recall
        rows = [f"{genre:<16}{was.get(genre, 0.0):>8.2f}{now[genre]:>8.2f}" for genre in sorted(set(self.new.truth))]
        total = f"{'balanced':<16}{self.old.balanced_accuracy:>8.2f}{self.new.balanced_accuracy:>8.2f}"
        return [f"{'recall':<16}{'in use':>8}{'new':>8}", *rows, total]


def teach(
    table: Table, in_use: GenreClassifier, *, name: str, base: Table | None
) -> tuple[GenreClassifier, Comparison]:
    """Fit a model to a person's music, joined with a base where there is one, and compare it with the one in use.

    Parameters
    ----------
    table
        The person's music; on this alone the two are compared.
    in_use
        The model so far.
    name
        What to call the new one.
    base
        Other music to learn from as well, the built-in table.
    """
    if base is None:
        joined = table
    else:
        # One artist spelt in two ways would be learnt from and tested on at once.
        spelt = {str(group).casefold(): group for group in base.groups}
        groups = np.array([spelt.get(str(group).casefold(), group) for group in table.groups])
        joined = Table.join([replace(table, groups=groups), base])
    model = GenreClassifier().fit(joined, name=name)
    return model, Comparison(new=model.evaluation_.of(slice(len(table))), old=in_use.evaluate(table))


def _unfit(look: Look | object) -> str:
    """Return why a file teaches nothing, whoever wrote its genre; empty where it may teach."""
    if not isinstance(look, Look):
        return "tags can't be read"
    said = [name for name in look.genres if not is_generic(name)]
    if not said:
        return "no genre"
    return "more than one genre" if len(said) > 1 else ""


@dataclass(frozen=True, slots=True)
class _Answered:
    """A file for which genred gave the answer that a file carries."""

    file: Known
    is_sure: bool
    """False where something else was done to the file since: it may be other music with the same genre."""


def _answered(path: Path, places: Sequence[Place], history: History, separator: str) -> _Answered | None:
    """Return the file for which genred gave this answer; None where the genre is a person's, or confirmed by one."""
    try:
        stamp = stamp_of(path)
    except FileError:
        return None
    known = recognise(history, path, stamp)
    if known is not None and known.standing is Standing.PERSON:
        return _Answered(known, is_sure=True) if _is_back(known.path, places, history, separator) else None
    for file in (known, copied_from(history, path, stamp)):
        wrote = history.written(file.path) if file is not None else None
        if file is not None and wrote is not None and is_said(places, wrote, separator):
            untouched = file.stamp.same_content(stamp) and file.record == file.wrote
            return _Answered(file, is_sure=untouched or file != known)
    return None


def _other_music(files: Mapping[Path, Known], analyser: Analyser, history: History) -> Iterator[Path]:
    """Listen to files that were edited or replaced since genred tagged them, and yield those that are another piece.

    A file that can't be compared counts as the one that genred tagged: one example less does less harm than a model
    that learns its own answers.
    """
    analyser.warm_up()
    for path, look in analyser.look(files, Ask.BOTH):
        if isinstance(look, Look) and look.features is not None:
            version, vector = look.features
            before = history.vectors([files[path].path], version).get(files[path].path)
            if before is not None and not sounds_alike(before, vector):
                yield path


def _is_back(path: Path, places: Sequence[Place], history: History, separator: str) -> bool:
    """Whether a person took their own decision back, and what genred had written is there again."""
    records = list(history.records(Query(path=path, outcomes=(Outcome.TAGGED, Outcome.KEPT, Outcome.UNDONE))))
    undone = {record.undoes for record in records}
    return (
        bool(records)
        and records[0].outcome is Outcome.UNDONE
        and any(
            record.model is not None and record.id not in undone and is_said(places, record.written, separator)
            for record in records
            if record.outcome is Outcome.TAGGED
        )
    )


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
