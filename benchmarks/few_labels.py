"""How right a model of one's own is that learnt from few tracks: ``python -m benchmarks.few_labels [CORPUS]``.

The owner has so many tracks of each of some genres, drawn from four fifths of the clips; what is left of these says
what music sounds like, as the built-in table does, and tells no genre. The last fifth is by artists that neither has.

Printed are, on average over five folds, the balanced accuracy of the spectra alone, the network alone, and the model;
how much the model answers at 80 % precision, and how much of that is right; the share of what is no music that it
answers all the same, and the share of which its probabilities were sure. No music are synthesized sounds, recordings of
the corpus, and, where espeak-ng is installed, voices that read a text in three languages.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
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

OWNERS = ((5, 10), (10, 10), (20, 10), (12, 3))
"""Tracks of each genre, and genres; where those aren't all ten, they are drawn by lot."""
COLUMNS = ("spectra", "network", "own model", "answered", "right", "no music", "sure of it")
TEXTS = {
    "en-us": "The history of the town begins with a small market at the crossing of two roads. In the twelfth century "
    "a wall was built, and later a church, which burnt down twice. People came from the villages each week to sell "
    "wool, cheese and iron. Nobody knows who gave the river its name, but the oldest map already shows it.",
    "de": "Die Geschichte der Stadt beginnt mit einem kleinen Markt an der Kreuzung zweier Straßen. Im zwölften "
    "Jahrhundert wurde eine Mauer gebaut, und später eine Kirche, die zweimal abbrannte. Jeden Samstag kamen Leute aus "
    "den Dörfern, um Wolle, Käse und Eisen zu verkaufen. Niemand weiß, wer dem Fluss seinen Namen gab.",
    "fr": "L'histoire de la ville commence par un petit marché au croisement de deux routes. Au douzième siècle, on "
    "construisit un mur, et plus tard une église, qui brûla deux fois. Chaque samedi, les gens venaient des villages "
    "pour vendre de la laine, du fromage et du fer. Personne ne sait qui donna son nom à la rivière.",
}

Rows = NDArray[np.intp]
Vectors = NDArray[np.float32]


def no_music(corpus: Path) -> Iterator[Vectors]:
    """Compute the features of what is no music."""
    for kind in notmusic.KINDS:
        yield extract(notmusic.excerpts(kind))
    for path in sorted((corpus / "notmusic").glob("*.ogg")):
        yield extract(read_excerpts(path))
    if shutil.which("espeak-ng"):
        with tempfile.TemporaryDirectory() as folder:
            read = Path(folder, "read.wav")
            for (language, text), voice, speed in product(TEXTS.items(), ("m1", "m3", "f2", "f4"), ("130", "175")):
                command = ["espeak-ng", "-v", f"{language}+{voice}", "-s", speed, "-w", str(read), text]
                subprocess.run(command, check=True)
                yield extract(read_excerpts(read))


def owned(table: Table, owner: tuple[int, int], train: Rows, test: Rows, sounds: Vectors, seed: int) -> list[float]:
    """Return the columns for one owner."""
    rng = np.random.default_rng(seed)
    count, n_genres = owner
    genres = rng.permutation(TEN)[:n_genres]
    mixed = rng.permutation(train)
    own = np.concatenate([mixed[table.y[mixed] == genre][:count] for genre in genres])
    asked = table[test[np.isin(table.y[test], genres)]]
    with threadpool_limits(1):
        model = GenreClassifier().fit(table[own], beside=table[np.setdiff1d(train, own)])
        parts = model.parts_
        place = parts.place(asked.X)
        experts = (
            softmax(parts.discriminant.logits(parts.space.coordinates(place.normal))),
            softmax(parts.regression.logits(place.heard)),
            parts.probabilities(place),
        )
        right = [balanced_accuracy_score(asked.y, model.classes_[each.argmax(axis=1)]) for each in experts]
        answers = [prediction.genre for prediction in model.predict_many(asked.X)]
        slips = [prediction.genre is not None for prediction in model.predict_many(sounds)]
        sure = model.predict_proba(sounds).max(axis=1) >= model.threshold
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
    sounds = np.array(list(no_music(options.corpus)))
    folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(table.X, table.y, table.groups))
    print(f"{f'{len(sounds)} sounds that are no music':<34}" + "".join(f"{column:>11}" for column in COLUMNS))
    for owner in OWNERS:
        work = (delayed(owned)(table, owner, *fold, sounds, seed) for seed, fold in enumerate(folds))
        figures = np.nanmean(Parallel(n_jobs=options.jobs)(work), axis=0)
        name = "{} tracks of each of {} genres".format(*owner)
        print(f"{name:<34}" + "".join(f"{figure:11.3f}" for figure in figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
