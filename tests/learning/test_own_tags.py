import os
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import mutagen.flac
import pytest
import soundfile

from genred import tags
from genred.config import Config, Tags
from genred.fs.files import Stamp, stamp_of
from genred.genres import Vocabulary
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query, Record
from genred.learning import own_tags
from genred.learning.own_tags import OWN
from genred.model.prediction import Prediction
from genred.saving.transaction import replace
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


def test_a_genre_that_other_music_has_enough_of_is_learnt_from_a_few_tracks(music: list[Path]) -> None:
    """With the built-in table, three tracks of Folk are three more; alone they prove nothing."""
    few = music[:3]
    assert own_tags.from_tags(few, Ear(), None, Vocabulary()).labelled == []
    folk = Vocabulary(aliases={"Polka": "Folk"})
    found = own_tags.from_tags(few, Ear(), None, folk, covered={"Folk"})
    assert [item.path for item in found.labelled] == few
    assert not found.left_out


@pytest.fixture
def cut_short(music: list[Path], history: History) -> Path:
    """A save that swapped the file in, and ended before it was recorded."""
    tags.write_genres(music[0], [])
    journal = Unrecorded(history)
    draft = Record(music[0], Outcome.TAGGED, "heard", written=("Polka",))
    with pytest.raises(KeyboardInterrupt):
        replace(draft, stamp_of(music[0]), write_polka, journal, Tags())
    assert tags.read_genres(music[0]) == ["Polka"]
    assert [intent.ready for intent in journal.unfinished()] == [True]
    return music[0]


class Unrecorded(Journal):
    """Its process dies when the save is to be recorded."""

    def finish(self, stamps: Mapping[int, Stamp]) -> list[Record]:
        raise KeyboardInterrupt


def write_polka(clone: Path) -> None:
    tags.write_genres(clone, ["Polka"])


def test_a_save_that_is_not_recorded_yet_teaches_nothing(
    music: list[Path], cut_short: Path, history: History, tmp_path: Path
) -> None:
    """Its genre is genred's, in a renamed folder too; another file of that name is a person's."""
    assert teaches(music, history).left_out[OWN] == 1
    (folder := tmp_path / "renamed").mkdir()
    moved = cut_short.rename(folder / cut_short.name)
    assert teaches([*music[1:], moved], history).left_out[OWN] == 1
    shutil.copy2(music[1], music[0])
    assert not teaches(music, history).left_out
