"""The linear map from coordinates to genres: what labels teach it, and what hints do."""

import numpy as np
import pytest
from numpy.typing import NDArray

from genred.model.discriminant import Discriminant, softmax, temperature

GENRES = np.array(["Jazz", "Metal", "Rock"])


def music(n: int, seed: int, wrong: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.str_]]:
    """Coordinates of three genres that overlap, the true ones, and labels of which a share is wrong."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    Z = 0.7 * np.eye(12)[truth] + rng.normal(0, 0.35, (n, 12))
    said = np.where(rng.random(n) < wrong, rng.integers(3, size=n), truth)
    return Z, truth, GENRES[said]


def share_right(model: Discriminant, seed: int = 9) -> float:
    Z, truth, _ = music(3000, seed)
    return float((model.logits(Z).argmax(axis=1) == truth).mean())


def test_labels_alone_teach() -> None:
    """Genres come in alphabetical order, and most of unheard music is given its own."""
    Z, _, y = music(300, 0)
    model = Discriminant().fit(Z, y)
    assert list(model.classes_) == list(GENRES)
    assert share_right(model) > 0.8


def test_hints_make_up_for_wrong_labels() -> None:
    """A teacher who knows better is listened to: where every second label is drawn by lot, more comes out right."""
    gained = []
    for seed in range(5):
        Z, truth, y = music(120, seed, wrong=0.5)
        hints = 0.9 * np.eye(3)[truth] + 0.1 / 3
        gained.append(share_right(Discriminant().fit(Z, y, hints)) - share_right(Discriminant().fit(Z, y)))
    assert np.mean(gained) > 0.01


def test_who_has_no_hint_is_learnt_from_the_label() -> None:
    """Rows of zeros are no opinion: with nothing else, all is as without hints."""
    Z, _, y = music(90, 0)
    with_none = Discriminant().fit(Z, y, np.zeros((90, 3)))
    np.testing.assert_allclose(with_none.weights_, Discriminant().fit(Z, y).weights_)


def test_a_rare_genre_counts_as_much() -> None:
    """All genres are equally likely beforehand, however few tracks one has."""
    Z, truth, y = music(600, 0)
    rare = np.flatnonzero((truth != 2) | (np.arange(600) < 60))
    model = Discriminant().fit(Z[rare], y[rare])
    Z, truth, _ = music(3000, 9)
    given = model.logits(Z).argmax(axis=1)
    assert (given == 2).mean() == pytest.approx(1 / 3, abs=0.08)


@pytest.mark.parametrize("factor", [0.2, 7.0])
def test_the_temperature_undoes_a_factor(factor: float) -> None:
    """Logits that truth was drawn from, times a factor, are divided by that factor."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    truth = np.array([rng.choice(3, p=p) for p in softmax(logits)])
    assert temperature(factor * logits, truth) == pytest.approx(factor, rel=0.1)
