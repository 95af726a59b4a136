"""Carry decisions out: write them into the files, and record what became of them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError, Protected, UnfinishedError
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Record, Standing
from genred.saving import transaction

log = logging.getLogger(__name__)


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

    def carry_out(self, drafts: Sequence[Record]) -> list[Record]:
        """Write the genres of drafts that have some to write, and record what became of each, as soon as that can be.

        Parameters
        ----------
        drafts
            Decisions about files of one group of `genred.saving.transaction.together`.
        """
        writing = [draft for draft in drafts if draft.outcome is Outcome.TAGGED]
        wrote = {draft.path: became for draft, became in zip(writing, self.write_all(writing), strict=True)}
        told = []
        for draft in drafts:
            match wrote.get(draft.path):
                case None:
                    told.append(draft)
                case UnfinishedError() as error:
                    log.warning("%s", error)
                case FileError() as error:
                    told.append(self.refused(replace(draft, written=()), error))
        done = {record.path: record for record in (*wrote.values(), *self.record(told)) if isinstance(record, Record)}
        return [done[draft.path] for draft in drafts if draft.path in done]

    def write(self, draft: Record) -> Record:
        """Write the genres of a draft, and record that.

        Raises
        ------
        FileError
            If the genres can't be written; the file is as it was, and nothing is recorded.
        """
        (became,) = self.write_all([draft])
        if isinstance(became, FileError):
            raise became
        return became

    def write_all(self, drafts: Sequence[Record]) -> Sequence[Record | FileError]:
        """Write the genres of drafts of one group, and record that; return an error where they can't be written."""
        if self._dry_run:
            return drafts

        def edit(draft: Record, clone: Path) -> None:
            self._analyser.edit(draft.path, clone, draft.written, self._tags)

        return transaction.replace_all(drafts, edit, self._journal, self._tags)

    def refused(self, draft: Record, error: FileError) -> Record:
        """Return a draft with why nothing could be done about the file, and whether it is tried again."""
        outcome = Outcome.SKIPPED if isinstance(error, Protected) else Outcome.FAILED
        standing = Standing.RETRY if error.transient else Standing.DONE
        if isinstance(error, Protected) and transaction.refusal(draft.path, self._tags):
            standing = Standing.HELD
        return replace(draft, outcome=outcome, reason=error.reason, standing=standing)

    def record(self, drafts: Sequence[Record]) -> Sequence[Record]:
        """Record decisions that write nothing."""
        return drafts if self._dry_run else self._history.record_all(drafts)
