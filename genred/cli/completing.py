"""What a shell offers where an option or argument wants a value of genred's own."""

import click

from genred import config
from genred.cli.options import said
from genred.model import installed


def genres(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """List the genres that a person may mean, as they write them."""
    settings = config.check(config.find(said(ctx).file))[0]
    words = settings.vocabulary
    known = {*words.words(), *map(words.written, installed.heard_genres(settings))}
    return _fitting(sorted(known, key=str.casefold), begun)


def models(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """List the models that can be put in use."""
    return _fitting([installed.BUILTIN, *(entry.name for entry in installed.entries())], begun)


def _fitting(words: list[str], begun: str) -> list[str]:
    return [word for word in words if word.casefold().startswith(begun.casefold())]
