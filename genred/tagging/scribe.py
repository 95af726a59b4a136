"""Carry decisions out: write them into the files, and record what became of them."""

from dataclasses import replace
from pathlib import Path

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError, Protected
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Record, Standing
from genred.saving import transaction


class Scribe:
    """Writes and records decisions.

    Parameters
    ----------
    history
        The history that decisions go to; a run must have been started.
    analyser
        The workers, who edit tags.
    tags
        Options of writing.
    dry_run
        True to write and record nothing: then drafts are returned as they are.
    """

    def __init__(self, history: History, analyser: Analyser, tags: Tags, *, dry_run: bool) -> None:
        self._history = history
        self._journal = Journal(history)
        self._analyser = analyser
        self._tags = tags
        self._dry_run = dry_run

    def carry_out(self, draft: Record) -> Record:
        """Write the genres of a draft where it has some to write, and record what became of that."""
        if draft.outcome is not Outcome.TAGGED:
            return self.record(draft)
        try:
            return self.write(draft)
        except FileError as error:
            return self.refuse(replace(draft, written=()), error)

    def write(self, draft: Record) -> Record:
        """Write the genres of a draft, and record that.

        Raises
        ------
        FileError
            If the genres can't be written; the file is as it was, and nothing is recorded.
        """
        if self._dry_run or draft.stamp is None:
            return draft

        def edit(clone: Path) -> None:
            self._analyser.edit(draft.path, clone, draft.written, self._tags)

        return transaction.replace(draft, draft.stamp, edit, self._journal, self._tags)

    def refuse(self, draft: Record, error: FileError) -> Record:
        """Record why nothing could be done about a file, and whether it is tried again."""
        outcome = Outcome.SKIPPED if isinstance(error, Protected) else Outcome.FAILED
        standing = Standing.RETRY if error.transient else Standing.DONE
        if isinstance(error, Protected) and transaction.refusal(draft.path, self._tags):
            standing = Standing.HELD
        return self.record(replace(draft, outcome=outcome, reason=error.reason, standing=standing))

    def record(self, draft: Record) -> Record:
        """Record a decision that writes nothing."""
        return draft if self._dry_run else self._history.record(draft)
