"""Something may have happened at this path.

Events are hints, and any of them may be missing. What makes sure that no file is missed is the scan that compares the
folders with the history: at start, after the kernel dropped events, when a folder was replaced, and on a timer.
"""

import errno
import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from genred.errors import WatchError
from genred.fs.files import Stamp, readable
from genred.fs.mounts import eventless, read_mounts
from genred.watching.root import BATCH, POLL_SECONDS, Found, Meet, Root
from genred.watching.settling import at_rest
from genred.watching.walk import WatchOptions, topmost, walk, wanted

__all__ = ["WatchOptions", "Watcher", "walk", "wanted"]

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
RESOLVE_SECONDS = 3.0
RETRY_SECONDS = 600.0  # between two tries to watch after a limit was reached

# Opening and reading a file are nobody's business, and every kind left out delays the overflow of the kernel's queue.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
_LIMITS = {errno.ENOSPC: "fs.inotify.max_user_watches", errno.EMFILE: "fs.inotify.max_user_instances"}


class Watcher:
    """The files that came to rest under some folders and that the history doesn't know.

    Parameters
    ----------
    roots
        The folders. One inside another is watched once; one that doesn't exist yet is watched when it appears.
    options
        What to look for, and how.
    unknown
        Passes on those (path, stamp) pairs whose content the history doesn't hold yet. It is given up to 256 at a
        time, in the thread that iterates over `batches`.
    meet
        Called in a root's own thread before anything found on a file system is passed on; see `Root`.
    clock
        Monotonic, in seconds.

    Raises
    ------
    WatchError
        If there is no root at all.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        options: WatchOptions,
        unknown: Callable[[Iterable[Found]], Iterator[tuple[Path, Stamp]]],
        meet: Meet,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not roots:
            raise WatchError("there is no folder to watch")
        self._unknown = unknown
        self._clock = clock
        # Two chunks and no more: while the caller is busy, what is new waits on the disk and not in memory.
        self._found: queue.Queue[tuple[Root, Sequence[Found], bool]] = queue.Queue(maxsize=2)
        given = {real: root for root, real in _resolved(roots).items()}
        self._roots = [_WatchedRoot(given[real], options, self._found, meet, clock) for real in topmost(given, options)]

    def batches(self, stop: threading.Event) -> Generator[list[Path]]:
        """Yield what is new until told to stop; to be called once.

        Parameters
        ----------
        stop
            Ends the iteration within about a second.

        Yields
        ------
        list of Path
            At most 256 resolved paths that were at rest a moment ago; none at all, as a heartbeat, at least every
            second or two.
        """
        for root in self._roots:
            root.start()
        beat = -math.inf
        try:
            while not stop.is_set():
                try:
                    batch = self._confirmed(*self._found.get(timeout=HEARTBEAT_SECONDS))
                except queue.Empty:
                    batch = []
                for root in self._roots:
                    if root.failure is not None:
                        raise root.failure
                if batch or self._clock() - beat >= HEARTBEAT_SECONDS:
                    yield batch
                    beat = self._clock()
        finally:
            self.close()

    def _confirmed(self, root: Root, pairs: Sequence[Found], settled: bool) -> list[Path]:
        """Those of the pairs to pass on now; what isn't at rest after all goes back to its root."""
        new = list(self._unknown(pairs))
        ready = [path for path, stamp in new if settled and (root.remote or at_rest(path, stamp))]
        for path in {path for path, _ in new}.difference(ready):
            root.hint(path)
        return ready

    @property
    def ready(self) -> bool:
        """Whether every root is looked after, or known not to be there."""
        return all(root.armed or root.offline for root in self._roots)

    @property
    def offline(self) -> list[Path]:
        """The roots that are missing or don't answer."""
        return [root.given for root in self._roots if root.offline]

    @property
    def queued(self) -> int:
        """About how many files were noticed and not passed on yet."""
        return sum(root.queued for root in self._roots) + BATCH * self._found.qsize()

    @property
    def problems(self) -> list[str]:
        """What a person should know about how well the folders can be watched."""
        return [problem for root in self._roots for problem in root.problems]

    def close(self) -> None:
        """Stop watching. A thread that hangs on a dead share is left behind."""
        for root in self._roots:
            root.stop()
        for root in self._roots:
            root.join(seconds=2.0)


class _WatchedRoot(Root, FileSystemEventHandler):
    """A root that gets events, where there are any."""

    _observer: "_Observer | None" = None
    _eventless = False
    _next_try = math.inf

    def dispatch(self, event: FileSystemEvent) -> None:
        self.hint(Path(os.fsdecode(event.dest_path or event.src_path)), folder=event.is_directory)

    @property
    def remote(self) -> bool:
        return self._eventless

    def arm(self, now: float) -> None:
        self.trouble = None
        self._next_try = math.inf
        mount = eventless(self.path, read_mounts()) if self._options.polling == "auto" else None
        self._eventless = mount is not None or self._options.polling is True
        if mount is not None:
            self.trouble = f"{mount.kind} sends no events, so it is scanned every {POLL_SECONDS:.0f} s"
        if not self._eventless:
            try:
                self._observer = _Observer(self, self.path, recursive=self._options.recursive)
            except OSError as error:
                self.limited(error)

    def disarm(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def failing(self, now: float) -> bool:
        if self._observer is None:
            return now >= self._next_try
        # A confused watch still sees most, and a scan that is begun anew at every rename would never end.
        confused = self._observer.confused and not self.scanning
        return now >= self._next_try or confused or self._observer.blind or not self._observer.alive

    def limited(self, error: OSError) -> None:
        """Some folder can't be watched: scan until it can."""
        if self.trouble is None:
            cause = f"{_LIMITS[error.errno]} is too low" if error.errno in _LIMITS else error.strerror
            self.trouble = f"{cause}, so it is scanned every {POLL_SECONDS:.0f} s"
            self._next_try = self._clock() + RETRY_SECONDS
            logger.warning("%s: %s", readable(self.given), self.trouble)
            self.scan_by(POLL_SECONDS)


class _Observer(BaseObserver):
    """watchdog's inotify observer of one folder, that tells when something escaped it."""

    def __init__(self, root: _WatchedRoot, path: Path, *, recursive: bool) -> None:
        self._inotify = _Inotify(root)
        super().__init__(_Emitter, inotify_fd=self._inotify)
        self._inotify.start()
        try:
            self.schedule(root, path, recursive=recursive, event_filter=_EVENTS)
            self.start()
        except OSError:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        return all(thread.is_alive() for thread in (self, self._inotify, *self.emitters))

    @property
    def confused(self) -> bool:
        return self._inotify.confused

    @property
    def blind(self) -> bool:
        return self._inotify.blind

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._inotify.stop()
        self._inotify.join()


class _Inotify(InotifyFD):
    """watchdog's reader of the kernel's queue, which by itself only logs an overflow and drops a reached limit.

    It also passes in silence over the end of a watch: by the time somebody looks, another disk with the same numbers
    may be mounted there, or another folder have the same inode.
    """

    def __init__(self, root: _WatchedRoot) -> None:
        super().__init__()
        os.set_inheritable(self._inotify_fd, False)
        self._root = root
        self._top: WatchDescriptor | None = None
        self.confused = False
        self.blind = False

    def handle_event(self, event: InotifyEvent) -> None:
        # Of a watch that was taken back, as after an overflow, watchdog knows nothing any more.
        top_ended = event.is_ignored and event.wd == self._top and event.wd in self._watch_for_wd
        if top_ended or event.mask & InotifyConstants.IN_UNMOUNT:
            self.blind = True
            self._root.look_again()
        super().handle_event(event)  # mends the watches; only then does a scan see what they don't
        if event.is_queue_overflow:
            self._root.lost("the kernel's queue overflowed")

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        # watchdog's own warns of every folder that was found both by its event and by the walk of the one above.
        try:
            watch = self._get_or_create_watch(path, mask)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._root.limited(error)
            raise
        watch.callbacks[id_] = callback
        if path == os.fsencode(self._root.path):
            self._top = watch.wd
        return watch.wd


class _Folders(InotifyWatchGroup):
    """watchdog's account of which watch is which folder, which renaming folders can upset.

    What follows is a KeyError that ends the reader's thread. Here it is a sign that events carry wrong paths.
    """

    def _remove_watch_internally(self, wd: WatchDescriptor) -> None:
        try:
            super()._remove_watch_internally(wd)
        except KeyError:
            cast(_Inotify, self._inotify_fd).confused = True


class _Emitter(InotifyEmitter):
    def on_thread_start(self) -> None:
        self._inotify = _Folders(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            is_recursive=self.watch.is_recursive,
            event_mask=self.get_event_mask_from_filter(),
        )

    def on_thread_stop(self) -> None:
        # watchdog's own forgets it first, and logs an error if an event comes just then.
        if self._inotify is not None:
            self._inotify.deactivate()


def _resolved(folders: Sequence[Path]) -> dict[Path, Path]:
    """The real paths, as far as they can be had in a few seconds: on a dead network share even this question hangs."""
    real = {folder.absolute(): folder.absolute() for folder in folders}

    def resolve(folder: Path) -> None:
        real[folder] = Path(os.path.realpath(folder))

    threads = [threading.Thread(target=resolve, args=[folder], daemon=True) for folder in real]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + RESOLVE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return real.copy()
