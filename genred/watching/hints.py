"""Collect what other threads notice about a folder, for the thread that looks after it.

Whoever reports something never waits and never fails: an exception would end the thread that reads the kernel's events.
"""

import logging
import threading
from pathlib import Path

from genred.fs.files import readable

logger = logging.getLogger(__name__)

MAX_HINTS = 50_000
"""A scan costs less than to look at more paths than these, one by one."""


class Hints:
    """Hold hints until the folder's own thread takes them.

    Parameters
    ----------
    folder
        The folder, for the log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: set[Path] = set()
        self._folders: set[Path] = set()
        self._scan = threading.Event()
        self._look = threading.Event()
        self._wake = threading.Event()

    # -- for every thread --------------------------------------------------------------------------------------------

    @property
    def files(self) -> int:
        """Return how many files are to be looked at."""
        return len(self._files)

    @property
    def ask_for_scan(self) -> bool:
        """Return whether everything is to be scanned."""
        return self._scan.is_set()

    def changed(self, path: Path, *, folder: bool = False) -> None:
        """Report that something may have happened to a file, or that a folder appeared."""
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
        """Report that hints are missing, so that only a scan finds what they were about."""
        if not self._scan.is_set():
            logger.warning("%s: events were lost (%s), so it is scanned", readable(self._folder), why)
        self.scan()

    def scan(self) -> None:
        """Ask for a scan of everything."""
        self._scan.set()
        self._wake.set()

    def look(self) -> None:
        """Ask for a look at once at the folder itself: it may be gone, or be another one."""
        self._look.set()
        self._wake.set()

    def wake(self) -> None:
        """Make the folder's thread go on at once."""
        self._wake.set()

    # -- for the folder's own thread ---------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Sleep until something is reported, and no longer than so many seconds."""
        self._wake.wait(seconds)
        self._wake.clear()

    def take_files(self) -> set[Path]:
        with self._lock:
            files, self._files = self._files, set()
        return files

    def take_folders(self) -> set[Path]:
        with self._lock:
            folders, self._folders = self._folders, set()
        return folders

    def take_scan(self) -> bool:
        """Return whether a scan was asked for, and take the request as heard."""
        return _taken(self._scan)

    def take_look(self) -> bool:
        """Return whether a look was asked for, and take the request as heard."""
        return _taken(self._look)


def _taken(asked: threading.Event) -> bool:
    if not asked.is_set():
        return False
    asked.clear()
    return True
