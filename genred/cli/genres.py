"""The command that shows the vocabulary: genres."""

import difflib
from dataclasses import asdict, dataclass

import click

from genred import genres as vocabulary
from genred.cli import completing, show
from genred.cli.arguments import GENRE
from genred.cli.options import Common, common
from genred.model import installed


@dataclass(frozen=True)
class Genre:
    """A genre as `genred genres --json` tells it."""

    name: str
    parent: str | None
    """The genre that it is a kind of."""
    spellings: tuple[str, ...]
    """What else it is called."""
    written: str
    """How it is written into files."""


@click.command()
@click.argument("name", required=False, type=GENRE, shell_complete=completing.genres)
@common
def genres(common: Common, name: str | None) -> int:
    """List the genres, what each is a kind of, and what else it is called; or say where one spelling leads.

    \b
    genred genres
    genred genres "Heavy Metal"
    genred genres --json | jq -r .name
    """
    settings = common.load()
    words = vocabulary.Vocabulary(settings.genres.aliases, settings.genres.whitelist, settings.genres.spelling)
    names = sorted({words.canonical(known) for known in installed.known_genres(settings)})
    if name is not None:
        wanted = words.canonical(name)
        if wanted not in names:
            spellings = [*names, *(word for known in names for word in vocabulary.spellings(known))]
            near = difflib.get_close_matches(wanted.title(), spellings, n=1)
            hint = f"; did you mean {words.canonical(near[0])}?" if near else "; `genred genres` lists all"
            click.echo(f"genred: no genre is called {name!r}{hint}", err=True)
            return 1
        names = [wanted]
    found = [_genre(known, words) for known in names]
    widest = max(len(genre.written) for genre in found)
    for genre in found:
        if common.json:
            show.say_json(asdict(genre))
            continue
        kind = f"a kind of {genre.parent}" if genre.parent else ""
        known_as = ", ".join(word for word in (genre.name, *genre.spellings) if word != genre.written)
        click.echo(f"{genre.written:<{widest}}  {'; '.join(filter(None, (kind, known_as)))}".rstrip())
    return 0


def _genre(name: str, words: vocabulary.Vocabulary) -> Genre:
    mine = (word for word in words.aliases if words.canonical(word) == name)
    return Genre(name, vocabulary.PARENT.get(name), (*vocabulary.spellings(name), *mine), words.written(name))
