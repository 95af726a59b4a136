"""The decisions that genred wasn't sure of, album by album, and a person's answers.

An answer is written at once, by the same safe write as every other genre, and stands for good: training learns from
the answer, and no model overrules it. A skip is a line in the history and nothing else: nobody is asked about the file
again until genred decides about it anew.
"""

import difflib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from genred.analysis.analyser import Analyser
from genred.config import Tags
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Vocabulary, is_generic, key
from genred.history.history import History
from genred.history.journal import Journal
from genred.history.library import Indexed
from genred.history.records import Outcome, Query, Record, Standing
from genred.model.evidence import Ground
from genred.model.prediction import Candidate
from genred.names import album_folder
from genred.sound import FEATURE_VERSION
from genred.tagging.company import Company, company
from genred.tagging.judging import Judge, Judgement
from genred.tagging.policy import Policy
from genred.tagging.tagger import Tagger
from genred.tagging.undo import undo_write

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier


@dataclass(frozen=True, slots=True)
class Question:
    """A decision that a person is asked about."""

    record: Record
    """The decision."""
    guesses: tuple[Candidate, ...]
    """Genres as this user writes them, the likeliest by all that is known now first; the one that genred wrote is among
    them."""
    reason: str
    """The reason why genred isn't sure now."""
    model: str
    """The name of the model that guesses."""
    is_judged: bool
    """False if nothing speaks for any genre (silence, speech ...), and the guesses are worth little."""
    company: Company
    """The tracks that are judged together with the file, and itself."""
    grounds: tuple[Ground, ...] = ()
    """What speaks for the likeliest genre."""

    @property
    def path(self) -> Path:
        return self.record.path

    @property
    def album(self) -> Path:
        """The folder of the file: an album has a folder of its own more often than not."""
        return self.path.parent

    def is_beside(self, other: "Question") -> bool:
        """Return whether both files are judged together."""
        return self.path in other.company.tracks


def to_review(
    history: History, below: Path | None = None, *, tagged: int = 0, skipped: bool | None = False
) -> list[Record]:
    """Return the decisions to ask about, album by album; the parameters are those of `History.to_review`.

    Files that changed since genred decided are left out, and files with a genre that genred didn't write.
    """
    found = [record for record in history.to_review(below, tagged=tagged, skipped=skipped) if _is_fit(record)]
    return sorted(found, key=lambda record: (album_folder(record.path), record.path))


def questions(
    records: Iterable[Record],
    judge: Judge,
    policy: Policy,
    hear: Callable[[Collection[Path]], Mapping[Path, bytes]],
) -> Iterator[Question]:
    """Yield a question about each decision, in the same order, which is that of `to_review`.

    Parameters
    ----------
    records
        The decisions.
    judge
        Judges albums, and so guesses.
    policy
        Writes genres as this user does.
    hear
        Hears files again of which an earlier genred kept other features, and returns the features of this one.
    """
    for folder, inside in groupby(records, key=lambda record: album_folder(record.path)):
        asked = list(inside)
        found: dict[Path, tuple[Judgement, Company]] = {}
        for album in judge.albums(folder, {}):
            here = {track.path for track in album}.intersection(record.path for record in asked)
            if here:
                judged = judge.judge(album, hear([track.path for track in album if _is_of_old(track)]), anew=True)
                found |= dict.fromkeys(here, (judged, company(judged.tracks, judged.predictions)))
        for record in asked:
            yield _question(record, *found[record.path], policy, judge.ear.name)


def together(questions: Sequence[Question]) -> tuple[Candidate, ...]:
    """Return the mean of the guesses for several files; files that the model has an opinion of count alone, if any."""
    if len(questions) == 1:
        return questions[0].guesses
    counted = [question for question in questions if question.is_judged] or questions
    sums: defaultdict[str, float] = defaultdict(float)
    for question in counted:
        for guess in question.guesses:
            sums[guess.genre] += guess.probability / len(counted)
    return _descending(sums)


def why_not(history: History, path: Path) -> FileError:
    """Return an error that says why there is nothing to ask about a file."""
    known = history.files.known(path)
    if known is None or known.standing is Standing.BACKLOG:
        return FileError(path, "genred hasn't listened to it yet (`genred scan` does)")
    if known.standing is Standing.PERSON:
        return FileError(path, "a person has decided about it already (`genred set` decides anew)")
    if not stamp_of(path).matches(known.stamp):
        return FileError(path, "it changed since genred decided about it; it is asked about after the next look at it")
    latest = next(history.records(Query(path=path, limit=1)), None)
    return FileError(path, f"there is nothing to ask: {latest.reason}" if latest else "there is nothing to ask")


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
                record = self._give(question, genre)
            except FileError as error:
                yield question, error
            else:
                given.append((question, record))
                yield question, record

    def take_back(self) -> Iterator[tuple[Question, Record | FileError]]:
        """Take back the last answer; its questions are open again, with the stamps that the files have now."""
        for question, record in reversed(self._given.pop() if self._given else []):
            try:
                undone = self._take_back(record)
            except FileError as error:
                yield question, error
                continue
            decision = replace(question.record, stamp=undone.stamp or question.record.stamp)
            self.history.reopen(decision)
            yield replace(question, record=decision), undone

    def _give(self, question: Question, genre: str | None) -> Record:
        if not is_open(question.record, self.history):
            raise FileError(question.path, "it was changed or decided about meanwhile, and is left as it is")
        if genre is not None:
            return self.tagger.set_genre(question.path, genre)
        return skip(question, self.history)

    def _take_back(self, record: Record) -> Record:
        if record.outcome is Outcome.TAGGED:
            (undo,) = Journal(self.history).undoable(Query(path=record.path, limit=1))
            return undo_write(self.history, undo, self.tags, lambda: self.analyser)
        # A record without a stamp is a line in the log, and changes nothing of what is known of the file.
        undone = Record(record.path, Outcome.UNDONE, "a person took their answer back", undoes=record.id)
        return self.history.record(undone)


def skip(question: Question, history: History, *, dry_run: bool = False) -> Record:
    """Note that a person gives no answer; what genred decided stays, and the file isn't touched."""
    there = question.record.written or question.record.previous
    draft = Record(question.path, Outcome.SKIPPED, "a person left it open", previous=there)
    return draft if dry_run else history.record(draft)


def is_open(record: Record, history: History) -> bool:
    """Return whether the file is as it was when genred decided about it, and nobody decided since."""
    known = history.files.known(record.path)
    return known is not None and known.standing is Standing.DONE and _is_same(record)


def words(policy: Policy, model: "GenreClassifier", history: History) -> list[str]:
    """Return the genres that a person may mean, in the spelling of that person and in alphabetical order."""
    known = {policy.vocabulary.written(str(genre)) for genre in model.classes_}
    return sorted(known | policy.vocabulary.words() | set(history.genres_set()), key=str.casefold)


def meant(text: str, known: Sequence[str], vocabulary: Vocabulary) -> tuple[str, bool]:
    """Return the genre that a person typed, and True; else the nearest known genre or the text, and False."""
    by_key = {key(word): word for word in known}
    if key(text) in by_key:
        return by_key[key(text)], True
    if vocabulary.land(text) is not None:
        return text, True  # a spelling that the vocabulary understands ("Rap") is written as the person writes it
    near = difflib.get_close_matches(key(text), by_key, n=1, cutoff=0.7)
    return (by_key[near[0]] if near else text), False


def _question(record: Record, judged: Judgement, around: Company, policy: Policy, model: str) -> Question:
    prediction = judged.predictions.get(record.path)
    if prediction is None:
        return Question(record, _own(record), record.reason, record.model or model, is_judged=False, company=around)
    shares: defaultdict[str, float] = defaultdict(float)
    for candidate in prediction.candidates:
        if (word := judged.testimony.word(candidate.genre, policy.vocabulary)) is not None:
            shares[word] += candidate.probability
    guesses, reason = _with_own(record, _descending(shares), is_judged=prediction.confidence > 0), record.reason
    if record.outcome is Outcome.ABSTAINED:
        reason = policy.decide(record.previous, prediction).reason
    return Question(record, guesses, reason, model, prediction.confidence > 0, around, prediction.grounds)


def _is_of_old(track: Indexed) -> bool:
    return track.features not in (None, FEATURE_VERSION)


def _own(record: Record) -> tuple[Candidate, ...]:
    """Return what genred wrote, as sure as it was then; empty where it wrote nothing."""
    return (Candidate(record.written[0], record.confidence or 0.0),) if record.written else ()


def _with_own(record: Record, guesses: tuple[Candidate, ...], *, is_judged: bool) -> tuple[Candidate, ...]:
    """Return guesses with what genred wrote among them; it comes first only where nobody can guess by the sound now."""
    if not is_judged:
        own = _own(record)
        return own + tuple(guess for guess in guesses if guess.genre not in [it.genre for it in own])
    missing = set(record.written[:1]).difference(guess.genre for guess in guesses)
    return guesses + tuple(Candidate(genre, 0.0) for genre in missing)


def _descending(probabilities: Mapping[str, float]) -> tuple[Candidate, ...]:
    return tuple(Candidate(*pair) for pair in sorted(probabilities.items(), key=lambda pair: -pair[1]))


def _is_fit(record: Record) -> bool:
    others = record.written[1:] if record.outcome is Outcome.TAGGED else record.previous
    return all(map(is_generic, others)) and _is_same(record)


def _is_same(record: Record) -> bool:
    try:
        return record.stamp is not None and stamp_of(record.path).matches(record.stamp)
    except FileError:
        return False
