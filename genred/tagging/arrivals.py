"""Tell which paths are worth a look: files that are new, or changed, or were put off."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import Stamp, readable, stamp_of
from genred.history.history import History
from genred.history.identity import follow, is_at, recognise
from genred.history.journal import Intent, Journal
from genred.history.records import Known, Standing
from genred.saving import recovery, transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is worth a look."""

    path: Path
    stamp: Stamp
    known: Known | None
    """What is known of the file, or failing that of its name; None where nothing is."""

    @property
    def is_put_off(self) -> bool:
        """Return whether the file is as it was when it was seen last, and a decision about it was put off then."""
        return self.known is not None and self.known.stamp.same_content(self.stamp)

    @property
    def wrote(self) -> int | None:
        """Return the tag write that is in force for what is known."""
        return self.known.wrote if self.known is not None else None


class Arrivals:
    """Tells which paths are worth a look, and follows files that were renamed.

    Parameters
    ----------
    history
        What is known.
    tags
        Options of writing, which say whether a file that was held may be written by now.
    backlog
        True to look also at files that were there before genred.
    trials
        True to look also at files whose tags were undone as a trial.
    dry_run
        True to note nothing.
    """

    def __init__(self, history: History, tags: Tags, *, backlog: bool, trials: bool, dry_run: bool) -> None:
        self._history = history
        self._tags = tags
        self._looked_at = {Standing.BACKLOG: backlog, Standing.TRIED: trials}
        self._dry_run = dry_run
        self._journal = Journal(history)
        self._unfinished: list[Intent] = []
        """Saves that were cut short and can't be resolved yet."""

    def among(self, paths: Iterable[Path]) -> Iterator[Arrival]:
        """Yield those of some paths that are worth a look."""
        self._unfinished = self._journal.unfinished() if self._dry_run else transaction.unresolved(self._journal)
        for path in self._followed(paths):
            arrival = self.at(path)
            if arrival is not None:
                yield arrival

    def at(self, path: Path) -> Arrival | None:
        """Return the file at a path; None if there is none that is worth a look."""
        try:
            stamp = stamp_of(path)
        except FileError as error:
            log.debug("left alone: %s", error)
            return None
        if self._unfinished and self._is_unfinished(path):
            log.info("%s: left alone: an earlier save of it can't be brought to its end yet", readable(path))
            return None
        known = recognise(self._history, path, stamp)
        if known is None or not self._is_done(path, known, stamp):
            return Arrival(path, stamp, known)
        if not self._dry_run:
            follow(self._history, known, path, stamp)
        return None

    def _followed(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield the same paths, after what is known of files that were renamed is moved to the new names.

        Otherwise, where names were passed on from file to file, one file would be taken for another.
        """
        rest = iter(paths)
        while batch := list(islice(rest, 256)):
            here = {} if self._dry_run else self._history.files.known_all(batch)
            for path in () if self._dry_run else batch:
                with suppress(FileError):
                    stamp = stamp_of(path)
                    if path in here and here[path].stamp.same_file(stamp):
                        continue
                    known = recognise(self._history, path, stamp)
                    if known is not None and known.path != path and not is_at(known.path, stamp):
                        self._history.files.refresh(known, path, stamp)
            yield from batch

    def _is_unfinished(self, path: Path) -> bool:
        """Return whether genred may have put this file here, and couldn't record that yet."""
        beside = [it for it in self._unfinished if it.path.name == path.name and recovery.is_beside(path, it)]
        if beside and not self._dry_run:
            self._unfinished = transaction.follow(path, self._journal)
            beside = []
        return bool(beside) or any(intent.path == path for intent in self._unfinished)

    def _is_done(self, path: Path, known: Known, stamp: Stamp) -> bool:
        match known.standing:
            case Standing.PERSON:
                return True
            case Standing.BACKLOG | Standing.TRIED:
                return not self._looked_at[known.standing] and (
                    known.stamp.same_file(stamp) or known.stamp.same_content(stamp)
                )
            case Standing.HELD:
                return transaction.refusal(path, self._tags) is not None
            case Standing.RETRY | Standing.UNDECIDED:
                return False
            case Standing.DONE:
                return known.stamp.same_content(stamp)
