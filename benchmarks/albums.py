"""Albums made of the tracks of a table, judged by models that had not heard their artists."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from genred.genres.tree import built_in
from genred.model.album import Album
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import calibration_error, lower_bound
from genred.model.evidence import Owner
from genred.model.installed import BUILTIN_GENRES
from genred.model.judging import Need, judge
from genred.model.table import Table
from genred.model.unit import Heard, Unit

Rows = NDArray[np.intp]
Place = tuple[str, int | str]


@dataclass(frozen=True)
class Judged:
    """A model, and how likely it finds genres of tracks whose artist it had not heard."""

    place: Place
    """The seed of its folds, or the source that it was trained without."""
    genres: NDArray[np.str_]
    rows: Rows
    probabilities: NDArray[np.float64]
    album: Album
    needs: dict[float, Need]
    untold: frozenset[str]

    @classmethod
    def by(cls, table: Table, place: Place, train: Rows, test: Rows) -> "Judged":
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", UserWarning)  # a genre with fewer tracks than folds is allowed
            model = GenreClassifier().fit(table[train], told=BUILTIN_GENRES)
            needs = {precision: Need(model.evaluation_.threshold(precision), precision) for precision in (0.8, 0.9)}
            probabilities = model.predict_proba(table.X[test])
        untold = model.evaluation_.untold
        return cls(place, model.classes_, test, probabilities, model.parts_.album, needs, untold)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one track."""

    album: int
    confidence: float
    """Of the likeliest genre."""
    likeliest: bool
    """Whether that is the right one."""
    answers: dict[float, tuple[str, bool] | None]
    """By target precision: the answer, and whether it is right."""


def asked(judged: Judged, rows: Rows, truths: Sequence[str], owner: Owner, number: int) -> Iterator[Said]:
    """Say what is answered about tracks of one album; ``rows`` are of the table."""
    where = np.searchsorted(judged.rows, rows)
    heard = Heard(judged.probabilities[where], [""] * len(rows))
    unit = Unit(judged.genres, judged.album, heard, [owner] * len(rows), untold=judged.untold)
    found = {precision: judge(unit, need) for precision, need in judged.needs.items()}
    for i, truth in enumerate(truths):
        answers: dict[float, tuple[str, bool] | None] = {}
        for precision, predictions in found.items():
            said = predictions[i]
            shares = {c.genre: c.probability for c in said.candidates}
            backed_off = said.genre is not None and said.confidence > shares.get(said.genre, 0.0) + 1e-9
            right = said.genre in built_in().line(truth) if backed_off else said.genre == truth
            answers[precision] = None if said.genre is None else (said.genre, right)
        best = found[0.8][i].candidates[0]
        yield Said(number, best.probability, best.genre == truth, answers)


@dataclass(frozen=True)
class Trial:
    """A table, and models that between them judge all of it, each what it had not heard."""

    table: Table
    models: Sequence[Judged]
    seed: int

    def ask(
        self,
        units: Iterable[Rows],
        *,
        alone: bool = False,
        owner: Callable[[Rows], Owner] = lambda unit: Owner(),
        truth: Callable[[int], str] | None = None,
    ) -> list[Said]:
        """Say what is answered about albums, or about each of their tracks for itself."""
        of = {int(row): model for model in self.models for row in model.rows}
        true = truth or (lambda row: str(self.table.y[row]))
        pieces = [
            (number, piece, owner(unit))
            for number, unit in enumerate(units)
            for piece in (np.split(unit, len(unit)) if alone else [unit])
        ]
        return [
            said
            for number, piece, words in pieces
            for said in asked(of[int(piece[0])], piece, [true(int(row)) for row in piece], words, number)
        ]

    def albums(self, key: Callable[[int], object], size: tuple[int, int], rows: Rows | None = None) -> list[Rows]:
        """Take tracks with the same key for albums of so many tracks."""
        rng = np.random.default_rng(self.seed)
        of = defaultdict[object, list[int]](list)
        for row in rng.permutation(np.arange(len(self.table)) if rows is None else rows):
            of[key(int(row))].append(int(row))
        pieces = [np.array(rows[i : i + size[1]]) for rows in of.values() for i in range(0, len(rows), size[1])]
        return [piece for piece in pieces if len(piece) >= size[0]]

    def one_genre(self, row: int) -> object:
        return self.table.groups[row], self.table.y[row]

    def one_artist(self, row: int) -> object:
        return self.table.groups[row]

    def mixed(self) -> list[Rows]:
        """Put albums of two artists and genres together."""
        found: list[Rows] = []
        for model in self.models:
            units = self.albums(self.one_genre, (2, 4), model.rows)
            pairs = zip(units[::2], units[1::2], strict=False)
            found += [np.concatenate(pair) for pair in pairs if len({self.table.y[unit[0]] for unit in pair}) > 1]
        return found


# -- figures -------------------------------------------------------------------------------------------------------


def at_precision(said: Sequence[Said], precision: float = 0.9, least: int = 20) -> float:
    """Return the greatest share of likeliest genres of that precision, on the very tracks."""
    order = sorted(said, key=lambda one: -one.confidence)
    right = np.cumsum([one.likeliest for one in order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((right >= precision) & (np.arange(1, len(order) + 1) >= min(least, len(order))))
    return float((enough[-1] + 1) / len(order)) if len(enough) else 0.0


def kept(said: Sequence[Said], precision: float) -> tuple[float, float]:
    """Return the share of right answers at a target precision, and the share that is answered."""
    given = [answer[1] for one in said if (answer := one.answers[precision]) is not None]
    return float(np.mean(given)) if given else float("nan"), len(given) / len(said)


def spread(said: Sequence[Said], artists: NDArray[np.str_], precision: float) -> float:
    """Return the standard error of the share of right answers, which comes from how artists differ."""
    answers = [one.answers[precision] for one in said]
    given = np.array([answer is not None for answer in answers])
    hits = np.array([answer[1] for answer in answers if answer is not None])
    return float(hits.mean()) - lower_bound(hits, np.unique(artists[given], return_inverse=True)[1])


def right(said: Sequence[Said]) -> float:
    return float(np.mean([one.likeliest for one in said]))


def error(said: Sequence[Said]) -> float:
    return calibration_error(np.array([s.confidence for s in said]), np.array([s.likeliest for s in said]))


def torn(said: Sequence[Said]) -> tuple[float, float]:
    """Return the shares of albums that are given two genres, and that are answered in part, at 80 %."""
    of = defaultdict[int, list[str | None]](list)
    for one in said:
        answer = one.answers[0.8]
        of[one.album].append(answer and answer[0])
    two = np.mean([len(set(given) - {None}) > 1 for given in of.values()])
    return float(two), float(np.mean([None in given and set(given) != {None} for given in of.values()]))


def mean(figures: Iterable[Sequence[float]]) -> list[float]:
    """Return the mean over seeds of each figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing answered with any seed
        return [float(value) for value in np.nanmean(np.array(list(figures)), axis=0)]
