"""Say what genred would call music that another program has in hand; write nothing, and record nothing.

The other program knows the labels and the genres better than the file, which it may not have written yet, and what it
does with the advice is its own business. `genred classify` asks the same `Analyser` about files alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from genred.analysis import Ask
from genred.analysis.analyser import Analyser
from genred.config import Config, find, load
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import count_as_no_genre
from genred.history.history import History
from genred.history.library import Indexed
from genred.history.records import Author, Outcome, Record, Standing
from genred.model import installed
from genred.names import NAMELESS, Labels
from genred.tagging.albums import albums
from genred.tagging.judging import Ear, Judge, predicted
from genred.tagging.policy import Decision, Policy


@dataclass(frozen=True, slots=True)
class Track:
    """A track as another program knows it."""

    path: Path
    labels: Labels = NAMELESS
    genres: tuple[str, ...] = ()
    by_genred: bool = False
    """True if the genres come from genred, so that they say nothing about the owner's taste."""


class Adviser:
    """Decides about tracks, album by album, as `genred scan --dry-run` does, but never over a genre that is there.

    Parameters
    ----------
    config
        How sure the model must be, how many genres a track gets, the user's own words and kinds of evidence.
    history
        What a person calls the artists' other albums, and which files a person decided about.
    analyser
        The workers; they are warmed up when there is something to hear.
    """

    def __init__(self, config: Config, history: History, analyser: Analyser) -> None:
        self._config = config
        self._policy = Policy.of(config.with_changes("tags", mode="keep"))
        self._history = history
        self._analyser = analyser

    @cached_property
    def _judge(self) -> Judge:
        analyser = self._analyser
        analyser.warm_up()
        return Judge.of(self._config, self._history, Ear(analyser.model_name, analyser.feature_version, analyser.judge))

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """Make an adviser with the configuration, the model and the history of whoever runs this process.

        Raises
        ------
        GenredError
            If the configuration or the history can't be used; the message says what to do.
        """
        config = installed.with_model(load(find()))
        count_as_no_genre(config.genres.no_genre)
        history = History.open(config.database)
        try:
            with Analyser.of(config) as analyser:
                yield cls(config, history, analyser)
        finally:
            history.close()

    def advise(self, tracks: Iterable[Track]) -> Iterator[Record]:
        """Yield one draft of a record for each track, in no order.

        Its outcome is ``tagged`` with the genres in ``written``, ``kept`` (there is a genre, or a person decided that
        there is none), ``abstained`` or ``failed``; ``reason`` says why.

        Parameters
        ----------
        tracks
            Tracks that lie together: those of an album, whether or not they have genres. Tracks by different artists
            are told apart by their labels.

        Raises
        ------
        GenredError
            If the model can't be used, or no worker can be started.
        """
        known = {track.path: track for track in tracks}
        told = self._told(known)
        there = {path: track.genres for path, track in known.items()}
        heard: dict[Path, bytes] = {}
        for path, decision in told.items():
            yield _draft(known[path], decision)
        if len(told) == len(known):
            return
        judge = self._judge
        for path, look in self._analyser.analyse((path for path in known if path not in told), Ask.MISSING):
            if isinstance(look, FileError):
                yield _draft(known[path], Decision(Outcome.FAILED, look.reason))
            elif look.features is not None:
                heard[path] = look.features[1]
            else:
                there[path] = look.genres
                yield _draft(known[path], Decision(Outcome.KEPT, f"the file says {', '.join(look.genres)}"))
        seen = dict(_indexed(track, there[track.path]) for track in known.values() if track.path.is_file())
        for album in albums({path: track.labels or NAMELESS for path, track in seen.items()}):
            yield from self._about([seen[path] for path in album], heard, judge)

    def _told(self, tracks: Mapping[Path, Track]) -> dict[Path, Decision]:
        """Return what is decided without a look at the file: by the genres that are there, or by a person before."""
        known = self._history.library.of(tracks)
        decided = {it.path for it in known if it.standing is Standing.PERSON}
        kept = {path: Decision(Outcome.KEPT, "a person decided about it in genred") for path in decided}
        by_tags = {path: self._policy.by_tags(track.genres) for path, track in tracks.items()}
        return kept | {path: decision for path, decision in by_tags.items() if decision is not None}

    def _about(self, album: Sequence[Indexed], heard: Mapping[Path, bytes], judge: Judge) -> Iterator[Record]:
        mine = {track.path: heard[track.path] for track in album if track.path in heard}
        if not mine:
            return
        judgement = judge.judge(album, mine)
        for path in mine:
            prediction = judgement.predictions.get(path)
            if prediction is None:
                yield Record(path, Outcome.FAILED, "it changed while it was being analysed")
                continue
            decision = self._policy.decide((), prediction, judgement.word(path, self._policy.vocabulary))
            draft = Record(path, decision.outcome, decision.reason, written=decision.written)
            yield predicted(draft, prediction, judge.ear)


def _draft(track: Track, decision: Decision) -> Record:
    return Record(track.path, decision.outcome, decision.reason, previous=track.genres)


def _indexed(track: Track, genres: tuple[str, ...]) -> tuple[Path, Indexed]:
    by = (Author.GENRED if track.by_genred else Author.YOU) if genres else None
    return track.path, Indexed(track.path, stamp_of(track.path), track.labels, genres, by)
