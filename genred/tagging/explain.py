"""Why a file has, or hasn't, the genre it has: what was heard, what was asked for, and what would change the answer.

Nothing is written, and what was heard before is not heard again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genred.analysis.analyser import Analyser
from genred.config import Config
from genred.genres import Place, Vocabulary, is_generic
from genred.history.history import History
from genred.history.records import Known, Outcome, Record, Standing
from genred.model.prediction import Candidate, Prediction
from genred.saving.transaction import refusal
from genred.tagging.case import Case, Whose
from genred.tagging.company import Company, company
from genred.tagging.policy import Decision, Policy
from genred.watching.walk import WatchOptions, left_alone, wanted

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier
    from genred.model.surroundings import Surroundings

PRECISIONS = (0.6, 0.7, 0.8, 0.9, 0.95)
"""What a person may ask for, from daring to careful."""


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
    has, None where the model knows of none. ``heard`` is how the file is judged in its album, whatever its tag says,
    and ``was_heard`` whether its sound was known without opening the audio. ``written`` is how the user writes the
    likeliest genre, None where the whitelist forbids it. ``words`` are listeners' for such a sound, the likeliest
    first, each with its probability. ``obstacles`` keep genred from looking at the file or from writing it.
    """

    path: Path
    decision: Decision
    genres: tuple[str, ...]
    places: tuple[Place, ...]
    """Where in the file a genre stands, and what each place says."""
    whose: Whose
    meanings: dict[str, str | None]
    kinds: frozenset[str]
    """Those of the file's genres that are kinds of what they mean to the model, and not other names for it."""
    company: Company
    """The tracks that are judged together, the file itself among them."""
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
    takes: str | None
    """The command that such a decision takes; None where the next look at the file makes it."""
    past: tuple[Record, ...]
    changes: tuple[str, ...]


def explain(
    path: Path,
    config: Config,
    options: WatchOptions,
    model: "GenreClassifier",
    history: History,
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
        What is known of the file, of its album and of the owner's library.
    analyser
        Reads tags, and listens to the file where that was not done before.

    Raises
    ------
    FileError
        If it isn't there, or isn't music that can be read.
    """
    import numpy as np  # here and not above: only what computes needs it

    from genred.sound import features

    case = Case.of(path, config, options, model, history, analyser)
    passed_over = _passed_over(path, config, options)
    judged, heard = case.judgement(config), case.predict(config)
    vocabulary = Policy.of(config).vocabulary
    best = heard.genre or heard.candidates[0].genre
    meanings = {genre: _meaning(genre, case) for genre in case.genres if not is_generic(genre)}
    x = np.frombuffer(case.vector, "<f4")
    return Explanation(
        path=path,
        decision=_decision(case, passed_over),
        genres=case.genres,
        places=case.places,
        whose=case.whose,
        meanings=meanings,
        kinds=frozenset(name for name, genre in meanings.items() if genre != vocabulary.canonical(name)),
        company=company(judged.tracks, judged.predictions),
        heard=heard,
        was_heard=case.was_heard,
        model=model.name,
        needed=case.tuned(config).threshold,
        steps=tuple(_steps(case)),
        families=tuple(_families(heard.candidates, vocabulary)),
        surroundings=model.surroundings(x),
        words=tuple(features.tags(x)),
        written=judged.testimony.word(best, vocabulary),
        obstacles=tuple(_obstacles(path, config, passed_over, case.known)),
        takes=_takes(case),
        past=case.past,
        changes=tuple(_changes(case, passed_over)),
    )


def _steps(case: Case) -> Iterator[Step]:
    for precision in PRECISIONS:
        asked = case.config.with_changes("model", target_precision=precision, min_confidence=0.0)
        yield Step(precision, case.tuned(asked).threshold, case.predict(asked).genre)


def _decision(case: Case, passed_over: str | None) -> Decision:
    """Return what stands, or what would become of the file; nothing would of one that is passed over."""
    if stands := case.stands():
        return stands
    return Decision(Outcome.SKIPPED, passed_over) if passed_over else case.decide(case.config)


def _takes(case: Case) -> str | None:
    match case.known and case.known.standing:
        case Standing.BACKLOG | Standing.TRIED:
            return "genred scan"
        case Standing.DONE if case.was_heard:
            return "genred scan --redecide"
        case _:
            return None


def _changes(case: Case, passed_over: str | None) -> Iterator[str]:
    """Yield what would make it another decision, in words."""
    stands = case.stands()
    if stands and stands.outcome is Outcome.KEPT:
        yield "only you: `genred set GENRE FILE`"
        return
    now = case.decide(case.config)
    if passed_over and not stands:
        yield f"`genred scan FILE` looks at it all the same: {_what(now)}"
        yield "`genred set GENRE FILE` decides for good"
        return
    if case.past and now.outcome is Outcome.TAGGED and now.written != case.genres:
        yield f"`genred scan --redecide` would make it {', '.join(now.written)}: {now.reason}"
    if now.outcome is Outcome.SKIPPED:
        yield f"once it may be written to, the next scan sees that: {_what(case.wanted(case.config))}"
    told = {now.written}
    for setting, config in _variations(case.config):
        then = case.decide(config)
        if then.written not in told:
            told.add(then.written)
            yield f"with {setting} it would be {_what(then)}"
    if case.known and case.known.standing is Standing.BACKLOG:
        yield "`genred scan` looks at what was there before genred's first start, `genred run` doesn't"
    if case.known and case.known.standing is Standing.TRIED:
        yield "`genred scan` or `genred scan --redecide` decides about it again"
    if now.outcome is Outcome.ABSTAINED and case.predict(case.config).confidence == 0.0:
        yield "no confidence asked for would; only a model that was trained on such sound"
    yield "`genred set GENRE FILE` decides for good, and so does `genred review`"


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
    for kind in ("album", "mates", "artist"):
        counts = not getattr(config.evidence, kind)
        yield f"evidence.{kind} = {str(counts).lower()}", config.with_changes("evidence", **{kind: counts})
    if config.genres.whitelist:
        yield "genres.whitelist = []", config.with_changes("genres", whitelist=())


def _meaning(name: str, case: Case) -> str | None:
    return Policy.of(case.config).vocabulary.nearest(name, set(map(str, case.model.classes_)))


def _families(candidates: tuple[Candidate, ...], vocabulary: Vocabulary) -> Iterator[Family]:
    """Return the families of more than one genre, likeliest first."""
    kin: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        kin.setdefault(vocabulary.line(candidate.genre)[-1], []).append(candidate)
    found = [
        Family(head, sum(c.probability for c in members), tuple(c.genre for c in members))
        for head, members in kin.items()
        if len(members) > 1
    ]
    yield from sorted(found, key=lambda family: -family.probability)


def _passed_over(path: Path, config: Config, options: WatchOptions) -> str | None:
    """Return why no scan of the folders comes to a file; None if one does, or no folders are configured."""
    folders = config.watch.directories
    roots = [root for root in map(Path.resolve, folders) if path.is_relative_to(root)]
    if not roots:
        return "it is in none of watch.directories" if folders else None
    if any(wanted(path, root, options) for root in roots):
        return None
    reason = next(filter(None, (left_alone(path, root, options) for root in roots)), None)
    return f"it is left alone: {reason}" if reason else "its name is passed over (watch.extensions, watch.recursive)"


def _obstacles(path: Path, config: Config, passed_over: str | None, known: Known | None) -> Iterator[str]:
    if passed_over:
        yield passed_over
    if known and known.standing is Standing.BACKLOG:
        yield "it was there before genred's first start, and `genred run` leaves it alone (watch.backlog)"
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
