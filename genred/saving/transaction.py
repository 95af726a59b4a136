"""Replace a file without risk: clone, edit, prove, swap. The journal holds the intent before anything is done.

At every moment the name holds the old file or the new one, whole. A crash leaves an intent in the journal, and
`recover` tells from hashes what became of it:

====================================  =================================================================================
intent                                what it means
====================================  =================================================================================
not ready                             never swapped: the temporary is removed, the intent forgotten
ready, the name holds the new file    swapped: the temporary (the old file) is removed, the write finished
ready, the name holds the old file    not swapped: the temporary (the new file) is removed, the intent forgotten
ready, the temporary holds neither    somebody's file was swapped out in that instant: it is swapped back
ready, the name holds neither         somebody wrote since: that file stays, the temporary is removed, the intent
                                      forgotten
====================================  =================================================================================
"""

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from genred.config import Tags
from genred.errors import FileError, HistoryError, UndoConflict
from genred.fs.files import Stamp, open_regular, readable, sha256, stamp_of
from genred.fs.locks import lease_is_refused
from genred.history.journal import Intent, Journal, Undo
from genred.history.records import Record
from genred.saving import delta, kernel

_THEIRS = "it was changed while it was being saved; that change is kept"


def replace(draft: Record, before: Stamp, edit: Callable[[Path], None], journal: Journal, tags: Tags) -> Record:
    """Replace a file by an edited clone of itself, and record that.

    Parameters
    ----------
    draft
        Names the file, and becomes its record in the history once the file is replaced.
    before
        The stamp of the file when the decision was made.
    edit
        Changes the private clone that it is given, and proves that nothing else in the clone changed.
    journal
        Holds the intent, and then the undo record.
    tags
        Say whether a file with other hard links may be replaced, and whether the time of modification stays.

    Raises
    ------
    Protected
        If the file must not be replaced: `refusal` says why.
    FileError
        If the file can't be replaced. Whatever is raised, the name holds the old file, or the file that somebody else
        put there meanwhile.
    """

    def fill(original: BinaryIO, clone: _Clone) -> bytes:
        with clone.created() as file:
            kernel.copy(original, file)
            before_sha256 = sha256(file)
        edit(clone.path)
        return before_sha256

    with journal.exclusive():
        _recover(journal)
        return _transaction(draft, before, fill, journal, tags)


def restore(undo: Undo, draft: Record, journal: Journal, tags: Tags) -> Record:
    """Put back, byte for byte, what a write replaced.

    Raises
    ------
    UndoConflict
        If the file isn't as genred left it.
    FileError
        As `replace`.
    """
    path = undo.path

    def fill(original: BinaryIO, clone: _Clone) -> bytes:
        with clone.created() as file:
            if sha256(original) != undo.after_sha256:
                raise UndoConflict(path, "it was changed since genred wrote to it, so nothing is put back")
            try:
                delta.apply(original, journal.undo_record(undo), file)
            except ValueError as error:
                raise UndoConflict(path, f"{error}, so nothing is put back") from error
            if sha256(file) != undo.before_sha256:
                raise UndoConflict(path, "the undo record doesn't give what was there, so nothing is put back")
        return undo.after_sha256

    with journal.exclusive():
        _recover(journal)
        try:
            before = stamp_of(path)
        except FileError as error:
            raise UndoConflict(path, error.reason, transient=error.transient) from error
        return _transaction(draft, before, fill, journal, tags)


def refusal(path: Path, tags: Tags) -> str | None:
    """Return why `replace` would leave a file alone, as the file is and lies now; None if it would not."""
    try:
        with open_regular(path) as original, kernel.in_words(path):
            kernel.check(path, original, os.fstat(original.fileno()), tags)
    except FileError as error:
        return error.reason
    return None


def is_as_left(undo: Undo) -> bool:
    """Return whether a file is, byte for byte, what a write made of it.

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
    """Resolve every write that was begun and not finished; return what became of each, in words."""
    with journal.exclusive():
        return _recover(journal)


def _transaction(
    draft: Record, before: Stamp, fill: Callable[[BinaryIO, "_Clone"], bytes], journal: Journal, tags: Tags
) -> Record:
    """Put a new file in the place of the one that the draft names.

    ``fill`` makes the new file from the original and the clone, and returns the hash of the original.
    """
    path = draft.path
    with open_regular(path) as original, kernel.in_words(path):
        st = os.fstat(original.fileno())
        if Stamp.of(st) != before:
            raise FileError(path, "it changed while it was being analysed", transient=True)
        kernel.check(path, original, st, tags)
        clone = _Clone(path)
        write_id = journal.begin(path, clone.path, before, draft)
        try:
            before_sha256 = fill(original, clone)
            with clone.opened() as file:
                undo_record, after_sha256 = _undo_record(original, file, before_sha256, path)
                kernel.dress(file, original, st, tags.preserve_mtime)
                journal.ready(write_id, delta=undo_record, before_sha256=before_sha256, after_sha256=after_sha256)
                _swap(path, clone.path, before, original, file)
                stamp = Stamp.of(os.fstat(file.fileno()))
        except BaseException:
            _settle(write_id, journal)
            raise
        kernel.sync_folder(path)
        kernel.remove(clone.path)
        return journal.finish(write_id, stamp)


class _Clone:
    """The private file that is to take the place of the original."""

    def __init__(self, original: Path) -> None:
        self.path = original.with_name(f".genred-{secrets.token_hex(8)}.tmp")
        self._original = original
        self._inode: int | None = None

    def created(self) -> BinaryIO:
        file = kernel.created(self.path)
        self._inode = os.fstat(file.fileno()).st_ino
        return file

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the clone again; refuse another file in its place, which must not get the original's owner."""
        with open_regular(self.path) as file:
            if os.fstat(file.fileno()).st_ino != self._inode:
                raise FileError(self._original, "somebody put another file in the place of genred's copy")
            yield file


class _Sink:
    """A file that only remembers the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)


def _undo_record(original: BinaryIO, clone: BinaryIO, before_sha256: bytes, path: Path) -> tuple[bytes, bytes]:
    """Make the undo record and try it out; return it with the hash of the new file."""
    sink = _Sink()
    try:
        record = delta.make(original, clone)
        delta.apply(clone, record, sink)  # type: ignore[arg-type] # all a delta does to a file is to write to it
    except ValueError as error:
        raise FileError(path, f"it was changed while it was being saved ({error})", transient=True) from error
    if sink.hash.digest() != before_sha256:
        raise FileError(path, "it changed while it was being saved", transient=True)
    return record, sha256(clone)


def _swap(path: Path, temp: Path, before: Stamp, original: BinaryIO, clone: BinaryIO) -> None:
    """Exchange the two names, unless the file is no longer the one that was cloned, or somebody may write to it."""
    try:
        current = stamp_of(path)
    except FileError as error:
        raise FileError(path, "it was deleted or renamed while it was being saved", transient=True) from error
    if current != before:
        raise FileError(path, _THEIRS, transient=True)
    # NFS and SMB refuse every lease with the same error. Nobody else knows the clone, so its lease tells them apart.
    leases = not lease_is_refused(clone)
    if leases and lease_is_refused(original):
        raise FileError(path, "another program has it open for writing", transient=True)
    if not kernel.exchange(temp, path):
        os.replace(temp, path)  # without an exchange, the check of the stamp a moment ago has to be enough
        return
    # Who opened the file in the instant between still has it open, or has changed its stamp; in this order both show.
    late = leases and lease_is_refused(original)
    out = os.lstat(temp)
    if late or (out.st_ino, out.st_size, out.st_mtime_ns) != (before.ino, before.size, before.mtime_ns):
        kernel.exchange(temp, path)
        if os.lstat(temp).st_ino != os.fstat(clone.fileno()).st_ino:  # replaced once more meanwhile: the latest wins
            kernel.exchange(temp, path)
        raise FileError(path, _THEIRS, transient=True)


def _settle(write_id: int, journal: Journal) -> None:
    """Clear up after a save that failed half way; what can't be done now is left to `recover`."""
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
        if _sha256_at(temp) != new:  # that file was replaced once more meanwhile: the latest wins
            kernel.exchange(temp, path)
    elif aside not in (old, new, None):
        return f"not resolved: {readable(temp)} is none of genred's"
    kernel.remove(temp)
    journal.abandon(intent.id)
    return "not saved, as it was" if there == old else "somebody else's change is kept"


def _sha256_at(path: Path) -> bytes | None:
    """Return the hash of a file; None if there is nothing, empty bytes if there is something that is no file."""
    try:
        return _sha256(path) if stat.S_ISREG(os.lstat(path).st_mode) else b""
    except FileNotFoundError:
        return None


def _sha256(path: Path) -> bytes:
    with open_regular(path) as file:
        return sha256(file)
