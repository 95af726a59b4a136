"""Pass on the files that came to rest under some folders.

Events are hints, and any of them may be missing. What makes sure that no file is missed is the scan that compares the
folders with the history: at start, after the kernel dropped events, when a folder was replaced, and on a timer.
"""

import math
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from genred.errors import WatchError
from genred.fs.files import Stamp
from genred.watching.root import Meet, Root, RootState
from genred.watching.scans import BATCH
from genred.watching.settling import at_rest
from genred.watching.walk import Found, WatchOptions, reaches, topmost

HEARTBEAT_SECONDS = 1.0
RESOLVE_SECONDS = 3.0


class Watcher:
    """Watch folders for files that came to rest and that the history doesn't know.

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
        resolved = _resolved(roots)
        given = {real: folder for folder, real in resolved.items()}
        tops = {real: Root(given[real], options, self._found, meet, clock) for real in topmost(given, options)}
        self._roots = list(tops.values())
        self._looked_after = {
            folder: next(root for top, root in tops.items() if reaches(top, real, options))
            for folder, real in resolved.items()
        }

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
        """Return what to pass on now; what isn't at rest after all goes back to its root."""
        new = list(self._unknown(pairs))
        ready = [path for path, stamp in new if settled and (root.remote or at_rest(path, stamp))]
        for path in {path for path, _ in new}.difference(ready):
            root.hints.changed(path)
        return ready

    @property
    def ready(self) -> bool:
        """Return whether every root is looked after, or known not to be there."""
        return all(root.ready for root in self._roots)

    @property
    def states(self) -> list[RootState]:
        """Return how well each of the folders is looked after, in the order in which they were given."""
        return [replace(root.state, path=folder) for folder, root in self._looked_after.items()]

    @property
    def queued(self) -> int:
        """Return about how many files were noticed and not passed on yet."""
        return sum(root.queued for root in self._roots) + BATCH * self._found.qsize()

    def close(self) -> None:
        """Stop watching. A thread that hangs on a dead share is left behind."""
        for root in self._roots:
            root.stop()
        for root in self._roots:
            root.join(seconds=2.0)


def _resolved(folders: Sequence[Path]) -> dict[Path, Path]:
    """Return the real path of each folder; of one on a network share that is dead, the path as it was given."""
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
