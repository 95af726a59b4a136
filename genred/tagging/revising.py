"""Decide anew what genred decided before: when more is known of an album, or when a person asks for it."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.history.history import History
from genred.history.records import Analysed, Outcome, Record
from genred.saving.transaction import together
from genred.tagging.judging import Ear, Judge, Judgement, predicted
from genred.tagging.policy import Policy
from genred.tagging.scribe import Scribe

log = logging.getLogger(__name__)


class Reviser:
    """Decides anew, by what was heard before.

    A genre that genred wrote gives way only to another genre and not to doubt, and only where nobody touched the file.

    Parameters
    ----------
    history
        What was heard and decided.
    policy
        The rules.
    judge
        Judges albums.
    scribe
        Carries out what is decided.
    """

    def __init__(self, history: History, policy: Policy, judge: Judge, scribe: Scribe) -> None:
        self._history = history
        self._policy = policy
        self._judge = judge
        self._scribe = scribe

    def corrections(self, judgement: Judgement) -> Iterator[Record]:
        """Correct, once, what was decided about tracks of an album while less of the album was known."""
        once = [
            file
            for file in judgement.earlier
            if file.corrects is None and file.outcome in (Outcome.TAGGED, Outcome.ABSTAINED)
        ]
        for drafts in self._groups(once, judgement, self._judge.ear):
            answers = {file.path: file.record for file in once if file.outcome is Outcome.TAGGED}
            drafts = [replace(draft, corrects=answers.get(draft.path)) for draft in drafts]
            for became in self._scribe.write_all(drafts):
                if isinstance(became, FileError):
                    log.info("not corrected: %s", became)
                else:
                    yield became

    def redecide(self, ear: Ear, below: Path | None = None) -> Iterator[Record]:
        """Decide anew about all that was heard, album by album, and act where the answer is another one.

        No audio is opened.

        Parameters
        ----------
        ear
            The model to decide by.
        below
            Only files in this folder, or this file.
        """
        judge = self._judge.by(ear)
        for folder in self._history.folders_analysed(ear.version, below):
            for album in judge.albums(folder, {}):
                judgement = judge.judge(album, {}, anew=True)
                meant = [file for file in judgement.earlier if below is None or file.path.is_relative_to(below)]
                for drafts in self._groups(meant, judgement, ear):
                    yield from self._scribe.carry_out(drafts)

    def _groups(self, decided: Iterable[Analysed], judgement: Judgement, ear: Ear) -> Iterator[list[Record]]:
        """Yield other answers for files that were decided about, in groups that may be saved together."""
        for group in together(decided, lambda file: file.stamp):
            drafts = [self._anew(file, judgement, ear) for file in group]
            yield [draft for draft in drafts if draft is not None]

    def _anew(self, file: Analysed, judgement: Judgement, ear: Ear) -> Record | None:
        """Return another answer for a file that was decided about; None if there is none, or the file was changed."""
        prediction = judgement.predictions[file.path]
        decision = self._policy.decide(file.previous, prediction, judgement.word(file.path, self._policy.vocabulary))
        if decision.outcome is not Outcome.TAGGED or decision.written == file.there:
            return None
        try:
            stamp = stamp_of(file.path)
        except FileError:
            return None
        if not stamp.matches(file.stamp):
            return None  # The file isn't the one that was heard any more; the next scan looks at it.
        draft = Record(file.path, Outcome.TAGGED, decision.reason, previous=file.there, written=decision.written)
        return predicted(replace(draft, stamp=stamp), prediction, ear)
