"""Take one path through everything: skip the file, or look into it, decide, write and record."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from genred.analysis import Analysis
from genred.analysis.analyser import Analyser
from genred.config import Config
from genred.errors import FileError, Protected
from genred.fs.files import Stamp, stamp_of
from genred.genres import Place, is_said
from genred.history.history import History
from genred.history.identity import copied_answer, follow, is_at, is_original, recognise, sounds_alike
from genred.history.journal import Journal
from genred.history.records import Analysed, Known, Outcome, Record, Standing
from genred.model.prediction import Prediction
from genred.saving import transaction
from genred.tagging.policy import Decision, Policy, change_in_words

log = logging.getLogger(__name__)


class Tagger:
    """The way of paths through everything, with one decision about each.

    Parameters
    ----------
    config
        Policy and options of writing.
    history
        The history that decisions go to; a run must have been started.
    analyser
        The workers.
    backlog
        True to look also at files that were there before genred.
    trials
        True to look also at files whose tags were undone as a trial.
    dry_run
        True to decide, but write and record nothing.
    """

    def __init__(
        self,
        config: Config,
        history: History,
        analyser: Analyser,
        *,
        backlog: bool = False,
        trials: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._tags = config.tags
        self._policy = Policy.of(config)
        self._history = history
        self._journal = Journal(history)
        self._analyser = analyser
        self._looked_at = {Standing.BACKLOG: backlog, Standing.TRIED: trials}
        self._dry_run = dry_run

    def process(self, paths: Iterable[Path]) -> Iterator[Record]:
        """Decide about paths; the files are looked into side by side, and written one by one in the order of the paths.

        A caller that closes the iterator between two records leaves nothing half done.
        """
        waiting: dict[Path, tuple[Stamp, Known | None]] = {}

        def wanted() -> Iterator[Path]:
            for path in self._followed(paths):
                found = None if path in waiting else self._arrival(path)
                if found is not None:
                    waiting[path] = found
                    yield path

        for path, look in self._analyser.analyse(wanted(), self._policy.ask):
            stamp, known = waiting.pop(path)
            if not self._was_decided_meanwhile(path, stamp):
                yield self._settle(path, stamp, known, look)

    def _was_decided_meanwhile(self, path: Path, stamp: Stamp) -> bool:
        """Return whether the file was decided about under another name of it, while it was looked into."""
        with suppress(FileError):
            return stamp_of(path) != stamp and self._arrival(path) is None
        return False

    def _arrival(self, path: Path) -> tuple[Stamp, Known | None] | None:
        """Return the stamp of a file and what is known of the file; None if the file isn't worth a look."""
        try:
            stamp = stamp_of(path)
        except FileError as error:
            log.debug("left alone: %s", error)
            return None
        known = recognise(self._history, path, stamp)
        if known is None or not self._is_done(path, known, stamp):
            return stamp, known
        if not self._dry_run:
            follow(self._history, known, path, stamp)
        return None

    def _followed(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield the same paths, after what is known of files that were renamed is moved to the new names.

        Otherwise, where names were passed on from file to file, one file would be taken for another.
        """
        rest = iter(paths)
        while batch := list(islice(rest, 256)):
            for path in () if self._dry_run else batch:
                with suppress(FileError):
                    stamp = stamp_of(path)
                    known = recognise(self._history, path, stamp)
                    if known is not None and known.path != path and not is_at(known.path, stamp):
                        self._history.files.refresh(known, path, stamp)
            yield from batch

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

    def _settle(self, path: Path, stamp: Stamp, known: Known | None, look: Analysis | FileError) -> Record:
        """Decide about a file that was looked into; write and record the decision."""
        if isinstance(look, FileError):
            return self._refused(Record(path, Outcome.FAILED, look.reason, stamp=stamp), look)
        wrote = self._history.files.genres_written(known.path) if known is not None else None
        is_own = wrote is not None and is_said(look.places, wrote, self._tags.separator)
        theirs = None if known is None or wrote is None or is_own else self._persons_change(path, stamp, known, look)
        decision = theirs or self._policy.decide(look.genres, look.prediction)
        draft = Record(
            path,
            decision.outcome,
            decision.reason,
            genre=look.prediction.genre if look.prediction else None,
            confidence=look.prediction.confidence if look.prediction else None,
            previous=look.genres,
            written=decision.written,
            model=self._analyser.model_name if look.prediction else None,
            stamp=stamp,
            standing=Standing.PERSON if theirs else Standing.DONE,
            features=look.features,
            corrects=known.wrote if known and theirs else None,
        )
        if decision.outcome is Outcome.TAGGED:
            return self._act(draft, stamp)
        return self._record(replace(draft, carries=self._carried(draft, look.places, stamp, known if is_own else None)))

    def _carried(self, draft: Record, places: Sequence[Place], stamp: Stamp, own: Known | None) -> int | None:
        """Return the number of the write by genred whose genres a file has already; None if there is no such write."""
        if own is not None:
            return own.wrote
        if draft.corrects is not None or not draft.previous:
            return None
        return copied_answer(self._history, draft.path, stamp, places, self._tags.separator)

    def _act(self, draft: Record, stamp: Stamp) -> Record:
        if self._dry_run:
            return draft
        try:
            return self._write(draft, stamp)
        except FileError as error:
            return self._refused(replace(draft, written=()), error)

    def redecide(
        self, heard: Iterable[Analysed], predict: Callable[[list[bytes]], list[Prediction]], model: str
    ) -> Iterator[Record]:
        """Decide anew from stored features, and act where the answer is another one; no audio is opened.

        A genre that genred wrote gives way only to another genre, not to doubt.

        Parameters
        ----------
        heard
            Files and their features.
        predict
            Turns the features of some files, as bytes, into predictions.
        model
            The name of the model that predicts.
        """
        rest = iter(heard)
        while batch := list(islice(rest, 500)):
            for file, prediction in zip(batch, predict([file.vector for file in batch]), strict=True):
                record = self._redecided(file, prediction, model)
                if record is not None:
                    yield record

    def _redecided(self, file: Analysed, prediction: Prediction, model: str) -> Record | None:
        decision = self._policy.decide(file.previous, prediction)
        if decision.outcome is not Outcome.TAGGED or decision.written == file.there:
            return None
        try:
            stamp = stamp_of(file.path)
        except FileError:
            return None
        if not stamp.matches(file.stamp):
            return None  # The file isn't the one that was heard any more; the next scan looks at it.
        draft = Record(
            file.path,
            Outcome.TAGGED,
            decision.reason,
            genre=prediction.genre,
            confidence=prediction.confidence,
            previous=file.there,
            written=decision.written,
            model=model,
            stamp=stamp,
        )
        return self._act(draft, stamp)

    def set_genre(self, path: Path, genre: str) -> Record:
        """Write the genre that a person decided on; from then on genred leaves the file alone.

        Raises
        ------
        FileError
            If the genre can't be written; the file is as it was, and nothing is recorded.
        """
        path, genre = path.resolve(), genre.strip()
        stamp = stamp_of(path)
        there = self._analyser.genres(path)
        draft = Record(
            path, Outcome.TAGGED, "a person set it", genre=genre, previous=there, written=(genre,), stamp=stamp
        )
        draft = replace(draft, standing=Standing.PERSON)
        if there == (genre,):
            return self._record(replace(draft, outcome=Outcome.KEPT, reason="a person confirmed it", written=()))
        return draft if self._dry_run else self._write(draft, stamp)

    def _write(self, draft: Record, stamp: Stamp) -> Record:
        def edit(clone: Path) -> None:
            self._analyser.edit(draft.path, clone, draft.written, self._tags)

        return transaction.replace(draft, stamp, edit, self._journal, self._tags)

    def _persons_change(self, path: Path, stamp: Stamp, known: Known, look: Analysis) -> Decision | None:
        """Return a person's correction of what genred wrote into this file; None if no person changed the genre."""
        if self._is_other_music(known.path, look) or is_original(self._history, known, path, stamp):
            return None
        wrote = self._history.files.genres_written(known.path) or ()
        change = change_in_words(look.places, wrote, "it ")
        return Decision(Outcome.KEPT, f"genred wrote {', '.join(wrote)} and a person {change}")

    def _is_other_music(self, path: Path, look: Analysis) -> bool:
        """Return whether other music took the name of a file that was heard, like the next disc's track 1."""
        if look.features is None:
            return False
        version, vector = look.features
        before = self._history.features_of([path], version).get(path, vector)
        return not sounds_alike(before, vector)

    def _refused(self, record: Record, error: FileError) -> Record:
        outcome = Outcome.SKIPPED if isinstance(error, Protected) else Outcome.FAILED
        standing = Standing.RETRY if error.transient else Standing.DONE
        if isinstance(error, Protected) and transaction.refusal(record.path, self._tags):
            standing = Standing.HELD
        return self._record(replace(record, outcome=outcome, reason=error.reason, standing=standing))

    def _record(self, record: Record) -> Record:
        return record if self._dry_run else self._history.record(record)
