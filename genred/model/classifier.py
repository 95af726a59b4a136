"""A feature vector to a genre, with an honest probability or an honest "I don't know" (scikit-learn lives here and in
`genred.model.projection`, and is imported where something is fitted).

The model is the product of two experts. One knows the features: made normal by their quantiles, rotated to their
principal axes, damped where re-encoding moves them (`genred.model.projection`). The other knows what a pre-trained
network hears (`genred.model.hearing`). Each ends in a linear map (`genred.model.discriminant`). Their product is
calibrated on out-of-fold predictions grouped by artist, and so are the thresholds. Music that lies farther from the
training music than nearly all music does is not judged (`genred.model.novelty`).
"""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from genred.errors import ModelError
from genred.genres.tree import built_in
from genred.model.discriminant import Discriminant, Regression, factors, softmax
from genred.model.evaluation import Evaluation
from genred.model.fitted import Floats
from genred.model.hearing import Hearing
from genred.model.neighbourhood import Neighbourhood
from genred.model.novelty import N_NEIGHBOURS, Folds, Novelty, nearest
from genred.model.prediction import Candidate, Prediction
from genred.model.projection import Space
from genred.model.table import Table
from genred.sound.features import DESCRIBED, FEATURE_VERSION, HEARD

MODEL_VERSION = "6"
"""Changes with anything that makes the same table a different model."""

SILENCE_DB = -60.0
LEAST_SECONDS = 3.0

SHARES = (0.3, 0.7)
"""How much features count, and how much what the network hears."""

Tell = Callable[[str], None]

_PRECISIONS = (0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training track; its distance is 1 where it is as far as such tracks usually are from their nearest."""

    genre: str
    artist: str
    source: str
    distance: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How strange a track is to a model, which judges nothing beyond ``limit``, and what it was trained on nearby."""

    strangeness: float
    limit: float
    nearest: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Texts:
    """What a model holds beside arrays: with those, all of it."""

    name: str
    genres: list[str]
    truth: list[str]
    """The genre of each training track; here and below."""
    artists: list[str]
    sources: list[str]
    by_source: dict[str, float]
    """As in `Evaluation`."""
    thresholds: list[tuple[float, float]]
    """The confidence that answers need, by precision wanted."""


class GenreClassifier:
    """Calibrated genre probabilities with the means to abstain.

    Parameters
    ----------
    target_precision
        Share of given answers that shall be right; the confidence they need is derived from it.
    min_confidence
        The confidence an answer needs, instead of deriving it.

    Attributes
    ----------
    classes_ : (n_genres,) str
        Genres in alphabetical order.
    evaluation_ : Evaluation
        Out-of-fold figures, folds grouped by artist.
    name : str
        Stable: the same table and code give the same.
    """

    SHAPES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "factors": ("n_experts",),
        "probabilities": ("n_tracks", "n_genres"),
        **{f"space.{name}": axes for name, axes in Space.SHAPES.items()},
        **{f"discriminant.{name}": axes for name, axes in Discriminant.SHAPES.items()},
        **{f"hearing.{name}": axes for name, axes in Hearing.SHAPES.items()},
        **{f"regression.{name}": axes for name, axes in Regression.SHAPES.items()},
        **{f"neighbourhood.{name}": axes for name, axes in Neighbourhood.SHAPES.items()},
        **{f"novelty.{name}": axes for name, axes in Novelty.SHAPES.items()},
    }
    """The names of `arrays`, and what their axes count."""

    def __init__(self, *, target_precision: float = 0.8, min_confidence: float | None = None) -> None:
        self.target_precision = target_precision
        self.min_confidence = min_confidence

    def fit(
        self,
        table: Table,
        *,
        name: str = "own",
        beside: Table | None = None,
        tell: Tell = lambda step: None,
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        beside
            Other music, whose genres are not learnt: it says what music sounds like, where that of the table is little.
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
            self._learn(table, table if beside is None else Table.join([table, beside]), tell)
        self._thresholds = {p: self.evaluation_.threshold(p) for p in _PRECISIONS}
        self.origins_ = list(zip(map(str, table.groups), map(str, table.sources), strict=True))
        self.name = f"{name}-{_digest(table, beside)[:8]}"
        return self

    def arrays(self) -> dict[str, Floats]:
        """Return what was fitted, by the names of `SHAPES`."""
        parts = {
            "space": self.space_,
            "discriminant": self.discriminant_,
            "hearing": self.hearing_,
            "regression": self.regression_,
            "neighbourhood": self.neighbourhood_,
            "novelty": self.novelty_,
        }
        found = {f"{part}.{name}": a for part, fitted in parts.items() for name, a in fitted.arrays().items()}
        return found | {"factors": self.factors_, "probabilities": self.evaluation_.probabilities}

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
        )

    @classmethod
    def of(cls, texts: Texts, arrays: Mapping[str, Floats]) -> Self:
        """Make the model of what `texts` and `arrays` returned, with arrays of the shapes in `SHAPES`."""

        def part(name: str) -> dict[str, Floats]:
            return {key.removeprefix(name): a for key, a in arrays.items() if key.startswith(name)}

        model = cls()
        model.name = texts.name
        model.classes_ = np.array(texts.genres, np.str_)
        model.space_, model.discriminant_ = Space.of(part("space.")), Discriminant.of(part("discriminant."))
        model.hearing_, model.regression_ = Hearing.of(part("hearing.")), Regression.of(part("regression."))
        model.neighbourhood_ = Neighbourhood.of(part("neighbourhood."))
        model.novelty_, model.factors_ = Novelty.of(part("novelty.")), arrays["factors"]
        truth = np.array(texts.truth, np.str_)
        model.evaluation_ = Evaluation(
            tuple(texts.genres),
            truth,
            arrays["probabilities"],
            np.array(texts.artists, np.str_),
            np.array(texts.sources, np.str_),
            texts.by_source,
        )
        model.origins_ = list(zip(texts.artists, texts.sources, strict=True))
        model._thresholds = dict(texts.thresholds)
        return model

    def _learn(self, table: Table, music: Table, tell: Tell) -> None:
        """Learn what music is from all of it, and genres from the table that it begins with."""
        tell(f"finding the axes of {len(music)} tracks")
        truth = np.searchsorted(self.classes_, table.y)
        self.space_, self.hearing_ = Space().fit(music.X[:, DESCRIBED]), Hearing().fit(music.X[:, HEARD])
        normal, heard = self._scores(music.X)
        self.neighbourhood_ = Neighbourhood().fit(normal, heard)
        tell("measuring what is strange")
        self.novelty_ = Novelty().fit(self.neighbourhood_.coordinates(normal, heard), _folds(music))
        Z, Z_heard = self.space_.coordinates(normal[: len(table)]), heard[: len(table)]
        del normal  # 128 MB for ten thousand tracks
        unheard = [
            out_of_fold(kind, coordinates, table, self.classes_, tell)
            for kind, coordinates in ((Discriminant, Z), (Regression, Z_heard))
        ]
        self.factors_ = factors(unheard, SHARES, truth)
        tell("telling genres apart")
        self.discriminant_, self.regression_ = Discriminant().fit(Z, table.y), Regression().fit(Z_heard, table.y)
        self.evaluation_ = Evaluation(
            tuple(map(str, self.classes_)),
            table.y,
            product(self.factors_, unheard),
            table.groups,
            table.sources,
            _leave_one_source_out(table, self.factors_, tell),
        )

    def predict(self, x: NDArray[np.float32]) -> Prediction:
        """Judge one track: ``x`` is a vector of `genred.sound.features.extract`, (n_features,)."""
        return self.predict_many(x[None])[0]

    def predict_many(self, X: NDArray[np.float32]) -> list[Prediction]:
        """Judge many tracks at once: (n_tracks, n_features)."""
        scores = self._scores(X)
        probabilities = self._probabilities(*scores)
        strange = self.novelty_.is_strange(self.neighbourhood_.coordinates(*scores))
        needed = self.threshold
        return [self._judge(*row, needed) for row in zip(X, probabilities, strange, strict=True)]

    def predict_proba(self, X: NDArray[np.float32]) -> Floats:
        """Return calibrated probabilities, (n_tracks, n_genres), also of what `predict` wouldn't judge."""
        return self._probabilities(*self._scores(X))

    def surroundings(self, x: NDArray[np.float32]) -> Surroundings:
        """Find where one track lies among the training music: ``x`` is a vector of `genred.sound.features.extract`."""
        Z = self.neighbourhood_.coordinates(*self._scores(x[None]))
        distances, rows = nearest(self.novelty_.music_[: len(self.origins_)], Z[:, :-1], N_NEIGHBOURS)
        genres = map(str, self.evaluation_.truth[rows[0]])
        origins = (self.origins_[row] for row in rows[0])
        apart = map(float, distances[0] / self.novelty_.apart_)
        found = zip(genres, origins, apart, strict=True)
        known = tuple(Neighbour(genre, artist, source, far) for genre, (artist, source), far in found)
        return Surroundings(float(self.novelty_.score(Z)[0]), self.novelty_.limit_, known)

    def evaluate(self, table: Table) -> Evaluation:
        """Judge this model by labelled music, without flattering it.

        A track that the model was fitted to is recognised, and judged by the fold that hadn't heard its artist. Other
        tracks by an artist of the training music are counted.
        """
        scores = self._scores(table.X)
        judged = self._probabilities(*scores)
        heard, row = self.novelty_.recognise(self.neighbourhood_.coordinates(*scores), len(self.origins_))
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
        )

    def _scores(self, X: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Return weighted normal scores of the features, and coordinates of what the network hears."""
        return self.space_.normal(X[:, DESCRIBED]), self.hearing_.coordinates(X[:, HEARD])

    def _probabilities(self, normal: Floats, heard: Floats) -> Floats:
        described = self.discriminant_.logits(self.space_.coordinates(normal))
        return product(self.factors_, (described, self.regression_.logits(heard)))

    @property
    def threshold(self) -> float:
        """The confidence that an answer needs; above 1 where none is good enough."""
        if self.min_confidence is not None:
            return self.min_confidence
        wanted = self.target_precision
        if wanted not in self._thresholds:
            self._thresholds[wanted] = self.evaluation_.threshold(wanted)
        return self._thresholds[wanted]

    def _judge(self, x: NDArray[np.float32], probabilities: Floats, strange: np.bool_, needed: float) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")
        candidates = tuple(Candidate(str(self.classes_[i]), float(probabilities[i])) for i in order)
        level, seconds = float(x[0]), float(x[1])
        if level < SILENCE_DB:
            return Prediction(None, 0.0, candidates, "silence")
        if seconds < LEAST_SECONDS:
            return Prediction(None, 0.0, candidates, f"only {seconds:.1f} s of audio, too little to judge")
        if strange:
            return Prediction(None, 0.0, candidates, "doesn't sound like anything the model was trained on")
        genre, confidence, members = _back_off(candidates, needed)
        if confidence < needed:
            return Prediction(None, confidence, candidates, self._too_unsure(genre, confidence, needed))
        if len(members) > 1:
            shares = " + ".join(f"{c.genre} {c.probability:.2f}" for c in members)
            return Prediction(genre, confidence, candidates, f"{genre}: {shares} together")
        return Prediction(genre, confidence, candidates, f"{genre} {confidence:.2f}, {needed:.2f} needed")

    def _too_unsure(self, genre: str, confidence: float, needed: float) -> str:
        if self.min_confidence is not None:
            return f"{confidence:.2f} for {genre} is below {needed:.2f}, the confidence asked for"
        wanted = f"{self.target_precision:.0%}".replace("%", " %")
        if needed > 1:
            return f"{confidence:.2f} for {genre}, but no confidence earns {wanted} precision"
        return f"{confidence:.2f} for {genre} is below {needed:.2f}, the threshold for {wanted} precision"

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model's training music and its figures, for JSON."""

        def counts(values: Iterable[str]) -> dict[str, int]:
            return dict(sorted(Counter(map(str, values)).items()))

        return {
            "name": self.name,
            "features": FEATURE_VERSION,
            "tracks": len(self.origins_),
            "artists": len({artist for artist, _ in self.origins_}),
            "genres": counts(self.evaluation_.truth),
            "sources": counts(source for _, source in self.origins_),
            "threshold": {f"{p:g}": round(needed, 4) for p, needed in self._thresholds.items() if p in _PRECISIONS},
            "figures": self.evaluation_.as_dict(),
        }


def _digest(*tables: Table | None) -> str:
    digest = hashlib.sha256(MODEL_VERSION.encode() + FEATURE_VERSION.encode())
    for table in tables:
        if table is not None:
            digest.update(np.ascontiguousarray(table.X).tobytes())
            for texts in (table.y, table.groups, table.sources):
                digest.update("\0".join(texts).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


# -- numerics ------------------------------------------------------------------------------------------------------


def product(factors: Floats, logits: Sequence[Floats]) -> Floats:
    """Return the probabilities of several experts together, (n_tracks, n_genres)."""
    return softmax(np.sum([factor * own for factor, own in zip(factors, logits, strict=True)], axis=0))


def out_of_fold(
    kind: type[Regression], Z: Floats, table: Table, classes: NDArray[np.str_], tell: Tell = lambda step: None
) -> Floats:
    """Return logits of each track from an expert that never heard its artist."""
    logits = np.full((len(Z), len(classes)), -30.0)
    folds = _folds(table)
    for number, (train, test) in enumerate(folds, 1):
        tell(f"testing on artists that were left out, {number} of {len(folds)}")
        expert = kind().fit(Z[train], table.y[train])
        logits[np.ix_(test, np.searchsorted(classes, expert.classes_))] = expert.logits(Z[test])
    return logits


def _leave_one_source_out(table: Table, factors: Floats, tell: Tell, least: int = 5) -> dict[str, float]:
    """Return balanced accuracy on each source for a model of the others, among genres that both have enough of."""
    found: dict[str, float] = {}
    for source in np.unique(table.sources):
        inside = table.sources == source
        (here, n_here), (there, n_there) = (np.unique(table.y[m], return_counts=True) for m in (inside, ~inside))
        shared = np.intersect1d(here[n_here >= least], there[n_there >= least])
        if len(shared) < 2:
            continue
        tell(f"testing on what comes from elsewhere: without {source}")
        train, test = (table[part & np.isin(table.y, shared)] for part in (~inside, inside))
        space, hearing = Space().fit(train.X[:, DESCRIBED]), Hearing().fit(train.X[:, HEARD])
        Z, Z_test = (space.coordinates(space.normal(t.X[:, DESCRIBED])) for t in (train, test))
        described = Discriminant().fit(Z, train.y).logits(Z_test)
        Z, Z_test = (hearing.coordinates(t.X[:, HEARD]) for t in (train, test))
        heard = Regression().fit(Z, train.y).logits(Z_test)
        predicted = shared[product(factors, (described, heard)).argmax(axis=1)]
        found[str(source)] = float(np.mean([(predicted == genre)[test.y == genre].mean() for genre in shared]))
    return found


def _folds(table: Table) -> Folds:
    from sklearn.model_selection import StratifiedGroupKFold

    splits = min(5, len(np.unique(table.groups)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a genre with fewer tracks than folds is allowed
        folds = list(StratifiedGroupKFold(splits, shuffle=True, random_state=0).split(table.X, table.y, table.groups))
    return [(train, test) for train, test in folds if len(test) and len(np.unique(table.y[train])) > 1]


def _back_off(candidates: Sequence[Candidate], needed: float) -> tuple[str, float, tuple[Candidate, ...]]:
    """Return the likeliest genre or, where it alone is not sure enough, the nearest genre up the tree that is.

    A genre up the tree has the probability of all its kinds together; where none is sure enough, the one with most
    kinds is returned. ``candidates`` descend.
    """
    best = candidates[0]
    found: tuple[str, float, tuple[Candidate, ...]] = best.genre, best.probability, (best,)
    for genre in built_in().line(best.genre):
        if found[1] >= needed:
            break
        kin = tuple(c for c in candidates if genre in built_in().line(c.genre))
        if len(kin) > len(found[2]):
            found = genre, sum(c.probability for c in kin), kin
    return found
