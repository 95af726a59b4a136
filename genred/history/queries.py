"""Questions to the log as SQL that stays as quick as the log grows, for any connection of Python's own SQLite.

The log is in the order of its ids, and so is, within one value, every index on a column of it: what is asked for can be
read backwards from the newest, and reading stops at the limit. Moments and runs become spans of ids, which go with any
of the indexes; several values of one column become one question each, which SQLite merges in the order of the ids. A
column with a plus before it is looked up in no index. What is only counted was counted when it was recorded, by
triggers: what happened in the table `tally`, what the files have now in `tally_now`.
"""

import json
import os
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from genred.history.database import inside
from genred.history.records import Outcome, Query, Record, Run

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

FEW = 10_000  # of so many decisions below a folder, the newest are sooner found by sorting them than by reading the log

PLAIN = ("genre", "confidence", "model", "run", "reason", "undoes", "corrects", "carries", "evidence")
"""Fields of a record that are columns of its row, as they are."""

_COLUMNS = ", ".join(("id", "at", "path", "outcome", "previous", "written", *PLAIN))


@dataclass(frozen=True, slots=True)
class Term:
    """A condition, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...] = ()

    @classmethod
    def any(cls, terms: Iterable["Term"]) -> Self:
        """Return the condition that one of the terms holds."""
        some = list(terms)
        return cls(
            f"({' OR '.join(term.sql for term in some)})", tuple(value for term in some for value in term.values)
        )

    @classmethod
    def among(cls, column: str, values: Sequence[str]) -> Self:
        """Return the condition that a column has one of the values."""
        return cls(f"{column} IN ({', '.join('?' * len(values))})", tuple(values))


@dataclass(frozen=True, slots=True)
class Selection:
    """The decisions that match, of which a part can be asked for by the ids."""

    branches: Sequence[Sequence[Term]]
    """What to select, each in a way through one index; no decision is in two of them."""
    is_small: bool
    """Whether all that match are read in any case, and sorted."""

    @classmethod
    def of(cls, db: sqlite3.Connection, query: Query) -> Self:
        """Find the ways through the indexes."""
        terms = [*_span(db, query), *_details(query)]
        genres = _spelled(db, query.genres)
        outcomes = [outcome.value for outcome in query.outcomes]
        if query.path is not None and _holds_few(db, query.path):
            terms.append(_at_or_below("path", query.path))
            if query.genres:
                terms.append(Term.among("+genre", genres))
            if outcomes:
                terms.append(Term.among("+outcome", outcomes))
            if query.evidence:
                terms.append(Term.among("+evidence", query.evidence))
            return cls([terms], is_small=True)
        if query.path is not None:
            terms.append(_at_or_below("+path", query.path))
        lists = [[Term("genre = ?", (genre,)) for genre in genres]] if query.genres else []
        lists += [[Term("outcome = ?", (outcome,)) for outcome in outcomes]] if outcomes else []
        lists += [[Term("evidence = ?", (kind,)) for kind in query.evidence]] if query.evidence else []
        branches = [[*terms, *some] for some in product(*lists)]
        return cls(branches or [[Term("0")]], is_small=False)

    def rows(
        self,
        db: sqlite3.Connection,
        limit: int | None,
        *,
        above: int | None = None,
        below: int | None = None,
        oldest_first: bool = False,
    ) -> Iterator[sqlite3.Row]:
        """Yield the rows of those between two ids, of which neither is among them; the newest first."""
        ends = [Term("id > ?", (above,))] if above is not None else []
        ends += [Term("id < ?", (below,))] if below is not None else []
        branches = [[*branch, *ends] or [Term("1")] for branch in self.branches]
        selects = (
            f"SELECT {_COLUMNS} FROM records WHERE {' AND '.join(term.sql for term in terms)}"  # noqa: S608 - from here
            for terms in branches
        )
        order = "id" if oldest_first else "id DESC"
        values = [value for terms in branches for term in terms for value in term.values]
        cursor = db.cursor()
        cursor.row_factory = sqlite3.Row
        cursor.execute(
            f"{' UNION ALL '.join(selects)} ORDER BY {order} LIMIT ?", (*values, -1 if limit is None else limit)
        )
        return cursor


def record_in(row: "sqlite3.Row | RowMapping") -> Record:
    """Return the decision in a row of `records`."""
    return Record(
        path=Path(os.fsdecode(row["path"])),
        outcome=Outcome(row["outcome"]),
        previous=tuple(json.loads(row["previous"])),
        written=tuple(json.loads(row["written"])),
        **{name: row[name] for name in (*PLAIN, "id", "at")},
    )


_COUNTS = {
    "outcome": """
        SELECT outcome, sum(count) FROM tally GROUP BY outcome ORDER BY 2 DESC, 1
    """,
    "genre": """
        SELECT genre, sum(count) FROM tally WHERE outcome = 'tagged' AND genre <> '' GROUP BY genre ORDER BY 2 DESC, 1
    """,
    "model": """
        SELECT model, sum(count) FROM tally WHERE outcome = 'tagged' AND model <> '' GROUP BY model ORDER BY 2 DESC, 1
    """,
    "month": """
        SELECT month, sum(count) FROM tally WHERE outcome = 'tagged' GROUP BY month ORDER BY 1
    """,
    "now": """
        SELECT value, sum(count) FROM tally_now, json_each(tally_now.genre) GROUP BY value ORDER BY 2 DESC, 1
    """,
    "now_by": """
        SELECT "by", sum(count) FROM tally_now WHERE "by" <> '' GROUP BY "by"
    """,
    "now_genred": """
        SELECT value, sum(count) FROM tally_now, json_each(tally_now.genre)
        WHERE tally_now."by" = 'genred' GROUP BY value ORDER BY 2 DESC, 1
    """,
}


def counts(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Count what happened, and what the files have now.

    Decisions are counted by ``outcome``, and tag writes by ``genre`` and by ``model``, most first, and by ``month``.
    Files are counted by genre (``now``; one with two under each), by who wrote it (``now_by``), and by genre what
    genred wrote (``now_genred``).
    """
    return {name: dict(db.execute(sql)) for name, sql in _COUNTS.items()}


_SHARES = """
SELECT coalesce(sum(count) FILTER (WHERE model <> ''), 0) AS heard,
       coalesce(sum(count) FILTER (WHERE model <> '' AND genre <> ''), 0) AS answered,
       coalesce(sum(count) FILTER (WHERE model <> '' AND outcome = 'tagged'), 0) AS written,
       coalesce(sum(count) FILTER (WHERE model = '' AND outcome = 'tagged'), 0) AS "set",
       (SELECT count(*) FROM records AS undo, records AS undone
        WHERE undo.outcome = 'undone' AND undone.id = undo.undoes AND undone.model IS NOT NULL) AS undone,
       (SELECT count(*) FROM records WHERE outcome = 'kept' AND corrects IS NOT NULL) AS changed
FROM tally
"""


def shares(db: sqlite3.Connection) -> dict[str, int]:
    """Count what was heard, answered and written, and what people changed.

    ``heard`` are decisions for which a model was asked, ``answered`` those where it named a genre, ``written`` those
    where that went into the file; ``changed`` are genres that a person corrected, ``undone`` writes of the model that
    were undone, and ``set`` genres that a person chose.
    """
    found = db.execute(_SHARES)
    return dict(zip((name for name, *_ in found.description), found.fetchone(), strict=True))


_NEWEST_OF_RUN = """
SELECT count(*) FILTER (WHERE outcome = 'tagged'), count(*)
FROM (SELECT outcome FROM records WHERE run = ? ORDER BY id DESC LIMIT ?)
"""


def latest_runs(db: sqlite3.Connection, limit: int, among: int = 50, most: int = 1000) -> Iterator[Run]:
    """Yield the last runs that wrote tags, newest first; of each, its newest ``most`` decisions are counted."""
    before = 2**62
    found = 0
    for _ in range(among):
        (run,) = db.execute("SELECT max(run) FROM records WHERE run < ?", (before,)).fetchone()
        if run is None or found == limit:
            return
        before = run
        tags, total = db.execute(_NEWEST_OF_RUN, (run, most)).fetchone()
        if tags or total == most:
            found += 1
            at, command = db.execute("SELECT started_at, command FROM runs WHERE id = ?", (run,)).fetchone()
            yield Run(run, at, command, tags, total == most)


def _span(db: sqlite3.Connection, query: Query) -> Iterator[Term]:
    """Yield moments and a run as bounds on the id, and the terms left to check; clocks jump and runs overlap."""

    def end(sql: str, value: object) -> tuple[int | None]:
        return (db.execute(sql, (value,)).fetchone()[0],)  # nothing lies beyond NULL

    if query.since is not None:
        yield Term("id >= ?", end("SELECT min(first) FROM months WHERE month >= ?", query.since[:7]))
        yield Term("+at >= ?", (query.since,))
    if query.until is not None:
        yield Term("id <= ?", end("SELECT max(last) FROM months WHERE month <= ?", query.until[:7]))
        yield Term("+at < ?", (query.until,))
    if query.run is not None:
        yield Term("id >= ?", end("SELECT min(id) FROM records WHERE run = ?", query.run))
        yield Term("id <= ?", end("SELECT max(id) FROM records WHERE run = ?", query.run))
        yield Term("+run = ?", (query.run,))


_JOKERS = re.compile("[/%_]")


def _details(query: Query) -> Iterator[Term]:
    """Yield the terms that no index helps with."""
    if query.twentieth is not None:
        yield Term("min(CAST(confidence * 20 + 1e-9 AS INTEGER), 19) = ?", (query.twentieth,))
    if query.reason is not None:
        yield Term("reason = ?", (query.reason,))
    if query.latest:
        yield Term("EXISTS (SELECT 1 FROM files WHERE files.record = records.id)")
    for word in query.text.split():
        columns = ("coalesce(path_text, CAST(path AS TEXT))", "reason")
        escaped = (_JOKERS.sub(r"/\g<0>", each) for each in spelt(word))
        patterns = [f"%{each}%" for each in escaped]
        yield Term.any(Term(f"{column} LIKE ? ESCAPE '/'", (each,)) for column in columns for each in patterns)


def spelt(word: str) -> list[str]:
    """Return a word as it may be spelt in a name: SQLite tells capitals apart outside of ASCII, and every accent."""
    cases = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    return sorted({unicodedata.normalize(form, each) for each in cases for form in ("NFC", "NFD")})


# One look into the index for each genre there is: a plain DISTINCT reads all of it.
_GENRES = """
WITH RECURSIVE used(genre) AS (
    SELECT min(genre) FROM records
    UNION ALL
    SELECT (SELECT min(genre) FROM records WHERE genre > used.genre) FROM used WHERE used.genre IS NOT NULL
)
SELECT genre FROM used WHERE genre IS NOT NULL
"""


def _spelled(db: sqlite3.Connection, genres: tuple[str, ...]) -> list[str]:
    """Return these genres as the log spells them."""
    wanted = {genre.casefold() for genre in genres}
    return [genre for (genre,) in db.execute(_GENRES) if genre.casefold() in wanted] if wanted else []


def _holds_few(db: sqlite3.Connection, path: Path) -> bool:
    some = "SELECT count(*) FROM (SELECT 1 FROM records WHERE path >= ? AND path < ? LIMIT ?)"
    return bool(db.execute(some, (*inside(path), FEW)).fetchone()[0] < FEW)


def _at_or_below(column: str, path: Path) -> Term:
    """Return the condition that a path column names this file, or a file below this folder."""
    return Term(f"({column} = ? OR {column} >= ? AND {column} < ?)", (os.fsencode(path), *inside(path)))
