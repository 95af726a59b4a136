"""The service as a process of its own: real events, real workers, real tags, a service manager that listens."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import psutil
import pytest
import sqlalchemy as sa

from genred import tags
from genred.analysis.analyser import Analyser
from genred.analysis.cluster import Cluster
from genred.config import Cluster as Settings
from genred.config import Config
from genred.errors import HistoryError
from genred.fs.files import stamp_of
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Outcome, Query, Record
from genred.service.reporter import Reporter
from genred.service.sdnotify import Pulse, notify
from genred.service.service import PATIENCE_SECONDS
from genred.service.service import Service as Tagging
from genred.service.signals import Reload
from genred.service.status import Board, Hearing, Status, ask
from genred.service.workers import Workers
from genred.sound import FEATURE_VERSION
from genred.watching.backlog import Meeting
from genred.watching.walk import WatchOptions
from genred.watching.watcher import Watcher
from tests.fakes import FakeAnalyser
from tests.makeaudio import make
from tests.processes import until_ended
from tests.service.running import Service


@pytest.mark.timeout(300)
def test_music_that_arrives_is_tagged_once_and_only_while_asked(service: Service, tmp_path: Path) -> None:
    """Backlog stays as it is, arrivals are found however they come, own writes and restarts repeat nothing."""
    before = make(service.music / "before.flac", 5.0)
    untouched = before.read_bytes()
    ready = make(tmp_path / "ready.mp3", 5.0, noise=0.03)
    album = tmp_path / "album"
    (album / "disc").mkdir(parents=True)
    make(album / "disc" / "noise.flac", 5.0, noise=0.3)
    service.start()

    shutil.copy(ready, service.music / "COPIED.MP3")
    shutil.move(album, service.music / "tree")
    (service.music / ".part-file.mp3").write_bytes(ready.read_bytes())
    (service.music / ".part-file.mp3").rename(service.music / "renamed.mp3")
    (service.music / "broken.ogg").write_bytes(b"no music here")
    weird = service.music / os.fsdecode(b"caf\xe9\n.mp3")
    shutil.copy(ready, weird)
    records = service.wait_for(5)
    written = {r.path.name: r.written for r in records}
    assert written == {
        "COPIED.MP3": ("Classical",),
        "noise.flac": ("Metal",),
        "renamed.mp3": ("Classical",),
        "broken.ogg": (),
        weird.name: ("Classical",),
    }
    assert tags.read_genres(service.music / "COPIED.MP3") == ["Classical"]
    assert service.stop() == 0
    assert {"STOPPING=1", "WATCHDOG=1"} <= set(service.said)

    shutil.copy(ready, service.music / "while-stopped.mp3")
    service.start()
    assert service.wait_for(6)[-1].path.name == "while-stopped.mp3"
    shutil.copy(ready, service.music / "later.mp3")  # a second look at its own writes would have come before
    assert service.wait_for(7)[-1].path.name == "later.mp3"
    assert len(service.records()) == 7
    assert service.stop(signal.SIGINT) == 0
    assert before.read_bytes() == untouched
    assert not list(service.music.rglob(".genred-*"))


@pytest.mark.timeout(300)
def test_tags_of_what_was_there_before_are_read_while_there_is_nothing_else_to_do(service: Service, home: Path) -> None:
    """Nothing is decided about it, and whoever asks is told how much is left."""
    for number in range(3):
        tags.write_genres(make(service.music / f"{number}.flac", 0.2), ["Krautrock"])
    before = {path: path.read_bytes() for path in service.music.iterdir()}
    service.start()
    service.until(lambda: service.status.known == 3 and service.status.unread == 0)
    assert service.stop() == 0
    with closing(History.open(home / "state" / "genred" / "history.db", readonly=True)) as history:
        read = history.library.folder(service.music)
    assert {(file.genres, file.by, file.standing) for file in read} == {(("Krautrock",), "you", "backlog")}
    assert service.records() == []
    assert {path: path.read_bytes() for path in service.music.iterdir()} == before


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_an_earlier_genred_heard_is_heard_again_while_nothing_else_is_to_do(service: Service, home: Path) -> None:
    """Only the vector is another one then; neither a decision nor a file is."""
    song = make(service.music / "old.flac", 5.0)
    untouched = song.read_bytes()
    database = home / "state" / "genred" / "history.db"
    with closing(History.open(database)) as history:
        history.start_run("scan", "0")
        record = Record(song, Outcome.ABSTAINED, "not sure", stamp=stamp_of(song), features=("of old", b""))
        decided = history.record(record)
        service.start()
        service.until(lambda: bool(history.features_of([song], FEATURE_VERSION)))
        assert service.stop() == 0
        assert list(history.records(Query())) == [replace(decided, stamp=None, features=None)]
    assert song.read_bytes() == untouched


@pytest.mark.timeout(300)
def test_it_is_ready_before_it_has_caught_up(service: Service, tmp_path: Path) -> None:
    """A service manager need not wait for what arrived while it was stopped; those who ask see how far it is."""
    service.start()
    assert service.stop() == 0
    ready = make(tmp_path / "ready.mp3", 5.0, noise=0.03)
    for number in range(30):
        shutil.copy(ready, service.music / f"{number}.mp3")
    service.start()
    service.wait_for(30)
    first = next(i for i, line in enumerate(service.said) if "last: tagged" in line)
    assert "READY=1" in service.said[:first]
    assert re.search(r" [1-9]\d* queued", service.said[first])
    service.until(lambda: service.status.done == {"tagged": 30} and service.status.known == 30)
    last = service.status.last
    assert last is not None
    assert last.path == str(service.records()[-1].path)
    service.until(
        lambda: any(
            line.startswith("STATUS=watching 1 root, 0 queued, 30 known, last: tagged") for line in service.said
        )
    )
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_reload_takes_what_changed_and_forgets_nothing(service: Service, tmp_path: Path) -> None:
    """Another folder is watched, what was queued is tagged once, and neither run, history nor workers are new."""
    second = tmp_path / "second"
    second.mkdir()
    before = make(second / "before.flac", 5.0)
    untouched = before.read_bytes()
    ready = make(tmp_path / "ready.mp3", 5.0, noise=0.03)
    service.start()
    workers = service.workers()
    for number in range(8):
        shutil.copy(ready, service.music / f"{number}.mp3")
    service.configure(service.music, second, more=f"history.url = 'sqlite:///{tmp_path}/another.db'\n")
    service.reload()
    assert [root.path for root in service.status.roots] == [str(service.music), str(second)]
    assert "takes a restart" in service.status.mistakes[0]
    assert not (tmp_path / "another.db").exists()

    service.configure(service.music, second, more="tags.mode = 'off'\n")
    service.reload()
    assert service.status.mistakes == []
    service.wait_for(8)
    shutil.copy(ready, second / "after.mp3")
    *records, after = service.wait_for(9)
    assert after.path.name == "after.mp3"
    assert tags.read_genres(second / "after.mp3") == []
    assert sorted(record.path.name for record in records) == [f"{number}.mp3" for number in range(8)]
    assert {record.run for record in service.records()} == {1}
    assert service.workers() == workers
    assert before.read_bytes() == untouched
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_reload_that_cannot_be_is_refused(service: Service, tmp_path: Path, tiny_model: Path) -> None:
    """Mistakes, no folder, no model: the old configuration stays, and log and status say why, until it is mended."""
    ready = make(tmp_path / "ready.mp3", 5.0, noise=0.03)
    (tmp_path / "x.genred").write_bytes(b"no model")
    service.start()
    workers = service.workers()
    file = service.lock.parents[2] / "config" / "genred" / "config.toml"
    for text, said in (
        ("[tags]\nmode = 'kepe'\n[wach]\n", f"{file}:2: tags.mode: must be one of"),
        ("", "no folder to look at"),
        (f"watch.directories = ['{service.music}']\nmodel.path = '{tmp_path}/x.genred'\n", "x.genred"),
    ):
        file.write_text(text)
        service.reload()
        assert said in service.status.mistakes[0]
        assert f"not reloaded, the old configuration stays: {service.status.mistakes[0]}" in service.logged()
        service.until(partial(service.announced, said))
    shutil.copy(ready, service.music / "meanwhile.mp3")
    assert service.wait_for(1)[0].written == ("Classical",)
    assert service.workers() == workers

    model = shutil.copy(tiny_model, tmp_path / "other.genred")
    file.write_text(f"watch.directories = ['{service.music}']\nmodel.path = '{model}'\n")
    service.reload()
    assert service.status.mistakes == []
    assert not service.workers() & workers
    shutil.copy(ready, service.music / "after.mp3")
    assert service.wait_for(2)[-1].written == ("Classical",)

    service.process.send_signal(signal.SIGHUP)  # and a stop in the middle of a reload is a stop
    assert service.stop() == 0
    assert ask(service.lock)[0] is False


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_step_back_for_everybody_else(service: Service) -> None:
    """At the processor, and at the disk."""
    service.start()
    (worker,) = map(psutil.Process, service.workers())
    assert worker.nice() == psutil.Process().nice() + 10
    assert worker.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_second_genred_is_told_of_the_first(service: Service) -> None:
    """Exit 11, and the first is not disturbed."""
    service.start()
    command = [sys.executable, "-m", "genred", "scan", str(service.music)]
    second = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert second.returncode == 11
    assert second.stderr.startswith("genred: another genred is at work")
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_scan_is_done_by_the_service_at_work(service: Service) -> None:
    """What was there before it came is tagged, and who asked sees it as if their own process had done it."""
    before = make(service.music / "before.flac", 5.0, noise=0.03)
    service.start()
    command = [sys.executable, "-m", "genred", "scan", str(service.music)]
    asked = subprocess.run(command, capture_output=True, text=True, env=service.environment, check=False)
    assert (asked.returncode, asked.stdout.split()[0]) == (0, "tagged")
    assert asked.stderr == "1 file looked at: 1 tagged\n"
    assert tags.read_genres(before) == ["Classical"]
    assert service.records()[0].run == 2
    assert service.stop() == 0


@pytest.mark.timeout(300)
def test_workers_do_not_outlive_a_killed_service(service: Service) -> None:
    """kill -9 of the service leaves no process behind."""
    service.start()
    children = [
        int(pid) for pid in Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    ]
    for task in Path(f"/proc/{service.process.pid}/task").iterdir():
        children += [int(pid) for pid in (task / "children").read_text().split()]
    assert children
    service.stop(signal.SIGKILL)
    for pid in children:
        until_ended(pid)


def test_a_manager_that_is_gone_is_no_reason_to_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised where nobody listens; and no text can make an assignment of its own."""
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    notify("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        notify("WATCHDOG=1", "STATUS=one\nMAINPID=1 \udce9")
        assert manager.recv(4096) == b"WATCHDOG=1\nSTATUS=one MAINPID=1 \\udce9"
        monkeypatch.setattr("genred.service.sdnotify._PATIENCE_SECONDS", 0.0001)
        for _ in range(2000):  # more than wait for one who doesn't listen
            notify("WATCHDOG=1")


@pytest.mark.parametrize(("watchdog", "due"), [("", 10.0), ("8000000", 2.0), ("600000000", 10.0)])
def test_signs_of_life_come_with_news_and_in_time_for_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watchdog: str, due: float
) -> None:
    """Four times as often as it wants them, and no more where nothing is new: each costs a quarter of a millisecond."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", watchdog)
    now = 0.0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        pulse = Pulse(lambda: now)
        told = []
        for moment, status in ((0.0, "idle"), (due - 0.1, "idle"), (due - 0.1, "busy"), (2 * due - 0.1, "busy")):
            now = moment
            pulse.beat(status)
            try:
                told.append(manager.recv(4096))
            except BlockingIOError:
                told.append(b"")
    assert told == [b"WATCHDOG=1\nSTATUS=idle", b"", b"WATCHDOG=1\nSTATUS=busy", b"WATCHDOG=1\nSTATUS=busy"]


def test_a_start_says_what_it_waits_for(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who ask and the service manager, which then waits as long; when it is ready, that is over."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    lock = tmp_path / "run.lock"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        locked(lock) as fd,
        Board(fd, "run") as board,
    ):
        manager.bind(str(tmp_path / "notify"))
        reporter = Reporter(history, board)
        reporter.step("loading the model")
        assert "starting 0 roots, 0 queued, 0 known, last: nothing yet; loading the model" in reporter.status.line()
        said = manager.recv(4096).decode().split("\n")
        assert said == ["WATCHDOG=1", f"STATUS={reporter.status.line()}", "EXTEND_TIMEOUT_USEC=60000000"]
        reporter.ready()
        assert manager.recv(4096) == b"READY=1"
        assert (board.status.state, board.status.trouble) == ("watching", "")


class FullForAWhile(History):
    """A history that can't be read for some times."""

    left = 2
    transient = True

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        if self.left:
            self.left -= 1
            raise HistoryError("history.db: database or disk is full", transient=self.transient)
        with super().reading() as db:
            yield db


class Impatient(Event):
    """A stop that lets no time pass, and sees what is posted meanwhile."""

    def __init__(self, lock: Path) -> None:
        super().__init__()
        self.seen: list[Status | None] = []
        self._lock = lock

    def wait(self, timeout: float | None = None) -> bool:
        self.seen.append(ask(self._lock)[1])
        return self.is_set()


def test_a_database_that_cannot_be_used_for_a_while_is_waited_for(history: History, tmp_path: Path) -> None:
    """A full disk pauses the service, which says so and goes on with the same configuration when it is over."""
    lock = tmp_path / "run.lock"
    full, stop, config = FullForAWhile(history.path, history._engine), Impatient(lock), Config()
    with locked(lock) as fd, Board(fd, "run") as board, Workers() as workers:
        service = Tagging(full, Reporter(full, board), workers, stop, Reload(lambda: config))
        assert service.wait(config, HistoryError("full", transient=True)) is config
        assert len(stop.seen) == 3 * PATIENCE_SECONDS
        assert {(status.state, status.trouble) for status in stop.seen if status} == {
            ("waiting", "full"),
            ("waiting", "history.db: database or disk is full"),
        }
        assert board.status.trouble == ""
        stop.set()
        assert service.wait(config, HistoryError("full", transient=True)) is None


def test_a_database_that_is_damaged_is_not_waited_for(history: History, tmp_path: Path) -> None:
    """What no time can mend ends the service, as it did at its start."""
    full, stop = FullForAWhile(history.path, history._engine), Impatient(tmp_path / "run.lock")
    full.transient = False
    with locked(tmp_path / "run.lock") as fd, Board(fd, "run") as board, Workers() as workers:
        service = Tagging(full, Reporter(full, board), workers, stop, Reload(Config))
        with pytest.raises(HistoryError):
            service.wait(Config(), HistoryError("full", transient=True))
    assert len(stop.seen) == PATIENCE_SECONDS


def test_a_service_tells_whether_a_cluster_hears(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each sign of life; nothing is asked for it, and where none is configured none is told."""
    config, stop, analyser = Config(), Event(), FakeAnalyser()
    monkeypatch.setattr(Analyser, "of", lambda *_, **__: analyser)
    with locked(tmp_path / "run.lock") as fd, Board(fd, "run") as board, Workers() as workers:
        service = Tagging(history, Reporter(history, board), workers, stop, Reload(Config))
        options = WatchOptions.of(config.watch)
        watcher = Watcher([tmp_path], options, history.files.unknown, Meeting(history, options, leave=True))
        service._beat(watcher, 0)
        assert board.status.cluster is None
        workers.under(config, stop, print)
        service._beat(watcher, 0)
        assert board.status.cluster is None
        analyser.cluster = Cluster(Settings("tcp://desk:8786"), config.service, needed=False)
        service._beat(watcher, 0)
        assert board.status.cluster == Hearing("tcp://desk:8786", 0)
