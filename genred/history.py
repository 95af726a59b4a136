"""What genred did, durably: tables, queries, migrations and the journal of tag writes (SQLAlchemy only here).

One SQLite file in WAL mode. `records` is the append-only log that the users' view ``history`` shows; `files` is what is
known of each path now; `writes` is the journal that makes a tag write a transaction and keeps the way back.

Paths are kept as the bytes the file system holds; times are ISO 8601 in UTC.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fcntl import LOCK_EX, LOCK_NB, flock
from itertools import islice
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from genred.errors import HistoryError, LockedError
from genred.files import Stamp, readable
from genred.schema import STAMP, connect, features, files, migrate, reading, records, roots, runs, writes, writing


class Outcome(StrEnum):
    """What became of one path."""

    TAGGED = "tagged"
    KEPT = "kept"
    ABSTAINED = "abstained"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNDONE = "undone"


class Standing(StrEnum):
    """Why a known path is left alone for now."""

    DONE = "done"
    BACKLOG = "backlog"
    """It was there before genred's first start; stays so while it is the same inode, whoever edits it."""
    PERSON = "person"
    """A person decided (set, undo): never overruled, whatever changes."""
    RETRY = "retry"
    """Something passing was in the way; the next reconcile tries again."""


@dataclass(frozen=True, slots=True)
class Record:
    """One decision about one path; a row of the history.

    ``stamp`` is the file's after the decision, None where it can't be had. ``features`` is the vector in bytes with the
    version of its recipe before it, kept once per file.
    """

    path: Path
    outcome: Outcome
    reason: str
    genre: str | None = None
    confidence: float | None = None
    previous: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    model: str | None = None
    stamp: Stamp | None = None
    standing: Standing = Standing.DONE
    features: tuple[str, bytes] | None = None
    undoes: int | None = None
    run: int | None = None
    id: int | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a path."""

    path: Path
    stamp: Stamp
    standing: Standing


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
    """The way back of one write."""

    record: Record
    delta: bytes
    before_sha256: bytes
    after_sha256: bytes


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of the history; all that are given must hold."""

    genre: str | None = None
    outcome: Outcome | None = None
    since: str | None = None
    path: Path | None = None
    run: int | None = None
    limit: int | None = None


class History:
    """The database. Open it with `open`; errors of SQLite come out as `HistoryError`."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        self.path = path
        self.journal = Journal(self)
        self._engine = engine
        self._run: int | None = None

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """Open the database, made or migrated where need be.

        Raises
        ------
        HistoryError
            If it isn't a database, is of a newer genred, or (``readonly``) isn't there.
        """
        if readonly:
            if not path.exists():
                raise HistoryError(f"{path}: no history yet; it begins with `genred run` or `genred scan`")
            if not os.access(path.parent, os.W_OK):
                return cls(path, connect(path, readonly=True))
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise HistoryError(f"{path.parent}: the state folder can't be made ({error.strerror})") from error
        engine = connect(path)
        migrate(path, engine)
        return cls(path, engine)

    def close(self) -> None:
        self._engine.dispose()

    # -- decisions ---------------------------------------------------------------------------------------------------

    def start_run(self, command: str, version: str) -> int:
        """Begin a run: what one start of a command did, for `undo --run`."""
        row = {"started_at": _now(), "command": command, "version": version}
        with self._writing() as db:
            self._run = int(db.execute(runs.insert().returning(runs.c.id), row).scalar_one())
        return self._run

    def record(self, record: Record) -> Record:
        """Log one decision and what is known of the path now, in one commit; the record with its id comes back."""
        with self._writing() as db:
            return self._insert(db, record)

    def _insert(self, db: sa.Connection, record: Record) -> Record:
        if record.run is None and self._run is None:
            raise HistoryError("nothing can be recorded outside of a run")
        record = replace(record, at=_now(), run=record.run or self._run)
        row = {
            "at": record.at,
            "path": os.fsencode(record.path),
            "path_text": None if (text := readable(record.path)) == str(record.path) else text,
            **{name: getattr(record, name) for name in ("genre", "confidence", "model", "run", "reason", "undoes")},
            "outcome": record.outcome.value,
            "previous": json.dumps(record.previous, ensure_ascii=False),
            "written": json.dumps(record.written, ensure_ascii=False),
        }
        record = replace(record, id=db.execute(records.insert().returning(records.c.id), row).scalar_one())
        if record.stamp is not None:
            file = self._know(db, record.path, record.stamp, record.standing, record.id)
            if record.features is not None:
                version, vector = record.features
                row = {"file": file, "version": version, "vector": vector}
                db.execute(_upsert(features, row, "file"))
        return record

    def _know(self, db: sa.Connection, path: Path, stamp: Stamp, standing: Standing, record: int | None) -> int:
        row = {"path": os.fsencode(path), **_columns(stamp), "standing": standing.value, "record": record}
        return int(db.execute(_upsert(files, row, "path").returning(files.c.id)).scalar_one())

    # -- what is known -----------------------------------------------------------------------------------------------

    def known(self, path: Path) -> Known | None:
        """What is known of a path, None where nothing is."""
        with self._reading() as db:
            row = db.execute(sa.select(files).where(files.c.path == os.fsencode(path))).first()
        return None if row is None else Known(path, _stamp(row), Standing(row.standing))

    def written(self, path: Path) -> tuple[str, ...] | None:
        """The genres that genred last wrote into a file and nobody has undone, None where there are none such."""
        touched = (Outcome.TAGGED.value, Outcome.UNDONE.value)
        select = sa.select(records.c.outcome, records.c.written).order_by(records.c.id.desc()).limit(1)
        with self._reading() as db:
            row = db.execute(select.where(records.c.path == os.fsencode(path), records.c.outcome.in_(touched))).first()
        return tuple(json.loads(row.written)) if row is not None and row.outcome == Outcome.TAGGED else None

    def unknown(self, pairs: Iterable[tuple[Path, Stamp]], *, backlog: bool = False) -> Iterator[tuple[Path, Stamp]]:
        """Those of ``pairs`` that are to be looked at, in their order; reads in batches.

        Left out are those that the history holds with this content, but for what is to be tried again and, where
        ``backlog`` is set, what was there before genred.
        """
        again = {Standing.RETRY, Standing.BACKLOG} if backlog else {Standing.RETRY}
        columns = [files.c.path, files.c.standing, *(files.c[name] for name in STAMP)]
        for batch in _batches(pairs):
            paths = [os.fsencode(path) for path, _ in batch]
            with self._reading() as db:
                rows = {row.path: row for row in db.execute(sa.select(*columns).where(files.c.path.in_(paths)))}
            for key, (path, stamp) in zip(paths, batch, strict=True):
                row = rows.get(key)
                if row is None or row.standing in again or not stamp.matches(_stamp(row)):
                    yield path, stamp

    def refresh(self, known: Known, path: Path, stamp: Stamp) -> None:
        """A known file has a new name or new times, and is still the same file as far as genred is concerned."""
        row = {"path": os.fsencode(path), **_columns(stamp)}
        with self._writing() as db:
            if path != known.path:
                db.execute(files.delete().where(files.c.path == row["path"]))
            db.execute(files.update().where(files.c.path == os.fsencode(known.path)).values(row))

    def same_inode(self, stamp: Stamp) -> list[Known]:
        """Known paths of this very file (device and inode, size and mtime): it may have been renamed."""
        row = _columns(stamp)
        where = [files.c[name] == row[name] for name in ("ino", "dev", "size", "mtime_ns")]
        with self._reading() as db:
            rows = db.execute(sa.select(files).where(*where)).all()
        return [Known(Path(os.fsdecode(row.path)), _stamp(row), Standing(row.standing)) for row in rows]

    def is_new_root(self, root: Path) -> bool:
        with self._reading() as db:
            return db.execute(sa.select(roots).where(roots.c.path == os.fsencode(root))).first() is None

    def add_root(self, root: Path, there: Iterable[tuple[Path, Stamp]]) -> int:
        """Remember a root; what is ``there`` already is backlog, unless something is known of it. Returns how many."""
        count = 0
        with self._writing() as db:
            for batch in _batches(there):
                rows = [
                    {"path": os.fsencode(path), **_columns(stamp), "standing": Standing.BACKLOG.value}
                    for path, stamp in batch
                ]
                count += db.execute(files.insert().prefix_with("OR IGNORE"), rows).rowcount
            db.execute(roots.insert().prefix_with("OR IGNORE"), {"path": os.fsencode(root)})
        return count

    def forget_ways_back(self, days: int) -> int:
        """Drop what `undo` needs for writes older than ``days``; the log itself stays. Returns how many."""
        before = iso(datetime.now(UTC) - timedelta(days=days))
        old = sa.select(records.c.id).where(records.c.at < before)
        with self._writing() as db:
            return db.execute(writes.delete().where(writes.c.record.in_(old))).rowcount

    # -- questions ---------------------------------------------------------------------------------------------------

    def records(self, query: Query) -> Iterator[Record]:
        """Decisions, newest first."""
        select = sa.select(records).order_by(records.c.id.desc()).limit(query.limit)
        if query.genre is not None:
            select = select.where(sa.func.lower(records.c.genre) == query.genre.lower())
        if query.outcome is not None:
            select = select.where(records.c.outcome == query.outcome.value)
        if query.since is not None:
            select = select.where(records.c.at >= query.since)
        if query.run is not None:
            select = select.where(records.c.run == query.run)
        if query.path is not None:
            here = os.fsencode(query.path)
            below = sa.and_(records.c.path >= here + b"/", records.c.path < here + b"0")  # "0" follows "/"
            select = select.where(sa.or_(records.c.path == here, below))
        with self._reading() as db:
            for row in db.execution_options(yield_per=500).execute(select):
                yield _record(row)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many decisions by outcome, by genre and by model, and how many were tagged by month."""
        tagged = records.c.outcome == Outcome.TAGGED.value
        by: dict[str, tuple[sa.ColumnElement[Any], sa.ColumnElement[bool]]] = {
            "outcome": (records.c.outcome, sa.true()),
            "genre": (records.c.genre, tagged),
            "model": (records.c.model, tagged),
            "month": (sa.func.substr(records.c.at, 1, 7), tagged),
        }
        found: dict[str, dict[str, int]] = {}
        with self._reading() as db:
            for name, (column, where) in by.items():
                select = (
                    sa.select(column, sa.func.count())
                    .where(where)
                    .group_by(column)
                    .order_by(sa.func.count().desc(), column)
                )
                found[name] = {str(value): count for value, count in db.execute(select) if value is not None}
        return found

    # -- the database ------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with writing(self.path, self._engine) as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with reading(self.path, self._engine) as db:
            yield db


class Journal:
    """Tag writes as transactions: what was begun is on disk before it is done, with the way back."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._drafts: dict[int, Record] = {}

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One tag write at a time, whichever process; an unfinished intent seen in here is one of the dead."""
        with locked(self._history.path.with_name("write.lock"), wait=True):
            yield

    def begin(self, path: Path, temp: Path, before: Stamp, draft: Record) -> int:
        """Note that ``temp`` is about to be made to replace ``path``."""
        row = {
            "path": os.fsencode(path),
            "temp": os.fsencode(temp),
            **_columns(before),
            "draft": _dump(draft, self._history._run),
        }
        with self._history._writing() as db:
            write_id = int(db.execute(writes.insert().returning(writes.c.id), row).scalar_one())
        self._drafts[write_id] = draft
        return write_id

    def ready(self, write_id: int, *, delta: bytes, before_sha256: bytes, after_sha256: bytes) -> None:
        """Keep the way back; from here on the swap may happen."""
        row = {"delta": delta, "before_sha256": before_sha256, "after_sha256": after_sha256}
        with self._history._writing() as db:
            db.execute(writes.update().where(writes.c.id == write_id).values(row))

    def finish(self, write_id: int, stamp: Stamp) -> Record:
        """The swap is done: the record appears in the history, the file is known with its new stamp."""
        with self._history._writing() as db:
            draft = self._drafts.pop(write_id, None)
            if draft is None:
                row = db.execute(sa.select(writes.c.path, writes.c.draft).where(writes.c.id == write_id)).one()
                draft = _load(Path(os.fsdecode(row.path)), row.draft)
            record = self._history._insert(db, replace(draft, stamp=stamp))
            db.execute(writes.update().where(writes.c.id == write_id).values(record=record.id, draft=None))
        return record

    def abandon(self, write_id: int) -> None:
        """Nothing was changed: forget the intent."""
        self._drafts.pop(write_id, None)
        with self._history._writing() as db:
            db.execute(writes.delete().where(writes.c.id == write_id))

    def unfinished(self) -> list[Intent]:
        """What was begun and not finished, oldest first."""
        with self._history._reading() as db:
            rows = db.execute(sa.select(writes).where(writes.c.record.is_(None)).order_by(writes.c.id)).all()
        return [
            Intent(
                id=row.id,
                path=Path(os.fsdecode(row.path)),
                temp=Path(os.fsdecode(row.temp)),
                before=_stamp(row),
                ready=row.delta is not None,
                before_sha256=row.before_sha256,
                after_sha256=row.after_sha256,
            )
            for row in rows
        ]

    def undoable(self, query: Query) -> list[Undo]:
        """Tag writes that weren't taken back yet and match, newest first."""
        taken_back = sa.select(records.c.undoes).where(records.c.undoes.is_not(None))
        found: list[Undo] = []
        for record in self._history.records(replace(query, outcome=Outcome.TAGGED, limit=None)):
            select = sa.select(writes).where(writes.c.record == record.id, writes.c.delta.is_not(None))
            with self._history._reading() as db:
                row = db.execute(select.where(writes.c.record.not_in(taken_back))).first()
            if row is not None:
                found.append(Undo(record, row.delta, row.before_sha256, row.after_sha256))
            if query.limit is not None and len(found) == query.limit:
                break
        return found


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file; it is let go when the process ends, however it ends.

    Raises
    ------
    LockedError
        If another process holds it and ``wait`` is false.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            flock(fd, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"another genred is at work on this history ({path})") from error
        yield
    finally:
        os.close(fd)


_DRAFT = ("reason", "genre", "confidence", "previous", "written", "model", "undoes", "run")


def _dump(record: Record, run: int | None) -> str:
    draft = {name: getattr(record, name) for name in _DRAFT}
    return json.dumps(draft | {"outcome": record.outcome, "standing": record.standing, "run": record.run or run})


def _load(path: Path, text: str) -> Record:
    draft = json.loads(text)
    draft |= {"outcome": Outcome(draft["outcome"]), "standing": Standing(draft["standing"])}
    return Record(path=path, **draft | {name: tuple(draft[name]) for name in ("previous", "written")})


def _record(row: sa.Row[Any]) -> Record:
    same = ("reason", "genre", "confidence", "model", "undoes", "run", "id", "at")
    return Record(
        path=Path(os.fsdecode(row.path)),
        outcome=Outcome(row.outcome),
        previous=tuple(json.loads(row.previous)),
        written=tuple(json.loads(row.written)),
        **{name: getattr(row, name) for name in same},
    )


def _columns(stamp: Stamp) -> dict[str, int]:
    """A stamp for SQLite, whose integers are signed; some file systems use all 64 bits of an inode."""
    return {name: (getattr(stamp, name) + 2**63) % 2**64 - 2**63 for name in STAMP}


def _stamp(row: sa.Row[Any]) -> Stamp:
    dev, ino, *rest = (getattr(row, name) for name in STAMP)
    return Stamp(dev % 2**64, ino % 2**64, *rest)


def _upsert(table: sa.Table, row: dict[str, Any], on: str) -> Any:
    from sqlalchemy.dialects.sqlite import insert

    return insert(table).values(row).on_conflict_do_update(index_elements=[on], set_=row)


def _batches(pairs: Iterable[tuple[Path, Stamp]]) -> Iterator[list[tuple[Path, Stamp]]]:
    rest = iter(pairs)
    return iter(lambda: list(islice(rest, 500)), [])


def _now() -> str:
    return iso(datetime.now(UTC))


def iso(moment: datetime) -> str:
    """A moment as the history holds it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
