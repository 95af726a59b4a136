"""The sound of music and its owner's words, together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genred.genres import Tree, Vocabulary
from genred.model.belief import believe, words
from genred.model.evidence import Owner
from genred.model.trust import Trust

GENRES = np.array(["Blues", "Jazz", "Rock"])
MESSY = Trust.learnt([[{f"Word {number}": 1.0 for number in range(10)}] * 5] * 100)

sounds = arrays(np.float64, (1, 3), elements=st.floats(0, 1)).map(lambda row: (row + 1e-9) / (row + 1e-9).sum())
counts = st.dictionaries(st.sampled_from(["Blues", "Jazz", "Rock", "Krautrock", "Kids"]), st.floats(0.1, 50))
owners = st.builds(Owner, mates=counts, artist=counts, library=counts)


def likely(sound: np.ndarray, owner: Owner) -> dict[str, float]:
    named = words(GENRES, [owner])
    return dict(zip(named, believe(sound, named, owner, Vocabulary())[0].tolist(), strict=True))


@given(sound=sounds, owner=owners)
def test_it_is_a_probability(sound: np.ndarray, owner: Owner) -> None:
    """Of each genre of the model and each word of the owner, in sum 1."""
    found = likely(sound, owner)
    assert found.keys() == {*GENRES, *owner.mates, *owner.artist}
    assert all(0 <= p <= 1 for p in found.values())
    assert sum(found.values()) == pytest.approx(1)


@given(sound=sounds)
def test_without_words_nothing_changes(sound: np.ndarray) -> None:
    """What nobody speaks of sounds as it sounds."""
    np.testing.assert_allclose(believe(sound, list(GENRES), Owner(), Vocabulary()), sound)


@given(sound=sounds, owner=owners, more=st.floats(0.1, 20), genre=st.sampled_from(["Jazz", "Krautrock"]))
def test_more_agreeing_tracks_never_make_a_genre_less_likely(
    sound: np.ndarray, owner: Owner, more: float, genre: str
) -> None:
    """Whatever else is said, and however it sounds."""
    said = dict(owner.mates)
    with_more = replace(owner, mates=said | {genre: said.get(genre, 0) + more})
    assert likely(sound, with_more)[genre] >= likely(sound, owner).get(genre, 0) - 1e-12


@given(sound=sounds, owner=owners, more=st.floats(0.1, 20), genre=st.sampled_from(["Jazz", "Krautrock"]))
def test_more_agreeing_albums_of_the_artist_never_make_a_genre_less_likely(
    sound: np.ndarray, owner: Owner, more: float, genre: str
) -> None:
    """Where nothing is said of the album itself."""
    owner = replace(owner, mates={})
    with_more = replace(owner, artist=dict(owner.artist) | {genre: owner.artist.get(genre, 0) + more})
    assert likely(sound, with_more)[genre] >= likely(sound, owner).get(genre, 0) - 1e-12


@given(
    sound=sounds,
    owner=owners,
    genre=st.sampled_from(["Jazz", "Krautrock"]),
    count=st.integers(1, 12),
    usual=st.just(Trust()),
)
def test_a_persons_album_of_one_genre_outdoes_all_else(
    sound: np.ndarray, owner: Owner, genre: str, count: int, usual: Trust
) -> None:
    """Even one track of the album outdoes any sound, and whatever is said of the artist's other albums."""
    found = likely(sound, replace(owner, mates={genre: count}, trust=usual))
    assert max(found, key=lambda word: found[word]) == genre
    assert found[genre] > (0.66 if count == 1 else 0.79)


@given(sound=sounds, owner=owners, genre=st.sampled_from(["Jazz", "Krautrock"]))
def test_three_tracks_outdo_all_else_in_the_messiest_library(sound: np.ndarray, owner: Owner, genre: str) -> None:
    """However little the owner's words agree with each other elsewhere."""
    assert likely(sound, replace(owner, mates={genre: 3}, trust=MESSY))[genre] > 0.65


def test_sound_decides_between_two_genres_of_an_artist() -> None:
    """An artist with as many albums of Jazz as of Rock: what sounds like Jazz is Jazz."""
    owner = Owner(artist={"Jazz": 3, "Rock": 3})
    found = likely(np.array([[0.2, 0.7, 0.1]]), owner)
    assert found["Jazz"] > 0.75
    assert found["Blues"] < 0.05


def test_a_word_for_a_kind_of_a_genre_sounds_somewhat_like_it() -> None:
    """Of an artist with as much Krautrock as Jazz, what may be Rock is Krautrock; a word of the owner's is unheard."""
    sound = np.array([[0.05, 0.35, 0.6]])
    found = likely(sound, Owner(artist={"Krautrock": 3, "Jazz": 3}))
    assert found["Krautrock"] > found["Jazz"] > 0.4
    assert likely(sound, Owner(artist={"My sister": 3, "Jazz": 3}))["My sister"] < 0.5


def test_the_tracks_of_the_album_count_more_than_the_artist() -> None:
    """Two tracks of an album outdo five other albums."""
    found = likely(np.array([[0.1, 0.1, 0.8]]), Owner(mates={"Krautrock": 2}, artist={"Rock": 5}))
    assert found["Krautrock"] > 0.9


def test_a_genre_that_the_owner_never_uses_is_less_likely() -> None:
    """With 300 albums and none of them Blues; but what surely is Blues stays Blues."""
    library = {"Jazz": 150.0, "Rock": 150.0}
    assert likely(np.array([[0.5, 0.4, 0.1]]), Owner(library=library))["Blues"] < 0.4
    assert likely(np.array([[0.95, 0.04, 0.01]]), Owner(library=library))["Blues"] > 0.8


def test_trust_is_learnt_from_how_well_words_agree() -> None:
    """The more the albums of an artist differ, or the tracks of an album, the less one word foretells the next."""
    steady = [[{genre: 10.0}] * 3 for genre in ("Jazz", "Rock") * 30]
    torn: list[list[dict[str, float]]] = [[{"Jazz": 10.0}, {"Rock": 10.0}]] * 60
    mixed: list[list[dict[str, float]]] = [[{"Jazz": 8.0, "Rock": 1.0, "Kids": 1.0}] * 3] * 60
    assert Trust.learnt(steady).artist < Trust().artist < 1 < Trust.learnt(torn).artist
    assert Trust.learnt(steady).mates <= Trust().mates < Trust.learnt(mixed).mates


def test_the_messiest_library_is_trusted_less_but_not_without_end() -> None:
    """An owner who gives each track another word is trusted less than others, but not without end."""
    assert Trust().mates < MESSY.mates <= 0.3


def test_a_small_library_teaches_little() -> None:
    """None and one artist leave the usual trust, and albums that say nothing are passed over."""
    for artists in ([], [[{"Jazz": 10.0}]], [[{}, {"Jazz": 1.0}]]):
        assert Trust.learnt(artists) == Trust()
    assert Trust.learnt([[{"Jazz": 10.0}, {"Rock": 10.0}]]).artist < 0.3


def test_a_word_sounds_like_what_the_users_own_tree_puts_it_under() -> None:
    """There, Polka is a kind of Jazz, and so likelier where the music sounds like Jazz."""
    sound, owner = np.array([[0.05, 0.9, 0.05]]), Owner(artist={"Polka": 1, "Kids": 1})
    named = words(GENRES, [owner])
    mine = Vocabulary(tree=Tree.parse("Jazz\n  Polka"))
    usual, own = (believe(sound, named, owner, each)[0][named.index("Polka")] for each in (Vocabulary(), mine))
    assert own > usual
