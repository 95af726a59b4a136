"""The command that shows the tree of genres: genres."""

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click

from genred.cli import completing, show
from genred.cli.arguments import GENRE
from genred.cli.options import Common, common
from genred.config import Config
from genred.genres import Landing, Vocabulary, Way, is_generic
from genred.model import installed


@dataclass(frozen=True)
class Genre:
    """A genre as `genred genres --json` tells it."""

    name: str
    parent: str | None
    """The genre that it is a kind of; the main one, where there are several."""
    parents: tuple[str, ...]
    spellings: tuple[str, ...]
    """What else it is called."""
    kinds: tuple[str, ...]
    """Finer genres that land on it."""
    written: str | None
    """How it is written into files; None if genres.whitelist has neither it nor a genre above it."""
    files: int
    """The number of files that have it now, in whatever spelling."""
    heard: bool
    """The model in use tells it from others."""


@click.command()
@click.argument("name", required=False, type=GENRE, shell_complete=completing.genres)
@click.option("-a", "--all", "whole", is_flag=True, help="Show all genres, also those that no file has.")
@common
def genres(common: Common, name: str | None, whole: bool) -> int:
    """Show the tree of genres, with the number of files that have each; or say where one name lands, and why.

    Below the broad genres stand those that files in the history have, and those that the model in use tells apart (*).

    \b
    genred genres
    genred genres "Melodic Dubstep"
    genred genres --json | jq -r 'select(.parent == null).name'
    """
    settings = common.load()
    library = _Library.of(settings)
    if name is not None:
        return _tell(common, library, name)
    if common.json:
        for node in library.names():
            show.say_json(asdict(library.genre(node)))
        return 0
    shown = set(library.names()) if whole else library.worth_showing()
    for broad in library.words.tree.broad:
        _print_branch(library, broad, shown, 0)
    for other in library.heard - set(library.words.tree.nodes):
        _print_line(library.genre(other), 0)
    if library.strangers:
        click.echo("\nin files, and on no genre of the tree:")
        for word, count in library.strangers.most_common():
            click.echo(f"  {word:<{_WIDTH - 2}} {count:>9,}")
    return 0


class _Library:
    """The user's words, the genres of the model in use, and the genres that files have.

    Parameters
    ----------
    words
        The user's vocabulary.
    heard
        The genres that the model in use tells apart.
    now
        The number of files by genre, as they spell it.
    """

    def __init__(self, words: Vocabulary, heard: set[str], now: Mapping[str, int]) -> None:
        self.words = words
        self.heard = {words.canonical(genre) for genre in heard}
        self.strangers: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        for name, count in now.items():
            landings = [(part, words.land(part)) for part in words.split(name) if not is_generic(part)]
            for part, landing in landings:
                if landing is not None:
                    self._files[landing.genre] += count
                elif words.canonical(part) in self.heard:
                    self._files[words.canonical(part)] += count
                else:
                    self.strangers[part] += count

    @classmethod
    def of(cls, settings: Config) -> "_Library":
        from genred.history.log import reading

        now: Mapping[str, int] = {}
        if settings.database.exists():
            with reading(settings.database) as log:
                now = log.counts()["now"]
        return cls(settings.vocabulary, set(installed.heard_genres(settings)), now)

    def names(self) -> list[str]:
        """Return the genres of the tree, and those that only the model in use knows."""
        return list(dict.fromkeys([*self.words.tree.nodes, *sorted(self.heard)]))

    def genre(self, name: str) -> Genre:
        node = self.words.tree.nodes.get(name)
        mine = (word for word in self.words.aliases if self.words.canonical(word) == name)
        parents = node.parents if node else self.words.ancestors(name)[:1]
        spellings = (*(node.spellings if node else ()), *mine)
        return Genre(
            name=name,
            parent=parents[0] if parents else None,
            parents=parents,
            spellings=spellings,
            kinds=node.kinds if node else (),
            written=next(self.words.chain(name), None),
            files=self._files[name],
            heard=name in self.heard,
        )

    def worth_showing(self) -> set[str]:
        """Return the broad genres, those that files have or the model tells apart, and all between."""
        told = self.heard | {name for name, count in self._files.items() if count}
        lines = (self.words.tree.line(name) for name in told)
        return {*self.words.tree.broad, *(name for line in lines for name in line)}


def _tell(common: Common, library: _Library, name: str) -> int:
    """Say where a name lands, and show the branch."""
    words = library.words
    if is_generic(name):
        click.echo(f"genred: {name!r} counts as no genre", err=True)
        return 1
    landing = words.land(name)
    if landing is None and (own := words.canonical(name)) in library.heard:
        landing = Landing(own, Way.NAME, own)
    if landing is None:
        click.echo(f"genred: no genre is called {name!r}{_near(name, library)}", err=True)
        return 1
    genre = library.genre(landing.genre)
    if common.json:
        show.say_json(asdict(genre) | {"asked": name, "meaning": landing.meaning, "way": str(landing.way)})
        return 0
    click.echo(f"{_why(name, landing)}\n")
    above = words.tree.line(landing.genre)[:0:-1]
    for depth, upper in enumerate(above):
        _print_line(library.genre(upper), depth)
    _print_branch(library, landing.genre, set(library.names()), len(above))
    for heading, listed in (
        ("also called", genre.spellings),
        ("also under", genre.parents[1:]),
        ("kinds", genre.kinds),
    ):
        if listed:
            click.echo("\n" + click.wrap_text(f"{heading}: {', '.join(listed)}", 100))
    return 0


def _why(name: str, landing: Landing) -> str:
    match landing.way:
        case Way.NAME:
            return f"{landing.genre} is a genre of the tree."
        case Way.SPELLING:
            return f"{name} is another name for {landing.genre}."
        case Way.KIND:
            return f"{landing.meaning} is a kind of {landing.genre}."
        case Way.WORDS:
            return f"{name} counts as a kind of {landing.genre}, by its words."
        case Way.ALIAS:
            meaning = "" if landing.meaning == landing.genre else f", a kind of {landing.genre}"
            return f"{name} is {landing.meaning}{meaning}: genres.aliases says so."


def _near(name: str, library: _Library) -> str:
    words = library.words.tree.nodes.values()
    spellings = [*library.heard, *(word for node in words for word in (node.name, *node.spellings))]
    near = difflib.get_close_matches(name.title(), spellings, n=1)
    return f"; did you mean {library.words.canonical(near[0])}?" if near else "; `genred genres --all` lists all"


_WIDTH = 32


def _print_branch(library: _Library, name: str, shown: set[str], depth: int) -> None:
    _print_line(library.genre(name), depth)
    for child in library.words.tree.children(name):
        if child in shown:
            _print_branch(library, child, shown, depth + 1)


def _print_line(genre: Genre, depth: int) -> None:
    mark = "*" if genre.heard else " "
    files = f"{genre.files:,}" if genre.files else ""
    written = f"  {genre.written}" if genre.written not in (None, genre.name) else ""
    click.echo(f"{'  ' * depth + genre.name:<{_WIDTH}}{mark}{files:>9}{written}".rstrip())
