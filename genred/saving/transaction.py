"""Replace files without risk: clone, edit, prove, swap. The journal holds each intent before anything is done.

At every moment a name holds the old file or the new one, whole. A crash leaves intents in the journal, and
`genred.saving.recovery` tells from hashes what became of each.

Several files are saved side by side, step by step: then one commit of the journal is enough for a step of them all.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from genred.config import Tags
from genred.errors import FileError, GenredError, UndoConflict, UnfinishedError
from genred.fs.files import Stamp, open_regular, sha256, stamp_of
from genred.history.journal import Intent, Journal, Undo
from genred.history.records import Record
from genred.saving import delta, kernel, recovery
from genred.saving.save import Clone, Fill, Save

T = TypeVar("T")

TOGETHER = 16
"""So many files are saved together at most."""
TOGETHER_BYTES = 256 << 20
"""Files that are saved together have at most so many bytes; a larger one is saved alone."""
_THREADS = 4
"""Threads that prepare files that are saved together: they wait for the disk and for workers most of their time."""


def together(files: Iterable[T], stamp: Callable[[T], Stamp]) -> Iterator[list[T]]:
    """Yield files, in their order, in groups that may be saved together: no group has a file under two names."""
    group: list[T] = []
    stamps: list[Stamp] = []
    for file in files:
        new = stamp(file)
        size = new.size + sum(other.size for other in stamps)
        if group and (len(group) == TOGETHER or size > TOGETHER_BYTES or any(map(new.same_file, stamps))):
            yield group
            group, stamps = [], []
        group.append(file)
        stamps.append(new)
    if group:
        yield group


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
    with _turn(journal):
        return _saved_one(Save(draft, before, _edited(edit)), journal, tags)


def replace_all(
    drafts: Sequence[Record], edit: Callable[[Record, Path], None], journal: Journal, tags: Tags
) -> list[Record | FileError]:
    """Replace several files, as `replace` does, side by side; return the record of each, or why there is none.

    Parameters
    ----------
    drafts
        Decisions with stamps, of one group of `together`.
    edit
        Changes the clone for a decision; it is called in several threads at once.
    journal, tags
        As of `replace`.
    """

    def save(draft: Record) -> Save:
        if draft.stamp is None:
            raise ValueError(f"{draft.path}: what was decided about has no stamp")
        return Save(draft, draft.stamp, _edited(lambda clone: edit(draft, clone)))

    saves = list(map(save, drafts))
    groups = [saves] if _have_room(saves) else [[each] for each in saves]
    with _turn(journal):
        return [became for group in groups for became in _saved(group, journal, tags)]


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

    def fill(original: BinaryIO, clone: Clone) -> bytes:
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

    with _turn(journal):
        try:
            before = stamp_of(path)
        except FileError as error:
            raise UndoConflict(path, error.reason, transient=error.transient) from error
        return _saved_one(Save(draft, before, fill), journal, tags)


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
        with open_regular(undo.path) as file:
            return sha256(file) == undo.after_sha256
    except FileError as error:
        raise UndoConflict(undo.path, error.reason, transient=error.transient) from error


def recover(journal: Journal) -> list[str]:
    """Resolve every write that was begun and not finished; return what became of each, in words."""
    with journal.exclusive():
        return recovery.recover(journal)


def unresolved(journal: Journal) -> list[Intent]:
    """Resolve what was cut short; return what can't be resolved yet."""
    if not journal.unfinished():
        return []
    recover(journal)
    return journal.unfinished()


def follow(path: Path, journal: Journal) -> list[Intent]:
    """Resolve the save of a file whose folder was renamed since; return what can't be resolved yet."""
    with journal.exclusive():
        recovery.follow(path, journal)
    return journal.unfinished()


def _edited(edit: Callable[[Path], None]) -> Fill:
    """Return what makes the new file by copying the old one and editing the copy."""

    def fill(original: BinaryIO, clone: Clone) -> bytes:
        with clone.created() as file:
            kernel.copy(original, file)
            before_sha256 = sha256(file)
        edit(clone.path)
        return before_sha256

    return fill


def _have_room(saves: Iterable[Save]) -> bool:
    """Return whether all clones may lie on their disks at once, and as much again stays free."""
    try:
        free = min(map(kernel.free, {save.path.parent for save in saves}), default=0)
    except OSError:
        return False
    return 2 * sum(save.before.size for save in saves) < free


@contextmanager
def _turn(journal: Journal) -> Iterator[None]:
    """Let nobody else save meanwhile, and resolve first what a process that died had begun."""
    with journal.exclusive():
        recovery.recover(journal)
        yield


def _saved(saves: Sequence[Save], journal: Journal, tags: Tags) -> list[Record | FileError]:
    """Take files through the steps of a save together; return what became of each.

    What an error stops before the swap is settled here, and what it stops later is left to the next recovery.
    """
    with ExitStack() as files:
        for save in saves:
            files.callback(save.close)
        unfinished = {intent.path for intent in journal.unfinished()}
        free = _well(saves, lambda save: _refuse(save.path) if save.path in unfinished else None)
        begun = _well(free, lambda save: save.examine(tags))
        for save, intent in zip(begun, journal.begin([save.begun for save in begun]), strict=True):
            save.intent = intent
        swapped: list[Save] = []
        try:
            prepared = _prepared(begun, tags)
            journal.ready({save.intent: save.proof for save in prepared})
            swapped += _well(prepared, Save.swap)
        finally:
            recovery.settle({save.intent for save in begun if save not in swapped}, journal)
        done = _synced(_well(_synced(swapped), Save.remove_old))
        for save in swapped:
            if isinstance(save.became, FileError):
                reason = f"its new genre is there, and is recorded later ({save.became.reason})"
                save.became = UnfinishedError(save.path, reason, transient=True)
        for save, record in zip(done, journal.finish({save.intent: save.stamp() for save in done}), strict=True):
            save.became = record
    return [save.became for save in saves if save.became is not None]


def _refuse(path: Path) -> None:
    raise FileError(path, "an earlier save of it can't be brought to its end yet", transient=True)


def _saved_one(save: Save, journal: Journal, tags: Tags) -> Record:
    became = _saved([save], journal, tags)[0]
    if isinstance(became, FileError):
        raise became
    return became


def _prepared(begun: Sequence[Save], tags: Tags) -> list[Save]:
    def prepare(save: Save) -> None:
        save.prepare(tags)

    if len(begun) == 1:
        return _well(begun, prepare)
    threads = ThreadPoolExecutor(_THREADS)
    try:
        return _well(begun, prepare, threads.map)
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        raise GenredError("no thread can be started: the limit of processes is too low (`ulimit -u`)") from error
    finally:
        _end(threads)


def _end(threads: ThreadPoolExecutor) -> None:
    """Wait for threads, whatever comes meanwhile: what they work on is about to be closed and removed."""
    try:
        threads.shutdown(cancel_futures=True)
    except BaseException:
        _end(threads)
        raise


def _synced(saves: Sequence[Save]) -> list[Save]:
    """Make the names durable, folder by folder; return the saves of those folders where that went well."""
    sync = cache(kernel.sync_folder)
    return _well(saves, lambda save: sync(save.path.parent))


def _well(saves: Sequence[Save], step: Callable[[Save], object], each: Any = map) -> list[Save]:
    """Take a step with each save; return those with which that went well."""

    def is_well(save: Save) -> bool:
        try:
            with kernel.in_words(save.path):
                step(save)
        except FileError as error:
            save.became = error
        return save.became is None

    return [save for save, well in zip(saves, each(is_well, saves), strict=True) if well]
