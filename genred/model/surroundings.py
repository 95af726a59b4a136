"""Where a track lies among the music that a model was trained on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training track; its distance is 1 where it is as far as such tracks usually are from their nearest."""

    genre: str
    artist: str
    source: str
    distance: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How strange a track is to a model, which judges nothing beyond ``limit``, and what it was trained on nearby."""

    strangeness: float
    limit: float
    nearest: tuple[Neighbour, ...]
