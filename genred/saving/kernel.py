"""Ask the kernel for what a save needs: permission, a private clone, its attributes, the exchange of two names."""

import ctypes
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from genred.config import Tags
from genred.errors import FileError, Protected

MARGIN = 16 << 20  # bytes that a save leaves free on the file system
BLOCK = 1 << 20

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_FICLONE, _FS_IOC_GETFLAGS = 0x40049409, 0x80086601
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
_libc = ctypes.CDLL(None, use_errno=True)


def check(path: Path, original: BinaryIO, st: os.stat_result, tags: Tags) -> None:
    """Refuse a file that must not be replaced, or whose owner and permissions could not be kept.

    Raises
    ------
    Protected
        If the file must not be replaced.
    FileError
        If there is no room for a second copy.
    """
    if st.st_nlink > 1 and tags.hardlinks == "skip":
        reason = f'it has {st.st_nlink} hard links, and a save would separate them (tags.hardlinks is "skip")'
        raise Protected(path, reason)
    me = os.geteuid()
    if me != 0 and st.st_uid != me:
        raise Protected(path, f"it belongs to another user ({st.st_uid}), and genred could not give it back")
    if me != 0 and st.st_gid not in {os.getegid(), *os.getgroups()}:
        raise Protected(path, f"it belongs to another group ({st.st_gid}), and genred could not give it back")
    if not st.st_mode & stat.S_IWUSR:
        raise Protected(path, "it is read-only")
    if _flags(original) & (_IMMUTABLE | _APPEND_ONLY):
        raise Protected(path, "it is marked immutable or append-only (chattr)")
    room = os.fstatvfs(original.fileno())
    if room.f_flag & os.ST_RDONLY:
        raise Protected(path, "its file system is mounted read-only")
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise Protected(path, "its folder can't be written to")
    if _free(room) < st.st_size + MARGIN:
        raise FileError(path, "not enough free space to save it safely", transient=True)


def free(folder: Path) -> int:
    """Return how many bytes may be written to a folder's disk."""
    return _free(os.statvfs(folder))


def _free(room: os.statvfs_result) -> int:
    return (room.f_bfree if os.geteuid() == 0 else room.f_bavail) * room.f_frsize


def created(temp: Path) -> BinaryIO:
    """Create a file that only its owner can read; the name must be free."""
    return open(temp, "x+b", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def copy(source: BinaryIO, target: BinaryIO) -> None:
    """Clone by reference if the file system can; else copy, inside the kernel if it can."""
    into, out_of = target.fileno(), source.fileno()
    with suppress(OSError):
        fcntl.ioctl(into, _FICLONE, out_of)
        return
    os.lseek(out_of, 0, os.SEEK_SET)
    try:
        while os.copy_file_range(out_of, into, 1 << 30):
            pass
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    done = os.fstat(into).st_size  # 0 where the kernel can't copy between these files: then all is copied here
    source.seek(done)
    target.seek(done)
    shutil.copyfileobj(source, target, BLOCK)


def dress(clone: BinaryIO, original: BinaryIO, st: os.stat_result, preserve_mtime: bool) -> None:
    """Give the clone the original's owner, extended attributes (access lists too), mode and times; then sync it."""
    new, old = clone.fileno(), original.fileno()
    now = os.fstat(new)
    if (now.st_uid, now.st_gid) != (st.st_uid, st.st_gid):
        os.fchown(new, st.st_uid, st.st_gid)
    wanted, had = _attributes(old), _attributes(new)
    for name in had.keys() - wanted.keys():  # inherited from the folder's default access list
        os.removexattr(new, name)
    for name, value in wanted.items():
        if had.get(name) != value:
            os.setxattr(new, name, value)
    os.fchmod(new, stat.S_IMODE(st.st_mode))
    os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns if preserve_mtime else now.st_mtime_ns))
    os.fsync(new)


def _attributes(fd: int) -> dict[str, bytes]:
    """Return the extended attributes, without those that the kernel derives from the content."""
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}
    return {name: os.getxattr(fd, name) for name in names if name not in ("security.ima", "security.evm")}


def exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; return False if the file system can't."""
    names = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def remove(temp: Path) -> None:
    """Remove a temporary, and sync its folder; it may be gone already."""
    unlink(temp)
    sync_folder(temp.parent)


def unlink(temp: Path) -> None:
    """Remove a temporary; it may be gone already."""
    with suppress(FileNotFoundError):
        os.unlink(temp)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that the names in it survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have nothing to sync there
            raise
    finally:
        os.close(fd)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a `FileError` that says in words what was refused."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FileError(path, "no space left to save it", transient=True) from error
        if error.errno == errno.EROFS:
            raise Protected(path, "its file system is mounted read-only") from error
        if error.errno == errno.EFBIG:
            raise FileError(path, "the new file would be larger than allowed here") from error
        if isinstance(error, PermissionError):
            raise Protected(path, f"saving it isn't permitted: {error.strerror}") from error
        if isinstance(error, FileNotFoundError):
            raise FileError(path, "it was deleted or renamed while it was being saved", transient=True) from error
        raise FileError(path, f"it can't be saved: {error.strerror or error}", transient=True) from error


def _flags(file: BinaryIO) -> int:
    """Return the inode flags that chattr sets; 0 if the file system has none."""
    try:
        raw = fcntl.ioctl(file.fileno(), _FS_IOC_GETFLAGS, bytes(8))
    except OSError:
        return 0
    return int.from_bytes(raw[:4], "little")
