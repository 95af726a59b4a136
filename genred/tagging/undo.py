"""Undo tag writes: those that a person means, where their files are now, and what genred makes of it.

A person who names files says something about them: genred is to leave them alone, for good. A person who names a run, a
number of writes or a time says that genred's try wasn't good: the files are known again as they were before, the next
scan may decide about them, and the service leaves them alone until then. Either can be said of the other. A person's
own genre, undone, is always a verdict.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError, UndoConflict
from genred.fs.files import Stamp, stamp_of
from genred.genres import is_said
from genred.history.history import History
from genred.history.identity import recognise, sha256_of
from genred.history.journal import Journal, Undo
from genred.history.records import Outcome, Query, Record, Standing
from genred.saving import transaction
from genred.tagging.policy import change_in_words


def select(history: History, queries: Iterable[Query]) -> tuple[list[Undo], list[Record]]:
    """Return the writes that match any of the queries and can be undone, and those whose undo record was dropped.

    Both are newest first. A path means the file that is there now, whatever it was called when its tag was written, or
    all below a folder. The limit, of all queries together, is that of the first.
    """
    journal = Journal(history)
    names: dict[Path, Path] = {}
    found: dict[int, Undo | Record] = {}
    queries = list(queries)
    for query in queries:
        former = _former_names(history, journal, query.path) if query.path is not None else {}
        names |= former
        for asked in (query, *(replace(query, path=then) for then in former)):
            for write in journal.standing(asked):
                found[(write.record if isinstance(write, Undo) else write).id or 0] = write
    newest = [found[number] for number in sorted(found, reverse=True)]
    located = _located(history, journal, [write for write in newest if isinstance(write, Undo)], names)
    meant = {undo.record.id: undo for undo in located if _meant(undo, queries)}
    asked_for = (meant.get(write.record.id) if isinstance(write, Undo) else write for write in newest)
    chosen = [write for write in asked_for if write is not None][: queries[0].limit if queries else None]
    undos = [write for write in chosen if isinstance(write, Undo)]
    return undos, [write for write in chosen if isinstance(write, Record)]


def undo_write(
    history: History,
    undo: Undo,
    tags: Tags,
    analyser: Callable[[], Analyser] | None = None,
    *,
    for_good: bool = True,
    dry_run: bool = False,
) -> Record:
    """Put back, byte for byte, what a tag write replaced.

    Where somebody else changed the file since, though not its genre, only the genre is put back, if there is an
    ``analyser`` to do that; theirs stays.

    Parameters
    ----------
    history
        A run must have been started.
    undo
        The write.
    tags
        Options of writing.
    analyser
        Makes the workers, if it comes to that.
    for_good
        Whether genred leaves the file alone from now on; else the file is known as it was before the write.
    dry_run
        Look whether it can be done, and do nothing.

    Raises
    ------
    UndoConflict
        If the file isn't as genred left it.
    FileError
        If it can't be written.
    """
    wrote = undo.record
    is_trial = not for_good and wrote.model is not None
    draft = Record(
        undo.path,
        Outcome.UNDONE,
        f"took back {', '.join(wrote.written)}",
        previous=wrote.written,
        written=wrote.previous,
        undoes=wrote.id,
        standing=Standing.TRIED if is_trial else Standing.PERSON,
    )
    if dry_run and not undo.latest:
        return draft
    record = _restored(history, undo, draft, tags, analyser, dry_run=dry_run)
    earlier = _earlier(history, wrote) if is_trial and not dry_run else None
    if earlier is not None:
        history.reopen(replace(earlier, path=undo.path, stamp=record.stamp))
    return record


def _restored(
    history: History,
    undo: Undo,
    draft: Record,
    tags: Tags,
    analyser: Callable[[], Analyser] | None,
    *,
    dry_run: bool,
) -> Record:
    journal = Journal(history)
    if analyser is not None and not transaction.is_as_left(undo):
        if sha256_of(undo.path) == undo.before_sha256:
            # A master copy was put in its place, and brought the old file back.
            done = replace(draft, stamp=stamp_of(undo.path), reason=f"{draft.reason}; the file was as before already")
            return draft if dry_run else history.record(done)
        return _genre_restored(journal, undo, draft, tags, analyser(), dry_run=dry_run)
    if dry_run:
        return draft
    return transaction.restore(undo, draft, journal, tags)


def _earlier(history: History, wrote: Record) -> Record | None:
    """Return the decision of genred's that was in force before a write; None where there was none."""
    past = list(history.records(Query(path=wrote.path)))
    undone = {record.undoes for record in past}
    decided = (Outcome.TAGGED, Outcome.ABSTAINED, Outcome.KEPT)
    stood = (record for record in past if (record.id or 0) < (wrote.id or 0) and record.id not in undone)
    return next((record for record in stood if record.outcome in decided), None)


def _genre_restored(
    journal: Journal, undo: Undo, draft: Record, tags: Tags, analyser: Analyser, *, dry_run: bool
) -> Record:
    """Put back the genres alone, into a file that somebody else changed otherwise."""
    path, wrote = undo.path, undo.record
    stamp = stamp_of(path)
    places = analyser.places(path)
    if not is_said(places, wrote.written, tags.separator):
        change = change_in_words(places, wrote.written)
        raise UndoConflict(path, f"its genre was {change} since genred wrote it, so nothing is put back")
    draft = replace(draft, reason=f"{draft.reason}; what else was changed in the file since stays")
    if dry_run:
        return draft

    def edit(clone: Path) -> None:
        analyser.edit(path, clone, wrote.previous, tags)

    return transaction.replace(draft, stamp, edit, journal, tags)


def _meant(undo: Undo, queries: list[Query]) -> bool:
    """Whether a file is where it was asked for; one whose former name another file has now isn't meant by that name."""
    asked = [query.path for query in queries if query.path is not None]
    here = not asked or any(undo.path.is_relative_to(path) for path in asked)
    return here or not os.path.lexists(undo.record.path)


def _former_names(history: History, journal: Journal, path: Path) -> dict[Path, Path]:
    """What the files at or below a path were called when they were tagged: former name, name now."""
    names = journal.moved(path)
    return names | _unnoticed(history, path)


def _unnoticed(history: History, path: Path) -> dict[Path, Path]:
    """Return the files at or below a path that nobody has seen since they were renamed: former name, name now."""
    found = ((now, recognise(history, now, stamp)) for now, stamp in history.files.unknown(_there(path)))
    return {known.path: now for now, known in found if known is not None and known.path != now}


def _located(history: History, journal: Journal, undos: list[Undo], names: dict[Path, Path]) -> list[Undo]:
    """The same, each file that is no longer where its tag was written under its new name, where that can be found."""
    known = journal.in_force(undos)
    undos = [replace(undo, path=known.get(undo.record.id or 0, undo.path)) for undo in undos]
    missing = {undo.path for undo in undos if not os.path.lexists(undo.path)} - names.keys()
    names = names | journal.moved_away(missing)
    lost = missing - names.keys()
    for folder in {_nearest(path) for path in lost} - {Path("/")}:
        names |= {then: now for then, now in _unnoticed(history, folder).items() if then in lost}
    located: list[Undo] = []
    seen: set[Path] = set()
    for undo in undos:
        found = undo.record.id in known and os.path.lexists(undo.path)
        path = undo.path if found else names.get(undo.path, undo.path)
        located.append(replace(undo, path=path, latest=path not in seen))
        seen.add(path)
    return located


def _nearest(path: Path) -> Path:
    """The nearest folder that is still there."""
    return next(folder for folder in path.parents if folder.is_dir())


def _there(path: Path) -> Iterator[tuple[Path, Stamp]]:
    """The file at a path, or those below it on the same file system, links not followed."""
    try:
        yield path, stamp_of(path)
        return
    except FileError:
        pass
    device = os.stat(path).st_dev if path.is_dir() else None
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if _device(Path(folder, name)) == device]
        for name in names:
            try:
                yield Path(folder, name), stamp_of(Path(folder, name))
            except FileError:
                continue


def _device(path: Path) -> int | None:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None
