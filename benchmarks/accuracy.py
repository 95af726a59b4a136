"""How right the model is, beside what it has to be better than: ``python -m benchmarks.accuracy [CORPUS] [--seed 0]``.

Prints one table. Its rows, each with the same folds:

* original recipe: mean and variance over time of the STFT in dB, logistic regression;
* librosa statistics: means and variances of chroma, level, centroid, bandwidth, roll-off, zero crossings and 20 MFCCs
  (the widely used 57 less the five of them that need source separation or beat tracking), logistic regression;
* YAMNet: embeddings of a network pre-trained on two million clips, logistic regression;
* genred: the features and the classifier of this package; its hints are of teachers who heard YAMNet's embeddings of
  the training part alone;
* without hints: the same, learnt from the labels alone.

Its columns:

* ten: balanced accuracy on the ten genres with at least 40 clips, all sources, five folds grouped by artist;
* half: precision of the surer half of those predictions;
* previews: balanced accuracy on rock, metal, electronic, hip-hop and pop of one source, folds as above;
* left out: trained on all sources but one and tested on that one, genres they share, mean balanced accuracy;
* GTZAN: accuracy on the test part of the fault-filtered split, trained on its training part;
* error: expected calibration error of the confidence in the first column.

Files that carry two contradictory labels (35 of them) are left out everywhere: one of their labels is wrong.
Features are kept in the cache directory, so that a second run takes minutes.
"""

import argparse
import csv
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genred.learning import labels
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import calibration_error, precision_at
from genred.model.table import Table
from genred.sound import SR, audio
from genred.sound.features import FEATURE_VERSION, extract

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
TEN = ("Blues", "Classical", "Country", "Electronic", "Hip-Hop", "Jazz", "Metal", "Pop", "Reggae", "Rock")
FIVE = ("Electronic", "Hip-Hop", "Metal", "Pop", "Rock")
SHARED = {
    "allmusic": ("Blues", "Country", "Electronic", "Hip-Hop", "Reggae"),
    "emotify": ("Classical", "Electronic"),
    "gtzan": ("Blues", "Classical", "Country", "Hip-Hop", "Jazz", "Metal", "Pop", "Reggae", "Rock"),
    "previews": ("Electronic", "Hip-Hop", "Reggae"),
}

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Genres = tuple[str, ...]
Method = Callable[[Rows, Rows], tuple[Floats, NDArray[np.str_]]]
"""Rows to train on, rows to judge -> probabilities (n, n_genres) of the latter, and the genres of the columns."""


@dataclass(frozen=True)
class Corpus:
    """Labels of the clips, and where they lie; contradictory ones are left out."""

    paths: Sequence[Path]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    split: NDArray[np.str_]
    yamnet: Floats

    @classmethod
    def read(cls, root: Path) -> "Corpus":
        labelled = labels.read_source(root / "labels.csv")
        torn = labels.contradictory(labelled)
        keep = np.array([item.path not in torn for item in labelled])
        kept = [item for item in labelled if item.path not in torn]
        with open(root / "labels.csv", encoding="utf-8", newline="") as file:
            split = np.array([row["gtzan_split"] for row in csv.DictReader(file)])
        # One row for each line of labels.csv, in its order; its object array of paths is a pickle and not read.
        embedding = np.load(root / "yamnet.npz", allow_pickle=False)["embedding"].astype(np.float64)
        y, groups, sources = (np.array([getattr(i, key) for i in kept]) for key in ("genre", "artist", "source"))
        return cls([item.path for item in kept], y, groups, sources, split[keep], embedding[keep])

    def rows(self, genres: Sequence[str], where: NDArray[np.bool_] | bool = True) -> Rows:
        return np.flatnonzero(np.isin(self.y, genres) & where)


# -- methods -------------------------------------------------------------------------------------------------------


def original_recipe(path: Path) -> NDArray[np.float32]:
    """Mean and variance over time of the STFT in dB, (2,050,)."""
    y = np.concatenate(audio.read_excerpts(path))
    db = librosa.amplitude_to_db(np.abs(librosa.stft(y)), ref=np.max)
    return np.concatenate([db.mean(axis=1), db.var(axis=1)]).astype(np.float32)


def librosa_statistics(path: Path) -> NDArray[np.float32]:
    """Means and variances of what librosa computes with its defaults, (52,)."""
    y = np.concatenate(audio.read_excerpts(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the tuning of a silent clip
        found = [
            librosa.feature.chroma_stft(y=y, sr=SR),
            librosa.feature.rms(y=y),
            librosa.feature.spectral_centroid(y=y, sr=SR),
            librosa.feature.spectral_bandwidth(y=y, sr=SR),
            librosa.feature.spectral_rolloff(y=y, sr=SR),
            librosa.feature.zero_crossing_rate(y),
            *librosa.feature.mfcc(y=y, sr=SR, n_mfcc=20),
        ]
    return np.array([statistic(values) for values in found for statistic in (np.mean, np.var)], np.float32)


def describe(path: Path) -> NDArray[np.float32]:
    """This package's features."""
    return extract(audio.read_excerpts(path))


def logistic_regression(X: NDArray[np.floating], y: NDArray[np.str_], C: float) -> Method:
    def method(train: Rows, test: Rows) -> tuple[Floats, NDArray[np.str_]]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, class_weight="balanced", max_iter=1000))
        model.fit(X[train], y[train])
        return model.predict_proba(X[test]), model.classes_

    return method


def genred(table: Table, embedding: Floats | None) -> Method:
    def method(train: Rows, test: Rows) -> tuple[Floats, NDArray[np.str_]]:
        part = table[train]
        if embedding is not None:
            hints, hinted = teach(embedding[train], part.y, part.groups)
            part = replace(part, hints=hints, hinted=hinted)
        model = GenreClassifier().fit(part)
        return model.predict_proba(table.X[test]), model.classes_

    return method


def teach(embedding: Floats, y: NDArray[np.str_], groups: NDArray[np.str_]) -> tuple[NDArray[np.float32], Genres]:
    """A teacher's opinion of each track: probabilities (n, n_genres) out of folds by artist, and the genres."""
    genres = np.unique(y)
    hints = np.zeros((len(y), len(genres)), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a genre with fewer tracks than folds is allowed
        folds = list(StratifiedGroupKFold(5, shuffle=True, random_state=0).split(embedding, y, groups))
    for train, test in folds:
        teacher = logistic_regression(embedding, y, C=0.001)
        probabilities, columns = teacher(train, test)
        hints[np.ix_(test, np.searchsorted(genres, columns))] = probabilities
    return hints, tuple(map(str, genres))


# -- figures -------------------------------------------------------------------------------------------------------


def out_of_fold(method: Method, corpus: Corpus, rows: Rows, genres: Sequence[str], seed: int) -> Floats:
    """Probabilities of ``rows``, each from a model that never heard its artist."""
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    found = np.zeros((len(rows), len(genres)))
    for train, test in folds.split(rows, corpus.y[rows], corpus.groups[rows]):
        probabilities, columns = method(rows[train], rows[test])
        found[np.ix_(test, np.searchsorted(genres, columns))] = probabilities
    return found


def judge(method: Method, corpus: Corpus, seed: int) -> Mapping[str, float]:
    """The columns of the table for one method."""
    ten, five = corpus.rows(TEN), corpus.rows(FIVE, corpus.sources == "previews")
    p10, p5 = out_of_fold(method, corpus, ten, TEN, seed), out_of_fold(method, corpus, five, FIVE, seed)
    right, sure = np.array(TEN)[p10.argmax(axis=1)] == corpus.y[ten], p10.max(axis=1)
    left_out = []
    for source, genres in SHARED.items():
        test = corpus.rows(genres, corpus.sources == source)
        p, columns = method(corpus.rows(genres, corpus.sources != source), test)
        left_out.append(balanced_accuracy_score(corpus.y[test], columns[p.argmax(axis=1)]))
    test = np.flatnonzero(corpus.split == "test")
    p, columns = method(np.flatnonzero(corpus.split == "train"), test)
    return {
        "ten": float(balanced_accuracy_score(corpus.y[ten], np.array(TEN)[p10.argmax(axis=1)])),
        "half": precision_at(sure, right, 0.5),
        "previews": float(balanced_accuracy_score(corpus.y[five], np.array(FIVE)[p5.argmax(axis=1)])),
        "left out": float(np.mean(left_out)),
        "GTZAN": float((columns[p.argmax(axis=1)] == corpus.y[test]).mean()),
        "error": calibration_error(sure, right),
        **{f"  {source}": float(value) for source, value in zip(SHARED, left_out, strict=True)},
    }


def described(corpus: Corpus, describe: Callable[[Path], NDArray[np.float32]], kept: Path) -> NDArray[np.float32]:
    """``describe`` of every clip, (n_clips, n_features), kept in a file from run to run."""
    if kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False))
    X = np.array(Parallel(n_jobs=os.cpu_count())(delayed(describe)(path) for path in corpus.paths))
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, X)
    return X


def main(root: Path, seed: int, cache_dir: Path) -> int:
    """Print the table; 2 where there is no corpus."""
    if not (root / "labels.csv").is_file():
        print(f"{root}: no corpus here (labels.csv and its clips), so nothing was measured", file=sys.stderr)
        return 2
    corpus = Corpus.read(root)
    stft = described(corpus, original_recipe, cache_dir / "stft.npy")
    statistics = described(corpus, librosa_statistics, cache_dir / "statistics.npy")
    ours = described(corpus, describe, cache_dir / f"genred-{FEATURE_VERSION}.npy")
    table = Table(ours, corpus.y, corpus.groups, corpus.sources)
    methods = {
        "original recipe": logistic_regression(stft, corpus.y, C=0.001),
        "librosa statistics": logistic_regression(statistics, corpus.y, C=0.1),
        "YAMNet": logistic_regression(corpus.yamnet, corpus.y, C=0.003),
        "genred": genred(table, corpus.yamnet),
        "without hints": genred(table, None),
    }
    print(f"{len(corpus.y)} clips, {len(set(corpus.groups))} artists, seed {seed}", flush=True)
    for i, (name, method) in enumerate(methods.items()):
        figures = judge(method, corpus, seed)
        if i == 0:
            print(f"{'':<20}" + "".join(f"{column:>11}" for column in figures))
        print(f"{name:<20}" + "".join(f"{value:11.3f}" for value in figures.values()), flush=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    options = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genred" / "benchmark"
    sys.exit(main(options.corpus, options.seed, cache))
