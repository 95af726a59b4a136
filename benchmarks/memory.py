"""What `genred run` takes of memory, descriptors and threads, at the start and after many files.

    python -m benchmarks.memory                       # after 0 and 1,000 files, some minutes
    python -m benchmarks.memory --files 1000 10000    # about half an hour on two cores

The service runs as it is installed, with the built-in model and as many workers as it chooses. The files are four
seconds long, of four formats, each with an artist of its own; they arrive in portions, as a copy of a library would.
Memory is resident memory, of pages that processes share a fair part each, as the kernel counts it (PSS). The *server*
is what workers are forked from.
"""

import argparse
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.makeaudio import make
from tests.soak.music import labelled

KINDS = ("mp3", "flac", "ogg", "m4a")
PORTION = 500
SETTLE_SECONDS = 1


class Process(NamedTuple):
    """What one process takes."""

    mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        folder = Path(f"/proc/{pid}")
        fields = dict(line.split(":", 1) for line in (folder / "status").read_text("utf-8").splitlines())
        mb = psutil.Process(pid).memory_full_info().pss / 2**20
        return cls(mb, len(os.listdir(folder / "fd")), int(fields["Threads"]))


def family(pid: int) -> tuple[int, list[int]]:
    """The server below a process, and the workers."""
    (server,) = (c for c in psutil.Process(pid).children() if "forkserver" in str(c.cmdline()))
    return server.pid, [worker.pid for worker in server.children()]


def start(music: Path, home: Path) -> subprocess.Popen[bytes]:
    """`genred run`, when it says that it is ready."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(home / "notify"))
    ready = threading.Event()

    def listen() -> None:
        while said := manager.recv(65536):
            if b"READY=1" in said:
                ready.set()

    threading.Thread(target=listen, daemon=True).start()
    settings = {
        "NOTIFY_SOCKET": str(home / "notify"),
        "XDG_STATE_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GENRED_WATCH_SETTLE_SECONDS": str(SETTLE_SECONDS),
    }
    with (home / "log").open("wb") as log:
        command = [sys.executable, "-m", "genred", "run", str(music)]
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    while not ready.wait(1.0):
        if process.poll() is not None:
            raise SystemExit((home / "log").read_text("utf-8"))
    return process


def decided(home: Path) -> int:
    with closing(sqlite3.connect(f"file:{home / 'genred' / 'history.db'}?mode=ro", uri=True)) as db:
        count: int = db.execute("SELECT count(*) FROM history").fetchone()[0]
        return count


def copied(recordings: list[Path], music: Path, numbers: range) -> None:
    contents = [(path.suffix, path.read_bytes()) for path in recordings]
    folder = music / f"from {numbers.start}"
    folder.mkdir()
    for number in numbers:
        suffix, content = contents[number % len(contents)]
        (folder / f"{number:06}{suffix}").write_bytes(labelled(content, artist=f"artist {number}"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[1000])
    options = parser.parse_args()
    print(
        "  files  minutes    main: MB   fds  threads    server: MB    all: MB    workers: MB each (fds, threads)",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as base:
        home, music, studio = (Path(base, name) for name in ("home", "music", "studio"))
        for folder in (home, music, studio):
            folder.mkdir()
        recordings = [
            make(studio / f"{noise}.{kind}", 4.0, freq=freq, noise=noise)
            for kind in KINDS
            for freq, noise in ((220.0, 0.02), (660.0, 0.3))
        ]
        process = start(music, home)
        began = time.monotonic()
        try:
            count = 0
            for aim in (0, *options.files):
                while count < aim:
                    portion = range(count, min(count + PORTION, aim))
                    copied(recordings, music, portion)
                    count = portion.stop
                    while decided(home) < count - PORTION // 5:  # the next portion comes while it is at work
                        time.sleep(1.0)
                while decided(home) < aim:
                    time.sleep(1.0)
                time.sleep(5.0)  # what is measured is the service at rest
                show(aim, (time.monotonic() - began) / 60, process.pid)
        finally:
            process.terminate()
            process.wait(60)
    return 0


def show(files: int, minutes: float, pid: int) -> None:
    own = Process.of(pid)
    server, workers = family(pid)
    forker, theirs = Process.of(server), [Process.of(worker) for worker in workers]
    others = ", ".join(f"{it.mb:.0f} ({it.descriptors}, {it.threads})" for it in theirs)
    total = own.mb + forker.mb + sum(it.mb for it in theirs)
    row = (
        f"{files:>7,}{minutes:>9.1f}{own.mb:>12.0f}{own.descriptors:>6}{own.threads:>9}{forker.mb:>14.0f}{total:>11.0f}"
    )
    print(f"{row}    {others}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
