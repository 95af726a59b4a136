"""Undo tag writes: find those that a person means, and their files under present names, and put back what was there.

A person who names files gives a verdict on them: genred leaves these files alone for good. A person who names a run, a
number of writes or a time says that the writes were a trial: the files are known again as they were before, the next
scan may decide about them, and the service leaves them alone until then. Options turn a verdict into a trial, and a
trial into a verdict. To undo a genre that a person set is always a verdict.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError, UndoConflict
from genred.fs.files import stamp_of
from genred.genres import is_said
from genred.history.history import History
from genred.history.identity import recognise, sha256_of
from genred.history.journal import Journal, Undo
from genred.history.records import Outcome, Query, Record, Standing
from genred.saving import transaction
from genred.tagging.policy import change_in_words
from genred.watching.walk import Found, files_below


def select(history: History, queries: Iterable[Query]) -> tuple[list[Undo], list[Record]]:
    """Return the writes that match any of the queries and can be undone, and those whose undo record was dropped.

    Both lists begin with the newest write. A path means the file that is there now, whatever its name was when its tag
    was written, or all files below a folder. The limit of the first query holds for all queries together.
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

    If somebody else changed the file since, but not its genre, only the genre is put back, which needs an ``analyser``;
    the other changes stay.

    Parameters
    ----------
    history
        A run must have been started.
    undo
        The write.
    tags
        Options of writing.
    analyser
        Makes the workers, if they are needed.
    for_good
        True if genred is to leave the file alone from now on; otherwise the file is known as it was before the write.
    dry_run
        True to find out if the write can be undone, and do nothing.

    Raises
    ------
    UndoConflict
        If the file isn't as genred left it.
    FileError
        If the file can't be written.
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
    earlier = decision_before(history, wrote) if is_trial and not dry_run else None
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
            # Somebody replaced the file by a master copy, and so brought the old content back.
            done = replace(draft, stamp=stamp_of(undo.path), reason=f"{draft.reason}; the file was as before already")
            return draft if dry_run else history.record(done)
        return _genre_restored(journal, undo, draft, tags, analyser(), dry_run=dry_run)
    if dry_run:
        return draft
    return transaction.restore(undo, draft, journal, tags)


def decision_before(history: History, later: Record) -> Record | None:
    """Return the decision by genred that was in force before a later one; None if there was none."""
    past = list(history.records(Query(path=later.path)))
    undone = {record.undoes for record in past}
    decided = (Outcome.TAGGED, Outcome.ABSTAINED, Outcome.KEPT)
    stood = (record for record in past if (record.id or 0) < (later.id or 0) and record.id not in undone)
    return next((record for record in stood if record.outcome in decided), None)


def _genre_restored(
    journal: Journal, undo: Undo, draft: Record, tags: Tags, analyser: Analyser, *, dry_run: bool
) -> Record:
    """Put back only the genres, into a file in which somebody else changed something else."""
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
    """Return whether the file of a write is where a query asks for it, or no query names a path.

    The name that the file had when it was tagged counts too, unless another file has that name now.
    """
    asked = [query.path for query in queries if query.path is not None]
    here = not asked or any(undo.path.is_relative_to(path) for path in asked)
    return here or not os.path.lexists(undo.record.path)


def _former_names(history: History, journal: Journal, path: Path) -> dict[Path, Path]:
    """Map the names that the files at or below a path had when they were tagged to the names they have now."""
    names = journal.moved(path)
    return names | _unnoticed(history, path)


def _unnoticed(history: History, path: Path) -> dict[Path, Path]:
    """Map former names to present ones, for the files at or below a path that genred hasn't seen since a rename."""
    found = ((now, recognise(history, now, stamp)) for now, stamp in history.files.unknown(_there(path)))
    return {known.path: now for now, known in found if known is not None and known.path != now}


def _located(history: History, journal: Journal, undos: list[Undo], names: dict[Path, Path]) -> list[Undo]:
    """Return the same writes with the present names of their files, for renamed files whose new name can be found."""
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
    """Return the nearest folder above a path that still exists."""
    return next(folder for folder in path.parents if folder.is_dir())


def _there(path: Path) -> Iterator[Found]:
    """Find the file at a path, or every file below it on the same file system; links are not followed."""
    try:
        return iter([(path, stamp_of(path))])
    except FileError:
        return files_below(path)
