"""What stands where the service does when the watcher is tested."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from genred.errors import FileError
from genred.fs.files import Stamp, stamp_of
from genred.watching.root import Meet
from genred.watching.walk import Found, WatchOptions
from genred.watching.watcher import Watcher

SETTLE = 0.25
AUDIO = b"RIFF" * 1000


class Clock:
    """Seconds that pass as the world's do, or faster; while it is held, only those that a test lets pass.

    So on a machine however busy no file rests for longer than the test says.
    """

    def __init__(self, speed: float = 1) -> None:
        self._speed = speed
        self._now = 0.0
        self._since: float | None = time.monotonic()
        self._told = 0.0
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            now = self._read()
            if threading.current_thread().name.startswith("root "):
                self._told = now
                self._changed.notify_all()
            return now

    def _read(self) -> float:
        return self._now if self._since is None else self._now + (time.monotonic() - self._since) * self._speed

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._changed:
            self._now, self._since = self._read(), None
        yield
        with self._changed:
            self._since = time.monotonic()

    def passes(self, seconds: float) -> None:
        """Let time pass while it is held, until a root's thread knows."""
        with self._changed:
            self._now += seconds
            self._changed.wait_for(lambda: self._told >= self._now)


def everything(pairs: Iterable[Found]) -> Iterator[tuple[Path, Stamp]]:
    """A history that knows nothing."""
    return ((Path(path), stamp) for path, stamp in pairs)


def nothing_new(root: Path, going_on: Callable[[], bool]) -> list[Path]:
    """Meet a root, and note nothing."""
    return []


class Listener:
    """What stands where the service does: it takes the batches and remembers, as the history would."""

    def __init__(
        self,
        *roots: Path,
        speed: float = 1,
        clock: Clock | None = None,
        known: Iterable[Path] = (),
        meet: Meet = nothing_new,
        **options: Any,
    ) -> None:
        options = {"settle_seconds": SETTLE * speed, "album_seconds": 0.0, **options}
        settings = WatchOptions(extensions=frozenset({".mp3", ".flac"}), **options)
        self.history = {path: stamp_of(path) for path in known}
        self.seen: list[Path] = []
        self.batches: list[list[Path]] = []
        self.sizes: dict[Path, int] = {}
        self.watcher = Watcher(roots, settings, self._unknown, meet, clock=clock or Clock(speed))
        self._batches = self.watcher.batches(threading.Event())
        self.until(lambda: self.watcher.ready)

    def _unknown(self, pairs: Iterable[Found]) -> Iterator[tuple[Path, Stamp]]:
        for path, stamp in ((Path(path), stamp) for path, stamp in pairs):
            if path not in self.history or not stamp.matches(self.history[path]):
                yield path, stamp

    @property
    def problems(self) -> list[str]:
        return [problem for state in self.watcher.states for problem in state.problems]

    @property
    def offline(self) -> list[Path]:
        return [state.path for state in self.watcher.states if state.state == "offline"]

    def read(self) -> None:
        batch = next(self._batches)
        assert len(batch) <= 256
        self.batches += [batch] if batch else []
        for path in batch:
            self.seen.append(path)
            with suppress(FileError):  # gone again
                self.history[path] = stamp_of(path)
                self.sizes[path] = self.history[path].size

    def until(self, condition: Callable[[], bool]) -> None:
        """Read batches, an empty one a second at least, until something is true."""
        while not condition():
            self.read()

    def finds(self, *paths: Path) -> None:
        self.until(lambda: set(paths) <= set(self.seen))

    def has_settled(self, root: Path) -> list[Path]:
        """Everything found, once a file that came later than all else was found too."""
        last = root / f"last{len(self.seen)}.mp3"
        last.write_bytes(AUDIO)
        self.finds(last)
        self.seen.remove(last)
        return self.seen

    def close(self) -> None:
        self._batches.close()
