"""What is answered about the tracks of one album, and which evidence decided."""

from collections.abc import Collection, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genred.model.album import Album
from genred.model.evidence import Kind, Owner
from genred.model.judging import Need, judge
from genred.model.prediction import Prediction
from genred.model.unit import Heard, Unit

GENRES = np.array(["Blues", "Jazz", "Metal", "Rock"])
NEED = Need(0.65, 0.8)
NOBODY = Owner()

counts = st.dictionaries(st.sampled_from(["Blues", "Jazz", "Rock", "Krautrock"]), st.floats(0.5, 20), max_size=3)
owners = st.builds(Owner, mates=counts, artist=counts, library=counts)
sounds = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(4)), elements=st.floats(1e-6, 1)).map(
    lambda rows: rows / rows.sum(axis=1, keepdims=True)
)


def judged(
    sound: Sequence[Sequence[float]] | np.ndarray,
    owner: Owner = NOBODY,
    faults: Sequence[str] | None = None,
    need: Need = NEED,
    untold: Collection[str] = (),
) -> list[Prediction]:
    heard = Heard(np.array(sound), faults or [""] * len(sound))
    album = Album.of({"kinship_": np.array(0.8)})
    return judge(Unit(GENRES, album, heard, [owner] * len(sound), untold=untold), need)


JAZZ, MAYBE_JAZZ, BLUES, NOTHING = (
    [0.05, 0.85, 0.05, 0.05],
    [0.4, 0.5, 0.05, 0.05],
    [0.85, 0.05, 0.05, 0.05],
    [0.25, 0.25, 0.25, 0.25],
)
SURELY_METAL = [0.0001, 0.0001, 0.9997, 0.0001]


@given(sound=sounds, owner=owners, seed=st.integers(0, 100))
def test_the_order_of_tracks_does_not_matter(sound: np.ndarray, owner: Owner, seed: int) -> None:
    """Each track gets its answer, wherever it stands."""
    order = np.random.default_rng(seed).permutation(len(sound))
    found, again = judged(sound, owner), judged(sound[order], owner)
    for i, prediction in zip(order, again, strict=True):
        assert prediction.genre == found[i].genre
        assert prediction.confidence == pytest.approx(found[i].confidence)


@given(sound=sounds, owner=owners)
def test_confidence_is_a_probability_and_an_answer_has_enough_of_it(sound: np.ndarray, owner: Owner) -> None:
    """Candidates descend and sum to one; grounds are in order; what is answered is sure enough."""
    for found in judged(sound, owner):
        shares = [c.probability for c in found.candidates]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        assert 0 <= found.confidence <= 1 + 1e-9
        assert (found.genre is not None) == (found.confidence >= NEED.confidence)
        weights = [ground.weight for ground in found.grounds]
        assert weights == sorted(weights, reverse=True)


@given(sound=sounds, genre=st.sampled_from(["Jazz", "Krautrock"]), count=st.integers(2, 12), artist=counts)
def test_a_persons_album_keeps_its_genre(sound: np.ndarray, genre: str, count: int, artist: dict[str, float]) -> None:
    """Where all tracks with a genre have the same by a person, all others get it, however they sound."""
    found = judged(sound, Owner(mates={genre: count}, artist=artist))
    assert {prediction.genre for prediction in found} == {genre}


def test_one_track_of_which_nothing_is_said_is_judged_by_its_sound() -> None:
    """Its probabilities are as they were, and no grounds are told."""
    (found,) = judged([JAZZ])
    assert found.candidates[0].genre == "Jazz"
    assert found.confidence == pytest.approx(0.85)
    assert (found.genre, found.evidence, found.grounds) == ("Jazz", Kind.TRACK, ())
    assert found.reason == "Jazz 0.85, 0.65 needed"


def test_an_album_gets_one_genre() -> None:
    """Tracks that alone would go unanswered, or be called something else, follow."""
    found = judged([JAZZ, JAZZ, MAYBE_JAZZ, JAZZ, BLUES])
    assert [prediction.genre for prediction in found] == ["Jazz"] * 5
    assert len({prediction.confidence for prediction in found}) == 1
    assert {prediction.evidence for prediction in found} == {Kind.ALBUM}
    assert "5 tracks heard together" in found[0].reason
    (kind, genre, said, of), *_ = [(g.kind, g.genre, g.count, g.of) for g in found[2].grounds]
    assert (kind, genre, said, of) == (Kind.ALBUM, "Jazz", 3, 4)


def test_a_track_that_is_surely_something_else_is_answered_otherwise() -> None:
    """One Metal track among Jazz; and its album is Jazz all the same."""
    found = judged([JAZZ] * 5 + [SURELY_METAL])
    assert [prediction.genre for prediction in found] == ["Jazz"] * 5 + ["Metal"]
    assert "unlike its album" in found[-1].reason
    assert found[-1].evidence is Kind.TRACK


def test_two_genres_of_a_family_are_not_told_apart_within_an_album() -> None:
    """A Rock album with a surely heavy track is a Rock album."""
    found = judged([[0.02, 0.02, 0.06, 0.9]] * 5 + [SURELY_METAL])
    assert {prediction.genre for prediction in found} == {"Rock"}


def test_a_folder_of_two_kinds_of_music_is_answered_track_by_track_or_not_at_all() -> None:
    """Half of it is Jazz and half is Metal: no track is called by the genre of the others."""
    sure_jazz = [0.0001, 0.9997, 0.0001, 0.0001]
    found = judged([sure_jazz] * 3 + [SURELY_METAL] * 3)
    assert {prediction.genre for prediction in found[:3]} <= {"Jazz", None}
    assert {prediction.genre for prediction in found[3:]} <= {"Metal", None}


def test_what_is_too_unsure_together_is_not_answered() -> None:
    """And the reason says what it would have been, and what was needed."""
    found = judged([NOTHING, MAYBE_JAZZ])
    assert {prediction.genre for prediction in found} == {None}
    assert "is below 0.65, the threshold for 80 % precision" in found[0].reason


@pytest.mark.parametrize("fault", ["silence", "doesn't sound like anything the model was trained on"])
def test_a_track_that_cannot_be_judged_says_nothing_of_the_others(fault: str) -> None:
    """It isn't heard together with them; it follows its album if most of it was judged, and the reason says so."""
    alone, beside = judged([JAZZ, JAZZ]), judged([JAZZ, JAZZ, BLUES], faults=["", "", fault])
    assert [p.confidence for p in beside[:2]] == pytest.approx([p.confidence for p in alone])
    assert (beside[2].genre, beside[2].evidence) == ("Jazz", Kind.ALBUM)
    assert fault in beside[2].reason


@pytest.mark.parametrize("faults", [["silence"], ["silence", ""], ["silence", "", "silence"]])
def test_most_of_an_album_must_be_judged_for_the_rest_to_follow(faults: list[str]) -> None:
    """Silence beside one track, or most of a folder of it, gets no genre."""
    found = judged([JAZZ] * len(faults), faults=faults)
    assert (found[0].genre, found[0].confidence, found[0].reason) == (None, 0.0, "silence")


def test_the_owners_word_stands_where_nothing_can_be_heard() -> None:
    """An audiobook that no model knows, by an author whose others are called that."""
    (found,) = judged([NOTHING], Owner(artist={"Audiobook": 4}), faults=["doesn't sound like anything"])
    assert (found.genre, found.evidence) == ("Audiobook", Kind.ARTIST)
    assert "4 of 4 other albums by the artist say Audiobook (you)" in found.reason


def test_what_decided_is_told() -> None:
    """In the reason, as the evidence, and as the ground of the greatest weight."""
    (found,) = judged([MAYBE_JAZZ], Owner(mates={"Krautrock": 11}, artist={"Rock": 1}))
    assert (found.genre, found.evidence) == ("Krautrock", Kind.MATES)
    assert found.reason.endswith("11 of 11 other tracks of the album say Krautrock (you)")
    mates, *others = found.grounds
    assert {ground.kind for ground in others} == {Kind.ARTIST, Kind.TRACK}
    assert (mates.kind, mates.genre, mates.share, mates.count, mates.of) == (Kind.MATES, "Krautrock", 1.0, 11, 11)
    assert mates.weight > 3


def test_a_new_album_of_a_known_artist_gets_the_owners_word() -> None:
    """Forty albums called Krautrock, and tracks that sound like Rock."""
    found = judged([[0.05, 0.05, 0.1, 0.8]] * 8, Owner(artist={"Krautrock": 40}))
    assert {(prediction.genre, prediction.evidence) for prediction in found} == {("Krautrock", Kind.ARTIST)}


def test_no_confidence_is_enough_for_what_is_not_sure() -> None:
    """A model whose confidence earns no precision answers nothing, also with its owner's words."""
    found = judged([JAZZ, JAZZ], Owner(mates={"Jazz": 5}), need=Need(1.01, 0.95))
    assert {prediction.genre for prediction in found} == {None}
    assert "no confidence earns 95 % precision" in found[0].reason


def test_owners_may_say_different_things_of_tracks() -> None:
    """In a compilation each track has the words about its own artist."""
    heard = Heard(np.array([NOTHING, NOTHING]), ["", ""])
    unit = Unit(
        GENRES, Album.of({"kinship_": np.array(0.8)}), heard, [Owner(artist={"Jazz": 9}), Owner(artist={"Kids": 9})]
    )
    assert [prediction.genre for prediction in judge(unit, NEED)] == ["Jazz", "Kids"]


def test_a_genre_that_is_recognised_too_seldom_is_no_answer() -> None:
    """However sure; it gives way to a genre above it that others share, and the owner's word for it counts."""
    (jazz,) = judged([JAZZ], untold={"Jazz"})
    assert jazz.genre is None
    assert jazz.confidence == pytest.approx(0.85)
    assert jazz.reason == "0.85 for Jazz, which the model recognises too seldom to say so"
    (metal,) = judged([[0.05, 0.05, 0.8, 0.1]], untold={"Metal"})
    assert (metal.genre, metal.reason) == ("Rock", "Rock: Metal 0.80 + Rock 0.10 together")
    (neither,) = judged([[0.05, 0.05, 0.5, 0.4]], untold={"Rock"})
    assert (neither.genre, neither.reason) == (None, "0.90 for Rock, which the model recognises too seldom to say so")
    (own,) = judged([JAZZ], Owner(artist={"Jazz": 3}), untold={"Jazz"})
    assert own.genre == "Jazz"


@pytest.mark.parametrize("faults", [None, ["", "", "silence"]])
def test_an_album_is_not_answered_by_a_genre_that_is_recognised_too_seldom(faults: list[str] | None) -> None:
    """Nor is a track that sounds surely unlike its album, or can't be heard."""
    assert {p.genre for p in judged([JAZZ, JAZZ, JAZZ], faults=faults, untold={"Jazz"})} == {None}
    found = judged([BLUES] * 5 + [[0.0001, 0.9997, 0.0001, 0.0001]], untold={"Jazz"})
    assert {p.genre for p in found} == {"Blues"}
