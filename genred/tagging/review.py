"""The questions that a person is asked: about the decisions that genred wasn't sure of, album by album."""

import difflib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from genred.errors import FileError
from genred.fs.files import is_as_it_was, readable
from genred.genres import Vocabulary, is_generic, key
from genred.history.history import History
from genred.history.library import Indexed
from genred.history.records import Outcome, Query, Record, Standing
from genred.model.evidence import Ground
from genred.model.prediction import Candidate
from genred.names import album_folder
from genred.sound import FEATURE_VERSION
from genred.tagging.company import Company, company
from genred.tagging.judging import Judge, Judgement, places
from genred.tagging.policy import Policy


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

    @property
    def best(self) -> str | None:
        """The guess that can be accepted without a second look; None where no guess is worth that."""
        is_worth = self.is_judged or bool(self.record.written)
        return self.guesses[0].genre if self.guesses and is_worth else None

    def as_json(self) -> dict[str, Any]:
        """Return the question with the keys that scripts rely on."""
        return {
            "path": readable(self.path),
            "album": readable(self.album),
            "outcome": self.record.outcome,
            "written": self.record.written,
            "candidates": [{"genre": guess.genre, "probability": guess.probability} for guess in self.guesses],
            "reason": self.reason,
            "model": self.model,
            "id": self.record.id,
            "tracks": len(self.company.tracks),
            "genres": [{"genre": it.genre, "by": it.by, "tracks": it.count} for it in self.company.said],
        }

    def is_beside(self, other: "Question") -> bool:
        """Return whether both files are judged together."""
        return self.path in other.company.tracks


def to_review(
    history: History, below: Path | None = None, *, tagged: int = 0, skipped: bool | None = False
) -> list[Record]:
    """Return the decisions to ask about, album by album; the parameters are those of `Questions.below`.

    Files that changed since genred decided are left out, and files with a genre that genred didn't write.
    """
    return _in_order(history.questions.below(below, tagged=tagged, skipped=skipped))


def to_review_in(history: History, folder: Path, *, skipped: bool | None = False) -> list[Record]:
    """Return the decisions to ask about in the folder of one album and its discs, and in no other folder below it."""
    tracks = [track for place in places(folder) for track in history.library.folder(place)]
    asked = {track.record for track in tracks if track.record is not None and track.standing is Standing.DONE}
    return _in_order(history.questions.of(asked, skipped=skipped))


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
    if not is_as_it_was(path, known.stamp):
        return FileError(path, "it changed since genred decided about it; it is asked about after the next look at it")
    latest = next(history.records(Query(path=path, limit=1)), None)
    return FileError(path, f"there is nothing to ask: {latest.reason}" if latest else "there is nothing to ask")


def named(history: History, paths: Iterable[Path]) -> list[Record | FileError]:
    """Return what there is to ask about each of the files, and in each of the folders, that a person named."""
    found: list[Record | FileError] = []
    for path in map(Path.resolve, paths):
        if path.is_dir():
            inside = to_review(history, path)
            found += inside or [FileError(path, "there is nothing to review in it")]
        else:
            found += to_review(history, path, tagged=1, skipped=None) or [why_not(history, path)]
    return found


def accepted(question: Question) -> str:
    """Return the guess that a person accepts who accepts the best one.

    Raises
    ------
    FileError
        If no guess is worth that.
    """
    if question.best is None:
        raise FileError(question.path, f"no guess is worth accepting: {question.reason}")
    return question.best


def words(policy: Policy, genres: Iterable[str], history: History) -> list[str]:
    """Return the genres that a person may mean, in the spelling of that person and in alphabetical order.

    Parameters
    ----------
    policy
        Knows how this person writes them.
    genres
        Those that the model tells apart.
    history
        Knows those that people set by hand.
    """
    known = set(map(policy.vocabulary.written, genres))
    told = known | policy.vocabulary.words() | set(history.genres_set())
    return sorted((word for word in told if not is_generic(word)), key=str.casefold)


def meant(text: str, known: Sequence[str], vocabulary: Vocabulary) -> tuple[str, bool]:
    """Return the genre that a person typed, and True; else the nearest known genre or the text, and False.

    What counts as no genre means none: an empty text, and False.
    """
    if is_generic(text):
        return "", False
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


def _in_order(found: Iterable[Record]) -> list[Record]:
    return sorted(filter(_is_fit, found), key=lambda record: (album_folder(record.path), record.path))


def _is_fit(record: Record) -> bool:
    others = record.written[1:] if record.outcome is Outcome.TAGGED else record.previous
    return all(map(is_generic, others)) and record.stamp is not None and is_as_it_was(record.path, record.stamp)
