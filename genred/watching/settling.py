"""Wait until files have come to rest.

Pure but for one probe: clock and stamps are handed in, so that no test waits.

Nothing an event says tells that a file is whole: `mv` never closes, Samba closes twice, a browser closes a
placeholder of no bytes. So a file counts as settled when its stamp was seen twice, `settle_seconds` apart, and was
the same.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from genred.errors import FileError
from genred.fs.files import Stamp, open_regular
from genred.fs.locks import lease_is_refused

EMPTY_SECONDS = 60.0
"""How long a file of no bytes is waited for before it is let go as it is: a browser's placeholder takes that name."""


_SLEW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Seen:
    stamp: Stamp
    since: float
    look_at: float


class Settler:
    """The files that may still be changing.

    Parameters
    ----------
    settle_seconds
        How long a stamp must not change. All times are of one clock that never goes back.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle = settle_seconds
        self._hinted: dict[Path, float] = {}
        self._seen: dict[Path, _Seen] = {}  # in the order of look_at: whatever is looked at goes to the end

    @property
    def pending(self) -> int:
        return len(self.waiting) if self._hinted else len(self._seen)

    @property
    def waiting(self) -> set[Path]:
        """Return the files that may still be changing."""
        return self._seen.keys() | self._hinted.keys()

    def touched(self, path: Path, now: float) -> None:
        """Take a hint. It doesn't start the wait again unless the stamp has changed: hints may never end."""
        self._hinted.setdefault(path, now)

    def next_due(self) -> float | None:
        """Return when `due` should be asked again; None if there is nothing to wait for."""
        waiting = [next(iter(self._hinted.values()))] if self._hinted else []
        if self._seen:
            waiting.append(next(iter(self._seen.values())).look_at)
        return min(waiting, default=None)

    def due(self, now: float, stamp_of: Callable[[Path], Stamp | None]) -> list[tuple[Path, Stamp]]:
        """Let go of those that have come to rest.

        Parameters
        ----------
        now
            The time.
        stamp_of
            The present stamp of a path, None if there is no regular file; such a path is dropped.
        """
        hinted, self._hinted = self._hinted, {}
        for path in hinted:
            seen = self._seen.get(path)
            stamp = stamp_of(path)
            if stamp is None:
                self._seen.pop(path, None)
            elif seen is None or seen.stamp != stamp:
                self._wait(path, stamp, since=now, now=now)
        settled = []
        for path, seen in list(takewhile(lambda item: item[1].look_at <= now, self._seen.items())):
            stamp = stamp_of(path)
            if stamp is None:
                del self._seen[path]
            elif stamp != seen.stamp:
                self._wait(path, stamp, since=now, now=now)
            elif stamp.size == 0 and now - seen.since < EMPTY_SECONDS:
                self._wait(path, stamp, since=seen.since, now=now)
            else:
                del self._seen[path]
                settled.append((path, stamp))
        return settled

    def _wait(self, path: Path, stamp: Stamp, *, since: float, now: float) -> None:
        self._seen.pop(path, None)
        self._seen[path] = _Seen(stamp, since, now + self._settle)


class SystemTime:
    """The time that files are stamped with, for telling which have rested for long.

    When the system's clock is set forward, what was written a moment before looks old.

    Parameters
    ----------
    seconds
        How long after that the time is told as if the clock hadn't been set.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ahead: list[tuple[float, float]] = []  # since when the system's time was how far ahead of the clock

    def at(self, now: float, time: float) -> float:
        """Return the time that files are stamped with now; to be asked often.

        Parameters
        ----------
        now
            The time of a clock that never goes back.
        time
            The time of the system.
        """
        ahead = time - now
        if not self._ahead or abs(ahead - self._ahead[-1][1]) > _SLEW_SECONDS:
            self._ahead.append((now, ahead))
        while len(self._ahead) > 1 and self._ahead[1][0] + self._seconds <= now:
            del self._ahead[0]
        return now + min(ahead, *(then for _, then in self._ahead))


def at_rest(path: Path, stamp: Stamp) -> bool:
    """Return whether a file is still what had settled, and nobody is known to have it open for writing.

    A download that stalls is quiet too. A read lease is refused while somebody has the file open for writing; it
    takes the file's owner or CAP_LEASE, and network file systems refuse it for reasons of their own: don't ask there.
    """
    try:
        with open_regular(path) as file:
            return Stamp.of(os.fstat(file.fileno())) == stamp and not lease_is_refused(file)
    except FileError:
        return os.path.lexists(path)  # what can't be opened will not rest more by waiting
