"""One pass: over folders and files, with or without a service at work on the same history."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from fcntl import LOCK_UN, flock
from functools import partial
from pathlib import Path

import mutagen
import pytest

from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Cluster as Settings
from genred.config import Config
from genred.errors import FileError, LockedError, WatchError
from genred.fs.files import stamp_of
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from genred.history.schema import features
from genred.model.evidence import Owner
from genred.model.prediction import Prediction
from genred.service.asking import scan_or_ask
from genred.service.request import Requests
from genred.service.scan import Notices, scan
from genred.service.status import Board, Hearing, ask, lock_of
from genred.sound import FEATURE_VERSION
from genred.tagging.tagger import Tagger
from genred.watching.root import RootState
from tests.fakes import FakeAnalyser, sure
from tests.makeaudio import make

JAZZ: dict[str, Prediction | FileError] = {name: sure("Jazz") for name in ("a.mp3", "b.mp3", ".odd.part")}


class Ready(FakeAnalyser):
    """Notes how often it is warmed up."""

    warmed_up = 0

    def __init__(self, hears: dict[str, Prediction | FileError]) -> None:
        super().__init__(hears)
        self.feature_version = FEATURE_VERSION

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = print) -> None:
        Ready.warmed_up += 1
        tell("loading the model")


class Told:
    """What a scan told beside its records."""

    def __init__(self) -> None:
        self.expected: list[int] = []
        self.steps: list[str] = []
        self.missing: list[str] = []
        self.notices = Notices(
            expect=self.expected.append, step=self.steps.append, missing=lambda error: self.missing.append(str(error))
        )


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a.mp3", "b.mp3"):
        make(folder / name, 0.2)
    return folder


@pytest.fixture
def config(history: History, music: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Of the folder and the history, and without a real ear."""
    monkeypatch.setattr(Analyser, "of", lambda *_, **__: Ready(JAZZ))
    monkeypatch.setattr(Ready, "warmed_up", 0)
    return of(Config().with_changes("history", url=f"sqlite:///{history.path}"), music)


def of(config: Config, *folders: Path) -> Config:
    return config.with_changes("watch", directories=folders)


def looked_at(config: Config, told: Told, *, dry_run: bool = False) -> list[str]:
    records = scan(config, threading.Event(), dry_run=dry_run, notices=told.notices)
    return [record.path.name for record in records]


# -- without a service ---------------------------------------------------------------------------------------------


def test_a_file_that_is_named_is_scanned_and_no_other(config: Config, music: Path) -> None:
    """Whatever its name is."""
    odd = make(music / "x.mp3", 0.2).rename(music / ".odd.part")
    told = Told()
    assert sorted(looked_at(of(config, music / "b.mp3", odd), told)) == [".odd.part", "b.mp3"]
    assert told.expected == [2]


def test_a_folder_that_is_missing_keeps_the_others_from_nothing(config: Config, music: Path) -> None:
    """It is told, and only where there is none at all to scan it is the end."""
    told = Told()
    assert looked_at(of(config, music / "none", music), told) == ["a.mp3", "b.mp3"]
    assert told.missing == [f"{music}/none: no such folder"]
    with pytest.raises(WatchError, match="no such folder"):
        looked_at(of(config, music / "none"), told)


def test_a_cluster_is_told_as_it_was_when_it_was_last_asked(
    config: Config, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it comes after the first file."""
    ready = Ready(JAZZ)
    monkeypatch.setattr(Analyser, "of", lambda *_, **__: ready)
    ready.cluster = Cluster(Settings("tcp://desk:8786"), config.service, needed=False)
    seen = []
    for _ in scan(config, threading.Event(), dry_run=False, notices=Told().notices):
        said = ask(lock_of(history.path))[1]
        seen.append(said and said.cluster)
        monkeypatch.setattr(Cluster, "at_once", 3)
    assert seen[0] == Hearing("tcp://desk:8786", 0)
    said = ask(lock_of(history.path))[1]
    assert said
    assert said.cluster == Hearing("tcp://desk:8786", 3)


def test_what_an_earlier_genred_heard_is_heard_again_first(config: Config, history: History, music: Path) -> None:
    """With progress, also where nothing else is new; a rehearsal leaves it."""
    looked_at(config, Told())
    song = music / "a.mp3"
    vector = history.features_of([song], FEATURE_VERSION)[song]
    (old,) = history.library.of([song])
    with history.writing() as db:
        db.execute(features.update().values(version="of old", vector=b""))
    told = Told()
    assert looked_at(config, told, dry_run=True) == looked_at(config, told) == []
    assert history.features_of([song], FEATURE_VERSION)[song] == vector
    assert history.library.of([song]) == [old]
    assert told.steps[-2:] == [f"hearing again what an earlier genred heard: {n} of 2" for n in (1, 2)]
    assert Ready.warmed_up == 2


def test_where_nothing_is_new_nothing_is_warmed_up(config: Config) -> None:
    """To load the model takes seconds."""
    assert len(looked_at(config, Told())) == 2
    assert Ready.warmed_up == 1
    told = Told()
    assert looked_at(config, told) == []
    assert (told.expected, told.steps) == ([0], [])
    assert Ready.warmed_up == 1


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_a_person_calls_the_music_is_known_before_the_first_file_is_heard(
    config: Config, music: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    """Their genres on an artist's albums count, wherever these lie, and in a rehearsal, too."""
    told: list[object] = []

    class Asked(Ready):
        def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
            told.extend(owner.artist for owner in owners)
            return super().judge(vectors, owners)

    monkeypatch.setattr(Analyser, "of", lambda *_, **__: Asked(JAZZ))
    for path, album, genre in ((music / "a.mp3", "First", ""), (music / "z" / "1.flac", "Second", "Krautrock")):
        path.parent.mkdir(exist_ok=True)
        file = mutagen.File(path if path.exists() else make(path, 0.2), easy=True)
        file["artist"], file["album"] = ["Ann"], [album]
        if genre:
            file["genre"] = [genre]
        file.save()
    (music / "b.mp3").unlink()
    assert sorted(looked_at(config, Told(), dry_run=dry_run)) == ["1.flac", "a.mp3"]
    assert told == [{"Krautrock": 1}]
    off = config.with_changes("evidence", library=False)
    make(music / "b.mp3", 0.2)
    looked_at(off, Told(), dry_run=dry_run)
    assert told[1:] == ([{}, {}] if dry_run else [{}])


def test_a_rehearsal_needs_no_lock_and_leaves_no_trace(config: Config, history: History) -> None:
    """It says what would be done, beside whatever is at work."""
    with locked(lock_of(config.database)):
        assert looked_at(config, Told(), dry_run=True) == ["a.mp3", "b.mp3"]
    assert list(history.records(Query())) == []
    assert history.files.count_known() == 0


# -- with a service --------------------------------------------------------------------------------------------------


class Service(threading.Event):
    """A service that takes a turn whenever the one who asked waits."""

    def __init__(self, config: Config, history: History, states: list[RootState]) -> None:
        super().__init__()
        tagger = Tagger(config, history, Ready(JAZZ), backlog=True)
        self.requests = Requests(config, history, tagger)
        self.states = states
        self.decided: list[Record] = []
        self.left: list[int] = []
        self.before: Callable[[], object] = lambda: None
        self.busy = False
        self.reloads = False
        self.requests_file = config.database.with_name("scan.request")

    def wait(self, timeout: float | None = None) -> bool:
        self.before()
        if self.busy:
            return self.is_set()
        for news in self.requests.news(self.states):
            if isinstance(news, Record):
                self.decided.append(news)
                self.left.append(self.requests.left)
            if self.reloads:
                break
        return self.is_set()


@pytest.fixture
def service(config: Config, history: History, music: Path) -> Iterator[Service]:
    """One that is at work on the folder."""
    with locked(lock_of(config.database)) as fd, Board(fd, "run"):
        yield Service(config, history, [RootState(music, "watched")])


def test_a_service_at_work_does_the_scan(config: Config, history: History, service: Service) -> None:
    """What was there before counts, records come as from a scan, in a run of their own, and it is told how many."""
    history.files.note_backlog([(path, stamp_of(path)) for path in config.watch.directories[0].iterdir()], backlog=True)
    told = Told()
    records = list(scan_or_ask(config, service, dry_run=False, notices=told.notices))
    assert [(record.path.name, record.outcome, record.written) for record in records] == [
        ("a.mp3", Outcome.TAGGED, ("Jazz",)),
        ("b.mp3", Outcome.TAGGED, ("Jazz",)),
    ]
    assert told.expected == [2]
    assert service.left == [1, 0]
    assert {record.run for record in records} == {2}
    assert history.run == 1
    assert list(scan_or_ask(config, service, dry_run=False, notices=told.notices)) == []
    assert told.expected == [2, 0]


def test_a_service_that_is_asked_to_reload_meanwhile_forgets_none(config: Config, service: Service) -> None:
    """It breaks off after the file in hand, and goes on where it was if it has to keep its configuration."""
    service.reloads = True
    records = list(scan_or_ask(config, service, dry_run=False, notices=Notices()))
    assert [record.path.name for record in records] == ["a.mp3", "b.mp3"]


def test_who_goes_takes_the_wish_along(config: Config, service: Service) -> None:
    """Nothing more is looked at when nobody waits for it, and the next one may ask."""
    asked = scan_or_ask(config, service, dry_run=False, notices=Notices())
    service.set()
    assert list(asked) == []
    service.clear()
    service.decided.clear()
    service.wait()
    assert service.decided == []
    assert service.requests.left == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config, _: config.with_changes("tags", mode="off"), "another tags.mode than"),
        (lambda config, music: of(config, music.parent), "is in none of the folders that it watches"),
    ],
)
def test_what_the_service_would_do_otherwise_it_does_not(
    config: Config, service: Service, music: Path, change: Callable[[Config, Path], Config], said: str
) -> None:
    """With other settings or elsewhere: the one who asks learns how to stop it instead, and no file is touched."""
    with pytest.raises(LockedError, match=f"{said}.*; to stop it: kill {os.getpid()}"):
        list(scan_or_ask(change(config, music), service, dry_run=False, notices=Notices()))
    assert service.decided == []


def test_a_folder_that_does_not_answer_is_not_scanned(config: Config, service: Service, music: Path) -> None:
    """A scan of it would hang the service."""
    service.states = [RootState(music, "offline", ("does not answer",))]
    with pytest.raises(LockedError, match="none of the folders"):
        list(scan_or_ask(config, service, dry_run=False, notices=Notices()))


def test_a_folder_that_goes_meanwhile_is_no_end_of_the_service(config: Config, service: Service, music: Path) -> None:
    """The one who asked is told."""
    (music / "inner").mkdir()
    service.before = partial(shutil.rmtree, music / "inner", ignore_errors=True)
    with pytest.raises(LockedError, match="no such folder"):
        list(scan_or_ask(of(config, music / "inner"), service, dry_run=False, notices=Notices()))


def test_a_request_that_is_no_request_is_nothing(config: Config, service: Service) -> None:
    """Half of one, or what another version wrote."""
    with locked(service.requests_file) as fd:
        for text in ("", "{", "[]", json.dumps({"id": "1"}), json.dumps({"id": "1", "paths": ["x"], "settings": {}})):
            os.ftruncate(fd, 0)
            os.pwrite(fd, text.encode(), 0)
            service.wait()
    assert service.decided == []


def test_a_service_that_ends_is_not_waited_for(config: Config, history: History) -> None:
    """The one who asked is told to ask again."""
    with locked(lock_of(config.database)) as fd, Board(fd, "run"):
        service = Service(config, history, [])
        service.before = partial(flock, fd, LOCK_UN)
        service.busy = True
        with pytest.raises(LockedError, match="has ended; scan again"):
            list(scan_or_ask(config, service, dry_run=False, notices=Notices()))


def test_another_scan_is_waited_for_or_stopped(config: Config) -> None:
    """It can't be asked to do more."""
    with locked(lock_of(config.database)) as fd, Board(fd, "scan"), pytest.raises(LockedError, match="wait for it"):
        list(scan_or_ask(config, threading.Event(), dry_run=False, notices=Notices()))
