"""Doubts about what a configuration says of genres and folders: what can be read but hardly be meant."""

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genred.fs.files import readable
from genred.genres import Vocabulary, canonical, is_generic, key


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something odd about one entry of one key.

    ``key`` is the key's name in the form "section.key".
    """

    key: str
    entry: str
    message: str


def contradictions(aliases: Mapping[str, str], spelling: Mapping[str, str]) -> Iterator[Doubt]:
    """Find what can't be obeyed: a word that means two things, or a chain of aliases that leads back to its start."""
    for name, table in (("genres.aliases", aliases), ("genres.spelling", spelling)):
        meant: dict[str, tuple[str, str]] = {}
        for word, meaning in table.items():
            first, other = meant.setdefault(key(word), (word, meaning))
            if other != meaning:
                yield Doubt(name, word, f"{word!r} is {meaning!r}, and {first!r}, the same word, is {other!r}")
    leads = {key(word): key(meaning) for word, meaning in aliases.items() if key(word) != key(meaning)}
    for word in aliases:
        path = [key(word)]
        while (here := leads.get(path[-1])) is not None and here not in path:
            path.append(here)
        if here == path[0]:
            yield Doubt("genres.aliases", word, f"{word!r} leads back to itself")


def about_genres(vocabulary: Vocabulary, known: Iterable[str]) -> Iterator[Doubt]:
    """Find entries that have no effect, or another effect than it seems.

    Parameters
    ----------
    vocabulary
        The user's own words.
    known
        The genres of genred's vocabulary and of the model in use.
    """
    names = sorted({canonical(name) for name in known})
    yield from _about_aliases(vocabulary, names)
    yield from _about_whitelist(vocabulary, names)
    yield from _about_spelling(vocabulary, names)


def _about_aliases(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[Doubt]:
    others = {key(word): meaning for word, meaning in vocabulary.aliases.items()}
    for word, meaning in vocabulary.aliases.items():
        if key(meaning) == key(word):
            yield Doubt("genres.aliases", word, f"{word!r} and {meaning!r} are one word anyway")
        elif key(meaning) in others:
            message = f"{meaning!r} is an alias too, and only one step is taken; name {others[key(meaning)]!r} itself"
            yield Doubt("genres.aliases", word, message)
        elif vocabulary.canonical(word) not in names:
            yield Doubt("genres.aliases", word, _unheard_of(meaning, names))


def _about_whitelist(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[Doubt]:
    there: set[str] = set()
    for name in vocabulary.whitelist:
        genre = vocabulary.canonical(name)
        if genre not in names:
            yield Doubt("genres.whitelist", name, _unheard_of(name, names))
        elif genre in there:
            yield Doubt("genres.whitelist", name, f"{name!r} is {genre}, which is there already")
        there.add(genre)


def _about_spelling(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[Doubt]:
    for name, written in vocabulary.spelling.items():
        if vocabulary.canonical(name) not in names:
            yield Doubt("genres.spelling", name, _unheard_of(name, names))
        elif not vocabulary.allows(name):
            yield Doubt("genres.spelling", name, f"{name!r} is never written: genres.whitelist leaves it out")
        if is_generic(written):
            yield Doubt("genres.spelling", name, f"{written!r} says nothing, and so counts as no genre")


def about_evidence(*, mates: bool, artist: bool, library: bool) -> Iterator[Doubt]:
    """Find that tags are read for nothing."""
    if library and not (mates or artist):
        message = "reads tags that nothing asks for, since evidence.mates and evidence.artist are off"
        yield Doubt("evidence.library", "library", message)


def about_folders(folders: Collection[Path]) -> Iterator[Doubt]:
    """Find folders that don't exist, and folders inside one another; a disk may be absent, so neither is a mistake."""
    for folder in dict.fromkeys(folders):
        around = [other for other in folders if other != folder and folder.is_relative_to(other)]
        if not folder.is_dir():
            problem = "is not a folder" if os.path.lexists(folder) else "is not there; it is watched when it appears"
            yield Doubt("watch.directories", str(folder), f"{readable(folder)} {problem}")
        elif around:
            yield Doubt("watch.directories", str(folder), f"{readable(folder)} is inside {readable(around[0])} already")


def _unheard_of(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.title(), names, n=1, cutoff=0.6)
    nearest = f"; did you mean {near[0]}?" if near else f" (there are: {', '.join(names)})"
    return f"neither the vocabulary nor the model knows {name!r}{nearest}"
