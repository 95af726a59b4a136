"""What genred did, durably: decisions, and what is known of each path."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from genred.errors import HistoryError
from genred.history import database, schema
from genred.history.browsing import Browsing
from genred.history.figures import Figures
from genred.history.known import KnownFiles
from genred.history.library import Library
from genred.history.log import Log
from genred.history.queries import PLAIN
from genred.history.questions import Questions
from genred.history.records import Analysed, Outcome, Record, Standing, iso
from genred.history.schema import (
    STAMP,
    at_or_below,
    columns_of,
    columns_of_labels,
    features,
    files,
    forget_features,
    keep_features,
    path_text,
    records,
    roots,
    runs,
    stamp_in,
    tally,
    upsert,
    writes,
)
from genred.history.vectors import Vectors
from genred.names import album_folder


class History(Log):
    """The database. `open` opens it; errors of SQLite come out as `HistoryError`."""

    def __init__(self, path: Path, engine: sa.Engine) -> None:
        super().__init__(path, self._plain)
        self._engine = engine
        self.run: int | None = None
        self.files = KnownFiles(self.reading, self.writing)
        self.library = Library(self.reading, self.writing)
        self.vectors = Vectors(self.reading, self.writing)
        self.questions = Questions(self.reading)
        self.browsing = Browsing(self.reading)
        self.figures = Figures(self.reading)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Self:
        """Open the database; make or migrate it where that is needed.

        Raises
        ------
        HistoryError
            If the file isn't a database, is of a newer genred, or (``readonly``) isn't there.
        """
        only_read = database.prepare(path, readonly=readonly)
        return cls(path, schema.connect(path, readonly=only_read))

    def close(self) -> None:
        self._engine.dispose()

    # -- decisions ---------------------------------------------------------------------------------------------------

    def start_run(self, command: str, version: str) -> int:
        """Begin a run, which is one start of a command; return its number, for `undo --run`."""
        row = {"started_at": _now(), "command": command, "version": version}
        with self.writing() as db:
            self.run = int(db.execute(runs.insert().returning(runs.c.id), row).scalar_one())
        return self.run

    def record(self, record: Record) -> Record:
        """Log one decision, as `record_all`."""
        return self.record_all([record])[0]

    def record_all(self, decided: Sequence[Record]) -> list[Record]:
        """Log decisions and what is known of their paths now, in one commit; return the records with their ids."""
        if not decided:
            return []
        with self.writing() as db:
            return [self.insert(db, record) for record in decided]

    def insert(self, db: sa.Connection, record: Record) -> Record:
        """Log one decision, within a transaction that somebody else began."""
        if record.run is None and self.run is None:
            raise HistoryError("nothing can be recorded outside of a run")
        record = replace(record, at=_now(), run=record.run or self.run)
        earlier = self._write_before(db, record)
        if earlier is not None and earlier.model is not None and earlier.written == _listed(record.written):
            record = replace(record, carries=earlier.id)
        row = {
            "at": record.at,
            "path": os.fsencode(record.path),
            "path_text": path_text(record.path),
            **{name: getattr(record, name) for name in PLAIN},
            "outcome": record.outcome.value,
            "previous": _listed(record.previous),
            "written": _listed(record.written),
        }
        record = replace(record, id=db.execute(records.insert().returning(records.c.id), row).scalar_one())
        if record.stamp is not None:
            if record.outcome is Outcome.FAILED and record.model is None:
                forget_features(db, [(record.path, record.stamp)])  # what is there now can't be heard
            row = {"path": os.fsencode(record.path), **columns_of(record.stamp), **_state(record)}
            if record.outcome is Outcome.TAGGED:
                row["wrote"] = record.id
            if record.outcome is Outcome.UNDONE:
                row["wrote"] = earlier.id if earlier is not None else None
            db.execute(upsert(files, tuple(row), "path"), row)
            if record.features is not None:
                keep_features(db, {record.path: record.features})
        return record

    def _write_before(self, db: sa.Connection, record: Record) -> sa.Row[Any] | None:
        """Return the tag write in force again after an undo; None for other decisions, and where there is none."""
        if record.outcome is not Outcome.UNDONE or record.undoes is None:
            return None
        undone, write, back = records.alias(), records.alias(), records.alias()
        stands = ~sa.exists().where(back.c.undoes == write.c.id)
        where = [undone.c.id == record.undoes, write.c.path == undone.c.path, write.c.id < undone.c.id, stands]
        select = sa.select(write).where(*where, write.c.outcome == Outcome.TAGGED.value).order_by(write.c.id.desc())
        return db.execute(select.limit(1)).first()

    # -- what was analysed, and where ----------------------------------------------------------------------------------

    def answer(self, write: int) -> tuple[str, ...] | None:
        """Return the genres of a tag write, None where they were a person's and not genred's own answer."""
        select = sa.select(records.c.written).where(records.c.id == write, records.c.model.is_not(None))
        with self.reading() as db:
            written = db.execute(select).scalar()
        return None if written is None else tuple(json.loads(written))

    def analysed(self, version: str, below: Path | None = None) -> Iterator[Analysed]:
        """Yield files with features of this version that may be decided about anew, in the order of their paths."""
        yield from self._analysed(version, [at_or_below(files.c.path, below)] if below is not None else [])

    def folders_analysed(self, version: str, below: Path | None = None) -> list[Path]:
        """Return the albums' folders of the files that `analysed` yields."""
        heard = sa.select(files.c.path).join_from(files, features, features.c.file == files.c.id)
        where = [features.c.version == version, *([at_or_below(files.c.path, below)] if below is not None else [])]
        with self.reading() as db:
            paths = db.execute(heard.where(*where).order_by(files.c.path)).scalars()
            return list(dict.fromkeys(album_folder(Path(os.fsdecode(path))) for path in paths))

    def analysed_of(self, paths: Iterable[Path], version: str) -> list[Analysed]:
        """Return those of some files that `analysed` yields."""
        rest = iter(map(os.fsencode, paths))
        found: list[Analysed] = []
        while batch := list(islice(rest, 500)):
            found += self._analysed(version, [files.c.path.in_(batch)])
        return found

    def _analysed(self, version: str, where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Analysed]:
        select = _analysing().where(features.c.version == version, *where)
        with self.reading() as db:
            for row in db.execution_options(yield_per=500).execute(select):
                yield Analysed(
                    path=Path(os.fsdecode(row.path)),
                    stamp=stamp_in(row),
                    outcome=Outcome(row.outcome),
                    there=tuple(json.loads(row.genre or "[]")),
                    previous=tuple(json.loads(row.before or "[]")),
                    record=row.id,
                    answer=row.answer,
                    evidence=row.evidence,
                    corrects=row.corrects,
                )

    def file_systems(self, place: Path) -> set[str]:
        """Return the file systems that were seen at a place, among them "" where an older genred noted none."""
        with self.reading() as db:
            return set(db.execute(sa.select(roots.c.file_system).where(roots.c.path == os.fsencode(place))).scalars())

    def remember(self, place: Path, file_system: str) -> None:
        """Note that a file system was seen at a place, and that all files there were noted."""
        with self.writing() as db:
            row = {"path": os.fsencode(place), "file_system": file_system}
            db.execute(roots.insert().prefix_with("OR IGNORE"), row)

    def forget_root(self, root: Path, file_system: str) -> None:
        """Forget that a file system was seen at a root."""
        where = [roots.c.path == os.fsencode(root), roots.c.file_system == file_system]
        with self.writing() as db:
            db.execute(roots.delete().where(*where))

    def forget_undo_records(self, days: int) -> int:
        """Delete the undo records older than ``days`` and return their number; the log itself stays."""
        before = iso(datetime.now(UTC) - timedelta(days=days))
        old = sa.select(records.c.id).where(records.c.at < before)
        with self.writing() as db:
            return db.execute(writes.delete().where(writes.c.record.in_(old))).rowcount

    # -- questions ---------------------------------------------------------------------------------------------------

    def features_of(self, paths: Iterable[Path], version: str) -> dict[Path, bytes]:
        """Return the features of files, in this version; files without such features are left out."""
        rest = iter(map(os.fsencode, paths))
        found: dict[Path, bytes] = {}
        with self.reading() as db:
            while batch := list(islice(rest, 500)):
                rows = db.execute(_heard(), {"paths": batch, "version": version})
                found |= {Path(os.fsdecode(path)): vector for path, vector in rows}
        return found

    def genres_set(self) -> list[str]:
        """Return the genres that people set by hand."""
        where = [tally.c.outcome == Outcome.TAGGED.value, tally.c.model == "", tally.c.genre != ""]
        with self.reading() as db:
            return list(db.execute(sa.select(tally.c.genre).where(*where).distinct()).scalars())

    def reopen(self, record: Record) -> None:
        """Put an earlier decision in force again, with its stamp, since what was decided later was undone."""
        write, back = records.alias(), records.alias()
        taken_back = sa.exists().where(back.c.path == write.c.path, back.c.undoes == write.c.id)
        writes_of_it = [write.c.path == os.fsencode(record.path), write.c.outcome == Outcome.TAGGED.value]
        wrote = sa.select(sa.func.max(write.c.id)).where(*writes_of_it, write.c.id <= record.id, ~taken_back)
        row: dict[str, Any] = _state(replace(record, standing=Standing.DONE)) | {"wrote": wrote.scalar_subquery()}
        if record.stamp is not None:
            row |= columns_of(record.stamp)
        with self.writing() as db:
            db.execute(files.update().where(files.c.path == os.fsencode(record.path)).values(row))

    # -- the database ------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with schema.writing(self.path, self._engine) as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with schema.reading(self.path, self._engine) as db:
            yield db

    @contextmanager
    def _plain(self) -> Iterator[sqlite3.Connection]:
        with self.reading() as db:
            yield schema.plain(db)


@cache
def _heard() -> sa.Select[Any]:
    """Return the statement for vectors by the names of files; making it takes longer than running it."""
    named = files.c.path.in_(sa.bindparam("paths", expanding=True)), features.c.version == sa.bindparam("version")
    return sa.select(files.c.path, features.c.vector).join(features, features.c.file == files.c.id).where(*named)


@cache
def _analysing() -> sa.Select[Any]:
    """Return the statement for decisions in force about what was heard; making it takes longer than running it."""
    earlier = records.alias()
    tagged = sa.and_(earlier.c.path == records.c.path, earlier.c.outcome == Outcome.TAGGED.value)
    first = sa.select(earlier.c.previous).where(tagged).order_by(earlier.c.id).limit(1).scalar_subquery()
    before = sa.case((records.c.outcome == Outcome.TAGGED.value, first), else_=files.c.genre)
    tried = sa.and_(files.c.standing == Standing.TRIED.value, records.c.outcome == Outcome.UNDONE.value)
    stands = sa.or_(files.c.standing == Standing.DONE.value, tried)
    joined = files.join(features, features.c.file == files.c.id).join(records, files.c.record == records.c.id)
    columns = [files.c.path, *(files.c[name] for name in STAMP), files.c.genre]
    decided = [records.c.outcome, before.label("before"), records.c.id, records.c.corrects]
    decided += [records.c.genre.label("answer"), records.c.evidence]
    return sa.select(*columns, *decided).select_from(joined).where(stands).order_by(files.c.path)


def _state(record: Record) -> dict[str, Any]:
    """Return what a decision makes known of a file, as columns of `files`; a failure makes no genres known."""
    state: dict[str, Any] = {"standing": record.standing.value, "record": record.id}
    state["path_text"] = path_text(record.path)
    if record.labels is not None:
        state |= columns_of_labels(record.labels)
    if record.outcome is not Outcome.FAILED or record.previous:
        state |= {"genre": _listed(record.genres), "by": record.by.value if record.by else None}
    return state


def _listed(genres: Sequence[str]) -> str:
    return json.dumps(genres, ensure_ascii=False)


def _now() -> str:
    return iso(datetime.now(UTC))
