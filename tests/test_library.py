from dataclasses import replace
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest

from genred import library, shelf, tags, undoing
from genred.classifier import GenreClassifier
from genred.config import Config, Tags
from genred.errors import ModelError
from genred.features import FEATURE_NAMES
from genred.genres import Vocabulary
from genred.history import History
from genred.journal import Journal
from genred.modelfile import save
from genred.records import Query
from genred.table import Table
from genred.tagger import Tagger, take_back
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import KINDS, make, suffix


@pytest.fixture
def music(tmp_path: Path) -> list[Path]:
    """Eight tracks of Polka by four artists."""
    songs = []
    for i in range(8):
        song = make(tmp_path / f"{i}.flac", 0.1)
        tagged = mutagen.flac.FLAC(song)
        tagged.update({"artist": f"Artist {i % 4}", "genre": "polka"})
        tagged.save()
        songs.append(song)
    return songs


def teaches(songs: list[Path], history: History | None = None) -> library.Found:
    return library.from_tags(songs, FakeAnalyser(), history, Vocabulary(aliases={"polka": "Folk"}))


def test_a_persons_genres_are_labels_and_their_artists_groups(music: list[Path]) -> None:
    """Spellings are the user's, artists come from the tags."""
    found = teaches(music)
    assert {(item.genre, item.artist) for item in found.labelled} == {("Folk", f"artist {i}") for i in range(4)}
    assert not found.left_out


def test_what_genred_wrote_teaches_nothing_until_a_person_confirms_it(music: list[Path], history: History) -> None:
    """A model must not learn its own answers."""
    tags.write_genres(music[0], [])
    tagger = Tagger(Config(), history, FakeAnalyser({music[0].name: sure("polka")}))
    list(tagger.process([music[0]]))
    assert teaches(music, history).left_out["genre written by genred, and confirmed by nobody"] == 1
    tagger.obey(music[0], "polka")
    assert not teaches(music, history).left_out


def test_a_decision_taken_back_does_not_make_genreds_answer_a_persons(music: list[Path], history: History) -> None:
    """Their own genre over genred's, and then undone: what is there again was written by genred all the same."""
    tags.write_genres(music[0], [])
    tagger = Tagger(Config(), history, FakeAnalyser({music[0].name: sure("polka")}))
    list(tagger.process([music[0]]))
    tagger.obey(music[0], "Zydeco")
    undo_last(history, music[0])
    assert tags.read_genres(music[0]) == ["polka"]
    assert teaches(music, history).left_out["genre written by genred, and confirmed by nobody"] == 1
    undo_last(history, music[0])
    tags.write_genres(music[0], ["polka"])
    assert not teaches(music, history).left_out


def undo_last(history: History, song: Path) -> None:
    journal = Journal(history)
    (undo, *_), _ = undoing.select(history, [Query(path=song)])
    take_back(journal, undo, Tags())


def test_what_cannot_teach_is_counted_by_reason(music: list[Path], tmp_path: Path) -> None:
    """Without a genre, with several, unreadable, or too few of a kind."""
    tags.write_genres(make(tmp_path / "two.flac", 0.1), ["Rock", "Pop"])
    tags.write_genres(make(tmp_path / "lonely.flac", 0.1), ["Zydeco"])
    (tmp_path / "broken.flac").write_bytes(b"nothing")
    others = [make(tmp_path / "none.flac", 0.1), *(tmp_path / f"{name}.flac" for name in ("two", "lonely", "broken"))]
    assert teaches([*music, *others]).left_out == {
        "no genre": 1,
        "more than one genre": 1,
        "tags can't be read": 1,
        "too few tracks or artists of Zydeco": 1,
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("aac", "mka")])
def test_the_artist_is_read_from_every_kind_of_tag(tmp_path: Path, kind: str) -> None:
    """As any tagger writes it; without one there is none."""
    song = make(tmp_path / f"song{suffix(kind)}", 0.2, kind=kind)
    assert tags.read_artist(song) == ""
    file = mutagen.File(song)
    if file.tags is None:
        file.add_tags()
    match type(file.tags).__name__:
        case "ID3" | "_WaveID3" | "_IFFID3" | "MP3" | "_DSFID3":
            file.tags.add(mutagen.id3.TPE1(3, ["Ann"]))
        case "MP4Tags":
            file.tags["\xa9ART"] = ["Ann"]
        case "ASFTags":
            file.tags["Author"] = ["Ann"]
        case _:
            file.tags["artist"] = ["Ann"]
    file.save()
    assert tags.read_artist(song) == "Ann"


def test_the_artist_is_read_where_genred_only_reads_and_from_bare_frames(tmp_path: Path) -> None:
    """Raw AAC has its tag in front; Matroska is read and not written to."""
    bare = make(tmp_path / "song.aac", 0.2)
    assert tags.read_artist(bare) == ""
    tag = mutagen.id3.ID3()
    tag.add(mutagen.id3.TPE1(3, ["Ann"]))
    tag.save(bare)
    assert tags.read_artist(bare) == "Ann"
    assert tags.read_artist(make(tmp_path / "song.mka", 0.2)) == ""


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
    model, comparison = library.teach(good, in_use, name="own", base=useless)
    assert comparison.is_better
    assert comparison.new.balanced_accuracy > 0.9
    assert len(comparison.new.truth) == len(good)
    again = in_use.evaluate(useless)
    assert again.heard == 40
    assert again.balanced_accuracy == in_use.evaluation_.balanced_accuracy < 0.75
    assert model.evaluate(good).heard == 40


def test_an_artist_spelt_in_two_ways_is_one() -> None:
    """The same songs in a library and in the base, their artist in another case, never test themselves."""
    base = blobs(0.0, 0)
    mine = replace(base, groups=np.char.upper(base.groups))
    _, comparison = library.teach(mine, GenreClassifier().fit(base), name="own", base=base)
    assert comparison.new.balanced_accuracy < 0.75


def test_models_stand_side_by_side_and_one_is_in_use(home: Path) -> None:
    """Nothing is lost by trying another, and the built-in one is always there."""
    assert (shelf.entries(), shelf.path_in_use()) == ([], "")
    model = GenreClassifier().fit(blobs(1.0, 0), name="own")
    path = shelf.file_of(model.name)
    path.parent.mkdir(parents=True)
    save(model, path)
    shelf.use(model.name)
    (entry,) = shelf.entries()
    assert (entry.name, entry.in_use, shelf.path_in_use()) == (model.name, True, str(path))
    shelf.use("builtin")
    assert shelf.path_in_use() == ""
    with pytest.raises(ModelError, match=f"no model named x; there are: builtin, {model.name}"):
        shelf.use("x")
