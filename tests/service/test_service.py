"""The service as a process of its own: real events, real workers, real tags, a service manager that listens."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
import sqlalchemy as sa

from genred import tags
from genred.config import Config
from genred.errors import HistoryError
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Query, Record
from genred.service.sdnotify import Pulse, notify
from genred.service.service import PATIENCE_SECONDS, _Service
from genred.service.signals import Reload
from genred.service.status import Board, Status, ask
from genred.service.workers import Workers
from tests.makeaudio import make

SETTLE = 0.5


class Service:
    """`genred run` in a process of its own, without a terminal."""

    def __init__(self, music: Path, home: Path, model: Path) -> None:
        self.music = music
        self.lock = home / "state" / "genred" / "run.lock"
        self._home = home
        self._model = model
        self.said: list[str] = []

    def configure(self, *folders: Path, more: str = "") -> None:
        """Write its configuration file; ``more`` is TOML of other sections."""
        file = self._home / "config" / "genred" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"watch.directories = {list(map(str, folders or [self.music]))}\nmodel.path = '{self._model}'\n{more}"
        )

    def start(self) -> None:
        """Start, and return when it says that it is ready."""
        self.configure()
        del self.said[:]
        address = self._home / "notify"
        address.unlink(missing_ok=True)
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(address))
        self._manager.settimeout(250)
        settings = {
            "NOTIFY_SOCKET": str(address),
            "GENRED_WATCH_SETTLE_SECONDS": str(SETTLE),
            "GENRED_MODEL_MIN_CONFIDENCE": "0.5",
            "GENRED_SERVICE_WORKERS": "1",
        }
        self.log = (self._home / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "genred", "run"],
            env=os.environ | settings,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        while "READY=1" not in self.said:
            self.said += self._manager.recv(65536).decode().split("\n")
        self._manager.settimeout(0.1)
        self._listener = Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        """Hear it out: until it is gone, and has said nothing for a moment."""
        while True:
            try:
                self.said += self._manager.recv(65536).decode().split("\n")
            except TimeoutError:
                if self.process.poll() is not None:
                    return

    def reload(self) -> None:
        """Have it read its configuration again, and wait until it says that it is ready again."""
        del self.said[:]
        self.process.send_signal(signal.SIGHUP)
        until(lambda: "READY=1" in self.said)
        assert self.said.index("RELOADING=1") < self.said.index("READY=1")

    def announced(self, text: str) -> bool:
        """Whether it told its manager, too."""
        return any(line.startswith("STATUS=watching") and text in line for line in self.said)

    def logged(self) -> str:
        return (self._home / "log").read_text()

    @property
    def status(self) -> Status:
        """What it says of itself to those who ask."""
        at_work, said = ask(self.lock)
        assert at_work
        assert said is not None
        return said

    def workers(self) -> set[int]:
        """They are children of the process that they are forked from."""
        return {worker.pid for child in psutil.Process(self.process.pid).children() for worker in child.children()}

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.close()
        return code

    def close(self) -> None:
        """Whatever became of it, leave nothing open."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._listener.join()
        self._manager.close()
        self.log.close()

    def records(self) -> list[Record]:
        """What it recorded, oldest first."""
        history = History.open(self._home / "state" / "genred" / "history.db", readonly=True)
        found = list(history.records(Query()))[::-1]
        history.close()
        return found

    def wait_for(self, count: int) -> list[Record]:
        until(lambda: len(self.records()) >= count)
        return self.records()


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path, home: Path, tiny_model: Path) -> Iterator[Service]:
    (tmp_path / "music").mkdir()
    service = Service(tmp_path / "music", home, tiny_model)
    yield service
    service.close()


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
    time.sleep(4 * SETTLE)  # time for a second look at its own writes, if it took one
    assert len(service.records()) == 6
    assert service.stop(signal.SIGINT) == 0
    assert before.read_bytes() == untouched
    assert not list(service.music.rglob(".genred-*"))


@pytest.mark.timeout(300)
def test_it_is_ready_before_it_has_caught_up(service: Service, tmp_path: Path) -> None:
    """A service manager need not wait for what arrived while it was stopped; those who ask see how far it is."""
    service.start()
    assert service.stop() == 0
    ready = make(tmp_path / "ready.mp3", 5.0, noise=0.03)
    for number in range(30):
        shutil.copy(ready, service.music / f"{number}.mp3")
    time.sleep(2 * SETTLE)  # they rest
    service.start()
    service.wait_for(30)
    first = next(i for i, line in enumerate(service.said) if "last: tagged" in line)
    assert "READY=1" in service.said[:first]
    assert re.search(r" [1-9]\d* queued", service.said[first])
    until(lambda: service.status.done == {"tagged": 30} and service.status.known == 30)
    last = service.status.last
    assert last is not None
    assert last.path == str(service.records()[-1].path)
    until(
        lambda: any(
            line.startswith("STATUS=watching 1 root, 0 queued, 30 known, last: tagged") for line in service.said
        )
    )
    assert service.stop() == 0


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
    records = service.wait_for(8)
    time.sleep(2 * SETTLE)
    shutil.copy(ready, second / "after.mp3")
    after = service.wait_for(9)[-1]
    assert after.path.name == "after.mp3"
    assert tags.read_genres(second / "after.mp3") == []
    assert sorted(record.path.name for record in records) == [f"{number}.mp3" for number in range(8)]
    assert {record.run for record in service.records()} == {1}
    assert service.workers() == workers
    assert before.read_bytes() == untouched
    assert service.stop() == 0


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
        until(partial(service.announced, said))
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


@pytest.mark.timeout(300)
def test_workers_step_back_for_everybody_else(service: Service) -> None:
    """At the processor, and at the disk."""
    service.start()
    (worker,) = map(psutil.Process, service.workers())
    assert worker.nice() == psutil.Process().nice() + 10
    assert worker.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    assert service.stop() == 0


@pytest.mark.timeout(300)
def test_a_second_genred_is_told_of_the_first(service: Service) -> None:
    """Exit 11, and the first is not disturbed."""
    service.start()
    command = [sys.executable, "-m", "genred", "scan", str(service.music)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    assert second.returncode == 11
    assert second.stderr.startswith("genred: another genred is at work")
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
    until(lambda: not any(alive(pid) for pid in children))


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


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
        service = _Service(full, board, workers, stop, Reload(lambda: config))
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
        service = _Service(full, board, workers, stop, Reload(Config))
        with pytest.raises(HistoryError):
            service.wait(Config(), HistoryError("full", transient=True))
    assert len(stop.seen) == PATIENCE_SECONDS
