"""From labelled music to a table: reading labels, caching vectors, reporting what can't be used."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genred.errors import ConfigError, DecodeError, FileError, ModelError
from genred.genres import Vocabulary
from genred.learning.labels import Labelled, build_table, coarsened, label_of, read_source
from genred.model.classifier import GenreClassifier
from genred.model.table import Table
from genred.sound.features import FEATURE_NAMES

Vector = NDArray[np.float32]


def touch(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or str(path).encode())
    return path


def fake_extract(path: Path) -> Vector:
    """A vector made of the file's bytes; a file named broken can't be decoded. Leaves a mark that it was asked."""
    if path.stem == "broken":
        raise DecodeError(path, "no audio stream in it")
    with open(path.parent / "asked", "a") as log:
        log.write(path.name + "\n")
    return np.random.default_rng(list(path.read_bytes())).normal(0, 1, len(FEATURE_NAMES)).astype(np.float32)


def never(path: Path) -> Vector:
    raise AssertionError(f"{path} was opened")


def test_folders_are_genres(tmp_path: Path) -> None:
    """Folders are genres in any spelling, a sub-folder groups its tracks, and dot files are not music."""
    touch(tmp_path / "hip hop" / "Artist" / "one.mp3")
    touch(tmp_path / "hip hop" / "Artist" / "two.mp3")
    touch(tmp_path / "Jazz" / "alone.flac")
    touch(tmp_path / "Jazz" / ".hidden")
    found = {item.path.name: item for item in read_source(tmp_path)}
    assert {name: item.genre for name, item in found.items()} == {
        "one.mp3": "Hip-Hop",
        "two.mp3": "Hip-Hop",
        "alone.flac": "Jazz",
    }
    assert found["one.mp3"].artist == found["two.mp3"].artist != found["alone.flac"].artist


def test_folders_of_artists_are_questioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Before anything is heard: refused where no name is a genre's, doubted where few are; a user's own count."""
    for name in ("Nina Simone", "Los Rombos", "Karissa Hobbs", "Wasaru"):
        touch(tmp_path / name / "Album" / "one.mp3")
    message = (
        r"4 of 4 folders in it have no genre's name \(Karissa Hobbs, Los Rombos, Nina Simone, \.\.\.\); `genred train"
    )
    with pytest.raises(ConfigError, match=message):
        read_source(tmp_path)
    own = Vocabulary({"Wasaru": "Wasaru"})
    assert {item.genre for item in read_source(tmp_path, own)} >= {"Wasaru", "Nina Simone"}
    assert "3 of 4 folders in it have no genre's name" in caplog.text
    caplog.clear()
    for name in ("hip hop", "Jazz"):
        touch(tmp_path / name / "one.mp3")
    read_source(tmp_path, own)
    assert not caplog.messages
    manifest = tmp_path / "labels.csv"
    manifest.write_text("path,genre\nWasaru/Album/one.mp3,Songs for the car\n")
    assert read_source(manifest)[0].genre == "Songs for the car"
    assert not caplog.messages


def test_a_label_that_is_no_genre_teaches_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither as a folder nor in a manifest; what was left out is told."""
    for name in ("Jazz/a.mp3", "Unknown/b.mp3", "Unknown/c.mp3"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert [item.genre for item in read_source(tmp_path / "music")] == ["Jazz"]
    assert "left out: 2 Unknown" in caplog.text
    manifest = tmp_path / "labels.csv"
    manifest.write_text("path,genre\na.mp3,Jazz\nb.mp3,Misc\n", "utf-8")
    assert [item.genre for item in read_source(manifest)] == ["Jazz"]
    manifest.write_text("path,genre\nb.mp3,Misc\n", "utf-8")
    with pytest.raises(ConfigError, match="no labelled music"):
        read_source(manifest)


def test_a_manifest_is_read(tmp_path: Path) -> None:
    """Paths are relative to the CSV, unknown columns ignored, artist and source optional."""
    manifest = tmp_path / "labels.csv"
    manifest.write_text("path,genre,artist,source,year\na.mp3,soul_rnb,Someone,radio,1970\nsub/b.mp3,Jazz,,,\n")
    first, second = read_source(manifest)
    assert first == Labelled(tmp_path / "a.mp3", "R&B", "Someone", "radio")
    assert second == Labelled(tmp_path / "sub/b.mp3", "Jazz", str(tmp_path / "sub/b.mp3"), "labels")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,genre\na,b\n", "line 1: no column path"),
        (b"", "line 1: no column genre and path"),
        (b"path,genre\na.mp3,Jazz\nb.mp3,\n", "line 3: no genre"),
        (b"path,genre\n,Jazz\n", "line 2: no path"),
        (b"path,genre\nb.mp3\n", "line 2: no genre"),
        (b"path,genre\n", "no labelled music"),
        (b"path,genre\n\xff\xfe,Jazz\n", "UTF-8"),
    ],
)
def test_a_bad_manifest_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    """Each mistake in a manifest is told with file, line and what is wrong."""
    manifest = touch(tmp_path / "labels.csv")
    manifest.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_source(manifest)
    assert str(manifest) in str(caught.value)


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    """A missing source and an empty folder are mistakes to hear of."""
    with pytest.raises(ConfigError, match="no such folder"):
        read_source(tmp_path / "missing")
    with pytest.raises(ConfigError, match="no labelled music"):
        read_source(tmp_path)


def labelled(folder: Path, names: str) -> list[Labelled]:
    return [Labelled(touch(folder / f"{name}.mp3"), "Jazz", name, "test") for name in names.split()]


def test_bad_files_are_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A file that can't be decoded is missing from the table and named among the errors."""
    ticks: list[None] = []
    table, errors = build_table(
        labelled(tmp_path, "a broken b"), workers=1, progress=lambda: ticks.append(None), extract=fake_extract
    )
    assert list(table.groups) == ["a", "b"]
    assert table.X.shape == (2, len(FEATURE_NAMES))
    assert [error.path.name for error in errors] == ["broken.mp3"]
    assert len(ticks) == 3


def test_contradictory_labels_are_left_out(tmp_path: Path) -> None:
    """A file that is said to be two genres teaches neither; one said twice to be the same counts once."""
    one, two = labelled(tmp_path, "a b")
    said = [one, one, two, Labelled(two.path, "Rock", "x", "test")]
    table, errors = build_table(said, workers=1, extract=fake_extract)
    assert list(table.groups) == ["a"]
    assert [(error.path, error.reason) for error in errors] == [
        (two.path, "labelled with more than one genre; keep one")
    ]


def test_the_second_time_nothing_is_opened(tmp_path: Path) -> None:
    """Vectors are kept by content: another name for the same bytes is known, a changed file is not."""
    items, kept = labelled(tmp_path / "music", "a b"), tmp_path / "cache"
    first, _ = build_table(items, workers=1, cache_dir=kept, extract=fake_extract)
    moved = [Labelled(items[0].path.rename(tmp_path / "music" / "c.mp3"), "Jazz", "a", "test"), items[1]]
    second, errors = build_table(moved, workers=1, cache_dir=kept, extract=never)
    assert not errors
    assert np.array_equal(first.X, second.X)
    touch(items[1].path, b"changed")
    with pytest.raises(AssertionError, match="was opened"):
        build_table(moved, workers=1, cache_dir=kept, extract=never)


def test_a_damaged_cache_entry_is_made_anew(tmp_path: Path) -> None:
    """Half a cached vector is as good as none."""
    items, kept = labelled(tmp_path / "music", "a"), tmp_path / "cache"
    first, _ = build_table(items, workers=1, cache_dir=kept, extract=fake_extract)
    (entry,) = kept.rglob("*.npy")
    entry.write_bytes(entry.read_bytes()[:100])
    second, _ = build_table(items, workers=1, cache_dir=kept, extract=fake_extract)
    assert np.array_equal(first.X, second.X)


@pytest.mark.slow
def test_workers_agree_with_one_process(tmp_path: Path) -> None:
    """In parallel the table is the same, and a FileError survives the way back."""
    items = labelled(tmp_path, "a b broken c")
    one, _ = build_table(items, workers=1, extract=fake_extract)
    two, errors = build_table(items, workers=2, extract=fake_extract)
    assert np.array_equal(one.X, two.X)
    assert list(map(type, errors)) == [DecodeError]
    assert isinstance(errors[0], FileError)


def table(n: int = 60) -> Table:
    rng = np.random.default_rng(0)
    y = np.array(["Jazz", "Rock"])[np.arange(n) % 2]
    X = rng.normal(0, 1, (n, len(FEATURE_NAMES))).astype(np.float32)
    X[y == "Jazz", 2:200] += 1
    groups = np.array([f"artist {i % 20}" for i in range(n)])
    return Table(X, y, groups, np.where(np.arange(n) < n // 2, "tape", "radio"))


def test_a_table_survives_saving(tmp_path: Path) -> None:
    """What is loaded is what was saved, features to half precision."""
    t = table()
    t.save(tmp_path / "t.npz")
    loaded = Table.load(tmp_path / "t.npz")
    np.testing.assert_allclose(loaded.X, t.X, rtol=1e-3, atol=1e-3)
    for key in ("y", "groups", "sources"):
        assert np.array_equal(getattr(loaded, key), getattr(t, key))
    assert loaded.names == t.names


def test_joined_tables_keep_rows_together(tmp_path: Path) -> None:
    """Through choosing rows, saving, and joining with another: genre, artist and source stay with their features."""
    t = table(4)
    t[np.array([3, 0])].save(tmp_path / "t.npz")
    joined = Table.join([t[np.array([1])], Table.load(tmp_path / "t.npz")])
    rows = [1, 3, 0]
    assert (joined.y.tolist(), joined.groups.tolist()) == (t.y[rows].tolist(), t.groups[rows].tolist())
    np.testing.assert_allclose(joined.X, t.X[rows], rtol=1e-3, atol=1e-3)


def test_a_table_of_other_features_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of another recipe don't mix with this one's."""
    table().save(tmp_path / "t.npz")
    monkeypatch.setattr("genred.model.table.FEATURE_VERSION", "other")
    with pytest.raises(ModelError, match="train anew"):
        Table.load(tmp_path / "t.npz")


@pytest.mark.parametrize("content", [b"", b"not a table", b"PK\x03\x04 and no more"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged table is an error to read, not a traceback."""
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"t\.npz"):
        Table.load(path)


def test_evaluation_has_both_views() -> None:
    """Figures come grouped by artist and by leaving a source out, as lines and as a dict."""
    found = GenreClassifier().fit(table()).evaluation_
    assert found.balanced_accuracy > 0.9
    assert set(found.by_source) == {"tape", "radio"}
    assert found.confusion.sum() == 60
    assert any("macro-F1" in line for line in found.lines())
    assert found.as_dict()["tracks"] == 60


@pytest.mark.parametrize(
    ("genres", "label"),
    [
        (["House"], "House"),
        (["House", "Electronic"], "House"),
        (["Acid Jazz", "Jazz", "Electronic"], "Acid Jazz"),
        (["House", "Techno", "Electronic"], "Electronic"),
        (["Rock", "Alternative", "Electronic"], "Alternative"),
        (["Death Metal", "Metal", "Rock", "Blues"], "Death Metal"),
        (["Indie Rock", "Shoegaze", "Grunge"], "Alternative"),
        (["Electronic; House"], "House"),
        (["rap", "Hip-Hop"], "Hip-Hop"),
        (["Blurgh"], "Blurgh"),
        (["Rock", "Jazz"], None),
        (["Rock", "Blurgh"], None),
        (["Rock", "Jazz", "Blues", "Metal"], None),
    ],
)
def test_several_genres_teach_one_if_most_of_them_agree(genres: list[str], label: str | None) -> None:
    """The finest of one line, else the branch that holds more than half."""
    assert label_of(genres, Vocabulary()) == label


def test_the_users_words_are_labels_in_a_source_too(tmp_path: Path) -> None:
    """Of folders and of manifests."""
    touch(tmp_path / "Heavy Metal" / "one.mp3")
    manifest = tmp_path / "labels.csv"
    manifest.write_text("path,genre\na.mp3,heavy metal\n")
    own = Vocabulary(aliases={"Heavy Metal": "Heavy Metal"})
    for source in (tmp_path, manifest):
        assert [item.genre for item in read_source(source)] == ["Metal"]
        assert [item.genre for item in read_source(source, own)] == ["Heavy Metal"]


def test_labels_finer_than_a_models_genres_count_as_those_above_them() -> None:
    """What is below none of them stays, and counts as unknown."""
    y = np.array(["Techno", "Death Metal", "Jazz", "Polka"])
    table = Table(np.zeros((4, len(FEATURE_NAMES)), np.float32), y, y, y)
    found = coarsened(table, {"Electronic", "Rock", "Jazz"}, Vocabulary())
    assert list(found.y) == ["Electronic", "Rock", "Jazz", "Polka"]
    assert found.X is table.X
