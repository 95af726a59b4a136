"""The files that the history knows: find them by name, inode or content, and note where they are now."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.fs.files import Stamp
from genred.history.records import Author, Known, Outcome, Standing
from genred.history.schema import (
    LABELS,
    STAMP,
    Connecting,
    at_or_below,
    columns_of,
    files,
    path_text,
    records,
    stamp_in,
    upsert,
    writes,
)

# Asked several times for each file that arrives: of such a query, SQLAlchemy would make most of the work.
_KNOWN = f'SELECT path, {", ".join(STAMP)}, standing, record, wrote, "by", genre FROM files'  # noqa: S608 - our names


class KnownFiles:
    """The table of known files, with one row for each name of a file; `History.files` holds it."""

    def __init__(self, reading: Connecting, writing: Connecting) -> None:
        self._reading = reading
        self._writing = writing

    def known(self, path: Path) -> Known | None:
        """Return what is known of a path, None where nothing is known."""
        with self._reading() as db:
            row = db.exec_driver_sql(f"{_KNOWN} WHERE path = ?", (os.fsencode(path),)).first()
        return None if row is None else _known(row)

    def known_all(self, paths: Sequence[Path]) -> dict[Path, Known]:
        """Return what is known of some hundred paths at most; paths of which nothing is known are left out."""
        keys = [os.fsencode(path) for path in paths]
        with self._reading() as db:
            rows = db.exec_driver_sql(f"{_KNOWN} WHERE path IN ({', '.join('?' * len(keys))})", tuple(keys)).all()
        return {known.path: known for known in map(_known, rows)}

    def count_known(self) -> int:
        """Count the known paths; a hundred thousand take a millisecond."""
        with self._reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(files)).scalar_one())

    def genres_written(self, path: Path) -> tuple[str, ...] | None:
        """Return the genres of the tag write in force, None where genred wrote nothing or the write was undone."""
        joined = files.join(records, files.c.wrote == records.c.id)
        select = sa.select(records.c.written).select_from(joined).where(files.c.path == os.fsencode(path))
        with self._reading() as db:
            written = db.execute(select).scalar()
        return None if written is None else tuple(json.loads(written))

    def unknown(
        self, pairs: Iterable[tuple[str | Path, Stamp]], *, backlog: bool = False
    ) -> Iterator[tuple[Path, Stamp]]:
        """Yield those of ``pairs`` that are to be looked at, in their order; the database is read in batches.

        Files that the history holds with this content are left out, except files that are undecided or to be tried
        again and, where ``backlog`` is set, files that were there before genred or whose trial was undone.
        """
        put_off = [Standing.RETRY, Standing.HELD, Standing.UNDECIDED]
        again = put_off + ([Standing.BACKLOG, Standing.TRIED] if backlog else [])
        select = "SELECT path, size, mtime_ns, ctime_ns FROM files WHERE standing NOT IN ({}) AND path IN ({})"
        rest = iter(pairs)
        while batch := list(islice(rest, 500)):
            keys = [os.fsencode(path) for path, _ in batch]
            # Of a query with that many parameters SQLAlchemy makes more work than SQLite does.
            query = select.format(*(", ".join("?" * len(values)) for values in (again, keys)))
            with self._reading() as db:
                done = set(map(tuple, db.exec_driver_sql(query, (*again, *keys))))
            for key, (path, stamp) in zip(keys, batch, strict=True):
                if (key, stamp.size, stamp.mtime_ns, stamp.ctime_ns) not in done:
                    yield Path(path), stamp

    def refresh(self, known: Known, path: Path, stamp: Stamp) -> None:
        """Note the new name or the new times of a known file; genred takes it for the same file.

        What was known under the new name is kept under the old one until that file turns up: people swap names, too.
        The tags of a file that was edited are to be read again.
        """
        then, now = os.fsencode(known.path), os.fsencode(path)
        news = {} if known.stamp.same_content(stamp) else {"album": None}
        with self._writing() as db:
            if then != now:
                for old, new in ((now, b""), (then, now), (b"", then)):
                    values = {"path": new, "path_text": path_text(Path(os.fsdecode(new)))}
                    db.execute(files.update().where(files.c.path == old).values(values))
            db.execute(files.update().where(files.c.path == now).values(columns_of(stamp) | news))

    def name_also(self, known: Known, path: Path, stamp: Stamp) -> None:
        """Note a second name of a known file: what is known of the file holds under both names."""
        with self._writing() as db:
            row = db.execute(sa.select(files).where(files.c.path == os.fsencode(known.path))).one()
            same = {name: getattr(row, name) for name in ("standing", "record", "wrote", "genre", "by", *LABELS)}
            new = {"path": os.fsencode(path), "path_text": path_text(path), **columns_of(stamp), **same}
            db.execute(upsert(files, tuple(new), "path"), new)

    def of_file(self, stamp: Stamp) -> list[Known]:
        """Return the known names of this very file, unchanged: its device, inode, size and time of modification."""
        return self._known_by(stamp, "ino", "dev", "size", "mtime_ns")

    def of_content(self, stamp: Stamp) -> list[Known]:
        """Return the known files of this size and time of modification."""
        return self._known_by(stamp, "size", "mtime_ns")

    def _known_by(self, stamp: Stamp, *names: str) -> list[Known]:
        row = columns_of(stamp)
        where = " AND ".join(f"{name} = ?" for name in names)
        with self._reading() as db:
            rows = db.exec_driver_sql(f"{_KNOWN} WHERE {where}", tuple(row[name] for name in names)).all()
        return list(map(_known, rows))

    def count_tagged(self, size: int) -> int:
        """Count the known files of this size that carry a tag of genred's."""
        count = "SELECT count(*) FROM files WHERE size = ? AND wrote IS NOT NULL"
        with self._reading() as db:
            return int(db.exec_driver_sql(count, (size,)).scalar_one())

    def sizes_tagged(self, sizes: Iterable[int]) -> set[int]:
        """Return those of some sizes that a known file with a tag of genred's has: only such files can have copies."""
        select = sa.select(files.c.size).where(files.c.size.in_(set(sizes)), files.c.wrote.is_not(None)).distinct()
        with self._reading() as db:
            return set(db.execute(select).scalars())

    def originals(self, known: Known, stamp: Stamp) -> set[bytes]:
        """Return the sha256 of each content of this size and about this time that genred replaced in a known file.

        Some file systems keep whole seconds, others every second one.
        """
        name = sa.select(records.c.path).where(records.c.id == known.wrote).scalar_subquery()
        of_it = [records.c.path == name, records.c.outcome == Outcome.TAGGED.value, records.c.model.is_not(None)]
        like_it = [writes.c.size == stamp.size, sa.func.abs(writes.c.mtime_ns - stamp.mtime_ns) < 2_000_000_000]
        select = sa.select(writes.c.before_sha256).join_from(records, writes, writes.c.record == records.c.id)
        with self._reading() as db:
            return {digest for digest in db.execute(select.where(*of_it, *like_it)).scalars() if digest is not None}

    def left_as(self, size: int, sha256: bytes) -> list[tuple[Known, int]]:
        """Return the known files of this size that a tag write left with this content once, and the write."""
        named = sa.and_(records.c.path == files.c.path, records.c.outcome == Outcome.TAGGED.value)
        found = []
        with self._reading() as db:
            for on in (files.c.wrote == records.c.id, named):
                joined = files.join(records, on).join(writes, writes.c.record == records.c.id)
                where = [files.c.size == size, writes.c.after_sha256 == sha256]
                select = sa.select(files, records.c.id.label("write")).select_from(joined).where(*where)
                found += [(_known(row), int(row.write)) for row in db.execute(select)]
        return found

    def sample(self, below: Path, count: int) -> list[Known]:
        """Return some known files at or below a path, drawn by lot."""
        select = sa.select(files).where(at_or_below(files.c.path, below)).order_by(sa.func.random()).limit(count)
        with self._reading() as db:
            rows = db.execute(select).all()
        return list(map(_known, rows))

    def note_backlog(self, pairs: Iterable[tuple[str | Path, Stamp]], *, backlog: bool) -> int:
        """Note files on a file system that is new at this place; return how many unknown files became backlog.

        What is known of a path still holds for a file of the same size and time of modification. What is known as
        backlog holds for any file, which may be a copy of the former one. Unknown files are noted, as backlog, only
        where ``backlog`` is set; those about which nothing is decided become backlog then, too.
        """
        from sqlalchemy.dialects.sqlite import insert

        row = {os.fsencode(path): columns_of(stamp) for path, stamp in pairs}
        upsert = insert(files).values(standing=Standing.BACKLOG.value)
        new = upsert.excluded
        same_file = sa.and_(files.c.size == new.size, files.c.mtime_ns == new.mtime_ns)
        album = sa.case((same_file, files.c.album), else_=None)  # of another file, the tags are to be read
        undecided = sa.and_(files.c.standing == Standing.UNDECIDED.value, sa.literal(backlog))
        standing = sa.case((undecided, Standing.BACKLOG.value), else_=files.c.standing)
        upsert = upsert.on_conflict_do_update(
            index_elements=["path"],
            set_={"album": album, "standing": standing} | {name: new[name] for name in STAMP},
            where=sa.or_(files.c.standing == Standing.BACKLOG.value, undecided, same_file),
        )
        with self._writing() as db:
            known = set(db.execute(sa.select(files.c.path).where(files.c.path.in_(row))).scalars())
            rows = [{"path": path, **stamp} for path, stamp in row.items() if backlog or path in known]
            if rows:
                db.execute(upsert, rows)
        return len(rows) - len(known)


def _known(row: sa.Row[Any]) -> Known:
    return Known(
        path=Path(os.fsdecode(row.path)),
        stamp=stamp_in(row),
        standing=Standing(row.standing),
        record=row.record,
        wrote=row.wrote,
        by=None if row.by is None else Author(row.by),
        genres=tuple(json.loads(row.genre or "[]")),
    )
