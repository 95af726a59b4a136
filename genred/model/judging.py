"""From probabilities to predictions: an answer or none, in a few words, for the tracks of one album together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from genred.genres.vocabulary import Vocabulary
from genred.model.evidence import Ground, Kind
from genred.model.fitted import Floats
from genred.model.prediction import Candidate, Prediction
from genred.model.unit import Unit

SURE = 0.9
"""How likely a track must be of a genre, all evidence together, to be answered otherwise than its album."""


@dataclass(frozen=True)
class Need:
    """The confidence that an answer needs."""

    confidence: float
    """Above 1 where no confidence is enough."""
    precision: float | None
    """The share of right answers from which it was derived; None where a person asked for the confidence itself."""

    def too_unsure(self, genre: str, confidence: float) -> str:
        """Return the reason for an answer that is not given."""
        if self.precision is None:
            return f"{confidence:.2f} for {genre} is below {self.confidence:.2f}, the confidence asked for"
        wanted = f"{self.precision:.0%}".replace("%", " %")
        if self.confidence > 1:
            return f"{confidence:.2f} for {genre}, but no confidence earns {wanted} precision"
        return f"{confidence:.2f} for {genre} is below {self.confidence:.2f}, the threshold for {wanted} precision"

    def allows(self, genre: str, confidence: float, untold: Collection[str]) -> bool:
        """Return whether an answer may be given."""
        return confidence >= self.confidence and genre not in untold


def judge(unit: Unit, need: Need) -> list[Prediction]:
    """Return a prediction for each track.

    One genre is answered for all tracks, with the share of them that it is likely right for as confidence. A track is
    answered otherwise only if it is surely something else.
    """
    return [
        _unheard(unit, i, fault, need) if fault else _heard(unit, i, need) for i, fault in enumerate(unit.heard.faults)
    ]


def _heard(unit: Unit, i: int, need: Need) -> Prediction:
    untold = unit.untold_of(unit.owners[i])
    together = _candidates(unit.words, unit.together(unit.owners[i]))
    genre, confidence, members = back_off(together, need.confidence, unit.vocabulary, untold)
    is_answer = need.allows(genre, confidence, untold)
    if len(unit.judged) > 1:
        track = _candidates(unit.words, unit.track(i))
        other = unit.vocabulary.line(track[0].genre)[-1] != unit.vocabulary.line(genre)[-1]
        is_sure = need.allows(track[0].genre, track[0].probability, untold) and track[0].probability >= SURE
        if is_sure and (other or not is_answer):
            return _apart(unit, i, track, "unlike its album" if other else "surer than its album")
    grounds = unit.grounds(i, members[0].genre)
    kind = _decisive(grounds, Kind.ALBUM if len(unit.judged) > 1 else Kind.TRACK)
    heard = len(unit.judged)
    if not is_answer:
        reason = need.too_unsure(genre, confidence)
        if genre in untold:
            reason = f"{confidence:.2f} for {genre}, which the model recognises too seldom to say so"
        reason = _with_grounds(reason, kind, grounds, heard)
        return Prediction(None, confidence, together, reason, kind, grounds)
    shares = " + ".join(f"{c.genre} {c.probability:.2f}" for c in members)
    reason = f"{genre}: {shares} together" if len(members) > 1 else f"{shares}, {need.confidence:.2f} needed"
    return Prediction(genre, confidence, together, _with_grounds(reason, kind, grounds, heard), kind, grounds)


def _apart(unit: Unit, i: int, track: tuple[Candidate, ...], why: str) -> Prediction:
    """Answer for one track by itself."""
    genre, confidence = track[0].genre, track[0].probability
    grounds = unit.grounds(i, genre)
    kind = _decisive(grounds, Kind.TRACK)
    return Prediction(genre, confidence, track, f"{genre} {confidence:.2f}, {why}", kind, grounds)


def _unheard(unit: Unit, i: int, fault: str, need: Need) -> Prediction:
    """Answer for a track that can't be judged by its sound.

    It has its owner's word, or else the album's genre if most of the album was judged.
    """
    owner = unit.owners[i]
    if owner.mates or owner.artist:
        said = _candidates(unit.words, unit.track(i))
        if said[0].probability >= need.confidence:
            grounds = unit.grounds(i, said[0].genre)
            kind = _decisive(grounds, Kind.ARTIST)
            reason = _with_grounds(f"{said[0].genre} {said[0].probability:.2f}, {fault}", kind, grounds, 0)
            return Prediction(said[0].genre, said[0].probability, said, reason, kind, grounds)
    if 2 * len(unit.judged) > len(unit.owners):
        together = _candidates(unit.words, unit.together(owner))
        untold = unit.untold_of(owner)
        genre, confidence, _ = back_off(together, need.confidence, unit.vocabulary, untold)
        if need.allows(genre, confidence, untold):
            reason = f"{genre} {confidence:.2f}, as its album; {fault}"
            return Prediction(genre, confidence, together, reason, Kind.ALBUM, unit.grounds(i, genre))
    return Prediction(None, 0.0, _candidates(unit.words, unit.heard.probabilities[i]), fault)


def back_off(
    candidates: Sequence[Candidate], needed: float, vocabulary: Vocabulary, untold: Collection[str] = ()
) -> tuple[str, float, tuple[Candidate, ...]]:
    """Return the likeliest genre or, where it alone is not sure enough, the nearest genre up the tree that is.

    A genre up the tree has the probability of all its kinds together; where none is sure enough, the one with most
    kinds is returned. ``candidates`` descend. An ``untold`` genre is no answer, however sure.
    """
    best = candidates[0]
    found: tuple[str, float, tuple[Candidate, ...]] = best.genre, best.probability, (best,)
    lines = {c.genre: vocabulary.line(c.genre) for c in candidates}
    for genre in lines[best.genre]:
        if found[1] >= needed and found[0] not in untold:
            break
        kin = tuple(c for c in candidates if genre in lines[c.genre])
        if len(kin) > len(found[2]):
            found = genre, sum(c.probability for c in kin), kin
    return found


def _candidates(words: Sequence[str], likely: Floats) -> tuple[Candidate, ...]:
    """Return what is likely, the likeliest first; of equals, the first of the words."""
    return tuple(Candidate(words[i], float(likely[i])) for i in (-likely).argsort(kind="stable")[: len(words)])


def _decisive(grounds: Sequence[Ground], otherwise: Kind) -> Kind:
    """Return the kind of evidence that speaks most for the answer; sound is one thing, told as ``otherwise``."""
    if not grounds or grounds[0].weight <= 0 or grounds[0].kind in (Kind.TRACK, Kind.ALBUM):
        return otherwise
    return grounds[0].kind


def _with_grounds(reason: str, kind: Kind, grounds: Sequence[Ground], heard: int) -> str:
    """Return a reason that names the evidence that decided, if it is more than the track."""
    if kind is Kind.ALBUM:
        return f"{reason}; {heard} tracks heard together"
    of = {Kind.MATES: "tracks of the album", Kind.ARTIST: "albums by the artist"}.get(kind)
    ground = next((ground for ground in grounds if ground.kind is kind), None)
    if of is None or ground is None:
        return reason
    return f"{reason}; {ground.count:g} of {ground.of:g} other {of} say {ground.genre} (you)"
