"""Handle paths that nobody should trust: tell what a file is, open it without blocking, print its name.

On disk, names are bytes; in Python they are `pathlib.Path` with surrogateescape. `readable` makes a name readable for
people, `os.fsencode` turns it into bytes for the database.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from genred.errors import FileError


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file's identity, size and times, as the file system gives them without reading the file.

    Equality is exact and is for watching one file over seconds. After days, one of three weaker questions is meant:
    `matches`, `same_file` or `same_content`.
    """

    dev: int
    """The device number. It changes with every mount of a network share or a USB disk."""
    ino: int
    """The inode. On some FUSE file systems it changes with every mount."""
    size: int
    """Bytes."""
    mtime_ns: int
    """The time of the last change of content; programs can set it, and copying may keep it."""
    ctime_ns: int
    """The time of the last change of content, name, mode or owner; only the kernel sets it."""

    @classmethod
    def of(cls, st: os.stat_result) -> Self:
        return cls(st.st_dev, st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)

    def matches(self, other: "Stamp") -> bool:
        """Return whether one path holds the same, untouched file at both times.

        Device and inode are not compared: they change with some mounts, and a reboot would make a whole library look
        new. The kernel sets ctime on every change of content or name, so size and both times are enough.
        """
        return self.same_content(other) and self.ctime_ns == other.ctime_ns

    def same_file(self, other: "Stamp") -> bool:
        """Return whether both are one file, whatever its name and its content are now."""
        return (self.dev, self.ino) == (other.dev, other.ino)

    def same_content(self, other: "Stamp") -> bool:
        """Return whether both have the same content, as far as size and time of modification tell.

        It holds for a file that was renamed, moved to another disk, copied with its times, or given another owner.
        """
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns)


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a regular file; links are not followed.

    Raises
    ------
    FileError
        If there is nothing, or something that isn't a regular file.
    """
    try:
        st = os.lstat(path)
    except OSError as error:
        raise unusable(path, error) from error
    _check_regular(path, st)
    return Stamp.of(st)


def holds(path: Path, stamp: Stamp) -> bool:
    """Return whether there is a file of this content under a name, be it on another disk."""
    try:
        return stamp_of(path).same_content(stamp)
    except FileError:
        return False


def is_gone(path: str | Path, dev: int) -> bool:
    """Return whether a file that was on a device is there no more, while the device is; without it, nobody can tell."""
    here = os.fspath(path)
    while True:
        try:
            found = os.lstat(here).st_dev
        except (FileNotFoundError, NotADirectoryError):
            here = os.path.dirname(here)
        except OSError:
            return False
        else:
            return here != os.fspath(path) and found == dev


def is_as_it_was(path: Path, stamp: Stamp) -> bool:
    """Return whether the very file of a stamp is there still, and nobody touched it since."""
    try:
        return stamp_of(path).matches(stamp)
    except FileError:
        return False


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; never block on a fifo or a device, never follow a link.

    Raises
    ------
    FileError
        If there is nothing, something that isn't a regular file, or no permission.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        _check_regular(path, os.fstat(fd))
        with open(fd, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(fd)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by others but writable by the owner only.

    A link stays one, and leads to the new content; a device or a pipe is written to.

    Raises
    ------
    OSError
        If there is no room, or no permission; what was there before is left.
    """
    import tempfile  # here and not above, as in `sha256`: commands that answer at once do without

    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe that nobody reads is an error
            os.set_blocking(fd, True)
            with open(fd, "wb") as file:
                file.write(content)
            return
    path = Path(os.path.realpath(path))
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}-")
    try:
        with open(fd, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(fd)  # or a power cut may leave the new name with nothing in it
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def sha256(file: BinaryIO) -> bytes:
    """Return the hash of a file's whole content; the position in the file moves to its end."""
    import hashlib

    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # it is a BufferedReader


def unusable(path: Path, error: OSError) -> FileError:
    """Turn an `OSError` into the `FileError` to record: in words, and saying whether to try again later."""
    # All other errors say something about the disk, the share or the moment, not about the file.
    lasting = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
    if isinstance(error, FileNotFoundError):
        reason = "no such file"
    elif isinstance(error, PermissionError):
        reason = "no permission to read it"
    elif error.strerror is not None and os.path.islink(path):
        return FileError(path, "a symbolic link, which genred does not follow")
    else:
        reason = error.strerror or str(error)
    return FileError(path, reason, transient=not isinstance(error, lasting))


def readable(path: Path) -> str:
    """Return a name for logs and terminals: on one line, in valid Unicode, with control characters escaped."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """Return a text that moves no terminal's cursor and stays on its line: what can't be printed is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _check_regular(path: Path, st: os.stat_result) -> None:
    if stat.S_ISREG(st.st_mode):
        return
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link, which genred does not follow",
        stat.S_IFIFO: "a fifo",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    kind = kinds.get(stat.S_IFMT(st.st_mode), "something unknown")
    raise FileError(path, f"{kind}, not a file")
