"""Replace one file step by step: clone, edit, prove, swap. Its name always holds the old file or the new one."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import Stamp, open_regular, sha256, stamp_of
from genred.fs.locks import lease_is_refused
from genred.history.journal import Begun, Proof
from genred.history.records import Record
from genred.saving import delta, kernel

_THEIRS = "it was changed while it was being saved; that change is kept"


class Clone:
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


Fill: TypeAlias = Callable[[BinaryIO, Clone], bytes]
"""Makes the new file from the original and the clone, and returns the hash of the original."""


class Save:
    """One file that is to be replaced; its steps are called in their order, and each may raise a `FileError`.

    Parameters
    ----------
    draft
        Names the file, and becomes its record in the history once the file is replaced.
    before
        The stamp of the file when the decision was made.
    fill
        Makes the new file.
    """

    def __init__(self, draft: Record, before: Stamp, fill: Fill) -> None:
        self.path = draft.path
        self.draft = draft
        self.before = before
        self.intent: int
        """The number of its intent in the journal, once it is begun."""
        self.proof: Proof
        """The way back, once it is prepared."""
        self.became: Record | FileError | None = None
        """The record in the history, or why there is none."""
        self._fill = fill
        self._clone = Clone(draft.path)
        self._files = ExitStack()

    @property
    def begun(self) -> Begun:
        """Return what the journal has to know before the clone is made."""
        return Begun(self.path, self._clone.path, self.before, self.draft)

    def examine(self, tags: Tags) -> None:
        """Open the file, if it is the one that was decided about, and may be replaced."""
        self._original = self._files.enter_context(open_regular(self.path))
        self._st = os.fstat(self._original.fileno())
        if Stamp.of(self._st) != self.before:
            raise FileError(self.path, "it changed while it was being analysed", transient=True)
        kernel.check(self.path, self._original, self._st, tags)

    def prepare(self, tags: Tags) -> None:
        """Make the new file beside the old one, prove the way back, and make the new file durable."""
        before_sha256 = self._fill(self._original, self._clone)
        self._file = self._files.enter_context(self._clone.opened())
        self.proof = _proof(self._original, self._file, before_sha256, self.path)
        kernel.dress(self._file, self._original, self._st, tags.preserve_mtime)

    def swap(self) -> None:
        """Exchange the two names, unless the file is no longer the one that was cloned, or somebody may write to it."""
        path, temp, before = self.path, self._clone.path, self.before
        try:
            current = stamp_of(path)
        except FileError as error:
            raise FileError(path, "it was deleted or renamed while it was being saved", transient=True) from error
        if current != before:
            raise FileError(path, _THEIRS, transient=True)
        # NFS and SMB refuse every lease with the same error. Nobody else knows the clone: its lease tells them apart.
        leases = not lease_is_refused(self._file)
        if leases and lease_is_refused(self._original):
            raise FileError(path, "another program has it open for writing", transient=True)
        if not kernel.exchange(temp, path):
            os.replace(temp, path)  # without an exchange, the check of the stamp a moment ago has to be enough
            return
        # Who opened the file in the instant between still has it open, or changed its stamp; in this order both show.
        late = leases and lease_is_refused(self._original)
        out = os.lstat(temp)
        if late or (out.st_ino, out.st_size, out.st_mtime_ns) != (before.ino, before.size, before.mtime_ns):
            kernel.exchange(temp, path)
            if os.lstat(temp).st_ino != os.fstat(self._file.fileno()).st_ino:  # replaced once more: the latest wins
                kernel.exchange(temp, path)
            raise FileError(path, _THEIRS, transient=True)

    def stamp(self) -> Stamp:
        """Return the stamp of the new file."""
        return Stamp.of(os.fstat(self._file.fileno()))

    def remove_old(self) -> None:
        """Remove the old file, which has the temporary name now."""
        kernel.unlink(self._clone.path)

    def close(self) -> None:
        self._files.close()


class _Sink:
    """A file that only remembers the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)


def _proof(original: BinaryIO, clone: BinaryIO, before_sha256: bytes, path: Path) -> Proof:
    """Make the undo record, and try it out."""
    sink = _Sink()
    try:
        record = delta.make(original, clone)
        delta.apply(clone, record, sink)  # type: ignore[arg-type] # all a delta does to a file is to write to it
    except ValueError as error:
        raise FileError(path, f"it was changed while it was being saved ({error})", transient=True) from error
    if sink.hash.digest() != before_sha256:
        raise FileError(path, "it changed while it was being saved", transient=True)
    return Proof(record, before_sha256, sha256(clone))
