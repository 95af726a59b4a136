"""One music folder, looked after by a thread of its own.

The thread does everything that can hang on a dead network share: scanning, waiting for files to settle, and looking
whether the folder is still there and still the same. What it found it hands over through a bounded queue.
"""

import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from genred.errors import FileError, WatchError
from genred.fs.files import Stamp, readable, stamp_of
from genred.fs.mounts import MountTable, mount_of, mounts_below, read_mounts
from genred.watching.settling import Settler, SystemTime
from genred.watching.walk import WatchOptions, topmost, walk, walk_below, wanted

logger = logging.getLogger(__name__)

Found = tuple[str | Path, Stamp]  # a plain string from a scan, see `walk`
Meet = Callable[[Path, Callable[[], bool]], list[Path]]
BATCH = 256
CHECK_SECONDS = 5.0  # between two looks at whether the folder is still the same
POLL_SECONDS = 60.0  # between two scans where no events come
STALL_SECONDS = 30.0  # after which a folder that doesn't answer counts as offline
TICK_SECONDS = 1.0  # the longest sleep, so that a clock other than the system's works too
MAX_HINTS = 50_000  # more than that, and a scan is cheaper
MAX_SETTLING = 8_192


class Root:
    """A folder that is scanned at its time, and when it appears, or was replaced, or something was lost.

    Parameters
    ----------
    given
        The folder, which need not exist.
    options
        What to look for.
    found
        Takes (this root, pairs, whether these pairs are known to be at rest).
    meet
        Called with the folder, and with whether to go on, when it appeared or something was mounted there, and before
        anything found is passed on; returns places that can't be looked at yet.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self,
        given: Path,
        options: WatchOptions,
        found: "queue.Queue[tuple[Root, Sequence[Found], bool]]",
        meet: Meet,
        clock: Callable[[], float],
    ) -> None:
        self.given = given
        self.path = given
        self.armed = False
        self.trouble: str | None = None
        self.failure: BaseException | None = None
        self._options = options
        self._found = found
        self._meet = meet
        self._clock = clock
        self._settler = Settler(options.settle_seconds)
        self._thread = threading.Thread(target=self._run, name=f"root {readable(given)}", daemon=True)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._lost = threading.Event()
        self._lock = threading.Lock()
        self._files: set[Path] = set()
        self._folders: set[Path] = set()
        self._identity: tuple[object, ...] | None = None
        self._absent: str | None = None
        self._unreadable: list[str] = []
        self._unmet: list[Path] = []
        self._mounts: MountTable
        self._scan: Iterator[Found] | None = None
        self._next_check = self._next_scan = -math.inf
        self._beat = clock()
        self._present = SystemTime(options.settle_seconds)

    # For other threads.

    @property
    def offline(self) -> bool:
        """Whether the folder is missing or doesn't answer."""
        return self._absent is not None or self._stalled

    @property
    def _stalled(self) -> bool:
        return self._thread.is_alive() and self._clock() - self._beat > STALL_SECONDS

    @property
    def queued(self) -> int:
        """How many files may be changing still."""
        return self._settler.pending + len(self._files)

    @property
    def scanning(self) -> bool:
        return self._scan is not None

    @property
    def problems(self) -> list[str]:
        told = ["does not answer" if self._stalled else self._absent, self.trouble]
        if unreadable := self._unreadable:
            told.append(f"{len(unreadable)} folders can't be read, the first is {unreadable[0]}")
        told += [f"{readable(place)} can't be read, so it isn't known what is new there" for place in self._unmet]
        return [f"{readable(self.given)}: {problem}" for problem in told if problem]

    def start(self) -> None:
        self._beat = self._clock()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def hint(self, path: Path, *, folder: bool = False) -> None:
        """Something may have happened at this path; never raises and never waits."""
        with self._lock:
            (self._folders if folder else self._files).add(path)
            too_many = len(self._files) + len(self._folders) > MAX_HINTS
            if too_many:
                self._files.clear()
                self._folders.clear()
        if too_many:
            self.lost("too many at once")
        self._wake.set()

    def lost(self, why: str) -> None:
        """Hints are missing, and only a scan can tell which."""
        if not self._lost.is_set():
            logger.warning("%s: events were lost (%s), so it is scanned", readable(self.given), why)
        self._lost.set()
        self._wake.set()

    def look_again(self) -> None:
        """Look at once whether the folder is still the same."""
        self._next_check = -math.inf
        self._wake.set()

    def scan_by(self, seconds: float) -> None:
        """See to it that the next scan is not later than that."""
        self._next_scan = min(self._next_scan, self._clock() + seconds)

    # What a root does that gets events.

    def arm(self, now: float) -> None:
        """Begin to look after the folder at `path`, which was seen there a moment ago."""

    def disarm(self) -> None:
        """Let go of it."""

    def failing(self, now: float) -> bool:
        """Whether to disarm and arm again."""
        return False

    @property
    def remote(self) -> bool:
        """Whether there are no events, and times are of a clock that may be another machine's."""
        return True

    # Its own thread.

    def _run(self) -> None:
        self._mounts = MountTable()
        try:
            while not self._stopping.is_set():
                self._turn()
        except BaseException as failure:  # noqa: BLE001 - carried to the caller's thread, which raises it
            self.failure = failure
        finally:
            self.disarm()
            self._mounts.close()

    def _turn(self) -> None:
        now = self._beat = self._clock()
        if now >= self._next_check or self._mounts.changed():
            self._next_check = now + CHECK_SECONDS
            self._check(now)
        self._present.at(now, time.time())
        self._absorb(now)
        self._offer(self._settler.due(now, _present), settled=True)
        if not self._scan_on(now):
            due = self._settler.next_due()
            self._wake.wait(TICK_SECONDS if due is None else min(max(due - self._clock(), 0.02), TICK_SECONDS))
            self._wake.clear()

    def _check(self, now: float) -> None:
        """Look whether the folder is there and the same, and whether its watch still lives."""
        try:
            identity = self._identify()
        except OSError as error:
            if self._absent is None:
                logger.warning("%s: offline (%s)", readable(self.given), error.strerror)
            self._absent = f"offline: {error.strerror}"
            self._identity = self._scan = None
            self.disarm()
            return
        if identity != self._identity or self.failing(now):
            if self._absent is not None:
                logger.info("%s: there again", readable(self.given))
            self.disarm()
            self._identity, self._absent, self._scan = identity, None, None
            self.arm(now)
            self.armed = True
            self._unmet = self._meet(self.given, self._going_on)
            self._lost.set()  # first the watch, then the scan: what comes between is not lost
            self._put([], settled=True)  # wakes the caller, who may wait for us to be ready

    def _identify(self) -> tuple[object, ...]:
        """What changes when the folder is replaced, or something is mounted over it or inside it."""
        self.path = Path(os.path.realpath(self.given))
        st = os.stat(self.path)
        os.scandir(self.path).close()
        mounts = read_mounts()
        return (self.path, st.st_dev, st.st_ino, mount_of(self.path, mounts), *mounts_below(self.path, mounts))

    def _absorb(self, now: float) -> None:
        """Let hinted files settle, if there is room for more."""
        if self._settler.pending < MAX_SETTLING:
            with self._lock:
                files, self._files = self._files, set()
            for path in files:
                if wanted(path, self.path, self._options):
                    self._settler.touched(path, now)

    def _scan_on(self, now: float) -> bool:
        """Take one step of a scan, if there is one to do and room; whether there was."""
        if self._absent is not None or self.queued >= MAX_SETTLING:
            return False
        if self._scan is None:
            self._scan = self._next_walk(now)
        pairs = list(islice(self._scan, BATCH)) if self._scan is not None else []
        if not pairs:
            self._scan = None
            return False
        if self.remote:
            self._offer(pairs, settled=False)
        else:
            self._offer(self._rested(pairs, now), settled=True)
        return True

    def _next_walk(self, now: float) -> Iterator[Found] | None:
        """What has to be scanned now: everything, or folders that appeared, or nothing."""
        if self._lost.is_set() or now >= self._next_scan:
            self._lost.clear()
            return self._everything()
        with self._lock:
            hinted, self._folders = self._folders, set()
        if not hinted:
            return None
        folders = topmost((Path(os.path.realpath(folder)) for folder in hinted), self._options)
        return chain.from_iterable(walk_below(folder, self.path, self._options) for folder in folders)

    def _everything(self) -> Iterator[Found]:
        began = self._clock()
        unreadable: list[str] = []
        if self._unmet:
            self._unmet = self._meet(self.given, self._going_on)
        try:
            yield from walk(
                self.path,
                self._options,
                on_error=lambda folder, error: unreadable.append(f"{readable(folder)} ({error.strerror})"),
            )
        except WatchError:
            self._next_check = began
        self._unreadable = unreadable
        ended = self._clock()
        if self.remote or self.trouble or self._unmet:
            self._next_scan = ended + max(POLL_SECONDS, 10 * (ended - began))
        else:
            self._next_scan = ended + (60 * self._options.rescan_minutes or math.inf)

    def _rested(self, pairs: list[Found], now: float) -> list[Found]:
        """Those that have rested for long by their own times; the others are left to settle."""
        horizon = (self._present.at(now, time.time()) - self._options.settle_seconds) * 1e9
        rested = [
            (path, stamp) for path, stamp in pairs if stamp.size and max(stamp.mtime_ns, stamp.ctime_ns) < horizon
        ]
        for path in {path for path, _ in pairs}.difference(path for path, _ in rested):
            self._settler.touched(Path(path), now)
        return rested

    def _offer(self, pairs: Sequence[Found], *, settled: bool) -> None:
        """Hand over what was seen, unless it may lie on something that was mounted since and has to be met first."""
        same = self._identity
        if pairs and self._mounts.changed():
            self._check(self._clock())
        if self._identity is not same:
            return  # the scan that follows sees it
        if unmet := self._unmet:
            pairs = [pair for pair in pairs if not any(Path(pair[0]).is_relative_to(place) for place in unmet)]
        for start in range(0, len(pairs), BATCH):
            self._put(pairs[start : start + BATCH], settled=settled)

    def _going_on(self) -> bool:
        self._beat = self._clock()
        return not self._stopping.is_set()

    def _put(self, pairs: Sequence[Found], *, settled: bool) -> None:
        while self._going_on():
            try:
                self._found.put((self, pairs, settled), timeout=TICK_SECONDS)
                return
            except queue.Full:
                continue


def _present(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except FileError:
        return None
