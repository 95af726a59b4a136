"""A person's answers to questions: each is written at once, by the same safe write as every other genre, and stands.

Training learns from the answer, and no model overrules it. A skip is a line in the history and nothing else: nobody is
asked about the file again until genred decides about it anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import is_as_it_was
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.records import Outcome, Query, Record, Standing
from genred.tagging.review import Question
from genred.tagging.tagger import Tagger
from genred.tagging.undo import decision_before, undo_write

MEANWHILE = "it was changed or decided about meanwhile, and is left as it is"
"""The reason why an answer isn't taken."""
_AGAIN = "it was decided about again since, so the answer isn't the last word on it any more"


@dataclass
class Answers:
    """A person's answers, given one after the other; the last one can be undone.

    Parameters
    ----------
    tagger
        Writes the genres.
    history
        A run must have been started.
    analyser, tags
        Both serve to take an answer back.
    """

    tagger: Tagger
    history: History
    analyser: Analyser
    tags: Tags
    _given: list[list[tuple[Question, Record]]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of answers that can be taken back."""
        return len(self._given)

    def give(self, questions: Sequence[Question], genre: str | None) -> Iterator[tuple[Question, Record | FileError]]:
        """Give one answer for one file or for several: a genre, or None to skip; yield what became of each file."""
        given: list[tuple[Question, Record]] = []
        self._given.append(given)
        for question in questions:
            try:
                record = answer(self.history, self.tagger, question.record, genre)
            except FileError as error:
                yield question, error
            else:
                given.append((question, record))
                yield question, record

    def take_back(self) -> Iterator[tuple[Question, Record | FileError]]:
        """Take back the last answer; its questions are open again, with the stamps that the files have now."""
        for question, record in reversed(self._given.pop() if self._given else []):
            try:
                undone, decision = take_back(self.history, self.analyser, self.tags, record, question.record)
            except FileError as error:
                yield question, error
                continue
            yield replace(question, record=decision), undone


def answer(history: History, tagger: Tagger, decision: Record, genre: str | None) -> Record:
    """Answer the question about a decision: with a genre, or None to skip; return what was recorded.

    Raises
    ------
    FileError
        If the question isn't open any more, or the genre can't be written.
    """
    if not is_open(decision, history):
        raise FileError(decision.path, MEANWHILE)
    return skip(decision, history) if genre is None else tagger.set_genre(decision.path, genre)


def skip(decision: Record, history: History, *, dry_run: bool = False) -> Record:
    """Note that a person gives no answer; what genred decided stays, and the file isn't touched."""
    there = decision.written or decision.previous
    draft = Record(decision.path, Outcome.SKIPPED, "a person left it open", previous=there)
    return draft if dry_run else history.record(draft)


def take_back(
    history: History, analyser: Analyser, tags: Tags, given: Record, decision: Record | None = None
) -> tuple[Record, Record]:
    """Take back an answer; return what was recorded, and the decision that is in force again and can be asked about.

    Parameters
    ----------
    history
        A run must have been started.
    analyser, tags
        Of `undo_write`.
    given
        What was recorded of the answer.
    decision
        The decision that was asked about; None to find it in the history.

    Raises
    ------
    FileError
        If the file was decided about again since, or can't be written.
    """
    decision = decision or decision_before(history, given)
    if decision is None:
        raise FileError(given.path, "nobody knows any more what was asked about it")
    if given.outcome is Outcome.TAGGED:
        undo = next(iter(Journal(history).undoable(Query(path=given.path, limit=1))), None)
        if undo is None or undo.record.id != given.id:
            raise FileError(given.path, _AGAIN)
        undone = undo_write(history, undo, tags, lambda: analyser)
    else:
        known = history.files.known(given.path)
        if known is None or known.record not in (given.id, decision.id):
            raise FileError(given.path, _AGAIN)
        # A record without a stamp is a line in the log, and changes nothing of what is known of the file.
        undone = history.record(Record(given.path, Outcome.UNDONE, "a person took their answer back", undoes=given.id))
        decision = replace(decision, stamp=decision.stamp or known.stamp)
    decision = replace(decision, stamp=undone.stamp or decision.stamp)
    history.reopen(decision)
    return undone, decision


def is_open(decision: Record, history: History) -> bool:
    """Return whether the file is as it was when genred decided about it, and nobody decided since."""
    known = history.files.known(decision.path)
    is_same = decision.stamp is not None and is_as_it_was(decision.path, decision.stamp)
    return is_same and known is not None and known.standing is Standing.DONE
