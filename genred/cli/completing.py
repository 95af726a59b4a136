"""What a shell offers where an option or argument wants a value of genred's own."""

import click

from genred import config, shelf


def genres(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The genres of the vocabulary and of the model in use."""
    return _fitting(shelf.known_genres(_model(ctx)), begun)


def models(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The models that can be put in use."""
    return _fitting([shelf.BUILTIN, *(entry.name for entry in shelf.entries())], begun)


def _model(ctx: click.Context) -> str:
    file = ctx.params.get("file")
    return config.check(config.find(file))[0].model.path or shelf.path_in_use()


def _fitting(words: list[str], begun: str) -> list[str]:
    return [word for word in words if word.casefold().startswith(begun.casefold())]
