"""How right the model is, beside what it has to be better than: ``python -m benchmarks.accuracy [CORPUS] [--seed 0]``.

Prints one table. Its rows, each with the same folds:

* original recipe: mean and variance over time of the STFT in dB, logistic regression;
* librosa statistics: means and variances of chroma, level, centroid, bandwidth, roll-off, zero crossings and 20 MFCCs
  (the widely used 57 less the five of them that need source separation or beat tracking), logistic regression;
* YAMNet: embeddings of a network pre-trained on two million clips, logistic regression;
* features: what this package computes of the spectra, and the expert for that alone;
* ears: what its pre-trained network hears, and the expert for that alone;
* joined: the coordinates of both in one vector, and the logistic regression of the ears over it;
* genred: the product of the two experts, as `GenreClassifier` has it.

Its columns:

* ten: balanced accuracy on the ten genres with at least 40 clips, all sources, five folds grouped by artist;
* half: precision of the surer half of those predictions;
* previews: balanced accuracy on rock, metal, electronic, hip-hop and pop of one source, folds as above;
* left out: trained on all sources but one and tested on that one, genres they share, mean balanced accuracy;
* GTZAN: accuracy on the test part of the fault-filtered split, trained on its training part;
* error: expected calibration error of the confidence in the first column;
* elsewhere: the first column on the clips that are not of the previews, which the network may have heard;
* all: balanced accuracy on all fifteen genres, folds as above;
* at 90 %: the share of those that is answered where nine of ten answers are right.

The first column, with its deviation, and the others are means over the seeds of the folds. Below are the figures by
source, recall by genre, and how the promise is kept: of what is answered at a target precision of 80 %, the share that
is right (a family counts where it is the answer), and the share of clips that are answered. *Unheard artists* are those
of the folds; *left out* are sources, by a model of the others that knows the genres they share, or all fifteen.

With ``--heard FILE``, a list of the tracks that the network learnt from (identifiers of the Million Song Dataset, one a
line; `train_x_msd_id.txt` of the split by K. Choi), the column *previews* once more: for those clips, and for the rest.

Files that carry two contradictory labels (35 of them) are left out everywhere: one of their labels is wrong.
Features are kept in the cache directory, so that a second run takes minutes.
"""

import argparse
import csv
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from threadpoolctl import threadpool_limits

from genred.learning import labels
from genred.model.classifier import GenreClassifier
from genred.model.discriminant import Discriminant, Regression, factors, product, softmax, temperature
from genred.model.evaluation import Evaluation, calibration_error, precision_at
from genred.model.fitting import SHARES
from genred.model.folds import out_of_fold
from genred.model.hearing import Hearing
from genred.model.installed import BUILTIN_GENRES
from genred.model.projection import Space
from genred.model.table import Table
from genred.sound import SR, audio
from genred.sound.features import DESCRIBED, FEATURE_VERSION, HEARD, extract

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
TEN = ("Blues", "Classical", "Country", "Electronic", "Hip-Hop", "Jazz", "Metal", "Pop", "Reggae", "Rock")
FIVE = ("Electronic", "Hip-Hop", "Metal", "Pop", "Rock")
SHARED = {
    "allmusic": ("Blues", "Country", "Electronic", "Hip-Hop", "Reggae"),
    "emotify": ("Classical", "Electronic"),
    "gtzan": ("Blues", "Classical", "Country", "Hip-Hop", "Jazz", "Metal", "Pop", "Reggae", "Rock"),
    "previews": ("Electronic", "Hip-Hop", "Reggae"),
}

COLUMNS = ("ten", "+-", "half", "previews", "left out", "GTZAN", "error", "elsewhere", "all", "at 90 %")

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Genres = tuple[str, ...]
Judgements = tuple[dict[str, Floats], NDArray[np.str_]]
"""Probabilities (n_tracks, n_genres) by the name of a row of the table, and the genres of the columns."""
Method = Callable[[Rows, Rows], Judgements]
"""Rows to train on, rows to judge -> judgements of the latter."""
Place = tuple[str, int | str]
"""A column of the table, and the seed of its folds or the source left out."""
Split = tuple[Place, Rows, Rows]
"""Rows to train on and to test on."""
Judged = Mapping[Place, Floats]
"""What a method said, (n_tracks, n_genres); zeros in rows that it wasn't asked about."""


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

    @property
    def genres(self) -> NDArray[np.str_]:
        return np.unique(self.y)

    def answers(self, probabilities: Floats, rows: Rows) -> tuple[Floats, NDArray[np.bool_]]:
        """Return how likely the likeliest genre of some clips is said to be, and whether it is the right one."""
        return probabilities[rows].max(axis=1), self.genres[probabilities[rows].argmax(axis=1)] == self.y[rows]

    def balanced(self, probabilities: Floats, rows: Rows) -> float:
        """Return the balanced accuracy on some clips."""
        return float(balanced_accuracy_score(self.y[rows], self.genres[probabilities[rows].argmax(axis=1)]))

    def evaluation(self, probabilities: Floats) -> Evaluation:
        """Return the figures of all clips."""
        return Evaluation(tuple(map(str, self.genres)), self.y, probabilities, self.groups, self.sources)

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


def logistic_regression(name: str, X: NDArray[np.floating], y: NDArray[np.str_], C: float) -> Method:
    def method(train: Rows, test: Rows) -> Judgements:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, class_weight="balanced", max_iter=1000))
        model.fit(X[train], y[train])
        return {name: model.predict_proba(X[test])}, model.classes_

    return method


def experts(table: Table) -> Method:
    """Features, ears, both joined, and their product: what `GenreClassifier` does, in parts."""

    def method(train: Rows, test: Rows) -> Judgements:
        part, X = table[train], table.X[test]
        space, hearing = Space().fit(part.X[:, DESCRIBED]), Hearing().fit(part.X[:, HEARD])

        def coordinates(X: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
            described, heard = space.coordinates(space.normal(X[:, DESCRIBED])), hearing.coordinates(X[:, HEARD])
            return described, heard, np.hstack([described, heard])

        learnt, asked = coordinates(part.X), coordinates(X)
        kinds = (Discriminant, Regression, Regression)
        genres = np.unique(part.y)
        truth = np.searchsorted(genres, part.y)
        unheard = [out_of_fold(kind, Z, part, genres) for kind, Z in zip(kinds, learnt, strict=True)]
        logits = [kind().fit(Z, part.y).logits(Z_) for kind, Z, Z_ in zip(kinds, learnt, asked, strict=True)]
        alone = {
            name: softmax(own / temperature(out, truth))
            for name, own, out in zip(("features", "ears", "joined"), logits, unheard, strict=True)
        }
        weights = factors(unheard[:2], SHARES, truth)
        return alone | {"genred": product(weights, logits[:2])}, genres

    return method


# -- figures -------------------------------------------------------------------------------------------------------


def splits(corpus: Corpus, seeds: Sequence[int]) -> Iterator[Split]:
    """Say what is learnt from and what is tested on for all columns."""
    folded = {
        "ten": corpus.rows(TEN),
        "previews": corpus.rows(FIVE, corpus.sources == "previews"),
        "all": np.arange(len(corpus.y)),
    }
    for column, rows in folded.items():
        for seed in seeds:
            folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
            for train, test in folds.split(rows, corpus.y[rows], corpus.groups[rows]):
                yield (column, seed), rows[train], rows[test]
    for source, genres in SHARED.items():
        inside = corpus.sources == source
        yield ("left out", source), corpus.rows(genres, ~inside), corpus.rows(genres, inside)
    yield ("GTZAN", 0), np.flatnonzero(corpus.split == "train"), np.flatnonzero(corpus.split == "test")


def judged(corpus: Corpus, method: Method, made: Sequence[Split], jobs: int) -> dict[str, Judged]:
    """Return what was judged in all splits, by row of the table."""
    found: dict[str, dict[Place, Floats]] = {}
    answers = Parallel(n_jobs=jobs)(delayed(_alone)(method, train, test) for _, train, test in made)
    for (place, _, test), (judgements, columns) in zip(made, answers, strict=True):
        for name, probabilities in judgements.items():
            empty = np.zeros((len(corpus.y), len(corpus.genres)))
            whole = found.setdefault(name, {}).setdefault(place, empty)
            whole[np.ix_(test, np.searchsorted(corpus.genres, columns))] = probabilities
    return dict(found)


def _alone(method: Method, train: Rows, test: Rows) -> Judgements:
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", UserWarning)  # a genre with fewer tracks than folds is allowed
        return method(train, test)


def figures(corpus: Corpus, found: Judged, seeds: Sequence[int]) -> dict[str, float]:
    """Return the columns of the table for one of its rows."""

    def mean(figure: Callable[[int], float]) -> float:
        return float(np.mean([figure(seed) for seed in seeds]))

    ten, elsewhere = corpus.rows(TEN), corpus.rows(TEN, corpus.sources != "previews")
    five, every = corpus.rows(FIVE, corpus.sources == "previews"), np.arange(len(corpus.y))
    return {
        "ten": mean(lambda seed: corpus.balanced(found["ten", seed], ten)),
        "+-": float(np.std([corpus.balanced(found["ten", seed], ten) for seed in seeds])),
        "half": mean(lambda seed: precision_at(*corpus.answers(found["ten", seed], ten), 0.5)),
        "previews": mean(lambda seed: corpus.balanced(found["previews", seed], five)),
        "left out": float(np.mean(list(by_source(corpus, found).values()))),
        "GTZAN": float(corpus.answers(found["GTZAN", 0], np.flatnonzero(corpus.split == "test"))[1].mean()),
        "error": mean(lambda seed: calibration_error(*corpus.answers(found["ten", seed], ten))),
        "elsewhere": mean(lambda seed: corpus.balanced(found["ten", seed], elsewhere)),
        "all": mean(lambda seed: corpus.balanced(found["all", seed], every)),
        "at 90 %": mean(lambda seed: answered(corpus.evaluation(found["all", seed]), 0.9)),
    }


def by_source(corpus: Corpus, found: Judged) -> dict[str, float]:
    """Return the balanced accuracy on each source for a model of the others."""
    rows = {source: corpus.rows(genres, corpus.sources == source) for source, genres in SHARED.items()}
    return {source: corpus.balanced(found["left out", source], rows[source]) for source in SHARED}


def answered(evaluation: Evaluation, precision: float) -> float:
    """Return the greatest share of answers of that precision: on the very tracks, without the margin of a threshold."""
    coverage, reached = evaluation.trade_off()
    return float(coverage[reached >= precision].max(initial=0))


def leak(corpus: Corpus, found: Mapping[str, Judged], learnt: Collection[str], seeds: Sequence[int]) -> Iterator[str]:
    """Say how right each row is about previews that the network learnt from, and about the others."""
    five = corpus.rows(FIVE, corpus.sources == "previews")
    known = np.array([corpus.paths[row].stem in learnt for row in five])
    for name, one in found.items():
        parts = [
            [corpus.balanced(one["previews", seed], rows) for seed in seeds] for rows in (five[known], five[~known])
        ]
        yield f"{name:<20}" + "".join(f"{np.mean(part):10.3f}" for part in parts)


def below(corpus: Corpus, table: Table, found: Mapping[str, Judged], seed: int) -> dict[str, Iterator[str]]:
    """Return what is told beside the table, by title."""
    return {
        "left out, by source (" + ", ".join(SHARED) + ")": (
            f"{name:<20}" + "".join(f"{value:10.3f}" for value in by_source(corpus, one).values())
            for name, one in found.items()
        ),
        f"recall of all fifteen, seed {seed} (" + ", ".join(map(str, corpus.genres)) + ")": (
            f"{name:<20}" + "".join(f"{v:6.2f}" for v in corpus.evaluation(one["all", seed]).recall.values())
            for name, one in found.items()
        ),
        "right of what is answered at 80 %, of how many clips: unheard artists; left out, shared genres; all genres": (
            promise(corpus, table)
        ),
        "tracks, recognised, answered at 80 % were all genres told; answers given, and right": (
            told(GenreClassifier().fit(table, told=BUILTIN_GENRES).evaluation_)
        ),
    }


def promise(corpus: Corpus, table: Table) -> Iterator[str]:
    """Say how the promise of a target precision of 0.8 is kept, source by source."""
    whole = GenreClassifier().fit(table, told=BUILTIN_GENRES)
    confidence, right = whole.evaluation_.answers(whole.threshold)
    for source, genres in SHARED.items():
        inside = corpus.sources == source
        told = [_kept(confidence[inside] >= whole.threshold, right[inside])]
        for known in (genres, tuple(corpus.genres)):
            model = GenreClassifier().fit(table[corpus.rows(known, ~inside)], told=BUILTIN_GENRES)
            test = table[corpus.rows(tuple(map(str, model.classes_)), inside)]
            sure, hits = model.evaluate(test).answers(model.threshold)
            told.append(_kept(sure >= model.threshold, hits))
        yield f"{source:<20}" + "".join(f"{part:>18}" for part in told)


def told(evaluation: Evaluation) -> Iterator[str]:
    """Say which genres are answered: the share of each that would be if all were, and the answers that are given."""
    every = replace(evaluation, untold=frozenset())
    recall, would = evaluation.recall, every.answered_recall(every.threshold(0.8))
    needed = evaluation.threshold(0.8)
    answer, confidence, right = evaluation.said(needed)
    for genre in evaluation.genres:
        given = (answer == genre) & (confidence >= needed)
        right_of = f"{right[given].mean():.2f}" if given.any() else "never"
        tracks = (evaluation.truth == genre).sum()
        yield f"{genre:<20}{tracks:6}{recall[genre]:8.2f}{would[genre]:8.2f}{given.sum():6}{right_of:>8}"
    given = confidence >= needed
    yield f"threshold {needed:.3f}: {_kept(given, right)}; {every.coverage(0.8):.0%} if all were told"


def _kept(given: NDArray[np.bool_], right: NDArray[np.bool_]) -> str:
    return f"{right[given].mean():.2f} of {given.mean():.0%}" if given.any() else "no answers"


def described(
    corpus: Corpus, describe: Callable[[Path], NDArray[np.float32]], kept: Path, jobs: int
) -> NDArray[np.float32]:
    """``describe`` of every clip, (n_clips, n_features), kept in a file from run to run."""
    if kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False))
    X = np.array(Parallel(n_jobs=jobs)(delayed(describe)(path) for path in corpus.paths))
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, X)
    return X


def methods(corpus: Corpus, table: Table, cache_dir: Path, jobs: int) -> Iterator[Method]:
    """Make one method after the other: some compute features of their own first."""
    yield experts(table)
    yield logistic_regression("YAMNet", corpus.yamnet, corpus.y, C=0.003)
    statistics = described(corpus, librosa_statistics, cache_dir / "statistics.npy", jobs)
    yield logistic_regression("librosa statistics", statistics, corpus.y, C=0.1)
    stft = described(corpus, original_recipe, cache_dir / "stft.npy", jobs)
    yield logistic_regression("original recipe", stft, corpus.y, C=0.001)


def main(root: Path, seeds: Sequence[int], cache_dir: Path, jobs: int, heard: Path | None) -> int:
    """Print the table and what stands below it; 2 where there is no corpus."""
    if not (root / "labels.csv").is_file():
        print(f"{root}: no corpus here (labels.csv and its clips), so nothing was measured", file=sys.stderr)
        return 2
    corpus = Corpus.read(root)
    ours = described(corpus, describe, cache_dir / f"genred-{FEATURE_VERSION}.npy", jobs)
    table = Table(ours, corpus.y, corpus.groups, corpus.sources)
    made = list(splits(corpus, seeds))
    print(f"{len(corpus.y)} clips, {len(set(corpus.groups))} artists, seeds {', '.join(map(str, seeds))}", flush=True)
    print(f"{'':<20}" + "".join(f"{column:>10}" for column in COLUMNS))
    found: dict[str, Judged] = {}
    for method in methods(corpus, table, cache_dir, jobs):
        for name, one in judged(corpus, method, made, jobs).items():
            found[name] = one
            values = figures(corpus, one, seeds)
            print(f"{name:<20}" + "".join(f"{values[column]:10.3f}" for column in COLUMNS), flush=True)
    told = below(corpus, table, found, seeds[0])
    if heard:
        told["previews that the network learnt from, and others"] = leak(
            corpus, found, set(heard.read_text("utf-8").split()), seeds
        )
    for title, lines in told.items():
        print(f"\n{title}")
        for line in lines:
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the folds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--heard", type=Path, metavar="FILE", help="what the network learnt from")
    options = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genred" / "benchmark"
    sys.exit(main(options.corpus, options.seeds, cache, options.jobs, options.heard))
