"""Take paths through everything: skip them, or look into the files, decide album by album, write and record."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Config
from genred.errors import FileError
from genred.fs.files import Stamp, stamp_of
from genred.history.history import History
from genred.history.library import Indexed
from genred.history.records import Author, Outcome, Record, Standing
from genred.model.prediction import Prediction
from genred.names import album_folder
from genred.saving.transaction import together
from genred.tagging.arrivals import Arrival, Arrivals
from genred.tagging.authors import Authors
from genred.tagging.catalogue import Cataloguer
from genred.tagging.judging import Ear, Judge, Judgement, places, predicted
from genred.tagging.looks import Looks
from genred.tagging.policy import Decision, Policy
from genred.tagging.rehearsal import Rehearsed
from genred.tagging.revising import Reviser
from genred.tagging.scribe import Scribe

log = logging.getLogger(__name__)

AT_ONCE = 500
"""So many tracks of one folder are heard at most before they are decided about."""
KEPT_AT_ONCE = 16
"""So many tracks are looked at between two commits: a power cut costs what was heard since the last one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A file that was heard, and that is decided about together with its album."""

    path: Path
    stamp: Stamp
    look: Analysis
    carries: int | None
    """The write of genred's whose genres the file has."""

    @property
    def vector(self) -> bytes:
        return self.look.features[1] if self.look.features is not None else b""


@dataclass(slots=True)
class _InHand:
    """What was looked at in one album's folder, until the albums in there are decided about."""

    folder: Path | None = None
    heard: dict[Path, Heard] = field(default_factory=dict)
    seen: dict[Path, Indexed] = field(default_factory=dict)
    """Everything that was looked at, in case that nothing is recorded."""
    to_note: list[Indexed] = field(default_factory=list)
    """Files about which nothing is decided yet."""
    noted: int = 0
    """The number of those that are in the history."""
    told: list[Record] = field(default_factory=list)
    """Decisions by the tags alone that are not in the history yet."""

    @property
    def has_word(self) -> bool:
        """Return whether a person gave a genre to any of it."""
        return any(track.by is Author.YOU for track in self.seen.values())

    def takes(self, path: Path) -> bool:
        """Return whether a file belongs to what is in hand."""
        return self.folder in (None, album_folder(path)) and len(self.to_note) < AT_ONCE

    @property
    def is_to_be_kept(self) -> bool:
        """Return whether there is enough in hand for a commit of the history."""
        return len(self.to_note) - self.noted + len(self.told) >= KEPT_AT_ONCE


class Tagger:
    """The way of paths through everything, with one decision about each.

    Parameters
    ----------
    config
        Policy and options of writing.
    history
        The history that decisions go to; a run must have been started.
    analyser
        The workers, warmed up.
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
        separator = config.tags.separator
        self._policy = Policy.of(config)
        self._history = history
        self._analyser = analyser
        self._dry_run = dry_run
        self._arrivals = Arrivals(history, config.tags, backlog=backlog, trials=trials, dry_run=dry_run)
        self._authors = Authors(history, separator)
        self._cataloguer = Cataloguer(history, analyser, separator)
        self._looks = Looks(history, analyser, self._arrivals)
        self._rehearsed = Rehearsed(history.library) if dry_run else None
        ear = Ear(analyser.model_name, analyser.feature_version, analyser.judge)
        self._judge = Judge.of(config, history, ear, self._rehearsed)
        self._scribe = Scribe(history, analyser, config.tags, dry_run=dry_run)
        self._reviser = Reviser(history, self._policy, self._judge, self._scribe)

    # -- files that arrived ------------------------------------------------------------------------------------------

    def process(self, paths: Iterable[Path]) -> Iterator[Record | Heard]:
        """Decide about paths, which come folder by folder: the files are looked into side by side, in their order.

        What the tags alone decide is recorded, and a file that was heard is noted, some files at a time. What was heard
        is decided about with its album when the paths have left the folder. A caller that closes the iterator between
        two yields leaves nothing half done: what was noted is decided about the next time, and not heard again.

        Yields
        ------
        Record
            A decision: one for each file, and one for each earlier decision of genred's that the album corrects.
        Heard
            A sign of life for each file that was heard.
        """
        for news in self._passing(paths, self._policy.ask):
            if news is not None:
                yield news

    def read_tags(self, paths: Iterable[Path]) -> Iterator[Record | None]:
        """Decide what the tags alone decide about paths, and note what the tags of the other files say.

        So everything that a person calls the music is known before the first file is heard. For each file, a None is
        yielded as a sign of life. A dry run keeps in mind what the tags say, and yields nothing else.
        """
        for news in self._passing(paths, Ask.TAGS):
            if not isinstance(news, Heard):
                yield None if self._dry_run else news

    def _passing(self, paths: Iterable[Path], ask: Ask) -> Iterator[Record | Heard | None]:
        in_hand = _InHand()
        try:
            for arrival, look in self._looks.into(paths, ask):
                if not in_hand.takes(arrival.path):
                    yield from self._decide(in_hand)
                    in_hand = _InHand()
                in_hand.folder = album_folder(arrival.path)
                if not isinstance(look, FileError):
                    yield self._looked_into(arrival, look, in_hand)
                    if self._rehearsed is not None and ask is Ask.TAGS:
                        self._rehearsed.add(in_hand.seen[arrival.path])
                elif ask is not Ask.TAGS:
                    in_hand.told.append(self._failed(arrival, look))
                else:
                    yield None
                if in_hand.is_to_be_kept:
                    yield from self._kept(in_hand)
            yield from self._decide(in_hand)
        finally:
            self._kept(in_hand)

    def _failed(self, arrival: Arrival, error: FileError) -> Record:
        return self._scribe.refused(Record(arrival.path, Outcome.FAILED, error.reason, stamp=arrival.stamp), error)

    def _looked_into(self, arrival: Arrival, look: Analysis, in_hand: _InHand) -> Heard | None:
        """Take in hand what a person or the tags alone decide, or what is to be decided with the album."""
        path, stamp = arrival.path, arrival.stamp
        told = self._policy.by_tags(look.genres)
        change = self._authors.persons_change(arrival, look) if told or look.features else None
        carries = None if change else self._authors.carried(arrival, look)
        by = (Author.YOU if carries is None else Author.GENRED) if look.genres else None
        in_hand.seen[path] = seen = Indexed(path, stamp, look.labels, look.genres, by)
        if decision := change or told:
            draft = self._draft(path, stamp, look, decision, look.prediction)
            standing, wrote = (Standing.PERSON, arrival.wrote) if change else (Standing.DONE, None)
            draft = replace(draft, features=look.features, standing=standing, corrects=wrote, carries=carries)
            in_hand.told.append(draft)
            return None
        if look.features is None and arrival.wrote is not None:
            return None
        in_hand.to_note.append(seen)
        if look.features is None:
            return None
        in_hand.heard[path] = heard = Heard(path, stamp, look, carries)
        return heard

    def _kept(self, in_hand: _InHand) -> Sequence[Record]:
        """Put into the history what is in hand and isn't there yet; return the decisions among it."""
        to_note, told = in_hand.to_note[in_hand.noted :], in_hand.told
        in_hand.noted, in_hand.told = len(in_hand.to_note), []
        if not self._dry_run:
            heard = (in_hand.heard[seen.path] for seen in to_note if seen.path in in_hand.heard)
            vectors = {each.path: each.look.features for each in heard if each.look.features is not None}
            self._history.library.note_all(to_note, vectors)
        return self._scribe.record(told)

    def _draft(
        self, path: Path, stamp: Stamp, look: Analysis, decision: Decision, prediction: Prediction | None
    ) -> Record:
        draft = Record(path, decision.outcome, decision.reason, previous=look.genres, written=decision.written)
        draft = replace(draft, stamp=stamp, labels=look.labels)
        return draft if prediction is None else predicted(draft, prediction, self._judge.ear)

    # -- albums ------------------------------------------------------------------------------------------------------

    def _decide(self, in_hand: _InHand) -> Iterator[Record]:
        """Decide about the albums in a folder of which something was looked at.

        What is new is written last. If that is cut short, it is undecided, and the next start goes on with the album.
        """
        yield from self._kept(in_hand)
        if in_hand.folder is None or not (in_hand.heard or in_hand.has_word):
            return
        for place in () if self._dry_run else places(in_hand.folder):
            self._cataloguer.read_folder(place)
        to_decide: list[tuple[Heard, Judgement]] = []
        for album in self._judge.albums(in_hand.folder, in_hand.seen if self._dry_run else {}):
            paths = {track.path for track in album}
            new = [heard for path, heard in in_hand.heard.items() if path in paths]
            if not new and not _has_news(album, in_hand.seen):
                continue
            judgement = self._judge.judge(album, {heard.path: heard.vector for heard in new})
            yield from self._reviser.corrections(judgement)
            to_decide += ((heard, judgement) for heard in new)
        for group in together(to_decide, lambda pair: pair[0].stamp):
            drafts = [self._decided(heard, judgement) for heard, judgement in group]
            yield from self._scribe.carry_out([draft for draft in drafts if draft is not None])

    def _decided(self, heard: Heard, judgement: Judgement) -> Record | None:
        """Decide about a file that was heard; None if it is gone, or was decided about meanwhile."""
        arrival, prediction = self._arrivals.at(heard.path), judgement.predictions.get(heard.path)
        if arrival is None:
            return None
        if prediction is None or not arrival.stamp.same_content(heard.stamp):
            error = FileError(heard.path, "it changed while it was being analysed", transient=True)
            return self._failed(replace(arrival, stamp=heard.stamp), error)
        word = judgement.word(heard.path, self._policy.vocabulary)
        decision = self._policy.decide(heard.look.genres, prediction, word)
        draft = self._draft(heard.path, arrival.stamp, heard.look, decision, prediction)
        if decision.outcome is not Outcome.TAGGED:
            draft = replace(draft, carries=heard.carries)
        return draft

    def redecide(self, ear: Ear, below: Path | None = None) -> Iterator[Record]:
        """Decide anew about what was heard before; see `Reviser.redecide`."""
        return self._reviser.redecide(ear, below)

    # -- a person's word ---------------------------------------------------------------------------------------------

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
            (kept,) = self._scribe.record(
                [replace(draft, outcome=Outcome.KEPT, reason="a person confirmed it", written=())]
            )
            return kept
        return self._scribe.write(draft)


def _has_news(album: Iterable[Indexed], seen: Mapping[Path, Indexed]) -> bool:
    """Return whether an album that genred decided about has tracks now to which a person gave a genre."""
    said = [track for track in album if track.path in seen and seen[track.path].by is Author.YOU]
    own = [track for track in album if track.standing is Standing.DONE and track.by is not Author.YOU]
    return bool(said) and any(track.features is not None for track in own)
