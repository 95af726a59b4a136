"""What the classifier answers, when it abstains, and what it tells of itself."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import QuantileTransformer

from genred.errors import ModelError
from genred.genres import Tree, Vocabulary
from genred.model import storage
from genred.model.classifier import GenreClassifier
from genred.model.evidence import Kind, Owner
from genred.model.judging import back_off
from genred.model.novelty import nearest
from genred.model.prediction import Candidate
from genred.model.projection import Space, _moves, _ranks, _re_encoding
from genred.model.table import Table
from genred.sound.audio import read_excerpts
from genred.sound.features import DESCRIBED, HEARD, N_META, extract
from tests.model import notmusic
from tests.model.music import GENRES, table, vectors


@pytest.fixture(scope="module")
def model() -> GenreClassifier:
    return GenreClassifier().fit(table())


@pytest.fixture
def anew(model: GenreClassifier) -> GenreClassifier:
    """A copy whose options a test may set."""
    return copy.copy(model)


def test_candidates_descend_and_sum_to_one(model: GenreClassifier) -> None:
    """All genres come as candidates, the likeliest first, with probabilities of the sum 1."""
    for prediction in model.predict_many(vectors("Rock", 5, seed=1)):
        probabilities = [c.probability for c in prediction.candidates]
        assert {c.genre for c in prediction.candidates} == set(GENRES)
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)


def test_knows_a_clear_genre(model: GenreClassifier) -> None:
    """A vector like the training music of one genre is given that genre."""
    predictions = model.predict_many(vectors("Jazz", 20, seed=1))
    assert sum(p.genre == "Jazz" for p in predictions) >= 18


@pytest.mark.parametrize("known", [DESCRIBED, HEARD], ids=["features", "ears"])
def test_either_expert_may_know(known: slice) -> None:
    """Genres that can be told by the features alone, or by what the network hears alone, are learnt."""
    t, new = (
        replace(table(), X=table().X.copy()),
        np.concatenate([vectors(genre, 20, seed=1) for genre in ("Jazz", "Metal")]),
    )
    for X in (t.X, new):
        noise = np.random.default_rng(len(X)).normal(size=X.shape)
        other = HEARD if known is DESCRIBED else DESCRIBED
        X[:, other] = noise[:, other]
    model = GenreClassifier().fit(t)
    assert [model.classes_[i] for i in model.predict_proba(new).argmax(axis=1)].count("Jazz") == 20
    assert model.evaluation_.recall["Jazz"] > 0.95


def test_one_or_many_is_the_same(model: GenreClassifier) -> None:
    """`predict` agrees with `predict_many`."""
    x = vectors("Metal", 1, seed=3)
    one, many = model.predict(x[0]), model.predict_many(x)[0]
    assert (one.genre, one.reason) == (many.genre, many.reason)
    assert one.confidence == pytest.approx(many.confidence)


def test_one_track_without_words_is_judged_as_ever(model: GenreClassifier) -> None:
    """`judge` agrees with `predict`, to the last bit."""
    for x in np.concatenate([vectors(genre, 5, seed=3) for genre in GENRES]):
        assert model.judge(x[None], [Owner()]) == [model.predict(x)]


def test_an_album_is_judged_together(model: GenreClassifier) -> None:
    """Tracks by themselves may be Jazz or unanswered; together they are, and so is one that is silence."""
    X = vectors("Jazz", 12, seed=3)
    X[7, 0] = -90
    found = model.judge(X, [Owner()] * 12)
    assert {prediction.genre for prediction in found} == {"Jazz"}
    assert [prediction.evidence for prediction in found] == [Kind.ALBUM] * 12
    assert "silence" in found[7].reason


def test_the_owners_word_for_an_album_stands(model: GenreClassifier) -> None:
    """A word that the model doesn't know, for an album that sounds like one that it knows."""
    found = model.judge(vectors("Jazz", 3, seed=3), [Owner(mates={"Kids": 9})] * 3)
    assert {(prediction.genre, prediction.evidence) for prediction in found} == {("Kids", Kind.MATES)}


def test_backs_off_to_the_family(anew: GenreClassifier) -> None:
    """Where Metal and Rock share the probability, the answer is Rock with the sum, and the reason says so."""
    anew.min_confidence = 0.98
    predictions = [p for p in anew.predict_many(vectors("Metal", 20, seed=1)) if p.genre]
    together = [p for p in predictions if "together" in p.reason]
    assert together
    for p in together:
        assert p.genre == "Rock"
        shares = {c.genre: c.probability for c in p.candidates}
        assert p.confidence == pytest.approx(shares["Metal"] + shares["Rock"])


def test_a_genre_sure_enough_is_not_backed_off() -> None:
    """A subgenre that alone reaches the threshold is the answer."""
    candidates = [Candidate("Metal", 0.7), Candidate("Rock", 0.2), Candidate("Jazz", 0.1)]
    assert back_off(candidates, 0.65, Vocabulary())[:2] == ("Metal", 0.7)
    genre, confidence, members = back_off(candidates, 0.8, Vocabulary())
    assert (genre, len(members)) == ("Rock", 2)
    assert confidence == pytest.approx(0.9)


def test_backing_off_goes_up_several_levels() -> None:
    """The answer is the deepest genre that is sure enough; with none, the broadest, which isn't."""
    shares = {"Melodic Death Metal": 0.3, "Death Metal": 0.2, "Doom Metal": 0.2, "Punk": 0.15, "Jazz": 0.15}
    candidates = [Candidate(genre, share) for genre, share in shares.items()]
    found = {needed: back_off(candidates, needed, Vocabulary())[:2] for needed in (0.25, 0.45, 0.65, 0.8, 0.9)}
    assert [genre for genre, _ in found.values()] == ["Melodic Death Metal", "Death Metal", "Metal", "Rock", "Rock"]
    assert [confidence for _, confidence in found.values()] == pytest.approx([0.3, 0.5, 0.7, 0.85, 0.85])


def test_backing_off_goes_up_the_users_own_tree() -> None:
    """Where it puts Metal under Jazz, their sum is Jazz; thresholds are measured with it."""
    mine = Vocabulary(tree=Tree.parse("Jazz\n  Metal\nRock"))
    candidates = [Candidate("Metal", 0.4), Candidate("Rock", 0.35), Candidate("Jazz", 0.25)]
    assert back_off(candidates, 0.6, mine)[0] == "Jazz"
    assert back_off(candidates, 0.6, Vocabulary())[0] == "Rock"


def test_thresholds_are_those_of_the_users_own_tree(anew: GenreClassifier) -> None:
    """Metal and Rock, which overlap, are both right where Rock is answered: with no tree, answers need more."""
    usual = anew.threshold
    anew.vocabulary = Vocabulary(tree=Tree.parse("Jazz\nMetal\nRock"))
    assert anew.threshold > usual
    assert {p.genre for p in anew.predict_many(vectors("Metal", 20, seed=1))} <= {"Metal", "Rock", None}
    anew.vocabulary = Vocabulary(aliases={"Heavy": "Metal"})
    assert anew.threshold == usual


@pytest.mark.parametrize(
    ("level", "seconds", "reason"), [(-90, 30, "silence"), (-20, 1, "only 1.0 s of audio, too little to judge")]
)
def test_abstains_without_audio_to_judge(model: GenreClassifier, level: float, seconds: float, reason: str) -> None:
    """Silence and a blip are told from the vector alone, whatever the rest of it says."""
    x = vectors("Jazz", 1)[0]
    x[:N_META] = level, seconds
    prediction = model.predict(x)
    assert (prediction.genre, prediction.confidence, prediction.reason) == (None, 0.0, reason)


def test_abstains_on_what_it_was_not_trained_on(model: GenreClassifier) -> None:
    """A vector far from all training music gets no genre."""
    x = vectors("Jazz", 1)[0]
    x[N_META:] *= 8
    assert model.predict(x).reason == "doesn't sound like anything the model was trained on"


@pytest.mark.slow
def test_what_re_encoding_moves_counts_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where copies of music differ most the space is narrower than without the damping; tracks stay as far apart."""
    X = storage.builtin_table().X[::4, DESCRIBED]
    moves, spreads = [], []
    for damping in (Space.damping, 0.0):
        monkeypatch.setattr(Space, "damping", damping)
        space = Space().fit(X)
        normal = space.normal(X)
        middle = space.coordinates(normal.mean(axis=0, keepdims=True))
        moved = space.coordinates(normal.mean(axis=0) + _re_encoding()[:5])
        moves.append(np.linalg.norm(moved - middle))
        spreads.append(np.linalg.norm(space.coordinates(normal) - middle, axis=1).mean())
    assert moves[0] < 0.5 * moves[1]
    assert spreads[0] > 0.8 * spreads[1]


def test_a_higher_precision_needs_more_confidence(anew: GenreClassifier) -> None:
    """Options apply at once, without fitting again."""
    thresholds = []
    for anew.target_precision in (0.5, 0.8, 0.9):
        thresholds.append(anew.threshold)
    assert thresholds == sorted(thresholds)
    anew.min_confidence = 1.0
    prediction = anew.predict(vectors("Rock", 1, seed=5)[0])
    assert prediction.genre is None or prediction.confidence == 1.0
    assert "the confidence asked for" in prediction.reason


def test_name_says_what_it_was_trained_on(model: GenreClassifier) -> None:
    """The same table gives the same name, another table another."""
    t = table()
    half = t[np.arange(len(t)) % 2 == 0]
    assert GenreClassifier().fit(half).name != model.name
    assert model.name.startswith("own-")


def test_card_tells_counts_and_figures(model: GenreClassifier) -> None:
    """The card counts what the model was trained on, carries its figures, and is JSON."""
    card = json.loads(json.dumps(model.card))
    assert card["tracks"] == 120
    assert card["genres"] == dict.fromkeys(GENRES, 40)
    assert card["figures"]["recall"]["Jazz"] > 0.9


def test_evaluates_on_other_music(model: GenreClassifier) -> None:
    """A table it wasn't fitted to is judged; a genre the model doesn't know counts as never recognised."""
    y = np.array(["Jazz"] * 10 + ["Polka"] * 10)
    X = np.concatenate([vectors("Jazz", 10, seed=2), vectors("Metal", 10, seed=2)])
    found = model.evaluate(Table(X, y, y, y))
    assert found.recall["Jazz"] > 0.8
    assert found.recall["Polka"] == 0
    assert found.confusion.sum() == 20


def test_recognises_what_it_was_trained_on_however_it_is_rounded() -> None:
    """Kept in half precision, described by another version of the libraries; also beside a feature that stands still.

    A track that isn't recognised is judged by a model that has learnt it, which flatters.
    """
    base, own = table(), table(seed=1)
    still = slice(N_META + 100, N_META + 160)
    base.X[:, still], own.X[:, still] = 1.0, 0.999998  # as a correlation with itself is, in two precisions
    model = GenreClassifier().fit(Table.join([base, replace(own, groups=np.char.upper(own.groups))]))
    rng = np.random.default_rng(0)
    kept = replace(own, X=own.X.astype(np.float16).astype(np.float32))
    anew = replace(base, X=(base.X * rng.normal(1, 1e-3, base.X.shape)).astype(np.float32))
    for music in (base, own, kept, anew):
        assert model.evaluate(music).heard == len(music)
    assert model.evaluate(table(seed=2)).heard == 0


def test_tracks_by_artists_that_it_has_heard_are_counted(model: GenreClassifier) -> None:
    """New music by an artist of the training music makes a model look better than it is: the report says so."""
    other = table(seed=1)
    found = model.evaluate(replace(other, groups=np.char.upper(other.groups)))
    assert (found.heard, found.familiar) == (0, len(other))
    assert "artists of the test part unheard" not in found.lines()[0]
    assert any(
        line.startswith(f"{len(other)} others are by artists that the model has heard") for line in found.lines()
    )
    strangers = model.evaluate(replace(other, groups=np.full(len(other), "somebody else")))
    assert strangers.familiar == 0
    assert "artists of the test part unheard" in strangers.lines()[0]


def test_no_feature_of_the_table_stands_still() -> None:
    """Features that hardly move would count nothing: the packaged table has none."""
    X = storage.builtin_table().X[:, DESCRIBED]
    assert _moves(X).all()
    common = np.array([np.unique(column, return_counts=True)[1].max() for column in X.T]) / len(X)
    assert common.max() < 0.5
    X[:, 5] = 1 + 1e-4 * X[:, 5] / np.abs(X[:, 5]).max()
    assert np.flatnonzero(~_moves(X)).tolist() == [5]


@pytest.mark.parametrize("genres", [("Jazz",), ()])
def test_one_genre_cannot_be_learnt(genres: tuple[str, ...]) -> None:
    """A table without at least two genres is refused with what is needed."""
    t = table()
    with pytest.raises(ModelError, match="at least two genres"):
        GenreClassifier().fit(t[np.isin(t.y, genres)])


@pytest.mark.parametrize("counts", [(4, 1), (1, 1), (2, 0, 2)])
def test_too_little_music_is_said_or_learnt_from(counts: tuple[int, ...]) -> None:
    """A handful of tracks, each genre by an artist of its own: no error but the one that says what is needed."""
    t = table()
    genres = sorted(set(t.y))
    rows = [i for genre, n in zip(genres, counts, strict=False) for i in np.flatnonzero(t.y == genre)[:n]]
    few = replace(t[np.array(rows)], groups=t.y[np.array(rows)])
    with pytest.raises(ModelError, match="too little music to learn from"):
        GenreClassifier().fit(few)


_KINDS = [pytest.param(kind, marks=[pytest.mark.slow] if n % 5 else []) for n, kind in enumerate(notmusic.KINDS)]


@pytest.mark.parametrize("kind", _KINDS)
def test_the_builtin_model_abstains_on_what_is_no_music(fitted: Path, kind: str) -> None:
    """Noise, machines, signals, animals and voices sound like no music, whatever genre is nearest."""
    prediction = storage.builtin(fitted).predict(extract(notmusic.excerpts(kind)))
    assert (prediction.genre, prediction.reason) == (None, "doesn't sound like anything the model was trained on")


def test_the_builtin_model_abstains_on_speech_and_animals(fitted: Path, corpus: Path) -> None:
    """Recordings of people reading, of a bird, a whale and a dog get no genre."""
    model = storage.builtin(fitted)
    for path in sorted((corpus / "notmusic").glob("*.ogg")):
        assert model.predict(extract(read_excerpts(path))).genre is None, path.name


def test_a_small_library_knows_what_music_is_from_the_builtin_table() -> None:
    """Beside other music a model of sixty tracks abstains on what it would name; it learns no genre from there."""
    t = storage.builtin_table()
    genres = ("Electronic", "Jazz", "Latin")
    own = np.concatenate([np.flatnonzero(t.y == genre)[:20] for genre in genres])
    sounds = np.array([extract(notmusic.excerpts(kind)) for kind in ("crowd", "bees", "whale", "low voice")])
    alone, beside = (GenreClassifier().fit(t[own], beside=other) for other in (None, t[np.arange(len(t)) % 2 == 0]))
    named = [sum(p.genre is not None for p in model.predict_many(sounds)) for model in (alone, beside)]
    assert named[1] == 0 < named[0]
    assert tuple(beside.classes_) == genres
    assert len(beside.surroundings(sounds[0]).nearest) == 5
    assert beside.evaluate(t[own]).heard == len(own)
    assert alone.name != beside.name


def test_training_music_is_recognised_after_rounding(fitted: Path) -> None:
    """Tracks whose features were computed elsewhere, or kept in half precision, are those that were learnt."""
    t = storage.builtin_table()
    rounded = t.X * (1 + np.random.default_rng(0).normal(0, 5e-4, t.X.shape)).astype(np.float32)
    assert storage.builtin(fitted).evaluate(replace(t, X=rounded)).heard == len(t)


def test_quantiles_are_those_of_scikit_learn() -> None:
    """The training music has the ranks that the library would give it."""
    X = table().X[:, DESCRIBED]
    library = QuantileTransformer(n_quantiles=100, subsample=None).fit(X)
    space = Space()
    space.n_quantiles = 100
    np.testing.assert_allclose(space.fit_quantiles(X).quantiles_, library.quantiles_, rtol=1e-5, atol=1e-6)


def test_ranks_are_those_of_scikit_learn() -> None:
    """The quick way to ranks gives what the library's own way gives, for values met and never met before."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)).round(1).astype(np.float32)  # many share a value
    quantiles = QuantileTransformer(n_quantiles=100).fit(X)
    new = np.concatenate([X, rng.normal(0, 3, size=(100, 8)).astype(np.float32)])
    np.testing.assert_allclose(_ranks(quantiles.quantiles_, new), quantiles.transform(new), atol=1e-6)


def test_the_nearest_are_those_of_scikit_learn() -> None:
    """The same neighbours at the same distances, also where two tracks are the same up to rounding."""
    rng = np.random.default_rng(0)
    music = rng.normal(size=(700, 60))
    asked = np.concatenate([rng.normal(size=(600, 60)), music[:50] + 1e-9])
    distances, rows = NearestNeighbors(n_neighbors=5).fit(music).kneighbors(asked)
    ours, found = nearest(music, asked, 5)
    assert np.array_equal(found, rows)
    np.testing.assert_allclose(ours, distances, rtol=1e-9, atol=1e-6)  # its own rounding
