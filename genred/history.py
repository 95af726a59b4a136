"""What genred did, durably: decisions, and what is known of each path."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from genred import schema
from genred.errors import HistoryError
from genred.files import Stamp, readable
from genred.records import Heard, Known, Outcome, Query, Record, Standing, iso
from genred.schema import STAMP, at_or_below, columns_of, features, files, records, roots, runs, stamp_in, writes


class History:
    """The database. Open it with `open`; errors of SQLite come out as `HistoryError`."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        self.path = path
        self._engine = engine
        self.run: int | None = None

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
                return cls(path, schema.connect(path, readonly=True))
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise HistoryError(f"{path.parent}: the state folder can't be made ({error.strerror})") from error
        engine = schema.connect(path)
        schema.migrate(path, engine)
        return cls(path, engine)

    def close(self) -> None:
        self._engine.dispose()

    # -- decisions ---------------------------------------------------------------------------------------------------

    def start_run(self, command: str, version: str) -> int:
        """Begin a run: what one start of a command did, for `undo --run`."""
        row = {"started_at": _now(), "command": command, "version": version}
        with self.writing() as db:
            self.run = int(db.execute(runs.insert().returning(runs.c.id), row).scalar_one())
        return self.run

    def record(self, record: Record) -> Record:
        """Log one decision and what is known of the path now, in one commit; the record with its id comes back."""
        with self.writing() as db:
            return self.insert(db, record)

    def insert(self, db: sa.Connection, record: Record) -> Record:
        if record.run is None and self.run is None:
            raise HistoryError("nothing can be recorded outside of a run")
        record = replace(record, at=_now(), run=record.run or self.run)
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
            file = self._know(db, record, record.stamp)
            if record.features is not None:
                version, vector = record.features
                row = {"file": file, "version": version, "vector": vector}
                db.execute(_upsert(features, row, "file"))
        return record

    def _know(self, db: sa.Connection, record: Record, stamp: Stamp) -> int:
        row = {"path": os.fsencode(record.path), **columns_of(stamp)}
        row |= {"standing": record.standing.value, "record": record.id}
        if record.outcome in (Outcome.TAGGED, Outcome.UNDONE):
            row["wrote"] = record.id if record.outcome is Outcome.TAGGED else None
        return int(db.execute(_upsert(files, row, "path").returning(files.c.id)).scalar_one())

    # -- what is known -----------------------------------------------------------------------------------------------

    def known(self, path: Path) -> Known | None:
        """What is known of a path, None where nothing is."""
        with self.reading() as db:
            row = db.execute(sa.select(files).where(files.c.path == os.fsencode(path))).first()
        return None if row is None else Known(path, stamp_in(row), Standing(row.standing))

    def written(self, path: Path) -> tuple[str, ...] | None:
        """The genres that genred last wrote into a file and nobody has undone, None where there are none such."""
        joined = files.join(records, files.c.wrote == records.c.id)
        select = sa.select(records.c.written).select_from(joined).where(files.c.path == os.fsencode(path))
        with self.reading() as db:
            written = db.execute(select).scalar()
        return None if written is None else tuple(json.loads(written))

    def unknown(self, pairs: Iterable[tuple[Path, Stamp]], *, backlog: bool = False) -> Iterator[tuple[Path, Stamp]]:
        """Those of ``pairs`` that are to be looked at, in their order; reads in batches.

        Left out are those that the history holds with this content, but for what is to be tried again and, where
        ``backlog`` is set, what was there before genred.
        """
        again = {Standing.RETRY, Standing.BACKLOG} if backlog else {Standing.RETRY}
        columns = [files.c.path, files.c.standing, *(files.c[name] for name in STAMP)]
        for batch in _batches(pairs):
            paths = [os.fsencode(path) for path, _ in batch]
            with self.reading() as db:
                rows = {row.path: row for row in db.execute(sa.select(*columns).where(files.c.path.in_(paths)))}
            for key, (path, stamp) in zip(paths, batch, strict=True):
                row = rows.get(key)
                if row is None or row.standing in again or not stamp.matches(stamp_in(row)):
                    yield path, stamp

    def refresh(self, known: Known, path: Path, stamp: Stamp) -> None:
        """A known file has a new name or new times, and is still the same file as far as genred is concerned."""
        row = {"path": os.fsencode(path), **columns_of(stamp)}
        with self.writing() as db:
            if path != known.path:
                db.execute(files.delete().where(files.c.path == row["path"]))
            db.execute(files.update().where(files.c.path == os.fsencode(known.path)).values(row))

    def same_inode(self, stamp: Stamp) -> list[Known]:
        """Known paths of this very file (device and inode, size and mtime): it may have been renamed."""
        row = columns_of(stamp)
        where = [files.c[name] == row[name] for name in ("ino", "dev", "size", "mtime_ns")]
        with self.reading() as db:
            rows = db.execute(sa.select(files).where(*where)).all()
        return [Known(Path(os.fsdecode(row.path)), stamp_in(row), Standing(row.standing)) for row in rows]

    def heard(self, version: str, below: Path | None = None) -> Iterator[Heard]:
        """Files with features of this version whose decision was genred's own, in the order of their paths.

        ``previous`` is what was there before genred ever wrote: its own earlier answers are nobody's genre.
        """
        earlier = records.alias()
        tagged = sa.and_(earlier.c.path == records.c.path, earlier.c.outcome == Outcome.TAGGED.value)
        first = sa.select(earlier.c.previous).where(tagged).order_by(earlier.c.id).limit(1).scalar_subquery()
        before = sa.case((records.c.outcome == Outcome.TAGGED.value, first), else_=records.c.previous)
        stands = [files.c.standing == Standing.DONE.value, features.c.version == version]
        if below is not None:
            stands.append(at_or_below(files.c.path, below))
        joined = files.join(features, features.c.file == files.c.id).join(records, files.c.record == records.c.id)
        columns = [files.c.path, *(files.c[name] for name in STAMP), features.c.vector]
        decided = [records.c.outcome, before.label("previous"), records.c.written]
        select = sa.select(*columns, *decided).select_from(joined).where(*stands).order_by(files.c.path)
        with self.reading() as db:
            for row in db.execution_options(yield_per=500).execute(select):
                genres = (tuple(json.loads(row.previous)), tuple(json.loads(row.written)))
                path = Path(os.fsdecode(row.path))
                yield Heard(path, stamp_in(row), Outcome(row.outcome), *genres, row.vector)

    def is_new_root(self, root: Path) -> bool:
        with self.reading() as db:
            return db.execute(sa.select(roots).where(roots.c.path == os.fsencode(root))).first() is None

    def add_root(self, root: Path, there: Iterable[tuple[Path, Stamp]]) -> int:
        """Remember a root; what is ``there`` already is backlog, unless something is known of it. Returns how many."""
        count = 0
        with self.writing() as db:
            for batch in _batches(there):
                rows = [
                    {"path": os.fsencode(path), **columns_of(stamp), "standing": Standing.BACKLOG.value}
                    for path, stamp in batch
                ]
                count += db.execute(files.insert().prefix_with("OR IGNORE"), rows).rowcount
            db.execute(roots.insert().prefix_with("OR IGNORE"), {"path": os.fsencode(root)})
        return count

    def forget_ways_back(self, days: int) -> int:
        """Drop what `undo` needs for writes older than ``days``; the log itself stays. Returns how many."""
        before = iso(datetime.now(UTC) - timedelta(days=days))
        old = sa.select(records.c.id).where(records.c.at < before)
        with self.writing() as db:
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
            select = select.where(at_or_below(records.c.path, query.path))
        with self.reading() as db:
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
        with self.reading() as db:
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
    def writing(self) -> Iterator[sa.Connection]:
        with schema.writing(self.path, self._engine) as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with schema.reading(self.path, self._engine) as db:
            yield db


def _record(row: sa.Row[Any]) -> Record:
    same = ("reason", "genre", "confidence", "model", "undoes", "run", "id", "at")
    return Record(
        path=Path(os.fsdecode(row.path)),
        outcome=Outcome(row.outcome),
        previous=tuple(json.loads(row.previous)),
        written=tuple(json.loads(row.written)),
        **{name: getattr(row, name) for name in same},
    )


def _upsert(table: sa.Table, row: dict[str, Any], on: str) -> Any:
    from sqlalchemy.dialects.sqlite import insert

    return insert(table).values(row).on_conflict_do_update(index_elements=[on], set_=row)


def _batches(pairs: Iterable[tuple[Path, Stamp]]) -> Iterator[list[tuple[Path, Stamp]]]:
    rest = iter(pairs)
    return iter(lambda: list(islice(rest, 500)), [])


def _now() -> str:
    return iso(datetime.now(UTC))
