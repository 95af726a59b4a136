"""Lock files, for one genred at a time."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path

from genred.errors import HistoryError, LockedError

_GLANCES = 5
_GLANCE_SECONDS = 0.05


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[int]:
    """Hold a lock file; it is let go when the process ends, however it ends.

    Yields
    ------
    int
        The file's descriptor; what is written there, others can read.

    Raises
    ------
    LockedError
        If another process holds it and ``wait`` is false.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
    """Whether another process holds the lock on this open file."""
    try:
        flock(fd, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    flock(fd, LOCK_UN)
    return False


def _taken(fd: int) -> bool:
    """Take a lock that is free; whether it was."""
    for glance in range(_GLANCES):
        if glance:
            time.sleep(_GLANCE_SECONDS)  # `held` has it for a moment, and that must not keep anybody from starting
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
