"""How good a model is: figures from out-of-fold probabilities, in words and for JSON."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase
from typing import Self

import numpy as np
from numpy.typing import NDArray

from genred.genres.vocabulary import Vocabulary

SOURCE = 50
"""Answers about a source from which on it is judged alone."""

LEAST_RECALL = 0.3
"""The least share of a genre's tracks that a model must recognise to answer that genre."""

USUAL_PRECISION = 0.8
"""The target precision where a person asks for none; what is never answered is found at its threshold."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions for tracks whose artist the model had not heard.

    Attributes
    ----------
    genres : (n_genres,)
        The columns of `probabilities`.
    truth : (n_tracks,) str
    probabilities : (n_tracks, n_genres)
        Calibrated; rows sum to 1.
    artists : (n_tracks,) str
        Who made each: tracks of one artist are right or wrong together. Empty: each stands for itself.
    sources : (n_tracks,) str
        Where each recording came from. Empty: all from one.
    by_source
        Balanced accuracy on each source for a model trained on the others.
    heard
        How many of the tracks the model was trained on; their predictions are of folds that hadn't heard their artist.
    familiar
        How many of the others are by an artist that the model was trained on: those flatter it.
    untold
        Genres that the model recognises too seldom to answer them.
    vocabulary
        Its tree says what an answer backs off to, and what is a kind of what.
    """

    genres: tuple[str, ...]
    truth: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    artists: NDArray[np.str_] = field(default_factory=lambda: np.array([], np.str_))
    sources: NDArray[np.str_] = field(default_factory=lambda: np.array([], np.str_))
    by_source: Mapping[str, float] = field(default_factory=dict)
    heard: int = 0
    familiar: int = 0
    untold: frozenset[str] = frozenset()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def of(self, rows: slice) -> Self:
        """Return the evaluation of some of the tracks."""
        return replace(
            self,
            truth=self.truth[rows],
            probabilities=self.probabilities[rows],
            artists=self.artists[rows],
            sources=self.sources[rows],
        )

    def telling(self, told: Collection[str] | None) -> Self:
        """Return this evaluation, which is of a model, with the genres that the model does not answer.

        Parameters
        ----------
        told
            The genres that it answers; None for those that are the likeliest often enough where they are right.
        """
        return replace(self, untold=_seldom(self.recall) if told is None else frozenset(self.genres).difference(told))

    def answers(self, needed: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the answers that are given where ``needed`` is the confidence that an answer needs.

        Returns
        -------
        confidence : (n_tracks,)
            Of the likeliest genre or, where it alone is not sure enough, of the genre above it, and so on. 0 where
            that is `untold`.
        right : (n_tracks,) bool
            Whether the track is of that genre, or of a kind of it.
        """
        _, confidence, right = self.said(needed)
        return confidence, right

    def answered_recall(self, needed: float) -> dict[str, float]:
        """Return the share of the tracks of each genre that are answered with it, or with a kind of it."""
        answer, confidence, _ = self.said(needed)
        found = {}
        for genre in np.unique(self.truth):
            kinds = [name for name in np.unique(answer) if genre in self.vocabulary.line(str(name))]
            found[str(genre)] = float((np.isin(answer, kinds) & (confidence >= needed))[self.truth == genre].mean())
        return found

    def said(self, needed: float) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.bool_]]:
        """Return the genre of each answer, and what `answers` does."""
        answer, confidence, right = self._levels[0]
        for head, sure, true in self._levels[1:]:
            unsure = confidence < needed
            answer, right = np.where(unsure, head, answer), np.where(unsure, true, right)
            confidence = np.where(unsure, sure, confidence)
        return answer, confidence, right

    @cached_property
    def _levels(self) -> list[tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.bool_]]]:
        """Return what `said` does, of the likeliest genre, of it with all its kinds, of the genre above it, etc.

        A track is surely of all that is above its genre; how likely it is of a genre is the sum of what is below.
        """
        lines = [self.vocabulary.line(genre) for genre in self.genres]
        truths, row = np.unique(self.truth, return_inverse=True)
        best = self.probabilities.argmax(axis=1)
        rows = np.arange(len(best))
        untold = list(self.untold)
        told = ~np.isin(self.predicted, untold)
        found = [(self.predicted, np.where(told, self.probabilities.max(axis=1), 0.0), self.predicted == self.truth)]
        for level in range(max(map(len, lines), default=0)):
            heads = [line[min(level, len(line) - 1)] for line in lines]
            kinds = np.array([[head in line for head in heads] for line in lines], np.float64)
            alone = np.isin(self.genres, untold) & (kinds.sum(axis=0) == 1)
            kinds[:, alone | np.isin(heads, untold)] = 0
            true = [[head in self.vocabulary.line(str(truth)) for head in heads] for truth in truths]
            sure, right = (self.probabilities @ kinds)[rows, best], np.array(true, np.bool_)[row, best]
            found.append((np.array(heads, np.str_)[best], sure, right))
        return found

    @property
    def predicted(self) -> NDArray[np.str_]:
        """The most probable single genre of each track."""
        return np.asarray(np.array(self.genres)[self.probabilities.argmax(axis=1)], np.str_)

    @property
    def confusion(self) -> NDArray[np.int_]:
        """Counts, (n_genres, n_genres): a row is a true genre, a column a predicted one."""
        index = {genre: i for i, genre in enumerate(self.genres)}
        counts = np.zeros((len(self.genres), len(self.genres)), dtype=np.int_)
        for truth, predicted in zip(self.truth, self.predicted, strict=True):
            counts[index[truth], index[predicted]] += 1
        return counts

    @property
    def accuracy(self) -> float:
        return float((self.predicted == self.truth).mean())

    @property
    def recall(self) -> dict[str, float]:
        """The share of the tracks of each genre that were recognised."""
        counts = self.confusion
        return _shares(self.genres, counts.diagonal(), counts.sum(axis=1))

    @property
    def precision(self) -> dict[str, float]:
        """The share of the tracks called by each genre that are of it."""
        counts = self.confusion
        return _shares(self.genres, counts.diagonal(), counts.sum(axis=0))

    @property
    def balanced_accuracy(self) -> float:
        present = set(self.truth)
        return float(np.mean([share for genre, share in self.recall.items() if genre in present]))

    @property
    def macro_f1(self) -> float:
        p, r = self.precision, self.recall
        return float(np.mean([2 * p[g] * r[g] / (p[g] + r[g]) if p[g] + r[g] else 0.0 for g in set(self.truth)]))

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the confidence that is told at the usual target precision."""
        return calibration_error(*self.confidences)

    @property
    def confidences(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The confidence in what is said of each track at the usual precision, told or not, and whether it is right."""
        return replace(self, untold=frozenset()).answers(self.threshold(USUAL_PRECISION))

    @property
    def precision_of_surer_half(self) -> float:
        """The share of right genres among the half of the tracks with the highest probability."""
        return precision_at(self.probabilities.max(axis=1), self.predicted == self.truth, 0.5)

    def threshold(self, precision: float, least: int = 20) -> float:
        """Find the least confidence such that ``precision`` of the answers that reach it will be right.

        Figures of music at hand flatter. So the lower bound has to reach ``precision`` (`lower_bound`), of all answers
        and of those about each source, if they are at least `SOURCE`. Nor is an answer given that is likelier wrong
        than right, unless less is asked for: genres that are easily told apart would be found in all other music.

        Parameters
        ----------
        precision
            Between 0 and 1.
        least
            How many answers must stand behind it: a handful of lucky ones proves nothing.

        Returns
        -------
        float
            1.01, which nothing reaches, where no confidence earns that precision.
        """
        artists = np.unique(self.artists, return_inverse=True)[1] if self.artists.size else np.arange(len(self.truth))
        by_source = [self.sources == source for source in np.unique(self.sources)]
        for needed in np.arange(min(0.5, precision), 1.0, 0.005):
            confidence, right = self.answers(needed)
            given = confidence >= needed
            parts = [given, *(part for source in by_source if (part := given & source).sum() >= SOURCE)]
            enough = given.sum() >= min(least, len(right))
            if enough and all(lower_bound(right[part], artists[part]) >= precision for part in parts):
                return float(round(needed, 3))
        return 1.01

    def coverage(self, precision: float) -> float:
        """Return the share of tracks that get an answer at the threshold for ``precision``."""
        needed = self.threshold(precision)
        return float((self.answers(needed)[0] >= needed).mean())

    def trade_off(self, least: int = 20) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shares of tracks answered, ascending, and the precision of those answers.

        Of thresholds behind which at least ``least`` answers stand, or all of fewer tracks.
        """
        best: dict[float, float] = {}
        for needed in np.arange(0.05, 1.0, 0.01):
            confidence, right = self.answers(needed)
            answered = right[confidence >= needed]
            if len(answered) >= min(least, len(right)):
                coverage = len(answered) / len(right)
                best[coverage] = max(best.get(coverage, 0.0), float(answered.mean()))
        found = sorted(best.items())
        return np.array([share for share, _ in found]), np.array([precision for _, precision in found])

    def as_dict(self) -> dict[str, object]:
        return {
            "tracks": len(self.truth),
            "heard": self.heard,
            "familiar": self.familiar,
            "genres": list(self.genres),
            "untold": sorted(self.untold),
            "accuracy": round(self.accuracy, 4),
            "balanced_accuracy": round(self.balanced_accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "precision_of_surer_half": round(self.precision_of_surer_half, 4),
            "calibration_error": round(self.calibration_error, 4),
            "coverage": {f"{p:g}": round(self.coverage(p), 4) for p in (0.7, 0.8, 0.9, 0.95)},
            "recall": {g: round(v, 4) for g, v in self.recall.items()},
            "precision": {g: round(v, 4) for g, v in self.precision.items()},
            "leave_one_source_out": {s: round(v, 4) for s, v in self.by_source.items()},
            "confusion": self.confusion.tolist(),
        }

    def lines(self) -> list[str]:
        """Return lines for reading in a terminal."""
        out = [
            f"{len(self.truth)} {'track' if len(self.truth) == 1 else 'tracks'}, {len(self.genres)} genres"
            + ("" if self.familiar else ", artists of the test part unheard"),
            f"accuracy {self.accuracy:.2f}, balanced {self.balanced_accuracy:.2f}, macro-F1 {self.macro_f1:.2f}, "
            f"calibration error {self.calibration_error:.3f}",
            "answers at 70/80/90 % precision: "
            + " / ".join(f"{self.coverage(p):.0%} of the tracks" for p in (0.7, 0.8, 0.9)),
        ]
        if self.heard:
            out.append(
                f"the model was trained on {self.heard} of them; those are judged by folds that hadn't heard the artist"
            )
        if self.familiar:
            out.append(f"{self.familiar} others are by artists that the model has heard, which makes it look better")
        if self.untold:
            out.append(
                "never answered, being recognised surely enough in fewer than 3 of 10 tracks: "
                + ", ".join(sorted(self.untold))
            )
        if self.by_source:
            sources = ", ".join(f"{source} {value:.2f}" for source, value in self.by_source.items())
            out.append(f"trained without the source it is tested on: {sources}")
        return [*out, "", *_matrix(self.genres, self.confusion, self.precision, self.recall)]


def _seldom(shares: Mapping[str, float]) -> frozenset[str]:
    return frozenset(genre for genre, share in shares.items() if share < LEAST_RECALL)


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the mean distance between confidence and share of right answers, over ten bins of equal count."""
    claimed, actual, count = reliability(confidence, right)
    return float((count * np.abs(claimed - actual)).sum() / count.sum())


def reliability(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int_]]:
    """Return mean confidence, share of right answers, and count, of up to ten bins of equal count, (n_bins,) each."""
    order = np.argsort(confidence, kind="stable")
    bins = [b for b in np.array_split(order, 10) if len(b)]
    claimed, actual = (np.array([values[b].mean() for b in bins]) for values in (confidence, right))
    return claimed, actual, np.array([len(b) for b in bins])


def lower_bound(right: NDArray[np.bool_], artists: NDArray[np.intp]) -> float:
    """Return the share of right answers less its standard error, which comes from how artists (numbers) differ."""
    share = float(right.mean())
    surplus = np.bincount(artists, right - share)
    n = len(np.unique(artists))
    return share - float(np.sqrt((surplus**2).sum() * n / max(1, n - 1))) / len(right)


def precision_at(confidence: NDArray[np.float64], right: NDArray[np.bool_], coverage: float) -> float:
    """Return the share of right answers among the surest ``coverage`` (0-1] of all."""
    surest = np.argsort(-confidence, kind="stable")[: max(1, round(coverage * len(right)))]
    return float(right[surest].mean())


def _shares(genres: Sequence[str], part: NDArray[np.int_], whole: NDArray[np.int_]) -> dict[str, float]:
    return {g: float(p / w) if w else 0.0 for g, p, w in zip(genres, part, whole, strict=True)}


def _matrix(
    genres: Sequence[str], counts: NDArray[np.int_], precision: Mapping[str, float], recall: Mapping[str, float]
) -> list[str]:
    """Return a row for each genre: its letter and name, what its tracks were taken for, recall and precision in %.

    Fifteen genres of less than a thousand tracks fit into eighty columns.
    """
    letters = [*ascii_lowercase, *ascii_uppercase][: len(genres)] + ["?"] * (len(genres) - 52)
    name, cell = max(map(len, genres)), max(2, len(str(counts.max()))) + 1
    head = " " * (name + 2) + "".join(f"{letter:>{cell}}" for letter in letters) + " rec pre"
    rows = [
        f"{letter} {genre:<{name}}"
        + "".join(f"{n or '.':>{cell}}" for n in row)
        + f"{100 * recall[genre]:4.0f}{100 * precision[genre]:4.0f}"
        for letter, genre, row in zip(letters, genres, counts, strict=True)
    ]
    return [head, *rows, "rows: what it is; columns: what it was taken for; recall and precision in %"]
