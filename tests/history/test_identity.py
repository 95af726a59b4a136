"""Which known file is this: each way in which a file can come again, and the look-alikes that are none."""

import os
import shutil
from pathlib import Path

import pytest

from genred.fs.files import Stamp, stamp_of
from genred.history.history import History
from genred.history.identity import follow, recognise
from genred.history.records import Outcome, Record


@pytest.fixture
def song(tmp_path: Path, history: History) -> Path:
    """A file that is known."""
    song = tmp_path / "song.mp3"
    song.write_bytes(b"music")
    know(history, song)
    return song


def know(history: History, path: Path) -> None:
    history.record(Record(path, Outcome.ABSTAINED, "not sure", stamp=stamp_of(path)))


def known_as(history: History, path: Path) -> str | None:
    known = recognise(history, path, stamp_of(path))
    return None if known is None else known.path.name


def test_a_file_is_known_whatever_was_edited_in_it(history: History, song: Path) -> None:
    """Its inode tells."""
    song.write_bytes(b"music, edited")
    assert known_as(history, song) == "song.mp3"


def test_files_that_swapped_names_are_told_apart(history: History, song: Path) -> None:
    """Each is known by the name that it had, even where both are of one size and time."""
    other = Path(shutil.copy2(song, song.with_name("other.mp3")))
    know(history, other)
    song.rename(song.with_name("aside"))
    other.rename(song)
    song.with_name("aside").rename(other)
    assert (known_as(history, song), known_as(history, other)) == ("other.mp3", "song.mp3")


@pytest.mark.parametrize(
    ("name", "keeps_time", "original_stays", "is_known"),
    [
        ("disk/song.mp3", True, False, True),
        ("disk/restored.mp3", True, False, True),
        ("disk/song.mp3", True, True, False),
        ("disk/song.mp3", False, False, False),
    ],
)
def test_a_copy_is_the_file_when_the_original_is_gone(
    history: History, song: Path, name: str, keeps_time: bool, original_stays: bool, is_known: bool
) -> None:
    """Moved to another disk or restored, be it under another name; beside the original it is a file of its own."""
    copy = song.parent / name
    copy.parent.mkdir()
    (shutil.copy2 if keeps_time else shutil.copyfile)(song, copy)
    if not original_stays:
        song.unlink()
    assert known_as(history, copy) == ("song.mp3" if is_known else None)


def test_a_time_in_whole_seconds_and_a_size_prove_too_little(history: History, song: Path) -> None:
    """All that is unpacked from an archive has one time: under another name it is another track."""
    os.utime(song, (1e9, 1e9))
    know(history, song)
    track = song.rename(song.with_name("unpacked.mp3"))
    track.write_bytes(b"other")
    other = Path(shutil.copyfile(track, song.with_name("2.mp3")))
    os.utime(other, (1e9, 1e9))
    assert known_as(history, other) is None
    (song.parent / "disk").mkdir()
    assert known_as(history, other.rename(song.parent / "disk" / "song.mp3")) == "song.mp3"


def test_a_disk_that_got_another_number_holds_the_same_files(history: History, song: Path) -> None:
    """Devices and inodes change with the mount, size and time don't."""
    st = stamp_of(song)
    known = recognise(history, song, Stamp(st.dev + 1, st.ino + 1, st.size, st.mtime_ns, st.ctime_ns))
    assert known is not None
    assert known.stamp == st


def test_a_second_name_is_known_beside_the_first(history: History, song: Path) -> None:
    """A hard link, or the folder seen through a bind mount: neither name is forgotten for the other."""
    second = song.with_name("second.mp3")
    second.hardlink_to(song)
    stamp = stamp_of(second)
    known = recognise(history, second, stamp)
    assert known is not None
    follow(history, known, second, stamp)
    names = [history.files.known(path) for path in (song, second)]
    assert [known and known.record for known in names] == [1, 1]
