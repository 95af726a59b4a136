"""Scan one folder in small steps: everything when it is due, and folders that appeared."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby, islice
from pathlib import Path

from genred.errors import WatchError
from genred.fs.files import readable
from genred.names import album_folder
from genred.watching.hints import Hints
from genred.watching.walk import Found, WatchOptions, topmost, walk, walk_below

BATCH = 256
POLL_SECONDS = 60.0
"""The time between two scans where no events come."""


class Scans:
    """Begin the scan that is due, and go on with it step by step.

    Parameters
    ----------
    options
        What counts as music, and how often everything is scanned.
    hints
        Which folders appeared, and requests for a scan of everything.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, options: WatchOptions, hints: Hints, clock: Callable[[], float]) -> None:
        self._options = options
        self._hints = hints
        self._clock = clock
        self._walk: Iterator[list[Found]] | None = None
        self._next = -math.inf
        self._often = False
        self.unreadable: list[str] = []
        """What the last scan of everything could not read, with the reason."""

    @property
    def under_way(self) -> bool:
        return self._walk is not None

    @property
    def begins(self) -> bool:
        """Return whether the next step is the first one of a scan of everything."""
        return self._walk is None and (self._hints.ask_for_scan or self._clock() >= self._next)

    def within(self, seconds: float) -> None:
        """Let everything be scanned no later than so many seconds from now."""
        self._next = min(self._next, self._clock() + seconds)

    def drop(self) -> None:
        """Give up the scan that is under way."""
        self._walk = None

    def step(self, root: Path, *, often: bool) -> list[Found]:
        """Return what a scan finds next; nothing where none is due, and where one has ended.

        Parameters
        ----------
        root
            The folder, resolved.
        often
            Nothing else would find what is new: scan everything again in a minute.
        """
        self._often = often
        if self._walk is None:
            found = self._everything(root) if self.begins else self._appeared(root)
            self._walk = None if found is None else portions(found)
        pairs = next(self._walk, []) if self._walk is not None else []
        if not pairs:
            self._walk = None
        return pairs

    def _appeared(self, root: Path) -> Iterator[Found] | None:
        hinted = self._hints.take_folders()
        if not hinted:
            return None
        folders = topmost((Path(os.path.realpath(folder)) for folder in hinted), self._options)
        return chain.from_iterable(walk_below(folder, root, self._options) for folder in folders)

    def _everything(self, root: Path) -> Iterator[Found]:
        self._hints.take_scan()
        began = self._clock()
        unreadable: list[str] = []

        def failed(path: Path, error: OSError) -> None:
            unreadable.append(f"{readable(path)} ({error.strerror})")

        try:
            yield from walk(root, self._options, failed)
        except WatchError:
            self._hints.look()
        self.unreadable = unreadable
        ended = self._clock()
        every = max(POLL_SECONDS, 10 * (ended - began)) if self._often else 60 * self._options.rescan_minutes
        self._next = ended + (every or math.inf)


def portions(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield the same files, at most `BATCH` at a time; those of one album's folder together if they are no more."""
    portion: list[Found] = []
    for _, group in groupby(found, lambda pair: _folder_of(os.path.dirname(pair[0]))):
        while files := list(islice(group, BATCH)):
            if len(portion) + len(files) > BATCH:
                yield portion
                portion = []
            portion += files
    if portion:
        yield portion


@lru_cache(maxsize=16)
def _folder_of(folder: str) -> Path:
    """Return the album's folder of the files in a folder."""
    return album_folder(Path(folder, "track"))
