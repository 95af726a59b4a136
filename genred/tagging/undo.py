"""Which tag writes a person means to take back, and where those files are now."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genred.errors import FileError
from genred.fs.files import Stamp, stamp_of
from genred.history.history import History
from genred.history.identity import recognise
from genred.history.journal import Journal, Undo
from genred.history.records import Query, Record


def select(history: History, queries: Iterable[Query]) -> tuple[list[Undo], list[Record]]:
    """The writes that match any of the queries and can be taken back, and those whose way back was dropped since.

    Newest first. A path means the file that is there now, whatever it was called when its tag was written, or all below
    a folder.
    """
    journal = Journal(history)
    names: dict[Path, Path] = {}
    found: dict[int | None, Undo] = {}
    dropped: dict[int | None, Record] = {}
    queries = list(queries)
    for query in queries:
        former = _former_names(history, journal, query.path) if query.path is not None else {}
        names |= former
        for asked in (query, *(replace(query, path=then) for then in former)):
            for undo in journal.standing(asked):
                if isinstance(undo, Undo):
                    found[undo.record.id] = undo
                else:
                    dropped[undo.id] = undo
    undos = sorted(found.values(), key=lambda undo: undo.record.id or 0, reverse=True)
    located = _located(history, journal, undos, names)
    return [undo for undo in located if _meant(undo, queries)], list(dropped.values())


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
    found = ((now, recognise(history, now, stamp)) for now, stamp in history.unknown(_there(path)))
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
