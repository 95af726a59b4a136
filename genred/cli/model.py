"""The commands about models: which there are, how good they are, and which is in use."""

from typing import TextIO

import click

from genred.cli import completing, show
from genred.cli.arguments import MODEL
from genred.cli.labelled import REPORT
from genred.cli.options import Common, common, everywhere, model_of
from genred.errors import ConfigError
from genred.model import installed


@click.group()
@everywhere
def model() -> None:
    """See which models there are, how good they are, and put one in use."""


@model.command("show")
@click.argument("name", required=False, type=MODEL, shell_complete=completing.models)
@REPORT
@common
def model_show(common: Common, name: str | None, report: TextIO | None) -> None:
    """Show what the model in use, or another one, was trained on, and how good it is.

    \b
    genred model show
    genred model show builtin
    genred model show --json | jq .genres
    genred model show --report model.html
    """
    from genred.web.evaluation import page

    settings = common.load()
    found = model_of(settings if name is None else settings.with_changes("model", path=installed.path_of(name)))
    if report:
        report.write(page(found.name, found.evaluation_))
    if common.json:
        show.say_json(found.card)
        return
    card = found.card
    tracks, artists = show.counted(card["tracks"], "track"), show.counted(card["artists"], "artist")
    click.echo(f"{click.style(found.name, bold=True)}: {tracks} by {artists}")
    for what in ("sources", "genres"):
        click.echo(f"{what}: " + ", ".join(f"{name} {count}" for name, count in card[what].items()))
    click.echo(
        "answers from a confidence of " + ", ".join(f"{t} for {float(p):.0%}" for p, t in card["threshold"].items())
    )
    click.echo("\n".join(["", *found.evaluation_.lines()]))


@model.command("list")
@common
def model_list(common: Common) -> None:
    """List the built-in model and those of your own; the one in use is marked.

    \b
    genred model list
    """
    own = installed.entries()
    builtin_used = not any(entry.in_use for entry in own)
    rows: list[tuple[str, bool, int | None, str]] = [(installed.BUILTIN, builtin_used, None, "comes with genred")]
    for entry in own:
        about = (
            "can't be used: train anew" if entry.tracks is None else f"your own, {show.counted(entry.tracks, 'track')}"
        )
        rows.append((entry.name, entry.in_use, entry.tracks, about))
    for name, in_use, tracks, about in rows:
        if common.json:
            show.say_json({"name": name, "in_use": in_use, "tracks": tracks})
        else:
            click.echo(f"{'*' if in_use else ' '} {name:<24} {about}")


@model.command("use")
@click.argument("name", type=MODEL, shell_complete=completing.models)
@common
def model_use(common: Common, name: str) -> None:
    """Put a model in use, "builtin" for the built-in one; a running service takes it when it is reloaded.

    \b
    genred model use builtin
    genred model use own                     a model that `genred train` made
    genred model use own && systemctl --user reload genred
    """
    if common.names_model():
        raise ConfigError("model.path names a model, which stays in use; remove it from the configuration first")
    installed.use(name)
    click.echo(f"{name} is in use")
