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

import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from genred.errors import FileError, HistoryError, Protected, UndoConflict
from genred.fs.files import Stamp, open_regular, readable, stamp_of
from genred.history.journal import Intent, Journal, Undo
from genred.history.records import Record
from genred.saving import delta, kernel
from genred.saving.kernel import Hardlinks

_THEIRS = "it was changed while it was being saved; that change is kept"


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

    def fill(original: BinaryIO, clone: BinaryIO) -> bytes:
        kernel.copy(original, clone)
        return _sha256_of(clone)

    with journal.exclusive():
        _recover(journal)
        return _transaction(path, before, fill, edit, draft, journal, hardlinks, preserve_mtime)


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
    path = undo.path

    def fill(original: BinaryIO, clone: BinaryIO) -> bytes:
        if _sha256_of(original) != undo.after_sha256:
            raise UndoConflict(path, "it was changed since genred wrote to it, so nothing is put back")
        try:
            delta.apply(original, journal.undo_record(undo), clone)
        except ValueError as error:
            raise UndoConflict(path, f"{error}, so nothing is put back") from error
        if _sha256_of(clone) != undo.before_sha256:
            raise UndoConflict(path, "the undo record doesn't give what was there, so nothing is put back")
        return undo.after_sha256

    with journal.exclusive():
        _recover(journal)
        try:
            before = stamp_of(path)
        except FileError as error:
            raise UndoConflict(path, error.reason, transient=error.transient) from error
        return _transaction(path, before, fill, lambda temp: None, draft, journal, hardlinks, preserve_mtime)


def is_protected(path: Path, hardlinks: Hardlinks = "skip") -> bool:
    """Whether `replace` would leave a file alone, as it is and lies now."""
    try:
        with open_regular(path) as original, kernel.in_words(path):
            kernel.check(path, original, os.fstat(original.fileno()), hardlinks)
    except FileError as error:
        return isinstance(error, Protected)
    return False


def is_as_left(undo: Undo) -> bool:
    """Whether a file is, byte for byte, what a write made of it.

    Raises
    ------
    UndoConflict
        If there is no such file.
    """
    try:
        return _sha256(undo.path) == undo.after_sha256
    except FileError as error:
        raise UndoConflict(undo.path, error.reason, transient=error.transient) from error


def recover(journal: Journal) -> list[str]:
    """Resolve every write that was begun and not finished; what became of each, in words."""
    with journal.exclusive():
        return _recover(journal)


def _transaction(
    path: Path,
    before: Stamp,
    fill: Callable[[BinaryIO, BinaryIO], bytes],
    edit: Callable[[Path], None],
    draft: Record,
    journal: Journal,
    hardlinks: Hardlinks,
    preserve_mtime: bool,
) -> Record:
    """Fill a new file from the original (`fill` gives the original's hash), edit it, and put it in the place."""
    with open_regular(path) as original, kernel.in_words(path):
        st = os.fstat(original.fileno())
        if Stamp.of(st) != before:
            raise FileError(path, "it changed while it was being analysed", transient=True)
        kernel.check(path, original, st, hardlinks)
        temp = path.with_name(f".genred-{secrets.token_hex(8)}.tmp")
        write_id = journal.begin(path, temp, before, draft)
        try:
            with kernel.created(temp) as clone:
                inode = os.fstat(clone.fileno()).st_ino
                before_sha256 = fill(original, clone)
            edit(temp)
            with open_regular(temp) as clone:
                if os.fstat(clone.fileno()).st_ino != inode:  # whose it is must not become the original's owner's
                    raise FileError(path, "somebody put another file in the place of genred's copy")
                way_back, after_sha256 = _way_back(original, clone, before_sha256, path)
                kernel.dress(clone, original, st, preserve_mtime)
                journal.ready(write_id, delta=way_back, before_sha256=before_sha256, after_sha256=after_sha256)
                _swap(path, temp, before, original, clone)
                stamp = Stamp.of(os.fstat(clone.fileno()))
        except BaseException:
            _settle(write_id, journal)
            raise
        kernel.sync_folder(path)
        kernel.remove(temp)
        return journal.finish(write_id, stamp)


class _Sink:
    """A file that only remembers the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)


def _way_back(original: BinaryIO, clone: BinaryIO, before_sha256: bytes, path: Path) -> tuple[bytes, bytes]:
    """The undo record, tried out (one that doesn't work would be found out too late), and the hash of the new file."""
    sink = _Sink()
    try:
        record = delta.make(original, clone)
        delta.apply(clone, record, sink)  # type: ignore[arg-type] # all a delta does to a file is to write to it
    except ValueError as error:
        raise FileError(path, f"it was changed while it was being saved ({error})", transient=True) from error
    if sink.hash.digest() != before_sha256:
        raise FileError(path, "it changed while it was being saved", transient=True)
    return record, _sha256_of(clone)


def _swap(path: Path, temp: Path, before: Stamp, original: BinaryIO, clone: BinaryIO) -> None:
    """Exchange the two names, unless the file isn't the one that was cloned any more, or somebody may write to it."""
    try:
        current = stamp_of(path)
    except FileError as error:
        raise FileError(path, "it was deleted or renamed while it was being saved", transient=True) from error
    if current != before:
        raise FileError(path, _THEIRS, transient=True)
    # NFS and SMB refuse every lease with the same error; our own file, which nobody else knows, tells them apart.
    leases = not kernel.lease_is_refused(clone)
    if leases and kernel.lease_is_refused(original):
        raise FileError(path, "another program has it open for writing", transient=True)
    if not kernel.exchange(temp, path):
        os.replace(temp, path)  # without an exchange the stamp, a moment ago, has to do
        return
    # Whoever opened it in the instant between has it open still, or has left its mark: in this order none is missed.
    late = leases and kernel.lease_is_refused(original)
    out = os.lstat(temp)
    if late or (out.st_ino, out.st_size, out.st_mtime_ns) != (before.ino, before.size, before.mtime_ns):
        kernel.exchange(temp, path)
        if os.lstat(temp).st_ino != os.fstat(clone.fileno()).st_ino:  # replaced once more meanwhile: the latest wins
            kernel.exchange(temp, path)
        raise FileError(path, _THEIRS, transient=True)


def _settle(write_id: int, journal: Journal) -> None:
    """Clear up after what went wrong half way; what can't be done now is left to `recover`."""
    with suppress(OSError, HistoryError):
        for intent in journal.unfinished():
            if intent.id == write_id:
                _resolve(intent, journal)


def _recover(journal: Journal) -> list[str]:
    return [f"{readable(intent.path)}: {_resolve(intent, journal)}" for intent in journal.unfinished()]


def _resolve(intent: Intent, journal: Journal) -> str:
    try:
        gone = not (os.path.lexists(intent.path) or os.path.lexists(intent.temp))
        if gone and os.stat(intent.path.parent).st_dev != intent.before.dev:
            return "not resolved yet: its disk isn't there"
        if intent.ready:
            return _resolve_ready(intent, journal)
        kernel.remove(intent.temp)
        journal.abandon(intent.id)
        return "not saved, as it was"
    except (OSError, FileError) as error:
        return f"not resolved yet: {error}"


def _resolve_ready(intent: Intent, journal: Journal) -> str:
    path, temp = intent.path, intent.temp
    there, aside = _sha256_at(path), _sha256_at(temp)
    old, new = intent.before_sha256, intent.after_sha256
    if there == new and aside in (old, None):
        kernel.sync_folder(path)
        kernel.remove(temp)
        journal.finish(intent.id, stamp_of(path))
        return "saved"
    if there == new and aside != new:
        kernel.exchange(temp, path)
        if _sha256_at(temp) != new:  # theirs was replaced once more meanwhile: the latest wins
            kernel.exchange(temp, path)
    elif aside not in (old, new, None):
        return f"not resolved: {readable(temp)} is none of genred's"
    kernel.remove(temp)
    journal.abandon(intent.id)
    return "not saved, as it was" if there == old else "somebody else's change is kept"


def _sha256_at(path: Path) -> bytes | None:
    """The hash of a file; None where there is nothing, empty where there is something else."""
    try:
        return _sha256(path) if stat.S_ISREG(os.lstat(path).st_mode) else b""
    except FileNotFoundError:
        return None


def _sha256(path: Path) -> bytes:
    with open_regular(path) as file:
        return _sha256_of(file)


def _sha256_of(file: BinaryIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type] # it is a BufferedReader
