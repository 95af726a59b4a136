"""A person's own library as labelled music: the genres that they set, never those that genred wrote."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Place, Vocabulary, is_generic, is_said
from genred.history.history import History
from genred.history.identity import copied_answer, recognise, sounds_alike
from genred.history.records import Author, Known, Standing
from genred.learning.labels import Labelled, coarsened, label_of
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.table import Table
from genred.names import Labels, name_key

OWN = "genre written by genred, and confirmed by nobody"
"""The reason why most tracks of a tagged library teach nothing."""

LEAST_TRACKS = 8
LEAST_ARTISTS = 4
"""The least of each genre; with fewer, genred can't learn from some artists and test on others."""

_CHANCE = 0.02
"""The largest difference between two models that the choice of a few tracks could make."""


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
    return _enough(found.labelled, found.left_out, covered, vocabulary)


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


@dataclass(frozen=True)
class Comparison:
    """Two models on the same music, neither flattered: tracks that a model was fitted to are judged out of fold.

    Genres that only the new model tells apart count as those above them that the old one knows.
    """

    new: Evaluation
    old: Evaluation
    target_precision: float
    """The share of right answers that is asked for."""

    @property
    def is_better(self) -> bool:
        """Tell whether the new model is better at one of two things, and at the other not worse but for chance.

        A model is used to give answers that are right often enough, so the number of such answers is one thing. Recall
        is the other, since a model that gave up rare genres for common ones would be worse.
        """
        answers = self.new.coverage(self.target_precision) - self.old.coverage(self.target_precision)
        recall = self.new.balanced_accuracy - self.old.balanced_accuracy
        return max(answers, recall) >= 0 and min(answers, recall) > -_CHANCE

    def lines(self) -> list[str]:
        """Return a table for the terminal: the recall of each genre and of all, and the share of tracks answered."""
        was, now = self.old.recall, self.new.recall
        rows = [(genre, was.get(genre, 0.0), now[genre]) for genre in sorted(set(self.new.truth))]
        rows.append(("balanced", self.old.balanced_accuracy, self.new.balanced_accuracy))
        for precision in sorted({self.target_precision, 0.9}):
            name = f"answers at {precision:.0%}".replace("%", " %")
            rows.append((name, self.old.coverage(precision), self.new.coverage(precision)))
        width = max(len(name) for name, _, _ in rows) + 1
        head = f"{'recall':<{width}}{'in use':>8}{'new':>8}"
        return [head, *(f"{name:<{width}}{old:>8.2f}{new:>8.2f}" for name, old, new in rows)]


def teach(
    table: Table,
    in_use: GenreClassifier,
    *,
    name: str,
    base: Table | None,
    beside: Table | None = None,
    vocabulary: Vocabulary | None = None,
    tell: Callable[[str], None] = lambda step: None,
) -> tuple[GenreClassifier, Comparison]:
    """Fit a model to a person's music, joined with a base where there is one, and compare it with the one in use.

    Parameters
    ----------
    table
        The person's music; the two models are compared on this music alone.
    in_use
        The model in use so far.
    name
        The name of the new model.
    base
        Other music to learn from as well: the built-in table.
    beside
        Other music that only says what music sounds like.
    vocabulary
        The tree by which finer genres of the new model are compared with coarser ones of the model in use.
    tell
        Called with the step that begins, in a few words, since the whole takes a minute.
    """
    if base is None:
        joined = table
    else:
        # An artist with two spellings would be in the learning and the testing part at once.
        spelt = {name_key(str(group)): group for group in base.groups}
        groups = np.array([spelt.get(name_key(str(group)), group) for group in table.groups])
        joined = Table.join([replace(table, groups=groups), base])
    model = GenreClassifier().fit(joined, name=name, beside=beside, tell=tell)
    tell("comparing with the model in use")
    known = set(map(str, in_use.classes_))
    old = in_use.evaluate(coarsened(table, known, vocabulary or Vocabulary()))
    new = _in_words_of(known, model.evaluation_.of(slice(len(table))), vocabulary or Vocabulary())
    return model, Comparison(new, old, in_use.target_precision)


def _in_words_of(known: Collection[str], evaluation: Evaluation, vocabulary: Vocabulary) -> Evaluation:
    """Return an evaluation in which finer genres count as the nearest known one above them.

    A model that tells more genres apart has a harder task; two models are compared by the one that both have.
    """
    told = [vocabulary.nearest(genre, known) or genre for genre in evaluation.genres]
    genres, column = np.unique(told, return_inverse=True)
    into = np.eye(len(genres))[column]
    truth = np.array([told[evaluation.genres.index(str(genre))] for genre in evaluation.truth], np.str_)
    return replace(
        evaluation, genres=tuple(map(str, genres)), truth=truth, probabilities=evaluation.probabilities @ into
    )


def _artist(labels: Labels) -> str:
    """Return the name by which an artist is one group: the album's, but on albums by many that of the track."""
    return labels.artist_key if labels.is_by_many else labels.album_artist_key


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer of genred's that a file carries, and the file for which genred gave the answer."""

    file: Known | None
    """The known file; None for a copy of one."""
    is_sure: bool
    """False if something else was done to the file since: the file may be other music with the same genre."""


def _answered(path: Path, places: Sequence[Place], history: History, separator: str) -> _Answered | None:
    """Return the file for which genred gave this answer; None if a person set or confirmed the genre."""
    try:
        stamp = stamp_of(path)
    except FileError:
        return None
    known = recognise(history, path, stamp)
    if known is not None and known.standing is Standing.PERSON and known.by is not Author.GENRED:
        return None
    wrote = history.answer(known.wrote) if known is not None and known.wrote is not None else None
    if known is not None and wrote is not None and is_said(places, wrote, separator):
        is_latest = known.record == known.wrote or known.standing is Standing.PERSON
        return _Answered(known, is_sure=is_latest and known.stamp.same_content(stamp))
    copied = copied_answer(history, path, stamp, places, separator)
    return _Answered(known, is_sure=True) if copied is not None else None


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


def _enough(
    labelled: Sequence[Labelled], left_out: Counter[str], covered: Collection[str], vocabulary: Vocabulary
) -> Found:
    """Let genres with too few tracks or artists teach what they are a kind of; leave out those that are of no kind.

    Other music has enough of ``covered`` genres.
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
    for genre, tracks in few.items():
        left_out[f"too few tracks or artists of {genre}"] += tracks
    return Found([item for item in items if item.genre not in few], left_out)


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
