"""The service as a process of its own: real events, real workers, real tags, a service manager that listens."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from genred import tags
from genred.config import Config
from genred.files import stamp_of
from genred.history import History
from genred.records import Query, Record
from genred.service import _meet, watch_options
from tests.makeaudio import make

SETTLE = 0.5


class Service:
    """`genred run` in a process of its own."""

    def __init__(self, music: Path, home: Path, model: Path) -> None:
        self.music = music
        self._home = home
        self._model = model
        self.said: list[str] = []

    def start(self) -> None:
        """Start, and return when it says that it is ready."""
        address = self._home / "notify"
        address.unlink(missing_ok=True)
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(address))
        self._manager.settimeout(100)
        settings = {
            "NOTIFY_SOCKET": str(address),
            "GENRED_WATCH_SETTLE_SECONDS": str(SETTLE),
            "GENRED_MODEL_PATH": str(self._model),
            "GENRED_MODEL_MIN_CONFIDENCE": "0.5",
            "GENRED_SERVICE_WORKERS": "1",
        }
        self.log = (self._home / "log").open("ab")
        command = [sys.executable, "-m", "genred", "run", str(self.music)]
        self.process = subprocess.Popen(command, env=os.environ | settings, stdout=self.log, stderr=self.log)
        while "READY=1" not in self.said:
            self.said += self._manager.recv(65536).decode().split("\n")
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self.said += self._manager.recv(65536).decode().split("\n")
        except OSError:
            return

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        time.sleep(0.05)  # the last datagrams are on their way to the listener
        self._manager.close()
        self.log.close()
        return code

    def records(self) -> list[Record]:
        """What it recorded, oldest first."""
        history = History.open(self._home / "state" / "genred" / "history.db", readonly=True)
        found = list(history.records(Query()))[::-1]
        history.close()
        return found

    def wait_for(self, count: int) -> list[Record]:
        until(lambda: len(self.records()) >= count)
        return self.records()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path, home: Path, tiny_model: Path) -> Iterator[Service]:
    (tmp_path / "music").mkdir()
    service = Service(tmp_path / "music", home, tiny_model)
    yield service
    if service.process.poll() is None:
        service.process.kill()
        service.stop()


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


def test_a_folder_that_appears_later_keeps_its_backlog_too(history: History, tmp_path: Path) -> None:
    """What is in it when it is first seen was there before genred; it isn't taken for an arrival."""
    root, options = tmp_path / "disk", watch_options(Config())
    unmet = _meet(history, [root], Config(), options)
    assert unmet == [root]
    root.mkdir()
    song = make(root / "old.flac", 0.1)
    assert _meet(history, unmet, Config(), options) == []
    assert list(history.unknown([(song, stamp_of(song))])) == []


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
