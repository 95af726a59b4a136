"""What a walk finds, and in which order."""

import os
from itertools import islice
from pathlib import Path

import pytest

from genred.errors import WatchError
from genred.fs.files import stamp_of
from genred.watching.walk import WatchOptions, files_below, topmost, walk, wanted

OPTIONS = WatchOptions(extensions=frozenset({".mp3", ".flac"}))


def make(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"audio")
    return paths


def test_everything_is_found_in_order(tmp_path: Path) -> None:
    """Files come with their stamps, those of a folder before those of the folders in it, each in the order of names."""
    songs = make(tmp_path, "b.FLAC", "z.mp3", "a/1.mp3", "a/2/3.mp3", "c/1.mp3")
    make(tmp_path, "cover.jpg", "mp3")
    assert list(walk(tmp_path, OPTIONS)) == [(str(song), stamp_of(song)) for song in songs]


def test_a_linked_root_is_resolved_and_links_inside_are_not_followed(tmp_path: Path) -> None:
    """The root may be a link; nothing is found through a link below it."""
    (song,) = make(tmp_path / "music", "a/1.mp3")
    (tmp_path / "music" / "loop").symlink_to(tmp_path)
    (tmp_path / "music" / "link.mp3").symlink_to(song)
    (tmp_path / "link").symlink_to(tmp_path / "music")
    assert [Path(path) for path, _ in walk(tmp_path / "link", OPTIONS)] == [song]


def test_a_folder_that_cannot_be_read_is_told_and_passed_by(tmp_path: Path) -> None:
    """What can't be listed, here because its path is too long, is reported, and the walk goes on behind it."""
    before, behind = make(tmp_path, "1.mp3", "z/2.mp3")
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("n" * 250, dir_fd=fd)
        inner = os.open("n" * 250, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    told: list[OSError] = []
    found = [Path(path) for path, _ in walk(tmp_path, OPTIONS, on_error=lambda _, error: told.append(error))]
    assert found == [before, behind]
    assert [error.strerror for error in told] == ["File name too long"]


def test_a_root_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    """It is one when the walk is asked for, not when it is taken."""
    with pytest.raises(WatchError, match="no such folder"):
        walk(tmp_path / "none", OPTIONS)
    (song,) = make(tmp_path, "song.mp3")
    with pytest.raises(WatchError, match="Not a directory"):
        walk(song / "inner", OPTIONS)


def test_a_file_that_somebody_names_is_found_whatever_its_name_is(tmp_path: Path) -> None:
    """Its link is followed, as a folder's is; a fifo is no file."""
    (song,) = make(tmp_path, ".song.part")
    (tmp_path / "link").symlink_to(song)
    os.mkfifo(tmp_path / "fifo.mp3")
    assert list(walk(tmp_path / "link", OPTIONS)) == [(str(song), stamp_of(song))]
    with pytest.raises(WatchError, match="Not a directory"):
        walk(tmp_path / "fifo.mp3", OPTIONS)


def test_all_files_of_a_folder_are_those_of_its_file_system(tmp_path: Path) -> None:
    """Whatever their names are; links are not followed, and a folder that isn't there holds none."""
    songs = make(tmp_path, ".hidden", "song.txt", "a/1.mp3")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(files_below(tmp_path)) == [(str(song), stamp_of(song)) for song in songs]
    assert list(files_below(tmp_path / "none")) == []
    in_other = [path for path, _ in islice(files_below(Path("/")), 2000) if str(path).startswith("/proc/")]
    assert in_other == []


@pytest.mark.parametrize(
    ("name", "ignore", "expected"),
    [
        ("song.mp3", (), True),
        ("a/b/song.FLAC", (), True),
        ("song.txt", (), False),
        (".mp3", (), False),
        (".hidden/song.mp3", (), False),
        ("a/._song.mp3", (), False),
        (".song.mp3.Xb31qz", (), False),
        (".syncthing.song.mp3.tmp", (), False),
        ("~syncthing~song.mp3", (), False),
        (".stversions/song.mp3", (), False),
        (".~tmp~/song.mp3", (), False),
        (".Trash-1000/files/song.mp3", (), False),
        (".genred-0123456789abcdef.tmp", (), False),
        ("song.mp3.part", (), False),
        ("album.part/song.mp3", (), False),
        ("song.crdownload", (), False),
        ("album.crdownload/song.mp3", (), False),
        ("song.mp3.!qB", (), False),
        ("album.!qB/song.mp3", (), False),
        ("song.tmp", (), False),
        ("a/#recycle/song.mp3", (), False),
        ("a/#snapshot/song.mp3", (), False),
        ("@Recycle/song.mp3", (), False),
        ("$RECYCLE.BIN/S-1/$R1.mp3", (), False),
        ("lost+found/#123.mp3", (), False),
        ("part/song.mp3", (), True),
        ("song.part.mp3", (), True),
        ("@home/recycle.mp3", (), True),
        ("UPPER.MP3", (), True),
        ("a. b/.. c/song.mp3", (), False),
        ("dotless", (), False),
        ("mp3", (), False),
        ("a/~song.mp3", (), False),
        ("@eaDir/song.mp3", (), False),
        ("Demos/song.mp3", ("Demos/",), False),
        ("a/Demos/song.mp3", ("Demos",), False),
        ("a/Demos/song.mp3", ("Demos/*",), True),
        ("a/live 1.mp3", ("live *",), False),
        ("a/b/song.mp3", ("a/b/*",), False),
        ("Live.mp3", ("live*",), True),
    ],
)
def test_names(tmp_path: Path, name: str, ignore: tuple[str, ...], expected: bool) -> None:
    """A path is wanted or not by its name and by those of the folders on the way, and a walk agrees."""
    options = WatchOptions(extensions=OPTIONS.extensions, ignore=ignore)
    (path,) = make(tmp_path, name)
    assert wanted(path, tmp_path, options) is expected
    assert [Path(found) for found, _ in walk(tmp_path, options)] == ([path] if expected else [])


def test_names_outside_the_root_are_not_wanted() -> None:
    """A path that isn't under the root, or is the root, isn't wanted."""
    assert not wanted(Path("/elsewhere/song.mp3"), Path("/music"), OPTIONS)
    assert not wanted(Path("/music.mp3"), Path("/music.mp3"), OPTIONS)


def test_a_root_of_hidden_name_is_fine(tmp_path: Path) -> None:
    """The rules for names don't concern what lies above the root."""
    (song,) = make(tmp_path / ".music", "song.mp3")
    assert wanted(song, tmp_path / ".music", OPTIONS)
    assert [Path(path) for path, _ in walk(tmp_path / ".music", OPTIONS)] == [song]


def test_topmost_keeps_what_no_other_reaches() -> None:
    """A folder inside another is left out, unless the walk of that one doesn't come there."""
    folders = [Path(name) for name in ("/m/a", "/m", "/m/.in", "/m/.in/b", "/mm", "/m")]
    assert topmost(folders, OPTIONS) == [Path("/m"), Path("/m/.in"), Path("/mm")]
    flat = WatchOptions(extensions=frozenset(), recursive=False)
    assert topmost(folders, flat) == sorted(set(folders))
