"""A model of a person's own music, and whether it is better than the one in use."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from genred.genres import Vocabulary
from genred.learning.labels import coarsened
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.table import Table
from genred.names import name_key

_CHANCE = 0.02
"""The largest difference between two models that the choice of a few tracks could make."""


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
        is the other, since a model that gave up rare genres for common ones would be worse. One that answers nothing
        is never better.
        """
        answered = self.new.coverage(self.target_precision)
        answers = answered - self.old.coverage(self.target_precision)
        recall = self.new.balanced_accuracy - self.old.balanced_accuracy
        return answered > 0 and max(answers, recall) >= 0 and min(answers, recall) > -_CHANCE

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
    words = vocabulary or Vocabulary()
    known = set(map(str, in_use.classes_))
    old = replace(in_use.evaluate(coarsened(table, known, words)), vocabulary=words)
    new = _in_words_of(known, model.evaluation_.of(slice(len(table))), words)
    return model, Comparison(new, old, in_use.target_precision)


def _in_words_of(known: Collection[str], evaluation: Evaluation, vocabulary: Vocabulary) -> Evaluation:
    """Return an evaluation in which finer genres count as the nearest known one above them.

    A model that tells more genres apart has a harder task; two models are compared by the one that both have.
    """
    told = [vocabulary.nearest(genre, known) or genre for genre in evaluation.genres]
    genres, column = np.unique(told, return_inverse=True)
    into = np.eye(len(genres))[column]
    alone = {genre for genre in evaluation.untold if told.count(told[evaluation.genres.index(genre)]) == 1}
    truth = np.array([told[evaluation.genres.index(str(genre))] for genre in evaluation.truth], np.str_)
    return replace(
        evaluation,
        genres=tuple(map(str, genres)),
        truth=truth,
        probabilities=evaluation.probabilities @ into,
        untold=frozenset(told[evaluation.genres.index(genre)] for genre in alone),
        vocabulary=vocabulary,
    )
