"""What speaks for a genre: how music sounds, and what its owner calls the music around it. Pure values."""

from dataclasses import dataclass, field
from enum import StrEnum

from genred.model.counts import Counts
from genred.model.trust import Trust


class Kind(StrEnum):
    """What can speak for a genre, the weakest first."""

    TRACK = "track"
    """How the track sounds."""
    ALBUM = "album"
    """How the tracks of its album sound."""
    ARTIST = "artist"
    """What a person calls other albums by its artist."""
    MATES = "mates"
    """What a person calls other tracks of its album."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What the owner calls the music around a track: a person's genres, never genred's own.

    Genres are named as the vocabulary names them, or by the owner's own word where the vocabulary has none.
    """

    mates: Counts = field(default_factory=dict)
    """Tracks of the same album, by genre; a track with two genres is half a track of each."""
    artist: Counts = field(default_factory=dict)
    """Other albums by the same artist, by genre; albums are counted, not tracks."""
    library: Counts = field(default_factory=dict)
    """Albums of the whole library, by genre: how often the owner uses the word at all."""
    trust: Trust = field(default_factory=Trust)


@dataclass(frozen=True, slots=True)
class Ground:
    """One kind of evidence, and what it says."""

    kind: Kind
    genre: str
    """What it speaks for."""
    share: float
    """How likely it makes that genre, alone; of words, their share."""
    count: float
    """Tracks (of mates, of an album, 1 for a track) or albums (of an artist) that speak for that genre."""
    of: float
    """Tracks or albums that speak at all."""
    weight: float
    """How much it changes the odds of the genre that was decided: a natural logarithm, below 0 where it speaks against
    it."""
