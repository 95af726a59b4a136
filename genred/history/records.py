"""The values that the history holds and that the rooms pass on: decisions, and what is known of a path."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from genred.fs.files import Stamp


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
    HELD = "held"
    """It must not be written to as it is (hard links, read-only): looked at again when that has changed."""
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
    """The file's, when it was seen last."""
    standing: Standing
    record: int | None = None
    """The latest decision about it; None where there was none yet."""
    wrote: int | None = None
    """The tag write that is in force; None where genred wrote nothing, or it was undone."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A file that was listened to: how it was then, what genred decided, and what it heard."""

    path: Path
    stamp: Stamp
    outcome: Outcome
    previous: tuple[str, ...]
    written: tuple[str, ...]
    vector: bytes


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of the history; all that are given must hold.

    Of several genres (in any case) or outcomes, one must. ``since`` is the first moment that counts, ``until`` the
    first that doesn't any more. ``path`` is a file, or a folder and all below it.
    """

    genres: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    since: str | None = None
    until: str | None = None
    path: Path | None = None
    run: int | None = None
    limit: int | None = None


def iso(moment: datetime) -> str:
    """A moment as the history holds it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
