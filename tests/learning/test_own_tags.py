import os
import shutil
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
import soundfile

from genred import tags
from genred.config import Config, Tags
from genred.errors import ModelError
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.records import Query
from genred.learning import own_tags
from genred.learning.own_tags import OWN
from genred.model import installed
from genred.model.classifier import GenreClassifier
from genred.model.evaluation import Evaluation
from genred.model.prediction import Prediction
from genred.model.storage import save
from genred.model.table import Table
from genred.sound.features import FEATURE_NAMES
from genred.tagging import undo
from genred.tagging.tagger import Tagger
from genred.tagging.undo import undo_write
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import make


@pytest.fixture
def music(tmp_path: Path) -> list[Path]:
    """Eight tracks of Polka by four artists."""
    songs = []
    for i in range(8):
        song = make(tmp_path / f"{i}.flac", 0.1)
        tagged = mutagen.flac.FLAC(song)
        tagged.update({"artist": f"Artist {i % 4}", "genre": "Polka"})
        tagged.save()
        songs.append(song)
    return songs


class Ear(FakeAnalyser):
    """Hears Polka in everything; how a file sounds is how long it is, whatever its tags say."""

    def hear(self, path: Path) -> Prediction:
        return sure("Polka")

    def features(self, path: Path) -> bytes:
        return array("f", [soundfile.info(path).frames] * 3).tobytes()


def teaches(songs: list[Path], history: History | None = None) -> own_tags.Found:
    return own_tags.from_tags(songs, Ear(), history, Vocabulary(aliases={"Polka": "Folk"}))


def scan(folder: Path, history: History) -> None:
    list(Tagger(Config(), history, Ear()).process(sorted(folder.rglob("*.flac"))))


@pytest.fixture
def album(tmp_path: Path, history: History) -> Path:
    """A folder of three files whose genre is genred's answer."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(3):
        make(folder / f"{number}.flac", 0.2 + number / 10)
    scan(folder, history)
    assert [tags.read_genres(song) for song in folder.iterdir()] == [["Polka"]] * 3
    return folder


def copied(album: Path, name: str, copy: Callable[[str, str], object] = shutil.copy2) -> Path:
    return Path(shutil.copytree(album, album.with_name(name), copy_function=copy))


def moved_to_another_disk(album: Path) -> None:
    copied(album, "elsewhere")
    shutil.rmtree(album)


def renamed(album: Path) -> None:
    album.rename(album.with_name("Album (1999)"))


def backed_up(album: Path) -> None:
    copied(album, "backup")


def copied_without_times(album: Path) -> None:
    copied(album, "backup", shutil.copyfile)


def restored_under_other_names(album: Path) -> None:
    backup = copied(album, "backup")
    shutil.rmtree(album)
    album.mkdir()
    for song in backup.iterdir():
        shutil.copy2(song, album / f"restored {song.name}")
    shutil.rmtree(backup)


def restored_under_other_names_without_times(album: Path) -> None:
    backup = copied(album, "backup")
    shutil.rmtree(album)
    album.mkdir()
    for song in backup.iterdir():
        shutil.copyfile(song, album / f"restored {song.name}")
    shutil.rmtree(backup)


def seen_under_a_second_name(album: Path) -> None:
    (second := album.with_name("second")).mkdir()
    for song in album.iterdir():
        (second / song.name).hardlink_to(song)


def given_titles(album: Path) -> None:
    for song in album.iterdir():
        tagged = mutagen.flac.FLAC(song)
        tagged["title"] = "A title that wasn't there before"
        tagged.save(padding=lambda _: 5000)


def given_titles_by_replacement(album: Path) -> None:
    copied(album, "work", shutil.copyfile)
    given_titles(album.with_name("work"))
    for song in album.with_name("work").iterdir():
        song.replace(album / song.name)


@pytest.mark.parametrize("seen", [False, True], ids=["trained at once", "scanned before"])
@pytest.mark.parametrize(
    "happens",
    [
        moved_to_another_disk,
        renamed,
        backed_up,
        copied_without_times,
        restored_under_other_names,
        restored_under_other_names_without_times,
        seen_under_a_second_name,
        given_titles,
        given_titles_by_replacement,
    ],
)
def test_its_own_answers_stay_its_own_wherever_they_go(
    music: list[Path], album: Path, history: History, happens: Callable[[Path], None], seen: bool
) -> None:
    """None of them is taken for a person's genre, whatever the files are called and whether or not a scan saw them."""
    happens(album)
    if seen:
        scan(album.parent, history)
    others = sorted(set(album.parent.rglob("*.flac")) - set(music))
    assert len(others) >= 3
    found = teaches([*music, *others], history)
    assert {item.path for item in found.labelled} == set(music)
    assert found.left_out == {OWN: len(others)}


def test_a_copy_of_what_a_person_set_or_confirmed_is_theirs(music: list[Path], album: Path, history: History) -> None:
    """It teaches as the original does; a backup of what they corrected since does not."""
    backup = copied(album, "backup")
    tagger = Tagger(Config(), history, Ear())
    for name, genre in (("0.flac", "Polka"), ("1.flac", "Zydeco")):
        tagger.set_genre(album / name, genre)
    set_by_hand = Path(shutil.copyfile(make(album.parent / "other.flac", 0.9), album / "3.flac"))
    tagger.set_genre(set_by_hand, "Polka")
    second = Path(shutil.copyfile(set_by_hand, backup / "3.flac"))
    found = teaches([*music, *sorted(backup.iterdir())], history)
    assert {item.path for item in found.labelled} == {*music, backup / "0.flac", second}


def overwritten(new: Path, old: Path) -> None:
    old.write_bytes(new.read_bytes())


@pytest.mark.parametrize("seen", [False, True], ids=["trained at once", "scanned before"])
@pytest.mark.parametrize("takes", [os.replace, overwritten])
def test_a_new_file_that_takes_the_name_of_a_tagged_one_is_a_persons(
    music: list[Path], album: Path, history: History, takes: Callable[[Path, Path], None], seen: bool
) -> None:
    """What it says was said by whoever made it, be it the same that genred said of another piece of that name."""
    new = make(album / "new.flac", 1.5)
    tags.write_genres(new, ["Polka"])
    takes(new, album / "1.flac")
    new.unlink(missing_ok=True)
    if seen:
        scan(album, history)
    found = teaches([*music, *sorted(album.iterdir())], history)
    assert {item.path for item in found.labelled} == {*music, album / "1.flac"}
    assert found.left_out == {OWN: 2}


def test_a_persons_genres_are_labels_and_their_artists_groups(music: list[Path]) -> None:
    """Spellings are the user's, artists come from the tags."""
    found = teaches(music)
    assert {(item.genre, item.artist) for item in found.labelled} == {("Folk", f"artist {i}") for i in range(4)}
    assert not found.left_out


def test_what_genred_wrote_teaches_nothing_until_a_person_confirms_it(music: list[Path], history: History) -> None:
    """A model must not learn its own answers."""
    tags.write_genres(music[0], [])
    tagger = Tagger(Config(), history, FakeAnalyser({music[0].name: sure("Polka")}))
    list(tagger.process([music[0]]))
    assert teaches(music, history).left_out[OWN] == 1
    tagger.set_genre(music[0], "Polka")
    assert not teaches(music, history).left_out


def test_a_decision_taken_back_does_not_make_genreds_answer_a_persons(music: list[Path], history: History) -> None:
    """Their own genre over genred's, and then undone: what is there again was written by genred all the same."""
    tags.write_genres(music[0], [])
    tagger = Tagger(Config(), history, FakeAnalyser({music[0].name: sure("Polka")}))
    list(tagger.process([music[0]]))
    tagger.set_genre(music[0], "Zydeco")
    undo_last(history, music[0])
    assert tags.read_genres(music[0]) == ["Polka"]
    assert teaches(music, history).left_out[OWN] == 1
    undo_last(history, music[0])
    tags.write_genres(music[0], ["Polka"])
    assert not teaches(music, history).left_out


def undo_last(history: History, song: Path) -> None:
    (write, *_), _ = undo.select(history, [Query(path=song)])
    undo_write(history, write, Tags())


def test_what_cannot_teach_is_counted_by_reason(music: list[Path], tmp_path: Path) -> None:
    """Without a genre, with several that have nothing in common, unreadable, or too few of a kind."""
    tags.write_genres(make(tmp_path / "two.flac", 0.1), ["Rock", "Jazz"])
    tags.write_genres(make(tmp_path / "lonely.flac", 0.1), ["Blurgh"])
    (tmp_path / "broken.flac").write_bytes(b"nothing")
    others = [make(tmp_path / "none.flac", 0.1), *(tmp_path / f"{name}.flac" for name in ("two", "lonely", "broken"))]
    assert teaches([*music, *others]).left_out == {
        "no genre": 1,
        "several genres that have nothing in common": 1,
        "tags can't be read": 1,
        "too few tracks or artists of Blurgh": 1,
    }


def labels(songs: list[Path], vocabulary: Vocabulary | None = None, covered: tuple[str, ...] = ()) -> Counter[str]:
    found = own_tags.from_tags(songs, Ear(), None, vocabulary or Vocabulary(), covered=covered)
    return Counter(item.genre for item in found.labelled)


def retagged(songs: list[Path], *genres: str) -> None:
    for song in songs:
        tags.write_genres(song, genres)


def test_labels_stay_as_fine_as_there_is_music(music: list[Path]) -> None:
    """A genre with enough is a label of its own; one with too little teaches what it is a kind of."""
    retagged(music, "Deep House")
    assert labels(music) == {"Deep House": 8}
    retagged(music[:3], "Acid House")
    retagged(music[3:5], "tribal house")
    assert labels(music) == {"House": 8}
    retagged(music[:2], "Techno")
    assert labels(music) == {"Electronic": 8}
    retagged(music[:2], "Jazz")
    assert labels(music) == {}
    assert labels(music, covered=("Electronic",)) == {"Electronic": 6}
    assert labels(music, covered=("House", "Jazz")) == {"House": 6, "Jazz": 2}


def test_files_with_several_genres_teach_too(music: list[Path]) -> None:
    """The best-tagged libraries have a fine genre and a broad one in each file, as lists or in one text."""
    retagged(music[:4], "Electronic", "House")
    retagged(music[4:], "House; Electronic; Unknown")
    assert labels(music) == {"House": 8}
    retagged(music, "House", "Techno")
    assert labels(music) == {"Electronic": 8}


def test_a_persons_own_genre_is_a_label_of_its_own(music: list[Path]) -> None:
    """Whatever the tree takes it for."""
    retagged(music, "heavy metal")
    assert labels(music) == {"Metal": 8}
    assert labels(music, Vocabulary(aliases={"Heavy Metal": "Heavy Metal"})) == {"Heavy Metal": 8}


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
    model, comparison = own_tags.teach(good, in_use, name="own", base=useless)
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
    ],
)
def test_better_is_what_answers_more_often_and_is_no_less_right(new: Evaluation, old: Evaluation, better: bool) -> None:
    """Answers at the precision asked for count beside recall, each but for a difference that is chance."""
    comparison = own_tags.Comparison(new, old, 0.9)
    assert comparison.is_better is better
    assert f"answers at 90 % {old.coverage(0.9):8.2f}{new.coverage(0.9):8.2f}" in comparison.lines()


def test_what_takes_long_is_told() -> None:
    """Fitting takes half a minute: a terminal shows how far it is."""
    steps: list[str] = []
    table = blobs(1.0, 0)
    own_tags.teach(table, GenreClassifier().fit(table), name="own", base=None, tell=steps.append)
    assert steps[0] == "finding the axes of 40 tracks"
    assert "testing on artists that were left out, 1 of 5" in steps
    assert steps[-1] == "comparing with the model in use"


def test_a_genre_that_other_music_has_enough_of_is_learnt_from_a_few_tracks(music: list[Path]) -> None:
    """With the built-in table, three tracks of Folk are three more; alone they prove nothing."""
    few = music[:3]
    assert own_tags.from_tags(few, Ear(), None, Vocabulary()).labelled == []
    folk = Vocabulary(aliases={"Polka": "Folk"})
    found = own_tags.from_tags(few, Ear(), None, folk, covered={"Folk"})
    assert [item.path for item in found.labelled] == few
    assert not found.left_out


def test_a_finer_model_is_compared_by_the_genres_that_the_one_in_use_knows() -> None:
    """Else it would win by its words alone, or lose by its harder task."""
    coarse = blobs(1.0, 0)
    in_use = GenreClassifier().fit(replace(coarse, y=np.where(coarse.y == "Jazz", "Jazz", "Electronic")))
    fine = blobs(1.0, 1)
    finer = np.array(["Techno" if genre == "Rock" else genre for genre in fine.y])
    finer[1:20:2] = "House"
    model, comparison = own_tags.teach(replace(fine, y=finer), in_use, name="own", base=None)
    assert list(model.classes_) == ["House", "Jazz", "Techno"]
    assert set(comparison.new.truth) == set(comparison.old.truth) == {"Electronic", "Jazz"}
    assert comparison.new.genres == ("Electronic", "Jazz")
    assert comparison.new.probabilities.sum(axis=1) == pytest.approx(1)
    assert comparison.new.recall["Electronic"] > 0.9


def test_an_artist_spelt_in_two_ways_is_one() -> None:
    """The same songs in a library and in the base, their artist in another case, never test themselves."""
    base = blobs(0.0, 0)
    mine = replace(base, groups=np.char.upper(base.groups))
    _, comparison = own_tags.teach(mine, GenreClassifier().fit(base), name="own", base=base)
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
