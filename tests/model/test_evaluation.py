"""Figures that a person relies on: thresholds, families, calibration."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genred.genres import Tree, Vocabulary
from genred.model.evaluation import Evaluation, calibration_error, lower_bound, precision_at

GENRES = ("Jazz", "Metal", "Rock")


def evaluation(n: int = 300, seed: int = 0) -> Evaluation:
    """Tracks whose true genre was drawn from the very probabilities that are claimed: perfectly calibrated."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.5] * 3, n)
    truth = np.array([rng.choice(GENRES, p=p) for p in probabilities])
    return Evaluation(GENRES, truth, probabilities)


@settings(max_examples=30)
@given(st.floats(0.4, 0.99), st.integers(0, 20))
def test_the_threshold_keeps_its_promise(precision: float, seed: int) -> None:
    """Of the answers at or above the threshold, at least the wanted share is right; or nothing is answered."""
    found = evaluation(seed=seed)
    needed = found.threshold(precision)
    confidence, right = found.answers(needed)
    if needed <= 1:
        assert right[confidence >= needed].mean() >= precision
    else:
        assert found.coverage(precision) == 0


def test_an_answer_is_right_if_the_track_is_of_that_genre_or_of_a_kind_of_it() -> None:
    """Several levels up the tree, as the model itself backs off."""
    genres = ("Death Metal", "Doom Metal", "Jazz", "Punk")
    truth = np.array(["Death Metal", "Doom Metal", "Punk", "Jazz"])
    found = Evaluation(genres, truth, np.array([[0.4, 0.25, 0.15, 0.2]] * 4))
    for needed, confidence, right in (
        (0.35, 0.4, [True, False, False, False]),
        (0.6, 0.65, [True, True, False, False]),
        (0.8, 0.85, [True, True, True, False]),
    ):
        told, is_right = found.answers(needed)
        assert told == pytest.approx([confidence] * 4)
        assert is_right.tolist() == right


def test_a_family_answers_where_its_members_share() -> None:
    """Metal 0.4 and Rock 0.35 give Rock 0.75, which is right for either; a sure genre answers for itself only."""
    shared = np.array([[0.25, 0.4, 0.35]] * 3)
    confidence, right = Evaluation(GENRES, np.array(GENRES), shared).answers(0.7)
    assert confidence == pytest.approx([0.75] * 3)
    assert list(right) == [False, True, True]
    confidence, right = Evaluation(GENRES, np.array(GENRES), shared).answers(0.4)
    assert confidence == pytest.approx([0.4] * 3)
    assert list(right) == [False, True, False]


def test_an_answer_is_judged_by_the_users_own_tree() -> None:
    """There, Jazz is above Metal, and Rock is above nothing."""
    shared = np.array([[0.25, 0.4, 0.35]] * 3)
    mine = Vocabulary(tree=Tree.parse("Jazz\n  Metal\nRock"))
    confidence, right = Evaluation(GENRES, np.array(GENRES), shared, vocabulary=mine).answers(0.6)
    assert confidence == pytest.approx([0.65] * 3)
    assert list(right) == [True, True, False]


def test_a_genre_that_is_recognised_too_seldom_is_not_answered() -> None:
    """Two of ten Jazz tracks are; what is called Jazz counts as no answer, and Metal gives way to Rock."""
    truth = np.array(["Jazz"] * 10 + ["Metal"] * 10 + ["Rock"] * 10)
    said = ["Jazz"] * 2 + ["Rock"] * 8 + ["Metal"] * 2 + ["Rock"] * 8 + ["Rock"] * 10
    found = Evaluation(GENRES, truth, 0.1 + 0.7 * np.array([[g == one for g in GENRES] for one in said])).telling(None)
    assert found.untold == {"Jazz", "Metal"}
    confidence, right = found.answers(0.7)
    assert confidence[:2] == pytest.approx([0, 0])
    assert confidence[10:12] == pytest.approx([0.9] * 2)
    assert right[10:12].all()
    assert found.as_dict()["untold"] == ["Jazz", "Metal"]
    assert "never answered, being recognised surely enough in fewer than 3 of 10 tracks: Jazz, Metal" in found.lines()
    assert not evaluation().telling(None).untold


def test_the_genres_that_are_answered_can_be_named() -> None:
    """The threshold is found without the others; what is named and not known changes nothing."""
    truth = np.array(["Jazz"] * 16 + ["Rock"] * 40 + ["Metal"] * 24)
    jazz = [[0.9, 0.04, 0.06]] * 4 + [[0.55, 0.2, 0.25]] * 12
    wrong = [[0.6, 0.2, 0.2]] * 24  # Metal, taken for Jazz
    fitted = Evaluation(GENRES, truth, np.array([*jazz, *[[0.02, 0.03, 0.95]] * 40, *wrong]))
    found, own = fitted.telling({"Rock", "Reggae"}), fitted.telling(None)
    assert [sorted(found.untold), sorted(own.untold)] == [["Jazz", "Metal"], ["Metal"]]
    needed = found.threshold(0.8)
    assert needed < own.threshold(0.8)
    assert found.answered_recall(needed) == {"Jazz": 0, "Metal": 0, "Rock": 1}
    assert own.answered_recall(own.threshold(0.8))["Jazz"] == 0.25


def test_no_family_is_answered_by_the_name_of_a_genre_that_is_never_answered() -> None:
    """Metal isn't told as Rock where Rock isn't told; a kind counts for what it is a kind of."""
    shared = np.array([[0.25, 0.4, 0.35]] * 3)
    found = Evaluation(GENRES, np.array(GENRES), shared, untold=frozenset({"Rock"}))
    assert found.answers(0.7)[0].tolist() == [0, 0, 0]
    assert found.answered_recall(0.3) == {"Jazz": 0, "Metal": 1, "Rock": 1}


def test_a_few_lucky_answers_earn_no_threshold() -> None:
    """Nineteen right answers at the top of much that is wrong don't prove a precision."""
    sure = np.array([[0.98, 0.01, 0.01]] * 119)
    sure[19:] = [0.7, 0.2, 0.1]
    truth = np.array(["Jazz"] * 19 + ["Rock"] * 100)
    assert Evaluation(GENRES, truth, sure).threshold(0.9) > 1


def test_nothing_is_answered_that_is_likelier_wrong_than_right() -> None:
    """However right a model was about genres that are easily told apart: other music is there, too."""
    easy = np.array([[0.98, 0.01, 0.01]] * 100)
    found = Evaluation(GENRES, np.array(["Jazz"] * 100), easy)
    assert found.threshold(0.8) == 0.5
    assert found.threshold(0.3) == 0.3


def test_calibration_error_is_the_gap() -> None:
    """Claiming 0.9 and being right half of the time is an error of 0.4; perfect claims have nearly none."""
    right = np.arange(1000) % 2 == 0
    assert calibration_error(np.full(1000, 0.9), right) == pytest.approx(0.4)
    assert evaluation(4000).calibration_error < 0.04


def test_precision_is_traded_for_answers() -> None:
    """The more is answered the less of it is right; all of it is answered at the end, as precisely as it is told."""
    coverage, precision = evaluation(4000).trade_off()
    assert np.all(np.diff(coverage) > 0)
    assert coverage[-1] == 1
    assert precision[0] > precision[-1] + 0.1
    few = evaluation(5)
    assert few.trade_off()[0].tolist() == [1.0]


def test_precision_of_the_surest_part() -> None:
    """The surest quarter is taken by confidence, not by place."""
    confidence = np.array([0.1, 0.9, 0.2, 0.3])
    assert precision_at(confidence, np.array([False, True, False, False]), 0.25) == 1.0


def test_lines_and_json_tell_the_same() -> None:
    """Every genre has its row in the printed matrix, and the dict carries the same counts."""
    found = evaluation()
    rows = [line.split() for line in found.lines() if line[2:].startswith(GENRES)]
    printed = [[0 if cell == "." else int(cell) for cell in row[2:5]] for row in rows]
    assert printed == found.as_dict()["confusion"]


def test_artists_and_sources_ask_for_a_margin() -> None:
    """What a few artists are right about proves less than what many are; the worst of large sources decides."""
    alone = evaluation(2000)
    rank = np.argsort(np.argsort(alone.predicted == alone.truth))
    artists = np.array([f"artist {i // 50}" for i in rank])
    together = replace(alone, artists=artists)
    assert alone.threshold(0.8) < together.threshold(0.8)
    old = np.arange(2000) < 400
    truth = np.where(old & (np.arange(2000) % 3 == 0), "Rock", alone.truth)
    mixed = replace(alone, truth=truth)
    split = replace(mixed, sources=np.where(old, "old", "new"))
    assert mixed.threshold(0.8) < split.threshold(0.8)
    confidence, right = split.answers(needed := split.threshold(0.8))
    assert right[old & (confidence >= needed)].mean() >= 0.8


def test_the_lower_bound_is_a_standard_error_below() -> None:
    """Where every artist has one track it is that of a share; where all of an artist go together it is larger."""
    right = np.arange(400) % 4 > 0
    each = lower_bound(right, np.arange(400))
    assert each == pytest.approx(0.75 - np.sqrt(0.75 * 0.25 / 400), abs=1e-3)
    assert lower_bound(np.sort(right), np.arange(400) // 10) < 0.75 - 2 * (0.75 - each)


def test_the_printed_matrix_fits_a_terminal() -> None:
    """Fifteen genres of some hundred tracks each, in eighty columns."""
    genres = tuple(f"{number} Electronic"[:10] for number in range(10, 25))
    truth = np.array([genre for genre in genres for _ in range(120)])
    found = Evaluation(genres, truth, np.eye(15)[np.repeat(np.arange(15), 120)])
    matrix = found.lines()[found.lines().index("") :]
    assert len(matrix) == 18
    assert max(map(len, matrix)) <= 80
    assert "100 100" in matrix[-2]
