"""Questions to the log as SQL that stays as quick as the log grows (SQLAlchemy lives here too).

The log is in the order of its ids, and so is, within one value, every index on a column of it: what is asked for can be
read backwards from the newest, and reading stops at the limit. Moments and runs become spans of ids, which go with any
of the indexes; several values of one column become one question each, which SQLite merges in the order of the ids. What
is only counted was counted when it was recorded, by triggers: what happened in the table `tally`, what the files have
now in `tally_now`.
"""

import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from genred.history.records import Author, Outcome, Query, Record, Run
from genred.history.schema import at_or_below, files, months, records, runs, tally, tally_now

FEW = 10_000  # of so many decisions below a folder, the newest are sooner found by sorting them than by reading the log

# One look into the index for each genre there is: a plain DISTINCT reads all of it.
_GENRES = sa.text("""
WITH RECURSIVE used(genre) AS (
    SELECT min(genre) FROM records
    UNION ALL
    SELECT (SELECT min(genre) FROM records WHERE genre > used.genre) FROM used WHERE used.genre IS NOT NULL
)
SELECT genre FROM used WHERE genre IS NOT NULL
""")


def selecting(db: sa.Connection, query: Query) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Return the statement that selects the decisions that match, newest first."""
    return Selection.of(db, query).statement(query.limit)


@dataclass(frozen=True, eq=False)
class Selection:
    """The decisions that match, of which a part can be asked for by the ids."""

    branches: Sequence[sa.Select[Any]]
    """What to select, each in a way through one index; no decision is in two of them."""
    is_small: bool
    """Whether all that match are read in any case, and sorted."""

    @classmethod
    def of(cls, db: sa.Connection, query: Query) -> Self:
        """Find the ways through the indexes."""
        terms = [*_span(db, query), *_details(query)]
        genres = _spelled(db, query.genres)
        outcomes = [outcome.value for outcome in query.outcomes]
        if query.path is not None and _holds_few(db, query.path):
            terms.append(at_or_below(records.c.path, query.path))
            if query.genres:
                terms.append(by_no_index(records.c.genre).in_(genres))
            if outcomes:
                terms.append(by_no_index(records.c.outcome).in_(outcomes))
            if query.evidence:
                terms.append(by_no_index(records.c.evidence).in_(query.evidence))
            return cls([sa.select(records).where(*terms)], is_small=True)
        if query.path is not None:
            terms.append(at_or_below(by_no_index(records.c.path), query.path))
        either = [records.c.genre == genre for genre in genres] if query.genres else [sa.true()]
        each = [records.c.outcome == outcome for outcome in outcomes] or [sa.true()]
        kinds = [records.c.evidence == kind for kind in query.evidence] or [sa.true()]
        branches = [sa.select(records).where(*terms, *some) for some in product(either, each, kinds)]
        return cls(branches or [sa.select(records).where(sa.false())], is_small=False)

    def statement(
        self, limit: int | None, *, above: int | None = None, below: int | None = None, oldest_first: bool = False
    ) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        """Return the statement for those between two ids, of which neither is among them."""
        terms = [records.c.id > above] if above is not None else []
        terms += [records.c.id < below] if below is not None else []
        branches = [branch.where(*terms) for branch in self.branches]
        found = branches[0] if self.is_small else sa.union_all(*branches)
        order = found.selected_columns.id
        return found.order_by(order.asc() if oldest_first else order.desc()).limit(limit)


def counts(db: sa.Connection) -> dict[str, dict[str, int]]:
    """Count decisions by outcome, and tag writes by genre and by model, most first, and by month."""
    tagged = tally.c.outcome == Outcome.TAGGED.value
    total = sa.func.sum(tally.c.count)
    found: dict[str, dict[str, int]] = {}
    for name, where in (("outcome", sa.true()), ("genre", tagged), ("model", tagged), ("month", tagged)):
        column = tally.c[name]
        order = (column,) if name == "month" else (total.desc(), column)
        select = sa.select(column, total).where(where, column != "").group_by(column).order_by(*order)
        found[name] = dict(map(tuple, db.execute(select)))
    return found


def counts_now(db: sa.Connection) -> dict[str, dict[str, int]]:
    """Count files by genre (one with two under each), most first, by who wrote it, and by genre what genred wrote."""
    each = sa.func.json_each(tally_now.c.genre).table_valued("value")
    total = sa.func.sum(tally_now.c.count)
    genres = sa.select(each.c.value, total).select_from(tally_now.join(each, sa.true()))
    genres = genres.group_by(each.c.value).order_by(total.desc(), each.c.value)
    own = genres.where(tally_now.c.by == Author.GENRED.value)
    by = sa.select(tally_now.c.by, total).where(tally_now.c.by != "").group_by(tally_now.c.by)
    asked = {"now": genres, "now_by": by, "now_genred": own}
    return {name: dict(map(tuple, db.execute(select))) for name, select in asked.items()}


def shares(db: sa.Connection) -> dict[str, int]:
    """Count what was heard, answered and written, and what people changed.

    ``heard`` are decisions for which a model was asked, ``answered`` those where it named a genre, ``written`` those
    where that went into the file; ``changed`` are genres that a person corrected, ``undone`` writes of the model that
    were undone, and ``set`` genres that a person chose.
    """
    by_model = tally.c.model != ""
    tagged = tally.c.outcome == Outcome.TAGGED.value
    terms = {
        "heard": by_model,
        "answered": by_model & (tally.c.genre != ""),
        "written": by_model & tagged,
        "set": tagged & ~by_model,
    }
    sums = [sa.func.coalesce(sa.func.sum(tally.c.count).filter(term), 0).label(name) for name, term in terms.items()]
    undo, undone = records.alias(), records.alias()
    of_model = [undo.c.outcome == Outcome.UNDONE.value, undone.c.id == undo.c.undoes, undone.c.model.is_not(None)]
    taken_back = sa.select(sa.func.count()).select_from(undo).where(*of_model)
    corrections = [records.c.outcome == Outcome.KEPT.value, records.c.corrects.is_not(None)]
    changed = sa.select(sa.func.count()).select_from(records).where(*corrections)
    found = dict(db.execute(sa.select(*sums)).mappings().one())
    return found | {"undone": db.execute(taken_back).scalar_one(), "changed": db.execute(changed).scalar_one()}


def latest_runs(db: sa.Connection, limit: int, among: int = 50, most: int = 1000) -> Iterator[Run]:
    """Yield the last runs that wrote tags, newest first; of each, its newest ``most`` decisions are counted."""
    before = sa.literal(2**62)
    found = 0
    for _ in range(among):
        run = db.execute(sa.select(sa.func.max(records.c.run)).where(records.c.run < before)).scalar()
        if run is None or found == limit:
            return
        before = sa.literal(run)
        newest = sa.select(records.c.outcome).where(records.c.run == run).order_by(records.c.id.desc()).limit(most)
        counted = newest.subquery()
        tagged = sa.func.count().filter(counted.c.outcome == Outcome.TAGGED.value)
        tags, total = db.execute(sa.select(tagged, sa.func.count()).select_from(counted)).one()
        if tags or total == most:
            found += 1
            row = db.execute(sa.select(runs).where(runs.c.id == run)).one()
            yield Run(row.id, row.started_at, row.command, tags, total == most)


def _span(db: sa.Connection, query: Query) -> Iterator[sa.ColumnElement[bool]]:
    """Yield moments and a run as bounds on the id, and the terms left to check; clocks jump and runs overlap."""
    id_ = records.c.id
    if query.since is not None:
        yield id_ >= _end(db, sa.func.min(months.c.first), months.c.month >= query.since[:7])
        yield by_no_index(records.c.at) >= query.since
    if query.until is not None:
        yield id_ <= _end(db, sa.func.max(months.c.last), months.c.month <= query.until[:7])
        yield by_no_index(records.c.at) < query.until
    if query.run is not None:
        yield id_ >= _end(db, sa.func.min(id_), records.c.run == query.run)
        yield id_ <= _end(db, sa.func.max(id_), records.c.run == query.run)
        yield by_no_index(records.c.run) == query.run


def _details(query: Query) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the terms that no index helps with."""
    if query.twentieth is not None:
        yield sa.func.min(sa.cast(records.c.confidence * 20 + 1e-9, sa.Integer), 19) == query.twentieth
    if query.reason is not None:
        yield records.c.reason == query.reason
    if query.latest:
        yield sa.exists().where(files.c.record == records.c.id)
    if query.text:
        path = sa.func.coalesce(records.c.path_text, sa.cast(records.c.path, sa.Text))
        yield from containing(query.text, path, records.c.reason)


def containing(text: str, *columns: sa.ColumnElement[str]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the terms that each word of a text stands in one of the columns, in capitals or not."""
    for word in text.split():
        cases = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
        spelt = {unicodedata.normalize(form, each) for each in cases for form in ("NFC", "NFD")}
        yield sa.or_(*(column.contains(each, autoescape=True) for column in columns for each in sorted(spelt)))


def _end(db: sa.Connection, end: sa.Function[int], where: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.literal(db.execute(sa.select(end).where(where)).scalar(), sa.Integer)  # nothing lies beyond NULL


def _spelled(db: sa.Connection, genres: tuple[str, ...]) -> list[str]:
    """Return these genres as the log spells them."""
    wanted = {genre.casefold() for genre in genres}
    return [genre for genre in db.execute(_GENRES).scalars() if genre.casefold() in wanted] if wanted else []


def _holds_few(db: sa.Connection, path: Path) -> bool:
    below = os.fsencode(path) + b"/", os.fsencode(path) + b"0"  # "0" follows "/"
    some = sa.select(records.c.id).where(records.c.path >= below[0], records.c.path < below[1]).limit(FEW)
    return db.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one() < FEW


def by_no_index(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the column so that SQLite uses no index on it: SQLite can't tell a rare value from a common one."""
    return sa.UnaryExpression(column, operator=sa.sql.operators.custom_op("+"), type_=column.type)


PLAIN = ("genre", "confidence", "model", "run", "reason", "undoes", "corrects", "carries", "evidence")
"""Fields of a record that are columns of its row, as they are."""


def record_in(row: sa.Row[Any]) -> Record:
    """Return the decision in a row of `records`."""
    return Record(
        path=Path(os.fsdecode(row.path)),
        outcome=Outcome(row.outcome),
        previous=tuple(json.loads(row.previous)),
        written=tuple(json.loads(row.written)),
        **{name: getattr(row, name) for name in (*PLAIN, "id", "at")},
    )
