"""`genred run` as a process of its own: real events, real workers, real tags, a service manager that listens."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil

from genred.history.history import History
from genred.history.records import Query, Record
from genred.service.status import Status, ask

SETTLE = 0.5


class Service:
    """`genred run` in a process of its own, without a terminal."""

    def __init__(self, music: Path, home: Path, model: Path) -> None:
        self.music = music
        self.lock = home / "state" / "genred" / "run.lock"
        self._home = home
        self._model = model
        self.said: list[str] = []
        self.settings: dict[str, str] = {}
        self._news = threading.Condition()
        self._speaking = False

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
        self.environment = os.environ | {
            "NOTIFY_SOCKET": str(address),
            "WATCHDOG_USEC": "2000000",  # it speaks at least every half second
            "GENRED_WATCH_SETTLE_SECONDS": str(SETTLE),
            "GENRED_WATCH_ALBUM_SECONDS": str(SETTLE),
            "GENRED_MODEL_MIN_CONFIDENCE": "0.5",
            "GENRED_SERVICE_WORKERS": "1",
            **self.settings,
        }
        self.log = (self._home / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "genred", "run"],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        self._speaking = True
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.until(lambda: "READY=1" in self.said)

    def _listen(self) -> None:
        """Hear it out, to its end."""
        process = os.pidfd_open(self.process.pid)
        manager = self._manager.fileno()
        while self._speaking:
            heard, _, _ = select.select([manager, process], [], [])
            with self._news:
                if manager in heard:
                    self.said += self._manager.recv(65536).decode().split("\n")
                else:
                    self._speaking = False
                self._news.notify_all()
        os.close(process)

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, and look whenever the service speaks; it must not end before."""
        with self._news:
            while not true():
                assert self._speaking, "it has ended"
                self._news.wait()

    def reload(self) -> None:
        """Have it read its configuration again, and wait until it says that it is ready again."""
        with self._news:
            del self.said[:]
            self.process.send_signal(signal.SIGHUP)
        self.until(lambda: "READY=1" in self.said)
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
        code = self.process.wait()
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
        self.until(lambda: len(self.records()) >= count)
        return self.records()
