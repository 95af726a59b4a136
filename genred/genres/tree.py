"""The tree of genres: a few broad ones, the finer ones below them, and where any spelling lands.

genred's own tree is a text that people can read, ``data/genres.txt``, which explains its format.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path

from genred.genres.spellings import is_generic, key, listed, pieces

_SIGNS = "<=~"
"""The signs of lines that belong to the genre above, in the order of a node's fields."""


@dataclass(frozen=True, slots=True)
class Node:
    """A genre of the tree."""

    name: str
    parents: tuple[str, ...] = ()
    """The genres that it is a kind of, the main one first; none for a broad genre."""
    spellings: tuple[str, ...] = ()
    """What else it is called."""
    kinds: tuple[str, ...] = ()
    """Finer genres that have no line of their own; "* House" stands for all names that end in House."""


class Way(StrEnum):
    """The reason why a name lands where it lands."""

    NAME = "name"
    """It is the genre's name."""
    SPELLING = "spelling"
    """It is another name for the genre."""
    KIND = "kind"
    """It is a kind of the genre, and has no line of its own."""
    WORDS = "words"
    """It begins or ends with words that only kinds of the genre do: "Melodic Dubstep"."""
    ALIAS = "alias"
    """The user says so."""


@dataclass(frozen=True, slots=True)
class Landing:
    """The genre of the tree on which a name lands, and why."""

    genre: str
    way: Way
    meaning: str
    """The genre that the name means: that of the tree, or a kind of it."""


class Tree:
    """Genres, each with the genres that it is a kind of.

    Parameters
    ----------
    nodes
        The genres; a genre's main parent need not stand before it.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes: Mapping[str, Node] = {node.name: node for node in nodes}

    @classmethod
    def parse(cls, text: str) -> "Tree":
        """Read a tree from text of the format that ``data/genres.txt`` explains."""
        told: dict[str, dict[str, list[str]]] = {}
        above: list[str] = []
        for line in text.splitlines():
            content = line.strip()
            depth = (len(line) - len(line.lstrip())) // 2
            if not content or content.startswith("#"):
                continue
            if content[0] in _SIGNS:
                told[above[depth - 1]][content[0]] += map(str.strip, content[1:].split(","))
            else:
                del above[depth:]
                told[content] = {"<": above[-1:], "=": [], "~": []}
                above.append(content)
        return cls(Node(name, *(tuple(filter(None, told[name][sign])) for sign in _SIGNS)) for name in told)

    def under(self, branches: Iterable[tuple[str, str | None]]) -> "Tree":
        """Return this tree with another's branches in place of its own.

        Parameters
        ----------
        branches
            Names in any spelling, each with the name that it stands under. A genre that they name stands where they
            say and nowhere else; a genre that they don't name stays where it is.

        Raises
        ------
        ValueError
            If a genre would stand under itself.
        """
        nodes = dict(self.nodes)
        told: dict[str, list[str]] = {}
        for name, parent in branches:
            genre, over = self._named(name), None if parent is None else self._named(parent)
            above = told.setdefault(genre, [])
            if over is not None and over not in (genre, *above):  # "jazz music" stands under "jazz"
                above.append(over)
        for name, parents in told.items():
            nodes[name] = replace(nodes.get(name, Node(name)), parents=tuple(parents))
        found = Tree(nodes.values())
        for name in told:
            if any(name in found.parents(above) for above in found.ancestors(name)):
                raise ValueError(f"{name} stands under itself")
        return found

    def _named(self, name: str) -> str:
        known = self.canonical(name)
        return " ".join(word[:1].upper() + word[1:] for word in known.split()) if known.islower() else known

    def land(self, name: str) -> Landing | None:
        """Return where a name lands; None if the tree doesn't know it."""
        if (found := self._exact(name)) is not None:
            return found
        words = re.split(r"[\s/_-]+", _bare(name))
        for n in range(1, len(words)):
            if (node := self._ends.get(key(" ".join(words[n:])))) is not None:
                return Landing(node, Way.WORDS, name.strip())
        for n in range(len(words) - 1, 0, -1):
            if (node := self._begins.get(key(" ".join(words[:n])))) is not None:
                return Landing(node, Way.WORDS, name.strip())
        return None

    def _exact(self, name: str) -> Landing | None:
        return self._index.get(key(name)) or self._index.get(key(_bare(name)))

    def canonical(self, name: str) -> str:
        """Return the tree's name for a spelling; the name itself, trimmed, if the tree doesn't know it."""
        found = self._exact(name)
        return found.meaning if found is not None else name.strip()

    def split(self, text: str) -> list[str]:
        """Return the genres that one text names: several where it lists them, or joins them to no name of the tree.

        "Rock; Pop" names two, and so does "Blues/Jazz"; "Pop/Rock" and "R&B/Soul" are names of one.
        """
        return split(text, lambda name: self._exact(name) is not None)

    def parents(self, name: str) -> tuple[str, ...]:
        """Return the genres that a genre is a kind of, in any spelling, the main one first."""
        found = self.land(name)
        if found is None:
            return ()
        return self.nodes[found.genre].parents if found.meaning == found.genre else (found.genre,)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return all genres above a genre, in any spelling; the nearest first, and main ones before others."""
        found: list[str] = []
        level = [self.canonical(name)]
        start = level[0]
        while level:
            level = [parent for below in level for parent in self.parents(below)]
            level = [genre for genre in dict.fromkeys(level) if genre not in found and genre != start]
            found += level
        return tuple(found)

    def line(self, name: str) -> tuple[str, ...]:
        """Return a genre, its main parent, that one's main parent ... up to a broad genre."""
        line = [self.canonical(name)]
        while (above := self.parents(line[-1])[:1]) and above[0] not in line:
            line += above
        return tuple(line)

    def children(self, name: str) -> tuple[str, ...]:
        """Return the genres of the tree whose main parent is the genre, in the order of the tree."""
        return self._children.get(name, ())

    @cached_property
    def broad(self) -> tuple[str, ...]:
        """The genres that stand under no other one."""
        return tuple(node.name for node in self.nodes.values() if not node.parents)

    def nearest(self, name: str, among: Collection[str]) -> str | None:
        """Return the genre itself, if it is among some, or the nearest genre above it that is; None if none is."""
        return next((genre for genre in (self.canonical(name), *self.ancestors(name)) if genre in among), None)

    def common(self, names: Sequence[str]) -> str | None:
        """Return the deepest genre that several genres are, or are a kind of; None if they have nothing in common."""
        first, *others = [(self.canonical(name), *self.ancestors(name)) for name in names]
        return next((genre for genre in first if all(genre in other for other in others)), None)

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for node in self.nodes.values():
            for parent in node.parents[:1]:
                found[parent] = (*found.get(parent, ()), node.name)
        return found

    @cached_property
    def _index(self) -> dict[str, Landing]:
        found: dict[str, Landing] = {}
        for node in self.nodes.values():
            found[key(node.name)] = Landing(node.name, Way.NAME, node.name)
        for node in self.nodes.values():
            for word in node.spellings:
                found.setdefault(key(word), Landing(node.name, Way.SPELLING, node.name))
        for node in self.nodes.values():
            for word in node.kinds:
                if "*" not in word:
                    found.setdefault(key(word), Landing(node.name, Way.KIND, word))
        return found

    @cached_property
    def _ends(self) -> dict[str, str]:
        return {key(word[2:]): node.name for node in self.nodes.values() for word in node.kinds if word[:2] == "* "}

    @cached_property
    def _begins(self) -> dict[str, str]:
        return {key(word[:-2]): node.name for node in self.nodes.values() for word in node.kinds if word[-2:] == " *"}


def split(text: str, is_known: Callable[[str], bool]) -> list[str]:
    """Return the genres that one text names, each trimmed: what is known as a whole is not taken apart."""
    found = []
    for whole in filter(None, map(str.strip, listed(text))):
        joined = [piece.strip().removeprefix("& ").removeprefix("and ") for piece in pieces(whole)]
        joined = [piece for piece in joined if piece]
        found += [whole] if len(joined) < 2 or is_known(whole) else joined
    return found


def parts(text: str) -> list[str]:
    """Return the genres that one text names ("Soul; Jazz"), as they are spelt; generic ones are left out."""
    return [genre for genre in built_in().split(text) if not is_generic(genre)]


def _bare(name: str) -> str:
    """Return a name without a last word that says nothing: "Zydeco" of "Zydeco Music"."""
    name = name.strip()
    return name[: -len(" music")].rstrip() if name.casefold().endswith(" music") else name


@cache
def built_in() -> Tree:
    """Return genred's own tree."""
    return Tree.parse((Path(__file__).parents[1] / "data" / "genres.txt").read_text("utf-8"))


def canonical(name: str) -> str:
    """Return genred's own name for a spelling; the name itself, trimmed, if genred doesn't know it."""
    return built_in().canonical(name)


def family(genre: str) -> str:
    """Return the broad genre that a genre belongs to; itself if it is one, or if genred doesn't know it."""
    return built_in().line(genre)[-1]
