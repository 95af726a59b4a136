"""The soak's service seen from outside: started, stopped, killed, and what it takes of the system."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.soak.process import Clock


class Sample(NamedTuple):
    """What the process took at a moment of the simulated day."""

    life: int
    hour: float
    rss_mb: float
    descriptors: int
    threads: int


class Service:
    """`genred run` with the soak's clock and ear.

    Parameters
    ----------
    home
        For history, clock, log and socket.
    roots
        What it watches.
    clock
        Has to run while the service is waited for.
    """

    def __init__(self, home: Path, roots: Sequence[Path], clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._command = [sys.executable, "-W", "error", "-m", "tests.soak.process", str(home), *map(str, roots)]
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(home / "notify"))
        self._ready = threading.Event()
        self._turn = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home / "log"
        self.life = 0
        self.running = False

    def start(self) -> None:
        """Start, the process too where there is none, and wait until it says that it is ready."""
        if self._process is None:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | {"NOTIFY_SOCKET": str(self._home / "notify"), "WATCHDOG_USEC": "200000"},
                )
            self.life += 1
        self._ready.clear()
        self._tell("start")
        self.running = True
        while not self._ready.wait(0.02):
            assert self.check(), "the service was killed before it was ready"
            self._clock.advance(1)

    def stop(self) -> None:
        """As a service manager stops it; the process lives on, so that what is left behind adds up."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._tell("stop")
        self.running = False
        if self._process.stdout.readline() != b"stopped\n":
            self._process.wait()
            self.check()  # it was to die in its last save

    def turn(self) -> None:
        """Wait until the service gives a sign of life, or is no more."""
        assert self._process is not None
        self._turn.clear()
        while not self._turn.wait(0.2) and self._process.poll() is None:
            self._clock.advance(1)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._bury()

    def check(self) -> bool:
        """Whether it runs; it may have been killed in the middle of a save, and may not end otherwise."""
        if self._process is not None and self._process.poll() is not None:
            assert self._process.returncode == -signal.SIGKILL, "the service ended by itself, see its log"
            self._bury()
        return self.running

    def end(self) -> None:
        if self._process is not None:
            self.kill()
        self._manager.shutdown(socket.SHUT_RD)
        self._listener.join()
        self._manager.close()

    def sample(self, hour: float) -> Sample:
        assert self._process is not None
        folder = Path(f"/proc/{self._process.pid}")
        fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return Sample(
            self.life,
            hour,
            int(fields["VmRSS"].split()[0]) / 1024,
            len(os.listdir(folder / "fd")),
            int(fields["Threads"]),
        )

    def _tell(self, word: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()

    def _listen(self) -> None:
        while said := self._manager.recv(65536):
            self._turn.set()
            if b"READY=1" in said:
                self._ready.set()

    def _bury(self) -> None:
        assert self._process is not None
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process = None
        self.running = False
