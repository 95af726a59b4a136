"""Tracks of one album, heard together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genred.model.album import STRAYS, Album

GENRES = 4
likely = arrays(np.float64, st.tuples(st.integers(1, 12), st.just(GENRES)), elements=st.floats(1e-6, 1)).map(
    lambda rows: rows / rows.sum(axis=1, keepdims=True)
)
albums = st.floats(0, 1).map(lambda kinship: Album.of({"kinship_": np.array(kinship)}))


def of(kinship: float) -> Album:
    return Album.of({"kinship_": np.array(kinship)})


def sure_of(*genres: int, by: float = 0.8) -> np.ndarray:
    """Return the probabilities of tracks that are so sure of a genre each."""
    rows = np.full((len(genres), GENRES), (1 - by) / (GENRES - 1))
    rows[np.arange(len(genres)), genres] = by
    return rows


@given(album=albums, probabilities=likely)
def test_what_comes_out_is_probabilities(album: Album, probabilities: np.ndarray) -> None:
    """Each track has some for each genre, and in sum 1."""
    for found in (album.together(probabilities), album.others(probabilities)):
        assert found.shape == probabilities.shape
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)


@given(album=albums, probabilities=likely, seed=st.integers(0, 100))
def test_the_order_of_tracks_does_not_matter(album: Album, probabilities: np.ndarray, seed: int) -> None:
    """Each track is found as likely, wherever it stands."""
    order = np.random.default_rng(seed).permutation(len(probabilities))
    np.testing.assert_allclose(album.together(probabilities[order]), album.together(probabilities)[order], rtol=1e-6)


@given(album=albums, probabilities=likely)
def test_one_track_is_an_album_of_its_own(album: Album, probabilities: np.ndarray) -> None:
    """Alone, it is heard as ever, to the last bit."""
    np.testing.assert_array_equal(album.together(probabilities[:1]), probabilities[:1])


def test_tracks_that_agree_are_surer_together() -> None:
    """The more there are, and the less kin they are, the surer."""
    found = [of(kinship).together(sure_of(*[0] * n))[0, 0] for kinship, n in ((1, 1), (1, 2), (0.5, 2), (0.5, 6))]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.8)


@pytest.mark.parametrize("kinship", [0.0, 1.0, 1e300, -7.0])
def test_a_dozen_others_never_make_a_stray_impossible(kinship: float) -> None:
    """Whatever the others are, a track may be the one of another genre: also by a model file that says nonsense."""
    others = of(kinship).others(sure_of(*[0] * 11, 1, by=0.999))
    assert others[-1, 1] >= 0.99 * STRAYS / GENRES
    assert np.isfinite(others).all()


def played(kin: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, truth and artists of 60 artists with six tracks, that are misheard alike or each alone."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(GENRES, size=60), 6)
    heard = truth.copy()
    misheard = np.repeat(rng.random(60) < 0.3, 6) if kin else rng.random(360) < 0.3
    heard[misheard] = (truth[misheard] + 1) % GENRES
    return sure_of(*heard, by=0.7), truth, np.repeat(np.arange(60), 6).astype(np.str_)


def test_kinship_is_learnt() -> None:
    """Where tracks are misheard alike, the others count as one; where each is misheard alone, as many more."""
    found = []
    for kin in (True, False):
        probabilities, truth, artists = played(kin)
        found.append(Album().fit(probabilities, truth, artists, np.full(len(truth), "test")).kinship_)
    assert found[0] > 0.9
    assert found[1] < 0.5


def test_without_albums_kinship_is_the_usual() -> None:
    """Artists of one track each teach nothing."""
    probabilities, truth, _ = played(kin=False)
    artists = np.arange(len(truth)).astype(np.str_)
    assert Album().fit(probabilities, truth, artists, artists).kinship_ == pytest.approx(0.8)
