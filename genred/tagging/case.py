"""One file in its album, judged as the tagger judges it, under one configuration or another; nothing is written."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from genred.analysis import Analysis, Ask
from genred.analysis.analyser import Analyser
from genred.config import Config, Evidence
from genred.errors import FileError, WatchError
from genred.fs.files import Stamp, stamp_of
from genred.genres import Place, is_generic, is_said, said
from genred.history.history import History
from genred.history.identity import author, copied_answer, recognise
from genred.history.library import Indexed
from genred.history.records import Known, Outcome, Query, Record, Standing
from genred.model.prediction import Prediction
from genred.names import album_folder
from genred.saving.transaction import refusal
from genred.sound import FEATURE_VERSION
from genred.tagging.judging import LARGEST, Ear, Judge, Judgement, places
from genred.tagging.policy import Decision, Policy
from genred.watching.walk import WatchOptions, walk

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier


class Whose(StrEnum):
    """Who set the genre that a file has."""

    NOBODY = "nobody"
    GENERIC = "generic"
    """It says nothing ("Unknown"), and counts as none."""
    GENRED = "genred"
    PERSON = "person"


@dataclass(frozen=True)
class Case:
    """A file as it is, to be decided about."""

    path: Path
    places: tuple[Place, ...]
    """Where in the file a genre stands, and what each place says."""
    album: Sequence[Indexed]
    """The tracks that are judged together with it, and itself."""
    vector: bytes
    """What is heard in it."""
    was_heard: bool
    """True if that was known without opening the audio."""
    known: Known | None
    wrote: tuple[str, ...] | None
    """The genres of the tag write in force."""
    is_copy: bool
    """True if its genres came with it, from a file into which genred wrote them."""
    past: tuple[Record, ...]
    """The latest decisions about it, newest first."""
    config: Config
    model: "GenreClassifier"
    history: History
    _judged: dict[tuple[float, float, Evidence], Judgement] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        path: Path,
        config: Config,
        options: WatchOptions,
        model: "GenreClassifier",
        history: History,
        analyser: Analyser,
    ) -> "Case":
        """Find out what is known of a file and of its album; listen to the file where that was not done before.

        Raises
        ------
        FileError
            If it isn't there, or isn't music that can be read.
        """
        stamp = stamp_of(path)
        known = recognise(history, path, stamp)
        name = known.path if known else path
        is_same = known is not None and known.stamp.matches(stamp)
        stored = history.features_of([name], FEATURE_VERSION).get(name) if is_same else None
        looks = _looks(path, options, history, analyser, Ask.TAGS if stored else Ask.BOTH)
        look = looks[path][1]
        vector = stored or (look.features[1] if look.features is not None else b"")
        separator = config.tags.separator
        seen = {
            file: Indexed(file, at, it.labels, it.genres, author(history, file, at, it.places, separator))
            for file, (at, it) in looks.items()
        }
        if known is not None and is_same and known.by is not None:
            seen[path] = replace(seen[path], by=known.by)
        judge = Judge.of(config, history, Ear.of(model))
        album = next(album for album in judge.albums(album_folder(path), seen) if seen[path] in album)
        return cls(
            path=path,
            places=look.places,
            album=album,
            vector=vector,
            was_heard=stored is not None,
            known=known,
            wrote=history.files.genres_written(name),
            is_copy=copied_answer(history, path, stamp, look.places, separator) is not None,
            past=tuple(history.records(Query(path=name, limit=5))),
            config=config,
            model=model,
            history=history,
        )

    @property
    def genres(self) -> tuple[str, ...]:
        return said(self.places)

    @property
    def whose(self) -> Whose:
        if not self.genres:
            return Whose.NOBODY
        if self.known and self.known.standing is Standing.PERSON:
            return Whose.PERSON
        if self.wrote is not None and is_said(self.places, self.wrote, self.config.tags.separator):
            return Whose.GENRED
        if self.is_copy:
            return Whose.GENRED
        return Whose.GENERIC if all(map(is_generic, self.genres)) else Whose.PERSON

    def stands(self) -> Decision | None:
        """Return the decision that stands whatever is configured, None where there is none such."""
        latest = self.past[0] if self.past else None
        if self.known and self.known.standing is Standing.PERSON:
            return Decision(Outcome.KEPT, f"a person decided: {latest.reason}" if latest else "a person decided")
        if self.whose is Whose.GENRED and latest and latest.outcome is Outcome.TAGGED:
            return Decision(Outcome.TAGGED, latest.reason, latest.written)
        if self.wrote is not None and self.whose is not Whose.GENRED:
            return Decision(Outcome.KEPT, f"genred wrote {', '.join(self.wrote)} and a person changed that")
        return None

    def tuned(self, config: Config) -> "GenreClassifier":
        """Return the model, as sure as a configuration asks."""
        model = copy.copy(self.model)
        model.target_precision = config.model.target_precision
        model.min_confidence = config.model.min_confidence or None
        return model

    def judgement(self, config: Config) -> Judgement:
        """Return what is to be said of the album; of one that genred decided about, as `genred scan --redecide`."""
        asked = (config.model.target_precision, config.model.min_confidence, config.evidence)
        if asked not in self._judged:
            anew = self.whose is Whose.GENRED
            judged = Judge.of(config, self.history, Ear.of(self.tuned(config))).judge(
                self.album, {self.path: self.vector}, anew=anew
            )
            if self.path not in judged.predictions:
                raise FileError(self.path, "it changed while it was being analysed", transient=True)
            self._judged[asked] = judged
        return self._judged[asked]

    def predict(self, config: Config) -> Prediction:
        return self.judgement(config).predictions[self.path]

    def decide(self, config: Config) -> Decision:
        """Return what would become of the file, if genred looked at it now."""
        decision = self.wanted(config)
        refused = refusal(self.path, config.tags) if decision.outcome is Outcome.TAGGED else None
        return Decision(Outcome.SKIPPED, refused) if refused else decision

    def wanted(self, config: Config) -> Decision:
        """Return what would become of the file, if nothing kept it from being written to."""
        there = self._before() if self.whose is Whose.GENRED and not self.is_copy else self.genres
        policy = Policy.of(config)
        told = policy.by_tags(there)
        word = self.judgement(config).word(self.path, policy.vocabulary)
        return told or policy.decide(there, self.predict(config), word)

    def _before(self) -> tuple[str, ...]:
        """Return what the file said before genred wrote to it."""
        return next((record.previous for record in self.past if record.outcome is Outcome.TAGGED), ())


def _looks(
    path: Path, options: WatchOptions, history: History, analyser: Analyser, ask: Ask
) -> Mapping[Path, tuple[Stamp, Analysis]]:
    """Look into a file, and read the tags of those beside it of which the history doesn't know them."""
    if ask is Ask.BOTH:
        analyser.warm_up()  # the very first time takes longer than one file may
    stamps = {path: stamp_of(path)} | dict(islice(_unread(path, options, history), LARGEST))
    ((_, look),) = analyser.analyse([path], ask)
    if isinstance(look, FileError):
        raise look
    found = {path: look}
    for file, beside in analyser.analyse([file for file in stamps if file != path], Ask.TAGS):
        if not isinstance(beside, FileError):
            found[file] = beside
    return {file: (stamps[file], look) for file, look in found.items()}


def _unread(path: Path, options: WatchOptions, history: History) -> Iterator[tuple[Path, Stamp]]:
    """Yield the music beside a file whose tags the history doesn't know as they are now."""
    for folder in places(album_folder(path)):
        known = {it.path: it.stamp for it in history.library.folder(folder) if it.labels is not None}
        try:
            inside = walk(folder, replace(options, recursive=False))
        except WatchError:
            continue
        for name, stamp in inside:
            file = Path(name)
            if file != path and not (file in known and known[file].same_content(stamp)):
                yield file, stamp
