"""The feature vectors that are kept of files, found by the version of the features."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genred.fs.files import Stamp
from genred.history.schema import STAMP, Connecting, at_or_below, columns_of, features, files, stamp_in


@dataclass(frozen=True, slots=True)
class Outdated:
    """A file of which a vector of another version is kept."""

    number: int
    """The number of the file in the history."""
    path: Path
    stamp: Stamp
    """The stamp of the file when it was seen last: the vector is of that content."""


class Vectors:
    """The vectors in the history; `History.vectors` holds it.

    Parameters
    ----------
    reading, writing
        Open connections.
    """

    def __init__(self, reading: Connecting, writing: Connecting) -> None:
        self._reading = reading
        self._writing = writing

    def outdated(self, version: str, below: Path | None = None, *, batch: int = 64) -> Iterator[Outdated]:
        """Yield files with vectors of other versions, in the order in which the history met them.

        Parameters
        ----------
        version
            The version that is wanted.
        below
            Only a file, or the files below a folder.
        batch
            How many are read at once; in between, the history may change.
        """
        for other in self._others(version):
            after = 0
            while found := self._found([features.c.version == other, files.c.id > after, *_place(below)], batch):
                yield from found
                after = found[-1].number

    def outdated_of(self, paths: Collection[Path], version: str) -> list[Outdated]:
        """Return those of some files of which a vector of another version is kept."""
        named = files.c.path.in_(list(map(os.fsencode, paths)))
        return self._found([named, features.c.version != version], len(paths))

    def count_outdated(self, version: str, below: Path | None = None) -> int:
        """Count the files with vectors of other versions."""
        joined = features.join(files, features.c.file == files.c.id)
        count = sa.select(sa.func.count()).select_from(joined if below is not None else features)
        with self._reading() as db:
            others = [features.c.version == other for other in self._others(version)]
            return sum(int(db.execute(count.where(other, *_place(below))).scalar_one()) for other in others)

    def renew(self, file: Outdated, version: str, vector: bytes) -> bool:
        """Keep another vector of a file; return False where the history knows other content of the file by now."""
        row = columns_of(file.stamp)
        same = [files.c[name] == row[name] for name in ("size", "mtime_ns")]
        there = sa.exists().where(files.c.id == file.number, files.c.path == os.fsencode(file.path), *same)
        with self._writing() as db:
            values = {"version": version, "vector": vector}
            done = db.execute(features.update().where(features.c.file == file.number, there).values(values))
            return done.rowcount > 0

    def _others(self, version: str) -> list[str]:
        """Return the versions that vectors are of, but for one; from one to the next, not through all vectors."""
        found: list[str] = []
        least = sa.select(sa.func.min(features.c.version))
        with self._reading() as db:
            there = db.execute(least).scalar()
            while there is not None:
                found.append(there)
                there = db.execute(least.where(features.c.version > there)).scalar()
        return [other for other in found if other != version]

    def _found(self, where: list[sa.ColumnElement[bool]], limit: int) -> list[Outdated]:
        columns = [files.c.id, files.c.path, *(files.c[name] for name in STAMP)]
        joined = features.join(files, features.c.file == files.c.id)
        select: sa.Select[Any] = sa.select(*columns).select_from(joined).where(*where).order_by(features.c.file)
        with self._reading() as db:
            rows = db.execute(select.limit(limit)).all()
        return [Outdated(row.id, Path(os.fsdecode(row.path)), stamp_in(row)) for row in rows]


def _place(below: Path | None) -> list[sa.ColumnElement[bool]]:
    return [] if below is None else [at_or_below(files.c.path, below)]
