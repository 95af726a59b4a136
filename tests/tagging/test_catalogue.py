"""Reading the tags of known files in the background."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import mutagen.flac
import pytest

from genred.analysis import Analysis, Ask
from genred.errors import FileError
from genred.fs.files import Stamp
from genred.history.history import History
from genred.history.records import Author, Outcome, Record, Standing
from genred.names import Labels
from genred.tagging.catalogue import BATCH, REST_SECONDS, Cataloguer
from tests.fakes import FakeAnalyser
from tests.makeaudio import make


class Reader(FakeAnalyser):
    """Reads tags, a second a file, and fails where it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.asked: list[str] = []
        self.fails: dict[str, FileError] = {}

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        assert ask is Ask.TAGS
        for path, look in super().analyse(paths, ask, known):
            self.now += 1
            self.asked.append(path.name)
            yield path, self.fails.get(path.name, look)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def cataloguer(history: History, reader: Reader) -> Cataloguer:
    return Cataloguer(history, reader, "; ", lambda: reader.now)


@pytest.fixture
def music(tmp_path: Path, history: History) -> Path:
    """Three songs that were there before genred."""
    folder = tmp_path / "music"
    folder.mkdir()
    for n in range(3):
        song = make(folder / f"{n}.flac", 0.2)
        file = mutagen.flac.FLAC(song)
        file["artist"], file["album"], file["genre"] = ["Ann"], ["First"], ["Jazz"]
        file.save()
    note(history, folder)
    return folder


def note(history: History, folder: Path) -> None:
    found = [(str(path), Stamp.of(os.stat(path))) for path in sorted(folder.iterdir())]
    history.files.note_backlog(found, backlog=True)


def test_the_tags_of_the_backlog_are_read_and_it_stays_backlog(
    history: History, cataloguer: Cataloguer, music: Path
) -> None:
    """Nothing is heard, nothing written, and nothing decided."""
    before = [path.read_bytes() for path in sorted(music.iterdir())]
    assert cataloguer.step([music], 60) == 3
    for file in history.library.folder(music):
        assert (file.labels, file.genres, file.by) == (Labels("Ann", "", "First"), ("Jazz",), Author.YOU)
        assert (file.standing, file.record, file.features) == (Standing.BACKLOG, None, None)
    assert [path.read_bytes() for path in sorted(music.iterdir())] == before
    assert cataloguer.step([music], 60) == 0


def test_a_step_takes_its_time_and_no_more_and_the_next_one_goes_on(
    history: History, cataloguer: Cataloguer, reader: Reader, tmp_path: Path
) -> None:
    """What arrives meanwhile isn't held up."""
    pattern = make(tmp_path / "song.flac", 0.1)
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(BATCH + 5):
        os.link(pattern, folder / f"{n:03}.flac")
    note(history, folder)
    assert cataloguer.step([folder], 1) == BATCH
    assert cataloguer.step([folder], 1) == 5
    assert reader.asked == sorted(reader.asked)


def test_only_what_lies_in_folders_that_are_there_is_read(
    history: History, cataloguer: Cataloguer, reader: Reader, music: Path
) -> None:
    """A share that doesn't answer would hold up everything."""
    assert cataloguer.step([], 60) == 0
    assert reader.asked == []
    reader.now += REST_SECONDS
    assert cataloguer.step([music], 60) == 3


def test_a_file_that_cant_be_read_is_asked_once_and_one_that_may_be_later_again_later(
    history: History, cataloguer: Cataloguer, reader: Reader, music: Path
) -> None:
    """A damaged file stays damaged; a disk may come to itself."""
    reader.fails = {
        "0.flac": FileError(music / "0.flac", "damaged"),
        "1.flac": FileError(music / "1.flac", "the disk hiccups", transient=True),
    }
    (music / "2.flac").unlink()
    assert cataloguer.step([music], 60) == 1
    assert cataloguer.step([music], 60) == 0
    assert reader.asked == ["0.flac", "1.flac"]
    reader.now += REST_SECONDS
    reader.fails = {}
    assert cataloguer.step([music], 60) == 1
    assert reader.asked == ["0.flac", "1.flac", "1.flac"]
    read = history.library.of([music / f"{n}.flac" for n in range(3)])
    assert [file.labels for file in read] == [Labels(), Labels("Ann", "", "First"), None]


def test_a_file_that_changed_since_it_was_seen_is_left_to_those_who_watch(
    history: History, cataloguer: Cataloguer, reader: Reader, music: Path
) -> None:
    """They find out whether it is the same music."""
    os.utime(music / "0.flac", ns=(1, 1))
    assert cataloguer.step([music], 60) == 2
    assert reader.asked == ["1.flac", "2.flac"]


def test_of_a_decided_file_only_the_labels_are_news(history: History, cataloguer: Cataloguer, music: Path) -> None:
    """A history of an older genred knows whose the genres are, and nothing of the albums."""
    path = music / "0.flac"
    history.record(
        Record(path, Outcome.KEPT, "x", previous=("Jazz",), stamp=Stamp.of(os.stat(path)), carries=None, model=None)
    )
    write = Record(path, Outcome.TAGGED, "x", "Jazz", 0.9, written=("Jazz",), model="m", stamp=Stamp.of(os.stat(path)))
    record = history.record(write)
    assert cataloguer.step([music], 60) == 3
    (file,) = history.library.of([path])
    assert (file.labels, file.by) == (Labels("Ann", "", "First"), Author.GENRED)
    assert (file.record, file.standing) == (record.id, Standing.DONE)


def test_the_files_of_one_folder_can_be_read_at_once(history: History, cataloguer: Cataloguer, music: Path) -> None:
    """Before an album in it is decided about."""
    cataloguer.read_folder(music)
    assert history.library.count_unread() == 0
