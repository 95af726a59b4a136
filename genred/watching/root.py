"""Look after one music folder, in a thread of its own.

The thread does everything that can hang on a dead network share: to scan, to wait for files to settle, and to look
whether the folder is still there and still the same. What it found it hands over through a bounded queue.
"""

import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genred.errors import FileError
from genred.fs.files import Stamp, readable, stamp_of
from genred.fs.mounts import MountTable, eventless, mount_of, mounts_below, read_mounts
from genred.watching import inotify
from genred.watching.gathering import Gathering
from genred.watching.hints import Hints
from genred.watching.scans import POLL_SECONDS, Scans, portions
from genred.watching.settling import Settler, SystemTime
from genred.watching.walk import Found, WatchOptions, wanted

logger = logging.getLogger(__name__)

Meet = Callable[[Path, Callable[[], bool]], list[Path]]
CHECK_SECONDS = 5.0  # between two looks at whether the folder is still the same
RETRY_SECONDS = 600.0  # between two tries to watch after a limit was reached
STALL_SECONDS = 30.0  # after which a folder that doesn't answer counts as offline
TICK_SECONDS = 1.0  # the longest sleep, so that a clock other than the system's works too
MAX_SETTLING = 8_192


@dataclass(frozen=True, slots=True)
class RootState:
    """How well a folder is looked after."""

    path: Path
    """The folder as it was given."""
    state: Literal["watched", "limited", "offline"]
    """Limited: looked after, but not as well as it could be. Offline: it is missing, or it doesn't answer."""
    problems: tuple[str, ...] = ()
    """Why it isn't just "watched", in words."""


class Root:
    """Watch a folder and scan it: at its time, when it appears, when it was replaced, and when events were lost.

    Parameters
    ----------
    given
        The folder, which need not exist.
    options
        What to look for, and how.
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
        self.hints = Hints(given)
        self.remote = False
        """No events come, and times are of a clock that may be another machine's."""
        self.failure: BaseException | None = None
        """The bug that ended the thread, for the caller to raise."""
        self._path = given
        self._options = options
        self._found = found
        self._meet = meet
        self._clock = clock
        self._events: inotify.EventSource | None = None
        self._scans = Scans(options, self.hints, clock)
        self._settler = Settler(options.settle_seconds)
        self._others = Settler(options.settle_seconds)  # what is no music, but tells that some is on its way
        self._gathering = Gathering(options.album_seconds)
        self._rest_seconds = max(options.settle_seconds, options.album_seconds)
        self._present = SystemTime(self._rest_seconds)
        self._thread = threading.Thread(target=self._run, name=f"root {readable(given)}", daemon=True)
        self._stopping = threading.Event()
        self._mounts: MountTable
        self._identity: tuple[object, ...] | None = None
        self._armed = False
        self._absent: str | None = None
        self._trouble: str | None = None
        self._unmet: list[Path] = []
        self._next_check = -math.inf
        self._next_try = math.inf
        self._beat = clock()

    # -- for other threads -------------------------------------------------------------------------------------------

    @property
    def state(self) -> RootState:
        stalled = self._thread.is_alive() and self._clock() - self._beat > STALL_SECONDS
        absent = "does not answer" if stalled else self._absent
        problems = [problem for problem in (absent, self._trouble) if problem]
        if unreadable := self._scans.unreadable:
            problems.append(f"{len(unreadable)} folders can't be read, the first is {unreadable[0]}")
        problems += [f"{readable(place)} can't be read, so it isn't known what is new there" for place in self._unmet]
        return RootState(self.given, "offline" if absent else "limited" if problems else "watched", tuple(problems))

    @property
    def ready(self) -> bool:
        """Return whether the folder is looked after, or known not to be there."""
        return self._armed or self.state.state == "offline"

    @property
    def queued(self) -> int:
        """Return how many files may be changing still."""
        return self._settler.pending + self._gathering.pending + self.hints.files

    def start(self) -> None:
        self._beat = self._clock()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.hints.wake()

    def join(self, seconds: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # -- its own thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._mounts = MountTable()
        try:
            while not self._stopping.is_set():
                self._turn()
        except BaseException as failure:  # noqa: BLE001 - carried to the caller's thread, which raises it
            self.failure = failure
        finally:
            self._disarm()
            self._mounts.close()

    def _turn(self) -> None:
        now = self._beat = self._clock()
        if now >= self._next_check or self.hints.take_look() or self._mounts.changed():
            self._next_check = now + CHECK_SECONDS
            self._check(now)
        if self._events is not None and self._events.limit is not None:
            self._limited(self._events.limit)
        self._present.at(now, time.time())
        self._absorb(now)
        self._others.due(now, _present)
        self._gathering.add(self._settler.due(now, _present), now)
        gathered = self._gathering.due(now, lambda: self._settler.waiting | self._others.waiting)
        # A file that says that this is no music may have arrived since.
        self._offer([pair for pair in gathered if wanted(pair[0], self._path, self._options)], settled=True)
        if not self._scan_on(now):
            dues = [due for due in (self._settler.next_due(), self._gathering.next_due()) if due is not None]
            self.hints.wait(min(max(min(dues, default=math.inf) - self._clock(), 0.02), TICK_SECONDS))

    # -- the folder itself -------------------------------------------------------------------------------------------

    def _check(self, now: float) -> None:
        """Look whether the folder is there and the same, and whether its events still come."""
        try:
            identity = self._identify()
        except OSError as error:
            if self._absent is None:
                logger.warning("%s: offline (%s)", readable(self.given), error.strerror)
            self._identity, self._absent = None, error.strerror
            self._scans.drop()
            self._disarm()
            return
        if identity != self._identity or self._is_deaf(now):
            if self._absent is not None:
                logger.info("%s: there again", readable(self.given))
            self._identity, self._absent = identity, None
            self._scans.drop()
            self._disarm()
            self._arm()
            self._unmet = self._meet(self.given, self._going_on)
            self.hints.scan()  # first the watch, then the scan: what comes between is not lost
            self._put([], settled=True)  # wakes the caller, who may wait for us to be ready

    def _identify(self) -> tuple[object, ...]:
        """Return what changes when the folder is replaced, or something is mounted over it or inside it."""
        self._path = Path(os.path.realpath(self.given))
        st = os.stat(self._path)
        os.scandir(self._path).close()
        mounts = read_mounts()
        return (self._path, st.st_dev, st.st_ino, mount_of(self._path, mounts), *mounts_below(self._path, mounts))

    def _arm(self) -> None:
        """Begin to watch the folder, which was seen a moment ago, if events come from there."""
        self._trouble, self._next_try = None, math.inf
        mount = eventless(self._path, read_mounts()) if self._options.polling == "auto" else None
        self.remote = mount is not None or self._options.polling is True
        if mount is not None:
            self._trouble = f"{mount.kind} sends no events, so it is scanned every {POLL_SECONDS:.0f} s"
        if not self.remote:
            try:
                self._events = inotify.EventSource(
                    self._path,
                    self.hints,
                    recursive=self._options.recursive,
                    rules=self._options.ignore_files,
                )
            except OSError as error:
                self._limited(error)
            else:
                if self._events.limit is not None:
                    self._limited(self._events.limit)
        self._armed = True

    def _disarm(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def _limited(self, error: OSError) -> None:
        """Scan the folder often, because a part of it can't be watched; try again later."""
        if self._trouble is None:
            self._trouble = f"{inotify.cause(error)}, so it is scanned every {POLL_SECONDS:.0f} s"
            self._next_try = self._clock() + RETRY_SECONDS
            logger.warning("%s: %s", readable(self.given), self._trouble)
            self._scans.within(POLL_SECONDS)

    def _is_deaf(self, now: float) -> bool:
        """Return whether to begin watching anew."""
        if self._events is None:
            return now >= self._next_try
        # A confused source still sees most, and a scan that is begun anew at every rename would never end.
        confused = self._events.confused and not self._scans.under_way
        return now >= self._next_try or confused or self._events.broken

    # -- the files in it ---------------------------------------------------------------------------------------------

    def _absorb(self, now: float) -> None:
        """Let hinted files settle, if there is room for more."""
        if self._settler.pending + self._gathering.pending < MAX_SETTLING:
            for path in self.hints.take_files():
                if path.name in self._options.ignore_files:
                    self.hints.changed(path.parent, folder=True)  # what lies there may be music now
                is_music = wanted(path, self._path, self._options)
                (self._settler if is_music else self._others).touched(path, now)

    def _scan_on(self, now: float) -> bool:
        """Take one step of a scan; return False if there is none to take, or no room for what it may find."""
        if self._absent is not None or self.queued >= MAX_SETTLING:
            return False
        if self._unmet and self._scans.begins:
            self._unmet = self._meet(self.given, self._going_on)
        pairs = self._scans.step(self._path, often=self.remote or bool(self._trouble or self._unmet))
        self._offer(pairs if self.remote else self._rested(pairs, now), settled=not self.remote)
        return bool(pairs)

    def _rested(self, pairs: list[Found], now: float) -> list[Found]:
        """Return those that have rested for long by their own times, and let the others settle."""
        horizon = (self._present.at(now, time.time()) - self._rest_seconds) * 1e9
        rested: list[Found] = []
        for path, stamp in pairs:
            if not stamp.size or max(stamp.mtime_ns, stamp.ctime_ns) >= horizon or self._gathering.awaits(Path(path)):
                self._settler.touched(Path(path), now)
            else:
                rested.append((path, stamp))
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
        for portion in portions(pairs):
            self._put(portion, settled=settled)

    def _put(self, pairs: Sequence[Found], *, settled: bool) -> None:
        while self._going_on():
            try:
                self._found.put((self, pairs, settled), timeout=TICK_SECONDS)
                return
            except queue.Full:
                continue

    def _going_on(self) -> bool:
        self._beat = self._clock()
        return not self._stopping.is_set()


def _present(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except FileError:
        return None
