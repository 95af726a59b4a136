"""An evaluation of a model as a page to look at: one HTML file that needs nothing else, in light and dark.

The page has a confusion matrix, confidence against truth, and precision against coverage.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from genred.model.evaluation import Evaluation, reliability
from genred.web import charts, render
from genred.web.charts import Bar, Curve


@dataclass(frozen=True, slots=True)
class _Genre:
    """How well one genre is known."""

    name: str
    tracks: int
    recall: Bar
    precision: Bar


def page(title: str, new: Evaluation, old: Evaluation | None = None) -> str:
    """Return the page.

    Parameters
    ----------
    title
        What was evaluated.
    new
        The evaluation to show.
    old
        The evaluation, on the same tracks, with which the new one is compared.
    """
    both = [new] if old is None else [new, old]
    made = render.page(
        "evaluation.html",
        title=title,
        new=new,
        compared=old is not None,
        figures=list(zip(_NAMES, zip(*map(_figures, both), strict=True), strict=True)),
        confusion=charts.confusion(new.genres, new.confusion.tolist()),
        calibration=_calibration(both),
        trade_off=_trade_off(both),
        genres=list(_genres(new, old)),
    )
    return made.decode()


_NAMES = (
    "accuracy",
    "balanced accuracy",
    "macro-F1",
    "calibration error",
    *(f"answered at {precision:.0%} precision" for precision in (0.7, 0.8, 0.9)),
)


def _figures(evaluation: Evaluation) -> list[float]:
    return [
        evaluation.accuracy,
        evaluation.balanced_accuracy,
        evaluation.macro_f1,
        evaluation.calibration_error,
        *(evaluation.coverage(precision) for precision in (0.7, 0.8, 0.9)),
    ]


def _genres(new: Evaluation, old: Evaluation | None) -> Iterator[_Genre]:
    recall, precision, was = new.recall, new.precision, old.recall if old is not None else {}
    tracks = dict(zip(*np.unique(new.truth, return_counts=True), strict=True))
    for genre in new.genres:
        recognised = Bar(genre, {"genred": recall[genre]}, 1, mark=was.get(genre))
        right = Bar(genre, {"genred": precision[genre]}, 1)
        yield _Genre(genre, int(tracks.get(genre, 0)), recognised, right)


def _calibration(both: list[Evaluation]) -> Markup:
    """Draw the share of right answers by the confidence told."""
    curves: list[Curve] = []
    for name, evaluation in zip(("new", "old"), both, strict=False):
        claimed, actual, _ = reliability(*evaluation.confidences)
        curves.append((name, claimed.tolist(), actual.tolist()))
    return charts.curves("confidence", "right", ((0, 0), (1, 1)), reversed(curves))


def _trade_off(both: list[Evaluation]) -> Markup:
    """Draw the share of right answers by the share of tracks that are answered."""
    curves: list[Curve] = []
    for name, evaluation in zip(("new", "old"), both, strict=False):
        answered, right = evaluation.trade_off()
        curves.append((name, answered.tolist(), right.tolist()))
    return charts.curves("answered", "right", ((0, 0.8), (1, 0.8)), reversed(curves))
