"""What a model says of one track."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    genre: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    genre: str | None
    confidence: float
    candidates: tuple[Candidate, ...]
    reason: str
