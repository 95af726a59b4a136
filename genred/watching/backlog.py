"""What lies in a folder before genred knows it: nobody asked to have that tagged.

A folder is known by the file systems that were seen there, at its own place and where something is mounted inside it.
One that was never seen there is a person's disk with their old music: all on it that isn't known is noted as backlog.
So a mount point that was empty at the first start, or a stick that is plugged in, makes no old library look like news.

A library that was copied to another disk, or whose disk has another number today, is the same library: most of what is
known there is there, unchanged. What is unknown on it has arrived.
"""

import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from genred.fs.files import holds, readable
from genred.fs.mounts import file_system, mounts_below, read_mounts
from genred.history.history import History
from genred.watching.walk import Found, WatchOptions, reaches, walk_below

logger = logging.getLogger(__name__)

_BATCH = 500
_SAMPLE = 200
_PASSING = {errno.EIO, errno.EREMOTEIO, errno.ENODEV, errno.ENXIO}  # the disk's, and then the network's
_PASSING |= {errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH}


class Meeting:
    """At the first sight of a file system in a folder, notes what is there as none of genred's business.

    Parameters
    ----------
    history
        Where it is noted, in short transactions.
    options
        What counts as music.
    leave
        Whether what is there is left alone; else it is news.
    """

    def __init__(self, history: History, options: WatchOptions, *, leave: bool) -> None:
        self._history = history
        self._options = options
        self._leave = leave

    def __call__(self, given: Path, going_on: Callable[[], bool]) -> list[Path]:
        """Look what a folder lies on, itself and the mount points in it; where all is known that costs next to nothing.

        Parameters
        ----------
        given
            The folder as it is configured.
        going_on
            Asked now and then while files are noted; after a False the next meeting begins anew.

        Returns
        -------
        list of Path
            Places that can't be looked at now: what is found there before they are met may be anything.
        """
        root = Path(os.path.realpath(given))
        mounts = read_mounts()
        inner = (mount.point for mount in mounts_below(root, mounts))
        places = dict.fromkeys((root, *(point for point in inner if reaches(root, point, self._options))))
        # A genred that didn't note file systems is taken to have seen the one that is there now.
        older = "" in self._history.file_systems(given.absolute())
        unmet = []
        for place in places:
            try:
                there, seen = file_system(place, mounts), self._history.file_systems(place)
                if there in seen:
                    continue
                moved = bool(seen) and self._is_moved(place)
                if older or self._note(place, self._walk(place, root, places), going_on, moved=moved):
                    self._history.remember(place, there)
                else:
                    unmet.append(place)
            except OSError:
                unmet.append(place)
        if older:
            self._history.forget_root(given.absolute(), "")
        return unmet

    def _walk(self, place: Path, root: Path, places: Iterable[Path]) -> Iterator[Found]:
        inner = [other for other in places if place in other.parents]

        def failed(path: Path, error: OSError) -> None:
            # What must not be read is no concern of genred's; what can't be read just now may be full of music.
            if path == place or (error.errno in _PASSING and not any(map(path.is_relative_to, inner))):
                raise error

        return walk_below(place, root, self._options, failed)

    def _note(self, place: Path, there: Iterator[Found], going_on: Callable[[], bool], *, moved: bool) -> bool:
        """Note every file; return False if interrupted."""
        count = 0
        while batch := list(islice(there, _BATCH)):
            count += self._history.files.note_backlog(batch, backlog=self._leave and not moved)
            if not going_on():
                return False
        if count:
            told = "%s: %d files were there before and are left alone (see `genred scan`)"
            logger.info(told, readable(place), count)
        return True

    def _is_moved(self, place: Path) -> bool:
        """Return whether most of the known files are there, with the size and time of modification that are known."""
        sample = self._history.files.sample(place, _SAMPLE)
        return 2 * sum(holds(known.path, known.stamp) for known in sample) > len(sample)
