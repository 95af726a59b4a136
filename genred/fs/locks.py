"""Hold lock files, for one genred at a time, and show life in them; notice who has a file open for writing."""

import fcntl
import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from typing import BinaryIO

from genred.errors import HistoryError, LockedError

_GLANCES = 5
_GLANCE_SECONDS = 0.05

_FLOCK = struct.Struct("hhqqi0q")  # fcntl(2): type, whence, start, length, process
_LIFE_START = 1 << 40  # behind the end of any lock file


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[int]:
    """Hold a lock file; the lock ends with the process, however that ends.

    Yields
    ------
    int
        The file's descriptor; other processes can read what is written to the file.

    Raises
    ------
    LockedError
        If another process holds it and ``wait`` is false.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HistoryError(f"{path}: the lock can't be taken ({error.strerror})") from error
    try:
        if wait:
            flock(fd, LOCK_EX)
        elif not _taken(fd):
            raise LockedError(f"another genred is at work on this history ({path}); see `genred status`")
        yield fd
    finally:
        os.close(fd)


def held(fd: int) -> bool:
    """Return whether another process holds the lock on this open file."""
    try:
        flock(fd, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    flock(fd, LOCK_UN)
    return False


def show_life(fd: int, moment: int) -> None:
    """Show those who can read a lock file that its holder was alive at a moment, a number that grows.

    The number is the length of a second lock on the file. A lock is kept in memory alone: so a sign of life a second
    wakes no disk, and no sign is left behind by a process that was killed.
    """
    with suppress(OSError):  # not every kernel and file system has such locks
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LIFE_START, moment, 0))


def last_life(fd: int) -> int | None:
    """Return the moment at which another process showed life last in a lock file; None if it never did."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LIFE_START, 0, 0)
    try:
        kind, _, _, moment, _ = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))
    except OSError:
        return None
    return None if kind == fcntl.F_UNLCK else moment


def lease_is_refused(file: BinaryIO) -> bool:
    """Return whether the kernel refuses a read lease, as it does while somebody has the file open for writing.

    Only the file's owner, or a process with CAP_LEASE, gets a lease, and some file systems have none. In both cases the
    answer is False.
    """
    fd = file.fileno()
    try:
        # Who opens the file in the instant of the lease breaks it with a signal; SIGIO, the default, would kill us.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _taken(fd: int) -> bool:
    """Take a lock if it is free; return False if it isn't."""
    for glance in range(_GLANCES):
        if glance:
            time.sleep(_GLANCE_SECONDS)  # `held` takes the lock for a moment, which must not stop a start
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
