"""Why a file has, or hasn't, the genre it has: what was heard, what was asked for, and what would change the answer.

Nothing is written, and what was heard before is not heard again.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from genred.analysis import Ask
from genred.analysis.analyser import Analyser, predict_stored
from genred.config import Config
from genred.errors import FileError
from genred.fs.files import stamp_of
from genred.genres import Place, family, is_generic, is_said, said
from genred.history.history import History
from genred.history.identity import copied_answer, recognise
from genred.history.records import Known, Outcome, Query, Record, Standing
from genred.model.prediction import Candidate, Prediction
from genred.saving.transaction import refusal
from genred.tagging.policy import Decision, Policy
from genred.watching.walk import WatchOptions, wanted

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier
    from genred.model.surroundings import Surroundings

PRECISIONS = (0.6, 0.7, 0.8, 0.9, 0.95)
"""What a person may ask for, from daring to careful."""


class Whose(StrEnum):
    """Who set the genre that a file has."""

    NOBODY = "nobody"
    GENERIC = "generic"
    """It says nothing ("Unknown"), and counts as none."""
    GENRED = "genred"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Step:
    """What a target precision needs, and what would be answered; ``genre`` is None where that is nothing."""

    precision: float
    needed: float
    genre: str | None


@dataclass(frozen=True, slots=True)
class Family:
    """Genres that are of one kind, and what they have together."""

    genre: str
    probability: float
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that makes the decision about one file.

    ``decision`` is what stands, or would be decided now. ``meanings`` gives genres of the model for those that the file
    has, None where the model knows of none. ``heard`` is how the model judges the sound, whatever the tag says, and
    ``was_heard`` whether that was known without opening the audio. ``written`` is how the user writes the likeliest
    genre, None where the whitelist forbids it. ``words`` are listeners' for such a sound, the likeliest first, each
    with its probability. ``obstacles`` keep genred from looking at the file or from writing it.
    """

    path: Path
    decision: Decision
    genres: tuple[str, ...]
    places: tuple[Place, ...]
    """Where in the file a genre stands, and what each place says."""
    whose: Whose
    meanings: dict[str, str | None]
    heard: Prediction
    was_heard: bool
    model: str
    needed: float
    steps: tuple[Step, ...]
    families: tuple[Family, ...]
    surroundings: "Surroundings"
    words: tuple[tuple[str, float], ...]
    written: str | None
    obstacles: tuple[str, ...]
    past: tuple[Record, ...]
    changes: tuple[str, ...]


def explain(
    path: Path,
    config: Config,
    options: WatchOptions,
    model: "GenreClassifier",
    history: History | None,
    analyser: Analyser,
) -> Explanation:
    """Explain what becomes of a file.

    Parameters
    ----------
    path
        The file, resolved.
    config, options
        What is asked for, and which names count as music.
    model
        The model in use.
    history
        What is known of the file; None where nothing is of any.
    analyser
        Reads the tag, and listens where that was not done before.

    Raises
    ------
    FileError
        If it isn't there, or isn't music that can be read.
    """
    import numpy as np  # here and not above: only what computes needs it

    from genred.sound import features

    stamp = stamp_of(path)
    known = recognise(history, path, stamp) if history else None
    name = known.path if known else path
    past = tuple(history.records(Query(path=name, limit=5))) if history else ()
    stored = _stored(name, history) if history and known and known.stamp.matches(stamp) else None
    places, vector = (analyser.places(path), stored) if stored else _listen(path, analyser)
    wrote = history.files.genres_written(name) if history else None
    is_copy = bool(history and copied_answer(history, path, stamp, places, config.tags.separator))
    case = _Case(path, places, config, model, vector, known, wrote, is_copy, past)
    heard = case.predict(config)
    policy = Policy.of(config)
    best = heard.genre or heard.candidates[0].genre
    return Explanation(
        path=path,
        decision=case.stands() or case.decide(config),
        genres=case.genres,
        places=places,
        whose=case.whose,
        meanings={genre: _meaning(genre, policy, model) for genre in case.genres if not is_generic(genre)},
        heard=heard,
        was_heard=stored is not None,
        model=model.name,
        needed=case.tuned(config).threshold,
        steps=tuple(case.steps()),
        families=tuple(_families(heard.candidates)),
        surroundings=model.surroundings(np.frombuffer(vector, "<f4")),
        words=tuple(features.tags(np.frombuffer(vector, "<f4"))),
        written=next(policy.vocabulary.chain(best), None),
        obstacles=tuple(_obstacles(path, config, options, known)),
        past=past,
        changes=tuple(case.changes()),
    )


@dataclass(frozen=True)
class _Case:
    """A file as it is, to be decided about under one configuration or another."""

    path: Path
    places: tuple[Place, ...]
    config: Config
    model: "GenreClassifier"
    vector: bytes
    known: Known | None
    wrote: tuple[str, ...] | None
    is_copy: bool
    past: tuple[Record, ...]

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

    def predict(self, config: Config) -> Prediction:
        return predict_stored(self.tuned(config), [self.vector])[0]

    def decide(self, config: Config) -> Decision:
        """Return what would become of the file, if genred looked at it now."""
        decision = self._wanted(config)
        refused = refusal(self.path, config.tags) if decision.outcome is Outcome.TAGGED else None
        return Decision(Outcome.SKIPPED, refused) if refused else decision

    def _wanted(self, config: Config) -> Decision:
        """Return what would become of the file, if nothing kept it from being written to."""
        there = self._before() if self.whose is Whose.GENRED and not self.is_copy else self.genres
        policy = Policy.of(config)
        unheard = policy.ask is Ask.MISSING and not all(map(is_generic, there))
        return policy.decide(there, None if unheard else self.predict(config))

    def _before(self) -> tuple[str, ...]:
        """Return what the file said before genred wrote to it."""
        return next((record.previous for record in self.past if record.outcome is Outcome.TAGGED), ())

    def steps(self) -> Iterator[Step]:
        for precision in PRECISIONS:
            asked = self.config.with_changes("model", target_precision=precision, min_confidence=0.0)
            yield Step(precision, self.tuned(asked).threshold, self.predict(asked).genre)

    def changes(self) -> Iterator[str]:
        """Yield what would make it another decision, in words."""
        yours = "`genred set GENRE FILE` decides for good, and so does `genred review`"
        stands = self.stands()
        if stands and stands.outcome is Outcome.KEPT:
            yield "only you: `genred set GENRE FILE`"
            return
        now = self.decide(self.config)
        if self.past and now.outcome is Outcome.TAGGED and now.written != self.genres:
            yield f"`genred scan --redecide` would make it {', '.join(now.written)}, as the model in use hears it"
        if now.outcome is Outcome.SKIPPED:
            yield f"once it may be written to, the next scan sees that: {_what(self._wanted(self.config))}"
        told = {now.written}
        for setting, config in _variations(self.config):
            then = self.decide(config)
            if then.written not in told:
                told.add(then.written)
                yield f"with {setting} it would be {_what(then)}"
        if self.known and self.known.standing is Standing.BACKLOG:
            yield "`genred scan` looks at what was there before genred's first start, `genred run` doesn't"
        if self.known and self.known.standing is Standing.TRIED:
            yield "`genred scan` or `genred scan --redecide` decides about it again"
        if now.outcome is Outcome.ABSTAINED and self.predict(self.config).confidence == 0.0:
            yield "no confidence asked for would; only a model that was trained on such sound"
        yield yours


def _listen(path: Path, analyser: Analyser) -> tuple[tuple[Place, ...], bytes]:
    analyser.warm_up()  # the very first time takes longer than one file may
    ((_, look),) = analyser.analyse([path], Ask.BOTH)
    if isinstance(look, FileError):
        raise look
    if look.features is None:
        raise ValueError("it was to be listened to")
    return look.places, look.features[1]


def _stored(path: Path, history: History) -> bytes | None:
    from genred.sound.features import FEATURE_VERSION

    return history.features_of([path], FEATURE_VERSION).get(path)


def _variations(config: Config) -> Iterator[tuple[str, Config]]:
    """Other settings that a person may think of, the nearest to theirs first."""
    wanted, mine = config.model, config.model.target_precision
    below = sorted((p for p in PRECISIONS if wanted.min_confidence or p < mine), reverse=True)
    above = [] if wanted.min_confidence else [p for p in PRECISIONS if p > mine]
    for precision in (*below, *above):
        changed = config.with_changes("model", target_precision=precision, min_confidence=0.0)
        yield f"model.target_precision = {precision:g}", changed
    for mode in ("keep", "merge", "overwrite"):
        if mode != config.tags.mode:
            yield f'tags.mode = "{mode}"', config.with_changes("tags", mode=mode)
    if config.tags.hardlinks == "skip":
        yield 'tags.hardlinks = "break"', config.with_changes("tags", hardlinks="break")
    if config.genres.whitelist:
        yield "genres.whitelist = []", config.with_changes("genres", whitelist=())


def _meaning(name: str, policy: Policy, model: "GenreClassifier") -> str | None:
    return policy.vocabulary.nearest(name, set(map(str, model.classes_)))


def _families(candidates: tuple[Candidate, ...]) -> Iterator[Family]:
    """Return the families of more than one genre, likeliest first."""
    kin: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        kin.setdefault(family(candidate.genre), []).append(candidate)
    found = [
        Family(head, sum(c.probability for c in members), tuple(c.genre for c in members))
        for head, members in kin.items()
        if len(members) > 1
    ]
    yield from sorted(found, key=lambda family: -family.probability)


def _obstacles(path: Path, config: Config, options: WatchOptions, known: Known | None) -> Iterator[str]:
    roots = [root.resolve() for root in config.watch.directories]
    if roots and not any(path.is_relative_to(root) for root in roots):
        yield "it is in none of watch.directories"
    elif roots and not any(wanted(path, root, options) for root in roots):
        yield "its name is passed over (watch.extensions, watch.ignore, watch.recursive)"
    if known and known.standing is Standing.BACKLOG:
        yield "it was there before genred's first start (watch.backlog)"
    if known and known.standing is Standing.TRIED:
        yield "what a run of genred wrote was undone, and `genred run` leaves it alone until `genred scan` decides"
    if refused := refusal(path, config.tags):
        yield refused


def _what(decision: Decision) -> str:
    match decision.outcome:
        case Outcome.TAGGED:
            return f"tagged {', '.join(decision.written)}"
        case Outcome.ABSTAINED:
            return "left without a genre"
        case _:
            return f"left as it is ({decision.reason})"
