"""The service of a soak, a process of its own: `genred run` as it is, but for its clock and for what it hears.

    python -m tests.soak.process HOME ROOT...

It starts at each line "start" on stdin, stops at the next line, and says READY=1 to the service manager in between. The
clock is a number in a file, which the driver moves; the ear is a fake that reads and writes real tags.
"""

import faulthandler
import json
import logging
import mmap
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from genred import tags
from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Config, Tags
from genred.errors import DecodeError, FileError
from genred.fs.files import stamp_of
from genred.model.evidence import Owner
from genred.model.prediction import Prediction
from genred.service import service
from genred.sound import FEATURE_VERSION
from genred.watching.watcher import Watcher
from tests.fakes import UNSURE, FakeAnalyser, sure

GENRES = ("Rock", "Jazz", "Classical", "Hip-Hop", "Metal", "Folk")
SETTLE_SECONDS = 5.0


class Clock:
    """Seconds that pass when the driver says so, for both processes; and when the service is to die."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(struct.pack("dq", 0.0, -1))
        with file.open("r+b") as handle:
            self._memory = mmap.mmap(handle.fileno(), 16)

    def __call__(self) -> float:
        return float(struct.unpack_from("d", self._memory, 0)[0])

    def advance(self, seconds: float) -> None:
        struct.pack_into("d", self._memory, 0, self() + seconds)

    def kill_at_edit(self, number: int) -> None:
        """Have the service die in the middle of that many edits from now; -1 for never."""
        struct.pack_into("q", self._memory, 8, number)

    def dies_now(self) -> bool:
        number: int = struct.unpack_from("q", self._memory, 8)[0]
        if number >= 0:
            self.kill_at_edit(number - 1)
        return number == 0


def verdict(song: int) -> Prediction | FileError:
    """What the fake hears in a song, wherever it lies and whatever it is called."""
    if song % 10 in (6, 7):
        return UNSURE
    if song % 10 == 8:
        return DecodeError(Path(str(song)), "damaged in the middle")
    return sure(GENRES[song % len(GENRES)])


def flaky(song: int) -> bool:
    """Whether the first try at a song fails for reasons that pass."""
    return song % 10 == 9


class Listener(FakeAnalyser):
    """Hears by the song that a file's artist field names."""

    def features(self, path: Path) -> bytes:
        return struct.pack("<3f", *[_song(path)] * 3)

    def judge(self, vectors: Sequence[bytes], owners: Sequence[Owner]) -> list[Prediction]:
        heard = [verdict(int(struct.unpack("<4f", vector)[-1])) for vector in vectors]
        return [UNSURE if isinstance(answer, FileError) else answer for answer in heard]

    def remember(self, vector: bytes) -> Prediction:
        return self.judge([vector], [Owner()])[0]

    def hear(self, path: Path) -> Prediction | FileError:
        try:
            return verdict(_song(path))
        except (ValueError, FileError):
            return DecodeError(path, "not a song of this soak")


class Ear(Listener):
    """Notes each look, fails the first time where a song is flaky, and dies in a save when it is to."""

    def __init__(self, clock: Clock, notes: Path) -> None:
        super().__init__()
        self.workers, self.feature_version = 1, FEATURE_VERSION  # what it hears is not to be heard again
        self._clock = clock
        self._notes = notes.open("a")
        self._tried: set[int] = set()
        self._life = f"{os.getpid()}.{time.monotonic_ns()}"

    def __enter__(self) -> Self:
        return self

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = print) -> None:
        pass

    def close(self) -> None:
        self._notes.close()

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        for path in paths:
            try:
                stamp = stamp_of(path)
                note = {"path": os.fsencode(path).hex(), "stamp": (stamp.ino, stamp.size, stamp.mtime_ns)}
                self._notes.write(json.dumps({"life": self._life, "at": time.time(), **note}) + "\n")
                self._notes.flush()
            except FileError:
                pass  # gone again: the look says so
            yield from super().analyse([path], ask, known)

    def hear(self, path: Path) -> Prediction | FileError:
        heard = super().hear(path)
        if not isinstance(heard, FileError) and flaky(song := _song(path)) and song not in self._tried:
            self._tried.add(song)
            return FileError(path, "the disk hiccups", transient=True)
        return heard

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        dies = self._clock.dies_now()
        if dies and len(genres[0]) % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().edit(path, clone, genres, options)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)


def _song(path: Path) -> int:
    _, labels = tags.read(path)
    return int(labels.artist.removeprefix("song "))


def settings(home: Path, roots: Sequence[Path]) -> Config:
    """The configuration of a soak."""
    config = Config().with_changes("watch", directories=tuple(roots), settle_seconds=SETTLE_SECONDS)
    return config.with_changes("history", url=f"sqlite:///{home / 'history.db'}")


def main() -> int:
    home, *roots = map(Path, sys.argv[1:])
    faulthandler.register(signal.SIGUSR1)
    clock = Clock(home / "clock")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    setattr(Analyser, "of", lambda *_, **__: Ear(clock, home / "looks"))  # noqa: B010 - mypy forbids the assignment - mypy minds the other way
    setattr(service, "Watcher", partial(Watcher, clock=clock))  # noqa: B010 - mypy forbids the assignment
    for _ in sys.stdin:
        stop = threading.Event()
        threading.Thread(target=lambda stop=stop: (sys.stdin.readline(), stop.set()), daemon=True).start()
        service.run(settings(home, roots), stop)
        print("stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
