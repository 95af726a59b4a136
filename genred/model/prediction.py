"""What a model says of one track."""

from dataclasses import dataclass

from genred.model.evidence import Ground, Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    genre: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    genre: str | None
    confidence: float
    candidates: tuple[Candidate, ...]
    """Genres, the likeliest first; words of the owner that the model doesn't know may be among them."""
    reason: str
    evidence: Kind = Kind.TRACK
    """What decided: the evidence of the greatest weight."""
    grounds: tuple[Ground, ...] = ()
    """All evidence, that of the greatest weight first; empty where only the track itself was heard."""
