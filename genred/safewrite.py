"""Replace a file without ever risking it: clone, edit, prove, swap; what was begun is in the journal before it is done.

At every moment the name holds the old file or the new one, whole. What a crash leaves behind is an intent in the
journal, and `recover` can tell from hashes what became of it:

====================================  =================================================================================
intent                                what it means
====================================  =================================================================================
not ready                             never swapped: the temporary goes, the intent is forgotten
ready, the name holds the new file    swapped: the temporary (the old file) goes, the write is finished
ready, the name holds the old file    not swapped: the temporary (the new file) goes, the intent is forgotten
ready, the temporary holds neither    somebody's file was swapped out in that instant: it is swapped back
ready, the name holds neither         somebody wrote since: theirs stays, the temporary goes, the intent is forgotten
====================================  =================================================================================
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

from genred import delta
from genred.errors import FileError, HistoryError, Protected, UndoConflict
from genred.files import Stamp, open_regular, readable, stamp_of
from genred.journal import Intent, Journal, Undo
from genred.records import Record

Hardlinks = Literal["skip", "break"]

MARGIN = 16 << 20  # bytes left free on the file system, whatever else is written meanwhile
BLOCK = 1 << 20

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_FICLONE, _FS_IOC_GETFLAGS = 0x40049409, 0x80086601
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
_libc = ctypes.CDLL(None, use_errno=True)


def replace(
    path: Path,
    before: Stamp,
    edit: Callable[[Path], None],
    draft: Record,
    journal: Journal,
    *,
    hardlinks: Hardlinks = "skip",
    preserve_mtime: bool = False,
) -> Record:
    """Replace a file by an edited clone of itself, and record it.

    Parameters
    ----------
    path, before
        The file, and the stamp it had when the decision was made.
    edit
        Changes the private clone it is given, and proves that nothing went wrong.
    draft
        Goes to the history when the file is replaced, and not before.
    hardlinks
        What to do with a file that has other names: leave it alone, or part it from them.
    preserve_mtime
        Whether the new file has the old one's time of modification.

    Raises
    ------
    Protected
        If the file must not be replaced: hard links, another owner, read-only.
    FileError
        If it can't be. Whatever is raised, the name holds the old file or, when even that was somebody else's by then,
        theirs.
    """

    def fill(original: BinaryIO, temp: Path) -> bytes:
        _copy(original, temp)
        sha256 = _sha256(temp)
        edit(temp)
        return sha256

    with journal.exclusive():
        _recover(journal)
        return _transaction(path, before, fill, draft, journal, hardlinks, preserve_mtime)


def restore(
    undo: Undo, draft: Record, journal: Journal, *, hardlinks: Hardlinks = "skip", preserve_mtime: bool = False
) -> Record:
    """Put back, byte for byte, what a write replaced.

    Raises
    ------
    UndoConflict
        If the file isn't as genred left it.
    FileError
        As `replace`.
    """
    path = undo.record.path

    def fill(original: BinaryIO, temp: Path) -> bytes:
        current = _sha256(path)
        if current != undo.after_sha256:
            raise UndoConflict(path, "it was changed since genred wrote to it, so nothing is put back")
        try:
            with open(temp, "wb") as out:
                delta.apply(original, undo.delta, out)
        except ValueError as error:
            raise UndoConflict(path, f"{error}, so nothing is put back") from error
        if _sha256(temp) != undo.before_sha256:
            raise UndoConflict(path, "the undo record doesn't give what was there, so nothing is put back")
        return current

    with journal.exclusive():
        _recover(journal)
        try:
            before = stamp_of(path)
        except FileError as error:
            raise UndoConflict(path, error.reason, transient=error.transient) from error
        return _transaction(path, before, fill, draft, journal, hardlinks, preserve_mtime)


def recover(journal: Journal) -> list[str]:
    """Resolve every write that was begun and not finished; what became of each, in words."""
    with journal.exclusive():
        return _recover(journal)


def _transaction(
    path: Path,
    before: Stamp,
    fill: Callable[[BinaryIO, Path], bytes],
    draft: Record,
    journal: Journal,
    hardlinks: Hardlinks,
    preserve_mtime: bool,
) -> Record:
    with open_regular(path) as original, _in_words(path):
        st = os.fstat(original.fileno())
        if Stamp.of(st) != before:
            raise FileError(path, "it changed while it was being analysed", transient=True)
        _check(path, original, st, hardlinks)
        temp = path.with_name(f".genred-{secrets.token_hex(8)}.tmp")
        write_id = journal.begin(path, temp, before, draft)
        try:
            os.close(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            before_sha256 = fill(original, temp)
            way_back, after_sha256 = _way_back(original, temp, before_sha256, path)
            _dress(temp, original, st, preserve_mtime)
            journal.ready(write_id, delta=way_back, before_sha256=before_sha256, after_sha256=after_sha256)
            _swap(path, temp, before, original)
        except BaseException:
            _settle(write_id, journal)
            raise
        _sync_folder(path)
        _remove(temp)
        return journal.finish(write_id, stamp_of(path))


def _check(path: Path, original: BinaryIO, st: os.stat_result, hardlinks: Hardlinks) -> None:
    """Refuse what must not be replaced, or can't be restored to what it was in every other respect."""
    if st.st_nlink > 1 and hardlinks == "skip":
        raise Protected(path, f'it has {st.st_nlink} hard links, which a save would part (tags.hardlinks is "skip")')
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
    if (room.f_bfree if me == 0 else room.f_bavail) * room.f_frsize < st.st_size + MARGIN:
        raise FileError(path, "not enough free space to save it safely", transient=True)


def _lease_is_refused(file: BinaryIO) -> bool:
    """Whether the kernel grants no read lease, as it does not while the file is open for writing somewhere."""
    fd = file.fileno()
    try:
        # Should somebody open the file in the instant of the lease: a signal that is ignored by default, not SIGIO.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no leases on this file system, or not for us
    return False


def _flags(file: BinaryIO) -> int:
    """The inode flags that chattr sets; 0 where the file system has none."""
    try:
        raw = fcntl.ioctl(file.fileno(), _FS_IOC_GETFLAGS, bytes(8))
    except OSError:
        return 0
    return int.from_bytes(raw[:4], "little")


def _copy(source: BinaryIO, temp: Path) -> None:
    """Clone by reference where the file system can, else copy, in the kernel where it can."""
    with open(temp, "wb") as target:
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
        source.seek(os.fstat(into).st_size)  # all of it, where the kernel can't copy between files
        shutil.copyfileobj(source, target, BLOCK)


def _sha256(path: Path) -> bytes:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type] # it is a BufferedReader


class _Sink:
    """A file that only remembers the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)


def _way_back(original: BinaryIO, temp: Path, before_sha256: bytes, path: Path) -> tuple[bytes, bytes]:
    """The undo record, tried out (one that doesn't work would be found out too late), and the hash of the new file."""
    sink = _Sink()
    with open_regular(temp) as new:
        record = delta.make(original, new)
        delta.apply(new, record, sink)  # type: ignore[arg-type] # all a delta does to a file is to write to it
    if sink.hash.digest() != before_sha256:
        raise FileError(path, "it changed while it was being saved", transient=True)
    return record, _sha256(temp)


def _dress(temp: Path, original: BinaryIO, st: os.stat_result, preserve_mtime: bool) -> None:
    """Owner, extended attributes (access control lists are some), mode and times of the original; then to the disk."""
    with open(temp, "rb") as clone:
        new, old = clone.fileno(), original.fileno()
        now = os.fstat(new)
        if (now.st_uid, now.st_gid) != (st.st_uid, st.st_gid):
            os.fchown(new, st.st_uid, st.st_gid)
        wanted, had = _attributes(old), _attributes(new)
        for name in had.keys() - wanted.keys():  # a folder's default list, inherited
            os.removexattr(new, name)
        for name, value in wanted.items():
            if had.get(name) != value:
                os.setxattr(new, name, value)
        os.fchmod(new, stat.S_IMODE(st.st_mode))
        os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns if preserve_mtime else now.st_mtime_ns))
        os.fsync(new)


def _attributes(fd: int) -> dict[str, bytes]:
    """Extended attributes but those the kernel derives from the content."""
    try:
        names = os.listxattr(fd)
    except OSError:
        return {}
    return {name: os.getxattr(fd, name) for name in names if name not in ("security.ima", "security.evm")}


def _swap(path: Path, temp: Path, before: Stamp, original: BinaryIO) -> None:
    """Exchange the two names, unless the file isn't the one that was cloned any more.

    Should it have become another one in the instant between, the two are exchanged when this raises: `_settle` gives
    the name back.
    """
    try:
        current = stamp_of(path)
    except FileError as error:
        raise FileError(path, "it was deleted or renamed while it was being saved", transient=True) from error
    if current != before:
        raise FileError(path, "it was changed while it was being saved; that change is kept", transient=True)
    with open_regular(temp) as ours:
        # NFS and SMB refuse every lease with the same error; our own file, which nobody else knows, tells them apart.
        if _lease_is_refused(original) and not _lease_is_refused(ours):
            raise FileError(path, "another program has it open for writing", transient=True)
    if not _exchange(temp, path):
        os.replace(temp, path)  # without an exchange the stamp, a moment ago, has to do
        return
    out = os.lstat(temp)
    if (out.st_ino, out.st_size, out.st_mtime_ns) != (before.ino, before.size, before.mtime_ns):
        raise FileError(path, "it was changed while it was being saved; that change is kept", transient=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False where the file system can't."""
    names = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _settle(write_id: int, journal: Journal) -> None:
    """Clear up after what went wrong half way; what can't be done now is left to `recover`."""
    with suppress(OSError, HistoryError):
        for intent in journal.unfinished():
            if intent.id == write_id:
                _resolve(intent, journal)


def _remove(temp: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(temp)
    _sync_folder(temp)


def _sync_folder(path: Path) -> None:
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have nothing to flush there
            raise
    finally:
        os.close(fd)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """What the operating system refuses, as something to record."""
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


def _recover(journal: Journal) -> list[str]:
    return [f"{readable(intent.path)}: {_resolve(intent, journal)}" for intent in journal.unfinished()]


def _resolve(intent: Intent, journal: Journal) -> str:
    try:
        gone = not (os.path.lexists(intent.path) or os.path.lexists(intent.temp))
        if gone and os.stat(intent.path.parent).st_dev != intent.before.dev:
            return "not resolved yet: its disk isn't there"
        if intent.ready:
            return _resolve_ready(intent, journal)
        _remove(intent.temp)
        journal.abandon(intent.id)
        return "not saved, as it was"
    except (OSError, FileError) as error:
        return f"not resolved yet: {error}"


def _resolve_ready(intent: Intent, journal: Journal) -> str:
    path, temp = intent.path, intent.temp
    there, aside = _sha256_at(path), _sha256_at(temp)
    old, new = intent.before_sha256, intent.after_sha256
    if there == new and aside in (old, None):
        _sync_folder(path)
        _remove(temp)
        journal.finish(intent.id, stamp_of(path))
        return "saved"
    if there == new and aside != new:
        _exchange(temp, path)
        if _sha256_at(temp) != new:  # theirs was replaced once more meanwhile: the latest wins
            _exchange(temp, path)
    elif aside not in (old, new, None):
        return f"not resolved: {readable(temp)} is none of genred's"
    _remove(temp)
    journal.abandon(intent.id)
    return "not saved, as it was" if there == old else "somebody else's change is kept"


def _sha256_at(path: Path) -> bytes | None:
    """The hash of a file; None where there is nothing, empty where there is something else."""
    try:
        return _sha256(path) if stat.S_ISREG(os.lstat(path).st_mode) else b""
    except FileNotFoundError:
        return None
