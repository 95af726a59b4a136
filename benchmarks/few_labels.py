"""How right a model of one's own is that learnt from few tracks: ``python -m benchmarks.few_labels [CORPUS]``.

The owner has so many tracks of each of ten genres, drawn from four fifths of the clips; what is left of these says what
music sounds like, as the built-in table does, and tells no genre. The last fifth is by artists that neither has.

Printed are, on average over five folds, the balanced accuracy of the spectra alone, the network alone, and the model;
how much the model answers at 80 % precision, and how much of that is right; the share of what is no music (synthesized
sounds, and recordings of the corpus) that it answers all the same; and the share of which its probabilities were sure.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from benchmarks.accuracy import CORPUS, TEN
from genred.model.classifier import GenreClassifier
from genred.model.discriminant import softmax
from genred.model.storage import builtin_table
from genred.model.table import Table
from genred.sound.audio import read_excerpts
from genred.sound.features import extract
from tests.model import notmusic

COUNTS = (5, 10, 20)
COLUMNS = ("spectra", "network", "own model", "answered", "right", "no music answered", "sure of no music")

Rows = NDArray[np.intp]


def of_each_genre(y: NDArray[np.str_], rows: Rows, count: int, seed: int) -> Rows:
    """Return some rows of each genre, drawn by lot."""
    mixed = np.random.default_rng(seed).permutation(rows)
    return np.concatenate([mixed[y[mixed] == genre][:count] for genre in TEN])


def owned(table: Table, count: int, train: Rows, test: Rows, no_music: NDArray[np.float32], seed: int) -> list[float]:
    """Return the columns for one owner."""
    own = of_each_genre(table.y, train, count, seed)
    with threadpool_limits(1):
        model = GenreClassifier().fit(table[own], beside=table[np.setdiff1d(train, own)])
        parts, asked = model.parts_, table[test]
        place = parts.place(asked.X)
        experts = (
            softmax(parts.discriminant.logits(parts.space.coordinates(place.normal))),
            softmax(parts.regression.logits(place.heard)),
            parts.probabilities(place),
        )
        right = [balanced_accuracy_score(asked.y, model.classes_[each.argmax(axis=1)]) for each in experts]
        answers = [prediction.genre for prediction in model.predict_many(asked.X)]
        slips = [prediction.genre is not None for prediction in model.predict_many(no_music)]
        sure = model.predict_proba(no_music).max(axis=1) >= model.threshold
    given = np.array([answer is not None for answer in answers])
    hits = np.array([answer == genre for answer, genre in zip(answers, asked.y, strict=True)])
    precision = hits[given].mean() if given.any() else np.nan
    return [*right, given.mean(), precision, np.mean(slips), sure.mean()]


def main() -> int:
    """Print the table; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--jobs", type=int, default=-1, help="processes")
    options = parser.parse_args()
    if not (options.corpus / "labels.csv").is_file():
        print(f"{options.corpus}: no corpus here (labels.csv and its clips), so nothing was measured", file=sys.stderr)
        return 2
    table = builtin_table()
    table = table[np.isin(table.y, TEN)]
    recorded = [read_excerpts(path) for path in sorted((options.corpus / "notmusic").glob("*.ogg"))]
    sounds = np.array([extract(sound) for sound in (*map(notmusic.excerpts, notmusic.KINDS), *recorded)])
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(table.X, table.y, table.groups))
    print(f"{'tracks a genre':<16}" + "".join(f"{column:>19}" for column in COLUMNS))
    for count in COUNTS:
        work = (delayed(owned)(table, count, *fold, sounds, seed) for seed, fold in enumerate(folds))
        figures = np.nanmean(Parallel(n_jobs=options.jobs)(work), axis=0)
        print(f"{count:<16}" + "".join(f"{figure:19.3f}" for figure in figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
