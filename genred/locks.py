"""Lock files, for one genred at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from genred.errors import HistoryError, LockedError


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file; it is let go when the process ends, however it ends.

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
        try:
            flock(fd, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"another genred is at work on this history ({path})") from error
        yield
    finally:
        os.close(fd)
