"""The genre vocabulary: what a spelling means, what is a kind of what, and how this user writes it."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

PARENT: dict[str, str] = {
    "Metal": "Rock",
    "Punk": "Rock",
    "Disco": "Pop",
}
"""A subgenre and what it is a kind of, for an honest answer where only the family is clear."""

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "Blues": (),
    "Classical": ("Classic", "Classical Music", "Klassik", "Classique", "Orchestral", "Baroque"),
    "Country": ("Country & Western", "Country and Western"),
    "Disco": (),
    "Electronic": ("Electronica", "Electro", "Electronic Music", "Techno", "House", "Trance", "Dance", "EDM", "IDM"),
    "Folk": ("Folk Music", "Singer-Songwriter"),
    "Hip-Hop": ("Hip Hop", "Rap", "Rap/Hip-Hop", "Hip-Hop/Rap", "Hip Hop/Rap", "Hip-Hop & Rap"),
    "Jazz": (),
    "Latin": ("Latin Music", "Latino"),
    "Metal": ("Heavy Metal", "Death Metal", "Black Metal", "Thrash Metal"),
    "Pop": ("Pop Music",),
    "Punk": ("Punk Rock", "Hardcore Punk"),
    "R&B": ("RnB", "R'n'B", "Rhythm and Blues", "Soul", "Soul/R&B", "R&B/Soul", "Soul R&B", "soul_rnb"),
    "Reggae": ("Dub", "Ska", "Dancehall"),
    "Rock": ("Rock Music", "Rock & Roll", "Rock and Roll", "Classic Rock", "Hard Rock", "Pop/Rock", "Alternative Rock"),
}

GENRES = tuple(_SPELLINGS)
"""The genres there are, in the vocabulary's own spelling."""

_GENERIC = (
    "",
    "Unknown",
    "Unknown Genre",
    "Other",
    "Others",
    "Misc",
    "Miscellaneous",
    "Genre",
    "None",
    "Undefined",
    "Audio",
    "Music",
)


def key(name: str) -> str:
    """What two spellings of one genre have in common: "Hip Hop", "hip-hop" and "HIPHOP" are "hiphop"."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("&", "n").replace(" and ", "n")
    return re.sub(r"[\W_]+", "", plain)


_CANONICAL = {key(s): genre for genre, others in _SPELLINGS.items() for s in (genre, *others)}
_GENERIC_KEYS = frozenset(key(name) for name in _GENERIC)


def spellings(genre: str) -> tuple[str, ...]:
    """Return the other spellings that the vocabulary knows of a genre."""
    return _SPELLINGS.get(genre, ())


def canonical(name: str) -> str:
    """The vocabulary's name for a spelling; the name itself, trimmed, where the vocabulary doesn't know it."""
    return _CANONICAL.get(key(name), name.strip())


def is_generic(name: str) -> bool:
    """Whether a genre says nothing ("Unknown", "Other", "genre" ...), and so counts as none."""
    return key(name) in _GENERIC_KEYS


@dataclass(frozen=True)
class Vocabulary:
    """A user's own words on top of genred's.

    Parameters
    ----------
    aliases
        Spelling -> genre, on top of the ones genred knows.
    whitelist
        The only genres that may be written, in any spelling; empty: all.
    spelling
        Genre -> how it is written into files ("Hip-Hop" -> "Rap").
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    whitelist: Collection[str] = ()
    spelling: Mapping[str, str] = field(default_factory=dict)

    def canonical(self, name: str) -> str:
        """The genre that a spelling means to this user."""
        mine = {key(spelling): genre for spelling, genre in self.aliases.items()}
        return canonical(mine.get(key(name), name))

    def allows(self, genre: str) -> bool:
        """Whether a genre of the model may be written."""
        return not self.whitelist or self.canonical(genre) in {self.canonical(name) for name in self.whitelist}

    def words(self) -> set[str]:
        """Every genre that this user may mean, as they write it."""
        named = {*_SPELLINGS, *self.aliases.values(), *self.whitelist}
        return {self.written(genre) for genre in named} | set(self.spelling.values())

    def written(self, genre: str) -> str:
        """How a genre of the model is written into a file."""
        mine = {self.canonical(name): spelling for name, spelling in self.spelling.items()}
        genre = self.canonical(genre)
        return mine.get(genre, genre)
