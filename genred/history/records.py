"""The values that the history holds and that the rooms pass on: decisions, and what is known of a path."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from genred.fs.files import Stamp, readable
from genred.names import Labels

KEYS = ("id", "at", "path", "outcome", "genre", "confidence", "previous", "written", "model", "run", "reason")
"""The columns of the view ``history``, which scripts rely on."""


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
    """The file was there before genred's first start; it is backlog while its inode is the same, whoever edits it."""
    PERSON = "person"
    """A person decided (set, undo), and is never overruled, whatever changes."""
    HELD = "held"
    """The file must not be written to as it is (hard links, read-only); genred looks again when that has changed."""
    RETRY = "retry"
    """Something passing was in the way; the next reconcile tries again."""
    TRIED = "tried"
    """A trial of genred's was undone: the file is left alone like backlog, until somebody asks for another decision."""
    UNDECIDED = "undecided"
    """The file was heard, or its tags were read, and nothing is decided yet; it is looked at again, not heard again."""


class Author(StrEnum):
    """Who wrote the genres of a file."""

    YOU = "you"
    """A person, or a program that isn't genred."""
    GENRED = "genred"


@dataclass(frozen=True, slots=True)
class Record:
    """One decision about one path: a draft until it is recorded, then a row of the history."""

    path: Path
    outcome: Outcome
    reason: str
    """Why, in words for people; nothing is looked up by it."""
    genre: str | None = None
    """What the model, or the person, said; None where nobody said anything."""
    confidence: float | None = None
    """The confidence of the model, between 0 and 1."""
    previous: tuple[str, ...] = ()
    """The genres that the file had before."""
    written: tuple[str, ...] = ()
    """All genres that went into the file; empty where the file wasn't written to, or where the genre was removed."""
    model: str | None = None
    """The name of the model that was asked; None where none was."""
    stamp: Stamp | None = None
    """The stamp of the file after the decision; None where it can't be had; then nothing new is known of the file."""
    standing: Standing = Standing.DONE
    """Why the file is left alone from now on."""
    features: tuple[str, bytes] | None = None
    """The version of the features, and their vector as float32; each file has one."""
    undoes: int | None = None
    """The decision that is undone."""
    corrects: int | None = None
    """The write of genred's that a person corrected, or that genred did once, since more of the album was known."""
    carries: int | None = None
    """The write of genred's whose genres the file has, though not from this decision: the file may be a copy."""
    evidence: str | None = None
    """The kind of evidence that decided; None where only the tags were looked at, or a person decided."""
    labels: Labels | None = None
    """The labels that were read with the genres; None where the tags were not read: then the known ones stay."""
    run: int | None = None
    """The start of genred that decided; None in a draft."""
    id: int | None = None
    """The number of the row, higher is later; None in a draft."""
    at: str | None = None
    """When, as `iso` writes it; None in a draft."""

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that the file has after this decision."""
        return self.written if self.outcome in (Outcome.TAGGED, Outcome.UNDONE) else self.previous

    @property
    def by(self) -> "Author | None":
        """The author of the genres that the file has after this decision; None where it has none."""
        if not self.genres:
            return None
        is_own = self.carries is not None or (self.outcome is Outcome.TAGGED and self.model is not None)
        return Author.GENRED if is_own else Author.YOU

    def as_json(self) -> dict[str, Any]:
        """Return a decision with the keys that scripts rely on."""
        return {name: getattr(self, name) for name in KEYS} | {"path": readable(self.path)}


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a command."""

    id: int
    at: str
    """When it started, as `iso` writes it."""
    command: str
    tagged: int
    """The number of tags that it wrote, among its newest decisions."""
    has_more: bool
    """It decided about more than were counted."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a path."""

    path: Path
    stamp: Stamp
    """The stamp of the file when it was seen last."""
    standing: Standing
    """Why the file is left alone for now."""
    record: int | None = None
    """The latest decision about the file; None where there was none yet."""
    wrote: int | None = None
    """The tag write that is in force; None where there was none, or it was undone."""
    by: Author | None = None
    """Who wrote the genres that the file had when it was seen last; None where it had none, or nobody looked."""
    genres: tuple[str, ...] = ()
    """The genres that the file had when it was seen last."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """A file that was listened to, and the decision of genred's that is in force."""

    path: Path
    stamp: Stamp
    """The stamp of the file after the decision."""
    outcome: Outcome
    there: tuple[str, ...]
    """The genres that the file has since."""
    previous: tuple[str, ...]
    """The genres that the file had before genred ever wrote: genred's own earlier answers are nobody's genre."""
    record: int
    """The decision."""
    answer: str | None
    """The genre that the decision names."""
    evidence: str | None
    """The kind of evidence that decided."""
    corrects: int | None
    """The decision by genred that this one corrected, since more of the album was known."""


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of the history; all that are given must hold."""

    genres: tuple[str, ...] = ()
    """The decision names one of these genres, in upper or lower case."""
    outcomes: tuple[Outcome, ...] = ()
    """The decision has one of these outcomes."""
    since: str | None = None
    """The first moment that counts, as `iso` writes it."""
    until: str | None = None
    """The first moment that doesn't count any more."""
    path: Path | None = None
    """A file, or a folder and all below it."""
    run: int | None = None
    """One start of genred."""
    limit: int | None = None
    """At most so many, the newest."""
    evidence: tuple[str, ...] = ()
    """One of these kinds of evidence decided."""
    twentieth: int | None = None
    """The confidence is at least so many twentieths, and less than one more; 19 counts for all up to 1."""
    reason: str | None = None
    """The decision has this reason, to the letter."""
    latest: bool = False
    """The decision is the latest one about its file."""
    text: str = ""
    """Each of these words stands in the path or in the reason."""


def iso(moment: datetime) -> str:
    """Return a moment as the history holds it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
