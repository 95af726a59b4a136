"""Hold back files that came to rest until their album has arrived.

Pure: the clock, and which folders are busy, are handed in, so that no test waits.

One track is little to go by, and an album is decided about as a whole. So a file that came to rest waits until its
folder, with the discs in it, has: nothing in there changes any more, be it music or the temporary name of a track to
come.
"""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from genred.fs.files import Stamp
from genred.names import album_folder

PATIENCE = 10
"""How many times as long a folder is waited for that never gets quiet."""


@dataclass(slots=True)
class _Arriving:
    """The files of a folder that have come to rest, while others may be on their way."""

    until: float
    """The end of all patience."""
    quiet_at: float
    files: dict[Path, Stamp] = field(default_factory=dict)


class Gathering:
    """The files at rest that wait for their albums.

    Parameters
    ----------
    seconds
        The time for which a folder must have been quiet; 0: no file waits. All times are of one clock that never goes
        back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._folders: dict[Path, _Arriving] = {}

    @property
    def pending(self) -> int:
        return sum(len(arriving.files) for arriving in self._folders.values())

    def awaits(self, path: Path) -> bool:
        """Return whether other files of the album wait."""
        return bool(self._folders) and album_folder(path) in self._folders

    def next_due(self) -> float | None:
        """Return when `due` should be asked again; None if there is nothing to wait for."""
        return min((min(arriving.quiet_at, arriving.until) for arriving in self._folders.values()), default=None)

    def add(self, settled: Iterable[tuple[Path, Stamp]], now: float) -> None:
        """Take files that came to rest a moment ago."""
        for path, stamp in settled:
            patience = now + PATIENCE * self._seconds
            arriving = self._folders.setdefault(album_folder(path), _Arriving(patience, math.inf))
            arriving.quiet_at = now + self._seconds
            arriving.files[path] = stamp

    def due(self, now: float, unsettled: Callable[[], Collection[Path]]) -> list[tuple[Path, Stamp]]:
        """Let go of the files whose folders are quiet, or were waited for long enough; folder by folder.

        Parameters
        ----------
        now
            The time.
        unsettled
            Returns the files that may be changing still, whether or not they are music; asked only where a folder would
            be due.
        """
        ripe = [folder for folder, arriving in self._folders.items() if now >= min(arriving.quiet_at, arriving.until)]
        busy = {album_folder(path) for path in unsettled()} if ripe else set()
        found: list[tuple[Path, Stamp]] = []
        for folder in sorted(ripe):
            arriving = self._folders[folder]
            if folder in busy and now < arriving.until:
                arriving.quiet_at = now + self._seconds
            else:
                found += sorted(arriving.files.items())
                del self._folders[folder]
        return found
