"""A model of a person's own music beside the one in use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genred.config import Config
from genred.errors import ModelError
from genred.learning.teaching import Comparison, teach
from genred.model import installed
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.storage import save
from genred.model.table import Table
from genred.sound.features import FEATURE_NAMES


def blobs(shift: float, seed: int) -> Table:
    """Two genres that lie ``shift`` apart in every feature."""
    rng = np.random.default_rng(seed)
    y = np.array(["Jazz", "Rock"] * 20)
    X = rng.normal(size=(40, len(FEATURE_NAMES))) + shift * (y == "Rock")[:, None]
    X[:, :2] = 0.0, 30.0
    groups = np.array([f"artist {seed} {i // 4}" for i in range(40)])
    return Table(X.astype(np.float32), y, groups, np.array(["library"] * 40))


def test_a_new_model_is_compared_with_the_one_in_use_on_unheard_artists() -> None:
    """Neither is flattered, though one of them was fitted to this very music."""
    good, useless = blobs(1.0, 0), blobs(0.0, 1)
    in_use = GenreClassifier().fit(useless)
    model, comparison = teach(good, in_use, name="own", base=useless)
    assert comparison.is_better
    assert comparison.new.balanced_accuracy > 0.9
    assert len(comparison.new.truth) == len(good)
    again = in_use.evaluate(useless)
    assert again.heard == 40
    assert again.balanced_accuracy == in_use.evaluation_.balanced_accuracy < 0.75
    assert model.evaluate(good).heard == 40


def judged(right: int, sure: int) -> Evaluation:
    """A model that is right about so many of a hundred tracks, and says so of so many."""
    truth = np.array(["Jazz", "Rock"] * 50)
    confidence = np.where(np.arange(100) < sure, 0.95, 0.55)
    said = np.where(np.arange(100) < right, truth == "Jazz", truth == "Rock")
    jazz = np.where(said, confidence, 1 - confidence)
    return Evaluation(("Jazz", "Rock"), truth, np.stack([jazz, 1 - jazz], axis=1))


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        (judged(63, 31), judged(62, 53), False),  # right a little more often, and it gives far fewer answers
        (judged(62, 53), judged(63, 31), True),
        (judged(50, 31), judged(62, 30), False),
        (judged(62, 53), judged(62, 53), True),
        (judged(70, 52), judged(62, 53), True),
        (judged(61, 52), judged(62, 53), False),
        (judged(12, 0), judged(0, 0), False),  # it answers nothing
    ],
)
def test_better_is_what_answers_more_often_and_is_no_less_right(new: Evaluation, old: Evaluation, better: bool) -> None:
    """Answers at the precision asked for count beside recall, each but for a difference that is chance."""
    comparison = Comparison(new, old, 0.9)
    assert comparison.is_better is better
    assert f"answers at 90 % {old.coverage(0.9):8.2f}{new.coverage(0.9):8.2f}" in comparison.lines()


def test_what_takes_long_is_told() -> None:
    """Fitting takes half a minute: a terminal shows how far it is."""
    steps: list[str] = []
    table = blobs(1.0, 0)
    teach(table, GenreClassifier().fit(table), name="own", base=None, tell=steps.append)
    assert steps[0] == "finding the axes of 40 tracks"
    assert "testing on artists that were left out, 1 of 5" in steps
    assert steps[-1] == "comparing with the model in use"


def test_a_finer_model_is_compared_by_the_genres_that_the_one_in_use_knows() -> None:
    """Else it would win by its words alone, or lose by its harder task."""
    coarse = blobs(1.0, 0)
    in_use = GenreClassifier().fit(replace(coarse, y=np.where(coarse.y == "Jazz", "Jazz", "Electronic")))
    fine = blobs(1.0, 1)
    finer = np.array(["Techno" if genre == "Rock" else genre for genre in fine.y])
    finer[1:20:2] = "House"
    model, comparison = teach(replace(fine, y=finer), in_use, name="own", base=None)
    assert list(model.classes_) == ["House", "Jazz", "Techno"]
    assert set(comparison.new.truth) == set(comparison.old.truth) == {"Electronic", "Jazz"}
    assert comparison.new.genres == ("Electronic", "Jazz")
    assert comparison.new.probabilities.sum(axis=1) == pytest.approx(1)
    assert comparison.new.recall["Electronic"] > 0.9


def test_an_artist_spelt_in_two_ways_is_one() -> None:
    """The same songs in a library and in the base, their artist in another case, never test themselves."""
    base = blobs(0.0, 0)
    mine = replace(base, groups=np.char.upper(base.groups))
    _, comparison = teach(mine, GenreClassifier().fit(base), name="own", base=base)
    assert comparison.new.balanced_accuracy < 0.75


def test_models_stand_side_by_side_and_one_is_in_use(home: Path) -> None:
    """Nothing is lost by trying another, and the built-in one is always there."""
    assert (installed.entries(), installed.with_model(Config()).model.path) == ([], "")
    model = GenreClassifier().fit(blobs(1.0, 0), name="own")
    path = installed.file_of(model.name)
    path.parent.mkdir(parents=True)
    save(model, path)
    installed.use(model.name)
    (entry,) = installed.entries()
    assert (entry.name, entry.in_use, installed.with_model(Config()).model.path) == (model.name, True, str(path))
    installed.use("builtin")
    assert installed.with_model(Config()).model.path == ""
    with pytest.raises(ModelError, match=f"no model named x; there are: builtin, {model.name}"):
        installed.use("x")
