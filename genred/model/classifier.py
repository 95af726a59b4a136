"""A feature vector to a genre, with an honest probability or an honest "I don't know" (scikit-learn lives here and in
`genred.model.projection`, and is imported where something is fitted).

The model is the product of two experts. One knows the features: made normal by their quantiles, rotated to their
principal axes, damped where re-encoding moves them (`genred.model.projection`). The other knows what a pre-trained
network hears (`genred.model.hearing`). Each ends in a linear map (`genred.model.discriminant`). Their product is
calibrated on out-of-fold predictions grouped by artist, and so are the thresholds. Music that lies farther from the
training music than nearly all music does is not judged (`genred.model.novelty`). Tracks of one album are heard together
(`genred.model.album`), their owner's words count beside the sound (`genred.model.belief`), and one answer is found for
all of them (`genred.model.judging`).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController, threadpool_limits

from genred.errors import ModelError
from genred.genres.vocabulary import Vocabulary
from genred.model.evaluation import Evaluation
from genred.model.evidence import Owner
from genred.model.fitted import Floats
from genred.model.fitting import learn
from genred.model.folds import Tell
from genred.model.judging import Need, judge
from genred.model.novelty import N_NEIGHBOURS, nearest
from genred.model.parts import Parts
from genred.model.prediction import Prediction
from genred.model.surroundings import Neighbour, Surroundings
from genred.model.table import Table
from genred.model.texts import PRECISIONS, Texts
from genred.model.unit import Heard, Unit
from genred.sound.features import FEATURE_VERSION

MODEL_VERSION = "8"
"""Changes with anything that makes the same table a different model."""

SILENCE_DB = -60.0
LEAST_SECONDS = 3.0


class GenreClassifier:
    """Calibrated genre probabilities with the means to abstain.

    Parameters
    ----------
    target_precision
        Share of given answers that shall be right; the confidence they need is derived from it.
    min_confidence
        The confidence an answer needs, instead of deriving it.
    vocabulary
        The user's own words. Where it is not sure enough, it backs off up their tree.

    Attributes
    ----------
    classes_ : (n_genres,) str
        Genres in alphabetical order.
    parts_ : Parts
    evaluation_ : Evaluation
        Out-of-fold figures, folds grouped by artist.
    name : str
        Stable: the same table and code give the same.
    """

    SHAPES: ClassVar[Mapping[str, tuple[str, ...]]] = {**Parts.SHAPES, "probabilities": ("n_tracks", "n_genres")}
    """The names of `arrays`, and what their axes count."""

    def __init__(
        self,
        *,
        target_precision: float = 0.8,
        min_confidence: float | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.target_precision = target_precision
        self.min_confidence = min_confidence
        self.vocabulary = vocabulary or Vocabulary()
        self._own_thresholds: dict[float, float] = {}

    def fit(
        self,
        table: Table,
        *,
        name: str = "own",
        beside: Table | None = None,
        told: Collection[str] | None = None,
        tell: Tell = lambda step: None,
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        beside
            Other music, whose genres are not learnt: it says what music sounds like, where that of the table is little.
        told
            The genres that are answered; the others are only told apart. None: those that are recognised often enough.
        tell
            Is told what is being done, in a few words.

        Raises
        ------
        ModelError
            If there are fewer than two genres, or artists, to tell apart.
        """
        self.classes_ = np.unique(table.y)
        if len(self.classes_) < 2 or len(np.unique(table.groups)) < 2:
            raise ModelError("to learn, music of at least two genres and two artists is needed")
        # Matrices this small are multiplied sooner by one thread than by several that wait for each other.
        with threadpool_limits(1, "blas"):
            music = table if beside is None else Table.join([table, beside])
            self.parts_, self.evaluation_ = learn(table, music, tell, told=told)
        self._thresholds = {p: self.evaluation_.threshold(p) for p in PRECISIONS}
        self.origins_ = list(zip(map(str, table.groups), map(str, table.sources), strict=True))
        self.name = f"{name}-{_digest(table, beside)[:8]}"
        return self

    def arrays(self) -> dict[str, Floats]:
        """Return what was fitted, by the names of `SHAPES`."""
        return self.parts_.arrays() | {"probabilities": self.evaluation_.probabilities}

    def texts(self) -> Texts:
        """Return what was fitted and is no array."""
        return Texts(
            self.name,
            list(map(str, self.classes_)),
            list(map(str, self.evaluation_.truth)),
            [artist for artist, _ in self.origins_],
            [source for _, source in self.origins_],
            dict(self.evaluation_.by_source),
            sorted(self._thresholds.items()),
            sorted(self.evaluation_.untold),
        )

    @classmethod
    def of(cls, texts: Texts, arrays: Mapping[str, Floats]) -> Self:
        """Make the model of what `texts` and `arrays` returned, with arrays of the shapes in `SHAPES`."""
        model = cls()
        model.name = texts.name
        model.classes_ = np.array(texts.genres, np.str_)
        model.parts_ = Parts.of(arrays)
        model.evaluation_ = Evaluation(
            tuple(texts.genres),
            np.array(texts.truth, np.str_),
            arrays["probabilities"],
            np.array(texts.artists, np.str_),
            np.array(texts.sources, np.str_),
            texts.by_source,
            untold=frozenset(texts.untold),
        )
        model.origins_ = list(zip(texts.artists, texts.sources, strict=True))
        model._thresholds = dict(texts.thresholds)
        return model

    def predict(self, x: NDArray[np.float32]) -> Prediction:
        """Judge one track: ``x`` is a vector of `genred.sound.features.extract`, (n_features,)."""
        return self.predict_many(x[None])[0]

    def predict_many(self, X: NDArray[np.float32]) -> list[Prediction]:
        """Judge many tracks at once, each for itself: (n_tracks, n_features)."""
        heard = self._heard(X)
        alone = [Heard(heard.probabilities[[i]], [fault]) for i, fault in enumerate(heard.faults)]
        return [prediction for each in alone for prediction in self._judge(each, [Owner()])]

    def judge(self, X: NDArray[np.float32], owners: Sequence[Owner]) -> list[Prediction]:
        """Judge the tracks of one album together.

        Parameters
        ----------
        X : (n_tracks, n_features)
            Vectors of `genred.sound.features.extract`.
        owners : (n_tracks,)
            What the owner calls the music around each track; ``Owner()`` where that is nothing. One track of which
            nothing is said is judged as by `predict`.
        """
        return self._judge(self._heard(X), owners)

    def _heard(self, X: NDArray[np.float32]) -> Heard:
        # Threads that wait for each other take several times the processor time on a machine that has other work.
        with _threads().limit(limits=1, user_api="blas"):
            place = self.parts_.place(X)
            strange = self.parts_.novelty.is_strange(self.parts_.neighbourhood_of(place))
            probabilities = self.parts_.probabilities(place)
        return Heard(probabilities, [_fault(*row) for row in zip(X, strange, strict=True)])

    def _judge(self, heard: Heard, owners: Sequence[Owner]) -> list[Prediction]:
        precision = self.target_precision if self.min_confidence is None else None
        untold = self.evaluation_.untold
        unit = Unit(self.classes_, self.parts_.album, heard, owners, self.vocabulary, untold)
        return judge(unit, Need(self.threshold, precision))

    def predict_proba(self, X: NDArray[np.float32]) -> Floats:
        """Return calibrated probabilities, (n_tracks, n_genres), also of what `predict` wouldn't judge."""
        return self.parts_.probabilities(self.parts_.place(X))

    def surroundings(self, x: NDArray[np.float32]) -> Surroundings:
        """Find where one track lies among the training music: ``x`` is a vector of `genred.sound.features.extract`."""
        novelty = self.parts_.novelty
        Z = self.parts_.neighbourhood_of(self.parts_.place(x[None]))
        distances, rows = nearest(novelty.music_[: len(self.origins_)], Z[:, :-1], N_NEIGHBOURS)
        genres = map(str, self.evaluation_.truth[rows[0]])
        origins = (self.origins_[row] for row in rows[0])
        apart = map(float, distances[0] / novelty.apart_)
        found = zip(genres, origins, apart, strict=True)
        known = tuple(Neighbour(genre, artist, source, far) for genre, (artist, source), far in found)
        return Surroundings(float(novelty.score(Z)[0]), novelty.limit_, known)

    def evaluate(self, table: Table) -> Evaluation:
        """Judge this model by labelled music, without flattering it.

        A track that the model was fitted to is recognised, and judged by the fold that hadn't heard its artist. Other
        tracks by an artist of the training music are counted.
        """
        place = self.parts_.place(table.X)
        judged = self.parts_.probabilities(place)
        heard, row = self.parts_.novelty.recognise(self.parts_.neighbourhood_of(place), len(self.origins_))
        judged[heard] = self.evaluation_.probabilities[row[heard]]
        genres = np.union1d(self.classes_, table.y)
        probabilities = np.zeros((len(table), len(genres)))
        probabilities[:, np.searchsorted(genres, self.classes_)] = judged
        known = {artist.casefold() for artist, _ in self.origins_}
        familiar = sum(str(artist).casefold() in known for artist in table.groups[~heard])
        return Evaluation(
            tuple(map(str, genres)),
            table.y,
            probabilities,
            table.groups,
            table.sources,
            heard=int(heard.sum()),
            familiar=familiar,
            untold=self.evaluation_.untold,
            vocabulary=self.vocabulary,
        )

    @property
    def threshold(self) -> float:
        """The confidence that an answer needs; above 1 where none is good enough."""
        if self.min_confidence is not None:
            return self.min_confidence
        wanted = self.target_precision
        is_usual = all(self.vocabulary.line(genre) == _usual().line(genre) for genre in map(str, self.classes_))
        known = self._thresholds if is_usual else self._own_thresholds
        if wanted not in known:
            known[wanted] = replace(self.evaluation_, vocabulary=self.vocabulary).threshold(wanted)
        return known[wanted]

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model's training music and its figures, for JSON."""
        return self.texts().card(self.evaluation_)


@cache
def _usual() -> Vocabulary:
    """Return the words of a user who has none; its tree is that of the thresholds that are kept."""
    return Vocabulary()


@cache
def _threads() -> ThreadpoolController:
    """Return the control of the threads that multiply matrices; to find the libraries takes longer than a judgement."""
    return ThreadpoolController()


def _fault(x: NDArray[np.float32], strange: np.bool_) -> str:
    """Return why a track can't be judged by its sound; empty where it can."""
    level, seconds = float(x[0]), float(x[1])
    if level < SILENCE_DB:
        return "silence"
    if seconds < LEAST_SECONDS:
        return f"only {seconds:.1f} s of audio, too little to judge"
    return "doesn't sound like anything the model was trained on" if strange else ""


def _digest(*tables: Table | None) -> str:
    digest = hashlib.sha256(MODEL_VERSION.encode() + FEATURE_VERSION.encode())
    for table in tables:
        if table is not None:
            digest.update(np.ascontiguousarray(table.X).tobytes())
            for texts in (table.y, table.groups, table.sources):
                digest.update("\0".join(texts).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
