"""The journal of tag writes: what makes each a transaction, and keeps its undo record."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from genred.fs.files import Stamp
from genred.fs.locks import locked
from genred.history.history import History
from genred.history.records import Outcome, Query, Record, Standing
from genred.history.schema import at_or_below, columns_of, files, records, stamp_in, writes


class Begun(NamedTuple):
    """A file that is about to be replaced."""

    path: Path
    temp: Path
    """The private clone that is to take its place."""
    before: Stamp
    draft: Record


class Proof(NamedTuple):
    """The way back from a new file to the old one."""

    delta: bytes
    """The undo record."""
    before_sha256: bytes
    after_sha256: bytes


_BEGIN = writes.insert().returning(writes.c.id)
_THIS = writes.c.id == sa.bindparam("number")
_READY = writes.update().where(_THIS)
_FINISH = writes.update().where(_THIS).values(record=sa.bindparam("record"), draft=None)


@dataclass(frozen=True, slots=True)
class Intent:
    """A tag write that was begun and not finished."""

    id: int
    path: Path
    temp: Path
    before: Stamp
    ready: bool
    before_sha256: bytes | None
    after_sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Undo:
    """A write that can be undone; `Journal.undo_record` returns the bytes for that."""

    record: Record
    """The decision to write."""
    path: Path
    """Where the file is now."""
    before_sha256: bytes
    after_sha256: bytes
    latest: bool = True
    """False where a later write of the file is to be undone first."""


class Journal:
    """Tag writes as transactions: what was begun is on disk before it is done, with its undo record."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._drafts: dict[int, Record] = {}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let nobody else write tags meanwhile; an intent that is found unfinished is then of a process that died."""
        with locked(self._history.path.with_name("write.lock"), wait=True):
            yield

    def begin(self, saves: Sequence[Begun]) -> list[int]:
        """Note that files are about to be replaced, in one commit; return the numbers of the intents."""
        rows = [
            {
                "path": os.fsencode(save.path),
                "temp": os.fsencode(save.temp),
                **columns_of(save.before),
                "draft": _dump(save.draft, self._history.run),
            }
            for save in saves
        ]
        if not rows:
            return []
        with self._history.writing() as db:
            numbers = [int(db.execute(_BEGIN, row).scalar_one()) for row in rows]
        self._drafts |= {number: save.draft for number, save in zip(numbers, saves, strict=True)}
        return numbers

    def ready(self, proofs: Mapping[int, Proof]) -> None:
        """Keep undo records, in one commit; from here on the swaps may happen."""
        rows = [{"number": number, **proof._asdict()} for number, proof in proofs.items()]
        if rows:
            with self._history.writing() as db:
                db.execute(_READY, rows)

    def finish(self, stamps: Mapping[int, Stamp]) -> list[Record]:
        """Record writes whose swap is done, in one commit; from now on the files are known with these stamps."""
        if not stamps:
            return []
        with self._history.writing() as db:
            return [self._finished(db, number, stamp) for number, stamp in stamps.items()]

    def _finished(self, db: sa.Connection, write_id: int, stamp: Stamp) -> Record:
        draft = self._drafts.pop(write_id, None)
        if draft is None:
            row = db.execute(sa.select(writes.c.path, writes.c.draft).where(writes.c.id == write_id)).one()
            draft = _load(Path(os.fsdecode(row.path)), row.draft)
        record = self._history.insert(db, replace(draft, stamp=stamp))
        db.execute(_FINISH, {"number": write_id, "record": record.id})
        return record

    def move(self, intent: Intent, folder: Path) -> None:
        """Note that the folder of an intent has another name now."""
        names = {"path": folder / intent.path.name, "temp": folder / intent.temp.name}
        row = {column: os.fsencode(name) for column, name in names.items()}
        with self._history.writing() as db:
            db.execute(writes.update().where(writes.c.id == intent.id).values(row))
        self._drafts.pop(intent.id, None)  # it has the former name

    def abandon(self, write_id: int) -> None:
        """Forget an intent that changed nothing."""
        self._drafts.pop(write_id, None)
        with self._history.writing() as db:
            db.execute(writes.delete().where(writes.c.id == write_id))

    def unfinished(self) -> list[Intent]:
        """Return the writes that were begun and not finished, oldest first."""
        with self._history.reading() as db:
            rows = db.execute(sa.select(writes).where(writes.c.record.is_(None)).order_by(writes.c.id)).all()
        return [
            Intent(
                id=row.id,
                path=Path(os.fsdecode(row.path)),
                temp=Path(os.fsdecode(row.temp)),
                before=stamp_in(row),
                ready=row.delta is not None,
                before_sha256=row.before_sha256,
                after_sha256=row.after_sha256,
            )
            for row in rows
        ]

    def undoable(self, query: Query) -> list[Undo]:
        """Return the tag writes that match and can be undone, newest first."""
        return [undo for undo in self.standing(query) if isinstance(undo, Undo)]

    def standing(self, query: Query) -> Iterator[Undo | Record]:
        """Yield the tag writes that match and weren't undone, newest first; records where the undo record is gone."""
        undone = sa.select(records.c.undoes).where(records.c.outcome == Outcome.UNDONE.value)
        with self._history.reading() as db:
            taken_back = set(db.execute(undone).scalars())
        tagged = self._history.records(replace(query, outcomes=(Outcome.TAGGED,), limit=None))
        found = islice((record for record in tagged if record.id not in taken_back), query.limit)
        columns = (writes.c.record, writes.c.before_sha256, writes.c.after_sha256)
        while batch := list(islice(found, 500)):
            ids = [record.id for record in batch]
            select = sa.select(*columns).where(writes.c.record.in_(ids), writes.c.delta.is_not(None))
            with self._history.reading() as db:
                hashes = {record: row for record, *row in db.execute(select)}
            for record in batch:
                yield Undo(record, record.path, *hashes[record.id]) if record.id in hashes else record

    def undo_record(self, undo: Undo) -> bytes:
        """Return the bytes that make the old file from the new one, for one write at a time: they may be many."""
        with self._history.reading() as db:
            found = db.execute(sa.select(writes.c.delta).where(writes.c.record == undo.record.id)).scalar_one_or_none()
        return found or b""

    def in_force(self, undos: Iterable[Undo]) -> dict[int, Path]:
        """Return the files that still carry what these writes wrote, by the number of the record."""
        rest = iter([undo.record.id for undo in undos])
        found: dict[int, Path] = {}
        while batch := list(islice(rest, 500)):
            select = sa.select(files.c.wrote, files.c.path).where(files.c.wrote.in_(batch))
            with self._history.reading() as db:
                found |= {record: Path(os.fsdecode(path)) for record, path in db.execute(select)}
        return found

    def moved(self, path: Path) -> dict[Path, Path]:
        """Return the files at or below a path that were renamed since the last decision: former name, name now."""
        return self._moved(at_or_below(files.c.path, path))

    def moved_away(self, paths: Iterable[Path]) -> dict[Path, Path]:
        """Return which of these files were renamed since the last decision: former name, name now."""
        rest = iter(map(os.fsencode, paths))
        found: dict[Path, Path] = {}
        while batch := list(islice(rest, 500)):
            found |= self._moved(records.c.path.in_(batch))
        return found

    def _moved(self, where: sa.ColumnElement[bool]) -> dict[Path, Path]:
        select = sa.select(records.c.path, files.c.path).join_from(files, records, files.c.record == records.c.id)
        with self._history.reading() as db:
            rows = db.execute(select.where(where, files.c.path != records.c.path)).all()
        return {Path(os.fsdecode(then)): Path(os.fsdecode(now)) for then, now in rows}


# Another process makes the record from these fields of the draft; path and stamp have columns of their own.
_DRAFT = ("reason", "genre", "confidence", "previous", "written", "model", "undoes", "corrects", "evidence")


def _dump(record: Record, run: int | None) -> str:
    draft = {name: getattr(record, name) for name in _DRAFT}
    return json.dumps(draft | {"outcome": record.outcome, "standing": record.standing, "run": record.run or run})


def _load(path: Path, text: str) -> Record:
    draft = json.loads(text)
    draft |= {"outcome": Outcome(draft["outcome"]), "standing": Standing(draft["standing"])}
    return Record(path=path, **draft | {name: tuple(draft[name]) for name in ("previous", "written")})
