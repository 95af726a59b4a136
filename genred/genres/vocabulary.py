"""A user's own words: what they mean, which may be written, and how."""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from genred.genres.spellings import key
from genred.genres.tree import Landing, Tree, Way, built_in, split

if TYPE_CHECKING:
    import regex

log = logging.getLogger(__name__)

PATTERN = re.compile(r"/(.+)/", re.DOTALL)
"""A key of ``aliases`` that is a regular expression: "/.*core/"."""

PATIENCE = 1.0
"""Seconds of processor time that a regular expression may take for one name; after that no name is tried on it."""


@dataclass(frozen=True)
class Vocabulary:
    """A user's own words on top of genred's; where they differ, the user's win.

    Parameters
    ----------
    aliases
        Spelling -> genre. A genre that is given as its own alias is one of its own, whatever the tree says
        ("Heavy Metal" -> "Heavy Metal"). A spelling between slashes is a regular expression for whole names, in any
        capitals; the first one that fits counts, after the spellings.
    whitelist
        The only genres that may be written, in any spelling; empty if all may be.
    spelling
        Genre -> the word that is written into files ("Hip-Hop" -> "Rap").
    tree
        The tree of genres.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    whitelist: Collection[str] = ()
    spelling: Mapping[str, str] = field(default_factory=dict)
    tree: Tree = field(default_factory=built_in)

    def canonical(self, name: str) -> str:
        """Return the genre that a spelling means to this user."""
        meant = self._meant(name)
        if meant is None:
            return self.tree.canonical(name)
        known = self.tree.canonical(meant)
        own = self._own.get(key(meant), known)
        return known if key(own) == key(known) else own

    def land(self, name: str) -> Landing | None:
        """Return where a spelling lands; None if neither the user's aliases nor the tree say anything of it."""
        meant = self._meant(name)
        if meant is None:
            return self.tree.land(name)
        genre = self.canonical(name)
        found = self.tree.land(genre)
        return Landing(genre if found is None else found.genre, Way.ALIAS, genre)

    def ancestors(self, genre: str) -> tuple[str, ...]:
        """Return all genres above a genre, in any spelling; the nearest first, and main ones before others."""
        genre = self.canonical(genre)
        node = self.tree.canonical(genre)
        above = (() if node == genre else (node,)) + self.tree.ancestors(node)
        return tuple(name for name in dict.fromkeys(map(self.canonical, above)) if name != genre)

    def line(self, genre: str) -> tuple[str, ...]:
        """Return a genre in any spelling, its main parent, that one's main parent ... up to a broad genre."""
        if genre not in self._lines:
            meant = self.canonical(genre)
            self._lines[genre] = tuple(dict.fromkeys((meant, *map(self.canonical, self.tree.line(meant)))))
        return self._lines[genre]

    def nearest(self, genre: str, among: Collection[str]) -> str | None:
        """Return the genre itself, if it is among some, or the nearest genre above it that is; None if none is."""
        genre = self.canonical(genre)
        return next((name for name in (genre, *self.ancestors(genre)) if name in among), None)

    def common(self, genres: Collection[str]) -> str | None:
        """Return the deepest genre that several genres are, or are a kind of; None if they have nothing in common."""
        first, *others = [(self.canonical(genre), *self.ancestors(genre)) for genre in genres]
        return next((genre for genre in first if all(genre in other for other in others)), None)

    def knows(self, name: str) -> bool:
        """Return whether a spelling is a name that genred or this user has for a genre."""
        return key(name) in self._named or ((found := self.land(name)) is not None and found.way is not Way.WORDS)

    def split(self, text: str) -> list[str]:
        """Return the genres that one text names ("Rock; Pop"); what this user has a name for is not taken apart."""
        return split(text, self.knows)

    def allows(self, genre: str) -> bool:
        """Return whether a genre itself may be written."""
        return not self.whitelist or self.canonical(genre) in self._allowed

    def allowed(self, genre: str) -> str | None:
        """Return the genre, or the nearest genre above it that may be written; None if none may."""
        return self.nearest(genre, self._allowed) if self.whitelist else self.canonical(genre)

    def written(self, genre: str) -> str:
        """Return the word that is written into a file for a genre."""
        genre = self.canonical(genre)
        return self._spelt.get(genre, genre)

    def chain(self, genre: str) -> Iterator[str]:
        """Yield the words that may be written for a genre: its own, then those of the genres above it."""
        genre = self.canonical(genre)
        words = (self.written(name) for name in (genre, *self.ancestors(genre)) if self.allows(name))
        yield from dict.fromkeys(words)

    def words(self) -> set[str]:
        """Return every genre that this user may mean, in the user's own spelling."""
        own = (genre for word, genre in self.aliases.items() if not PATTERN.fullmatch(word))
        named = {*self.tree.nodes, *own, *self.whitelist}
        return {self.written(genre) for genre in named} | set(self.spelling.values())

    def _meant(self, name: str) -> str | None:
        """Return what the user's aliases say that a name means; None if they say nothing of it."""
        if (meant := self._aliases.get(key(name))) is not None:
            return meant
        for pattern, meaning in list(self._patterns):
            try:
                match = pattern.fullmatch(name.strip(), timeout=PATIENCE)
            except TimeoutError:
                self._patterns.remove((pattern, meaning))
                mine = f"genres.aliases: the regular expression /{pattern.pattern}/"
                log.warning("%s takes too long to try on %r, and is left out: repeat less inside it", mine, name[:80])
                continue
            if match is not None and (meant := match.expand(meaning).strip()):
                return meant
        return None

    @cached_property
    def _lines(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def _aliases(self) -> dict[str, str]:
        return {key(word): genre for word, genre in self.aliases.items() if not PATTERN.fullmatch(word)}

    @cached_property
    def _patterns(self) -> "list[tuple[regex.Pattern[str], str]]":
        found = [(PATTERN.fullmatch(word), genre) for word, genre in self.aliases.items()]
        return [(compiled(match[1]), genre) for match, genre in found if match]

    @cached_property
    def _own(self) -> dict[str, str]:
        """The genres that are their own alias, by key."""
        return {key(word): genre for word, genre in self.aliases.items() if key(word) == key(genre)}

    @cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(map(key, (*self.aliases.values(), *self.spelling)))

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(map(self.canonical, self.whitelist))

    @cached_property
    def _spelt(self) -> dict[str, str]:
        return {self.canonical(genre): word for genre, word in self.spelling.items()}


def compiled(pattern: str) -> "regex.Pattern[str]":
    """Return a regular expression that a person wrote, whose matches can be given up after a time.

    Raises
    ------
    ValueError
        If it is none.
    """
    import regex  # here and not above: few people write any

    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except regex.error as error:
        raise ValueError(str(error)) from None
