"""The linear maps from coordinates to genres: what labels teach them, and what they know together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from genred.model.discriminant import Discriminant, factors, softmax, temperature

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


def test_the_surer_of_two_experts_counts_more() -> None:
    """An expert that guesses takes little from one that knows, whatever its logits are multiplied by."""
    Z, truth, y = music(900, 0)
    knows = Discriminant().fit(Z[:300], y[:300]).logits(Z)
    guesses = 20 * np.random.default_rng(1).normal(size=knows.shape)
    weights = factors([knows[300:600], guesses[300:600]], (0.5, 0.5), truth[300:600])
    both = weights[0] * knows + weights[1] * guesses
    right = [(logits[600:].argmax(axis=1) == truth[600:]).mean() for logits in (knows, guesses, both)]
    assert right[1] < 0.4 < right[0] - 0.03 < right[2]
    assert temperature(both[600:], truth[600:]) == pytest.approx(1, abs=0.25)


def test_two_experts_know_more_than_one() -> None:
    """Experts that err about different music are right more often together."""
    Z, truth, y = music(1200, 0)
    experts = [Discriminant().fit(Z[:300][:, half], y[:300]).logits(Z[:, half]) for half in (slice(0, 2), slice(2, 12))]
    weights = factors([logits[300:600] for logits in experts], (0.5, 0.5), truth[300:600])
    together = weights[0] * experts[0] + weights[1] * experts[1]
    right = [(logits[600:].argmax(axis=1) == truth[600:]).mean() for logits in (*experts, together)]
    assert right[2] > max(right[:2])


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
