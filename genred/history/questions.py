"""The decisions that a person may be asked about, found in a library of any size (SQLAlchemy lives here too)."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from genred.history.queries import record_in
from genred.history.records import Outcome, Record, Standing
from genred.history.schema import (
    STAMP,
    Connecting,
    at_or_below,
    by_no_index,
    files,
    labels_in,
    records,
    runs,
    stamp_in,
    tally_latest,
)
from genred.names import Labels

REVIEW = "review"
"""The command of a run that people's answers are of, wherever they give them."""
_MOST = 1000
_FEW = 20_000
_LEFT = Outcome.ABSTAINED.value

# From the few runs to what was skipped in them: of all that genred skips, people skip next to nothing.
_SKIPPED = sa.text("""
SELECT skip.path FROM runs CROSS JOIN records AS skip ON skip.run = runs.id
WHERE runs.command = 'review' AND +skip.outcome = 'skipped'
""").columns(path=sa.LargeBinary)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that a person may be asked about."""

    path: Path
    labels: Labels | None
    """None where the tags were not read yet."""


class Questions:
    """The decisions in force that a person may want to check; `History.questions` holds it."""

    def __init__(self, reading: Connecting) -> None:
        self._reading = reading

    def below(self, below: Path | None = None, *, tagged: int = 0, skipped: bool | None = False) -> list[Record]:
        """Return decisions, each with the path and the stamp known now.

        Parameters
        ----------
        below
            One file, or a folder.
        tagged
            How many of genred's own tags, the least sure ones, to add to the files that genred left without an answer.
        skipped
            True for files that a person skipped in a review since, False for the others, None for both.
        """
        select = _decisions().where(*_skipped(skipped))
        if below is not None:
            select = select.where(at_or_below(files.c.path, below))
        # Below a folder the index on paths finds files sooner; SQLite is kept from using the one on outcomes.
        outcome = records.c.outcome if below is None else records.c.outcome.concat("")
        left = select.where(outcome == Outcome.ABSTAINED.value)
        own = select.where(outcome == Outcome.TAGGED.value).order_by(records.c.confidence).limit(tagged)
        return [*self._found(left), *(self._found(own) if tagged else ())]

    def of(self, ids: Collection[int], *, skipped: bool | None = False) -> list[Record]:
        """Return those of some decisions that left a file without an answer and are in force."""
        rest = iter(sorted(ids))
        left = _decisions().where(*_skipped(skipped), records.c.outcome == Outcome.ABSTAINED.value)
        found: list[Record] = []
        while batch := list(islice(rest, 500)):
            found += self._found(left.where(files.c.record.in_(batch)))
        return found

    def waiting(self, since: Path, limit: int, *, skipped: bool = False) -> list[Waiting]:
        """Return files that genred left without an answer, in the order of their paths.

        Parameters
        ----------
        since
            The first path to look at, whether there is such a file or not.
        limit
            At most so many.
        skipped
            True for files that a person skipped since, False for the others.
        """
        columns = [files.c.path, files.c.album, files.c.artist, files.c.album_artist, files.c.compilation]
        select = sa.select(*columns).join_from(files, records, files.c.record == records.c.id)
        select = select.where(files.c.path >= os.fsencode(since), *_skipped(skipped))
        if skipped:
            select = select.where(files.c.path.in_(_SKIPPED))
        with self._reading() as db:
            # Few are found by their outcome and sorted; among many, the next ones come soon in the order of the paths.
            count = sa.select(sa.func.sum(tally_latest.c.count)).where(tally_latest.c.outcome == _LEFT)
            is_few = skipped or (db.execute(count).scalar() or 0) < _FEW
            outcome = records.c.outcome if is_few and not skipped else by_no_index(records.c.outcome)
            select = select.where(by_no_index(files.c.standing) == Standing.DONE.value, outcome == _LEFT)
            rows = db.execute(select.order_by(files.c.path).limit(limit)).all()
        return [Waiting(Path(os.fsdecode(row.path)), labels_in(row)) for row in rows]

    def answers(self, first: int, last: int) -> list[Record]:
        """Return what was answered and taken back in a review: from one number to another, all of one run."""
        run = sa.select(records.c.run).join(runs, runs.c.id == records.c.run)
        run = run.where(records.c.id == first, runs.c.command == REVIEW)
        select = sa.select(records).where(records.c.id.between(first, last), records.c.run == run.scalar_subquery())
        with self._reading() as db:
            return list(map(record_in, db.execute(select.order_by(records.c.id).limit(_MOST)).mappings()))

    def _found(self, select: sa.Select[tuple[object, ...]]) -> Iterator[Record]:
        with self._reading() as db:
            rows = db.execute(select).all()
        for row in rows:
            yield replace(record_in(row._mapping), path=Path(os.fsdecode(row.now)), stamp=stamp_in(row))


def _decisions() -> "sa.Select[tuple[object, ...]]":
    columns = [files.c.path.label("now"), *(files.c[name] for name in STAMP)]
    select = sa.select(records, *columns).join_from(files, records, files.c.record == records.c.id)
    return select.where(files.c.standing == Standing.DONE.value)


def _skipped(skipped: bool | None) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a person skipped the decision in a review since, or didn't; none for both."""
    if skipped is None:
        return []
    skip, back = records.alias(), records.alias()
    by_a_person = [
        by_no_index(skip.c.outcome) == Outcome.SKIPPED.value,
        skip.c.run == runs.c.id,
        runs.c.command == REVIEW,
    ]
    taken_back = sa.exists().where(back.c.path == skip.c.path, back.c.undoes == skip.c.id)
    since = sa.exists().where(skip.c.path == files.c.path, skip.c.id > records.c.id, *by_a_person, ~taken_back)
    return [since if skipped else ~since]
