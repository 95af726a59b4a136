"""The errors, drawn as a tree.

::

    GenredError                  a clear message for a person, and an exit code
    ├── ConfigError         10   the configuration says something impossible
    ├── HistoryError        10   the database can't be used
    ├── LockedError         11   another genred is at work on the same history
    ├── ModelError          12   the model can't be used, or must not be
    ├── DependencyError      1   a library is of a version that genred doesn't know
    ├── ClusterError         1   the cluster that was asked for can't be used
    ├── ClusterLostError     3   the cluster went away in the middle; what was heard is kept
    ├── ServiceError         1   systemd can't be asked, or doesn't do what it is asked
    ├── WatchError           1   a music folder can't be watched or read
    └── FileError(path)      3   one file; this is recorded, and the other files go on
        ├── DecodeError          no audio can be read from it
        ├── TagError             its tags can't be read, or can't be written with certainty
        ├── Protected            it must not be written: hard-linked, another user's, read-only
        └── UndoConflict         it isn't as genred left it, so nothing is put back

The tagger catches `FileError` and nothing else: any other exception is a bug, and a bug is loud.
"""

import os
from pathlib import Path
from typing import ClassVar


class GenredError(Exception):
    """Anything that a person can cause or put right; the text is the message that they read."""

    exit_code: ClassVar[int] = 1


class ConfigError(GenredError):
    exit_code = 10


class HistoryError(GenredError):
    """The database can't be used; the message is one line.

    Parameters
    ----------
    message
        What is wrong.
    transient
        True if the trouble may pass: a full disk, or another program that holds the database.
    """

    exit_code = 10

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class LockedError(GenredError):
    exit_code = 11


class ModelError(GenredError):
    exit_code = 12


class DependencyError(GenredError):
    exit_code = 1


class ClusterError(GenredError):
    exit_code = 1


class ClusterLostError(GenredError):
    exit_code = 3


class ServiceError(GenredError):
    exit_code = 1


class WatchError(GenredError):
    exit_code = 1


class FileError(GenredError):
    """Something is wrong with one file.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong and, if a person can do something, what to do; it follows "path: ".
    transient
        True if the same file, unchanged, is worth another try later (no space left, for example).
    """

    exit_code = 3

    def __init__(self, path: Path, reason: str, *, transient: bool = False) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason
        self.transient = transient

    def __str__(self) -> str:
        name = os.fsencode(self.path).decode("utf-8", "backslashreplace")
        return f"{name}: {self.reason}"

    def __reduce__(self) -> tuple[object, ...]:
        # It is raised in worker processes, and the keyword argument must survive pickling.
        return _rebuild, (type(self), self.path, self.reason, self.transient)


def _rebuild(kind: type[FileError], path: Path, reason: str, transient: bool) -> FileError:
    return kind(path, reason, transient=transient)


class UnfinishedError(FileError):
    """A save replaced a file, and could not be recorded yet; the next save or start does that."""


class DecodeError(FileError):
    pass


class TagError(FileError):
    pass


class Protected(FileError):
    pass


class UndoConflict(FileError):
    pass
