"""Vectors of another version are made anew, and nothing else changes by it."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genred.analysis import Analysis, Ask
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Outcome, Record, Standing
from genred.sound import FEATURE_VERSION
from genred.tagging.rehearing import REST_SECONDS, Rehearing, hear_again, hear_now
from tests.fakes import FakeAnalyser
from tests.makeaudio import make

OLD = ("of old", bytes(8))


class Ear(FakeAnalyser):
    """Hears in this version, and in the background only as far as it is told to."""

    workers = 2

    def __init__(self, hears: dict[str, FileError] | None = None) -> None:
        super().__init__({**(hears or {})})
        self.feature_version = FEATURE_VERSION
        self.is_done = True
        self.begun: list[str] = []

    def begin(self, path: Path, ask: Ask) -> Callable[[], Analysis | FileError | None]:
        assert ask is Ask.SOUND
        self.begun.append(path.name)
        ((_, look),) = self.analyse([path], ask)
        return lambda: look if self.is_done else None


class Editing(Ear):
    """Has a file changed by somebody while it hears it."""

    def analyse(self, paths: Iterable[Path], ask: Ask, known: Any = None) -> Iterator[tuple[Path, Any]]:
        for path, look in super().analyse(paths, ask):
            path.write_bytes(path.read_bytes() + b"more")
            yield path, look


@pytest.fixture
def music(tmp_path: Path, history: History) -> list[Path]:
    """Three songs that an earlier genred heard: tagged, kept for a person's sake, without an answer."""
    songs = [make(tmp_path / name, 0.1) for name in ("a.flac", "b.flac", "c.flac")]
    drafts = [
        Record(songs[0], Outcome.TAGGED, "sure", genre="Jazz", written=("Jazz",), model="old"),
        Record(songs[1], Outcome.KEPT, "a person confirmed it", standing=Standing.PERSON),
        Record(songs[2], Outcome.ABSTAINED, "not sure"),
    ]
    for draft in drafts:
        history.record(replace(draft, stamp=stamp_of(draft.path), features=OLD))
    return songs


def all_but_vectors(history: History) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(history.path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in names if name != "features"}  # noqa: S608 - names of ours


def are_new(history: History, songs: Iterable[Path]) -> list[bool]:
    found = history.features_of(songs, FEATURE_VERSION)
    return [song in found for song in songs]


def test_only_the_vector_changes(history: History, music: list[Path]) -> None:
    """No decision, no stamp, no standing, and no byte of a file."""
    before, bytes_before = all_but_vectors(history), [path.read_bytes() for path in music]
    assert history.vectors.count_outdated(FEATURE_VERSION) == 3
    ear = Ear()
    assert list(hear_again(history, ear)) == [1, 2, 3]
    assert are_new(history, music) == [True, True, True]
    assert history.features_of(music, FEATURE_VERSION)[music[1]] == ear.vector(music[1])
    assert all_but_vectors(history) == before
    assert [path.read_bytes() for path in music] == bytes_before
    assert history.vectors.count_outdated(FEATURE_VERSION) == 0
    assert list(hear_again(history, ear)) == []


def test_only_what_is_in_the_folder_is_heard(history: History, music: list[Path], tmp_path: Path) -> None:
    """A file names itself."""
    assert history.vectors.count_outdated(FEATURE_VERSION, tmp_path / "elsewhere") == 0
    assert list(hear_again(history, Ear(), tmp_path / "elsewhere")) == []
    assert history.vectors.count_outdated(FEATURE_VERSION, music[0]) == 1
    list(hear_again(history, Ear(), music[0]))
    assert are_new(history, music) == [True, False, False]


def test_what_changed_or_went_goes_the_usual_way(history: History, music: list[Path]) -> None:
    """Such a file isn't opened, and its old vector stays until it is looked at."""
    music[0].write_bytes(music[0].read_bytes() + b"more")
    music[1].unlink()
    ear = Ear()
    assert list(hear_again(history, ear)) == [1]
    assert ear.heard == ["c.flac"]
    assert are_new(history, music) == [False, False, True]


def test_what_changes_while_it_is_heard_is_not_kept(history: History, music: list[Path]) -> None:
    """The vector would be of another content than the stamp."""
    list(hear_again(history, Editing()))
    assert are_new(history, music) == [False, False, False]


def test_what_the_history_knows_by_now_is_not_overwritten(history: History, music: list[Path]) -> None:
    """A file that was looked at meanwhile, under this name or as another file, keeps what was found then."""
    (file,) = history.vectors.outdated_of([music[0]], FEATURE_VERSION)
    os.utime(music[0], ns=(1, 1))
    history.record(Record(music[0], Outcome.KEPT, "", stamp=stamp_of(music[0]), features=OLD))
    assert not history.vectors.renew(file, FEATURE_VERSION, b"1234")
    assert are_new(history, music) == [False, False, False]


def test_what_cannot_be_heard_keeps_its_vector(history: History, music: list[Path]) -> None:
    """It is no decision that it failed, and the others are heard."""
    before = all_but_vectors(history)
    list(hear_again(history, Ear({"b.flac": FileError(music[1], "damaged")})))
    assert are_new(history, music) == [True, False, True]
    assert all_but_vectors(history) == before


def test_a_question_is_answered_at_once(history: History, music: list[Path]) -> None:
    """Of the files asked about, those are heard that need it; the vectors are kept."""
    ear = Ear()
    list(hear_again(history, ear, music[0]))
    ear.heard.clear()
    assert hear_now(history, ear, music[:2]) == {music[1]: ear.vector(music[1])}
    assert ear.heard == ["b.flac"]
    assert are_new(history, music) == [True, True, False]


def test_the_background_waits_for_nobody(history: History, music: list[Path], tmp_path: Path) -> None:
    """One worker is left to what arrives; what isn't done at one step is noted at a later one."""
    ear = Ear()
    rehearing = Rehearing(history, ear, clock=lambda: 0.0)
    ear.is_done = False
    assert [rehearing.step([tmp_path]) for _ in range(3)] == [0, 0, 0]
    assert ear.begun == ["a.flac"]
    ear.is_done = True
    assert [rehearing.step([tmp_path]) for _ in range(4)] == [1, 1, 1, 0]
    assert are_new(history, music) == [True, True, True]


def test_the_background_leaves_folders_that_are_away(history: History, music: list[Path], tmp_path: Path) -> None:
    """Nobody asks a share that doesn't answer for a file."""
    ear = Ear()
    rehearing = Rehearing(history, ear, clock=lambda: 0.0)
    rehearing.step([tmp_path / "elsewhere"])
    assert ear.begun == []


def test_the_background_rests_after_a_pass(history: History, music: list[Path], tmp_path: Path) -> None:
    """What couldn't be heard is tried again after an hour, not all the time."""
    now = 0.0
    ear = Ear({"b.flac": FileError(music[1], "no such disk")})
    rehearing = Rehearing(history, ear, clock=lambda: now)
    for _ in range(10):
        rehearing.step([tmp_path])
    assert ear.begun == ["a.flac", "b.flac", "c.flac"]
    ear.hears.clear()
    now = REST_SECONDS
    for _ in range(3):
        rehearing.step([tmp_path])
    assert ear.begun[3:] == ["b.flac"]
    assert are_new(history, music) == [True, True, True]


def test_a_step_is_short_however_many_files_are_gone(history: History, music: list[Path], tmp_path: Path) -> None:
    """A disk that is away with thousands of files holds nothing up."""
    for number in range(100):
        gone = tmp_path / f"gone {number}.flac"
        stamp = replace(stamp_of(music[0]), ino=number)
        history.record(Record(gone, Outcome.ABSTAINED, "not sure", stamp=stamp, features=("another", bytes(8))))
    ear = Ear()
    rehearing = Rehearing(history, ear, clock=lambda: 0.0)
    rehearing.step([tmp_path])
    assert ear.begun == []
    rehearing.step([tmp_path])
    assert ear.begun == ["a.flac"]
