"""A file is analysed in a child process, under limits: its genres, and how it sounds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from genred.genres import Place, said
from genred.names import NAMELESS, Labels

if TYPE_CHECKING:
    from genred.model.prediction import Prediction


class Ask(StrEnum):
    """What is to be found out about a file."""

    MISSING = "missing"
    """Its genres, and how it sounds only where they say nothing."""
    BOTH = "both"
    SOUND = "sound"
    TAGS = "tags"
    """Its genres, and nothing about its sound."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in one file."""

    places: tuple[Place, ...] = ()
    """Every place that names a genre; first the one that is written to, even if it says nothing."""
    labels: Labels = NAMELESS
    """The artist and the album that its tags name; empty where the tags weren't read."""
    prediction: "Prediction | None" = None
    """None where it wasn't listened to."""
    features: tuple[str, bytes] | None = None
    """The version of the recipe and a float32 vector as bytes; None where it wasn't listened to."""

    @property
    def genres(self) -> tuple[str, ...]:
        """All genres that the file names, wherever it does."""
        return said(self.places)
