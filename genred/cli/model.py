"""The commands about the model: train, evaluate, model."""

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from genred import config, shelf
from genred.cli import completing, show
from genred.cli.options import SOME_FAILED, Common, common, complain
from genred.errors import ConfigError

if TYPE_CHECKING:
    from genred.classifier import GenreClassifier
    from genred.table import Table
    from genred.training import Labelled

_SOURCES = click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
_REPORT = click.option(
    "--report",
    metavar="FILE.html",
    type=click.File("w", encoding="utf-8", lazy=False),  # opened now: an hour later is late to hear that it can't be
    help="Write a page with the confusion matrix, calibration, and precision against coverage.",
)


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=click.Path(path_type=Path))
@click.option(
    "--from-tags",
    "libraries",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Learn from the genres that you set in this library.",
)
@click.option("--with-builtin", is_flag=True, help="Learn from the built-in table as well.")
@click.option("--name", default="own", show_default=True, help="What to call the model.")
@click.option("--force", is_flag=True, help="Put it in use even if it is worse than the one in use.")
@click.option("--to-table", type=click.Path(path_type=Path), help="Keep the feature table (.npz), and no model.")
@_REPORT
@common
def train(
    common: Common,
    sources: Sequence[Path],
    libraries: Sequence[Path],
    with_builtin: bool,
    name: str,
    force: bool,
    to_table: Path | None,
    report: TextIO | None,
) -> int:
    """Learn from labelled music, compare with the model in use, and put the better one in use.

    A SOURCE is a folder of folders named by genre, or a CSV manifest (path,genre[,artist[,source]]). --from-tags takes
    the genres that you set in your own library; those that genred wrote don't count.

    \b
    genred train --from-tags ~/Music --with-builtin
    genred train ~/Labelled --name mine        a folder in it for each genre
    """
    from genred import library, modelfile, training
    from genred.report import page

    if not sources and not libraries:
        raise click.UsageError("name labelled music, or give --from-tags with your music folder.")
    settings = common.load()
    labelled = [item for source in sources for item in training.read_source(source)]
    table, failed = _table(labelled + (_own_labels(libraries, settings) if libraries else []), settings)
    code = SOME_FAILED if failed else 0
    if to_table:
        table.save(to_table)
        click.echo(f"{len(table)} tracks in {to_table}")
        return code
    base = modelfile.builtin_table() if with_builtin else None
    model, comparison = library.teach(table, _model(settings), name=name, base=base)
    path = shelf.file_of(model.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    modelfile.save(model, path)
    if report:
        report.write(page(f"{model.name}, compared on your music", comparison.new, comparison.old))
    used = (comparison.is_better or force) and not _named_by_configuration(common)
    if used:
        shelf.use(model.name)
    if common.json:
        show.say_json({"path": str(path), "in_use": used} | model.card_)
        return code
    click.echo("\n".join([*model.evaluation_.lines(), "", *comparison.lines(), ""]))
    if used:
        click.echo(f"{model.name} is in use; `genred model use {shelf.BUILTIN}` goes back")
    elif comparison.is_better or force:
        click.echo(f"{model.name} was put aside: model.path names another model, which stays in use")
    else:
        click.echo(f"{model.name} is worse than the model in use and was only put aside; --force puts it in use")
    return code


@click.command()
@_SOURCES
@_REPORT
@common
def evaluate(common: Common, sources: Sequence[Path], report: TextIO | None) -> int:
    """How right the model is about labelled music that it was not trained on.

    \b
    genred evaluate ~/Labelled
    genred evaluate manifest.csv --json --report evaluation.html
    """
    from genred import training
    from genred.report import page

    settings = common.load()
    table, failed = _table([item for source in sources for item in training.read_source(source)], settings)
    model = _model(settings)
    evaluation = model.evaluate(table)
    if report:
        report.write(page(model.name, evaluation))
    if common.json:
        show.say_json({"model": model.name} | evaluation.as_dict())
    else:
        click.echo("\n".join([f"model {model.name}", *evaluation.lines()]))
    return SOME_FAILED if failed else 0


@click.group()
def model() -> None:
    """See which models there are, how good they are, and put one in use."""


@model.command("show")
@_REPORT
@common
def model_show(common: Common, report: TextIO | None) -> None:
    """What the model in use was trained on, and how good it is.

    \b
    genred model show
    genred model show --json | jq .genres
    genred model show --report model.html
    """
    from genred.report import page

    found = _model(common.load())
    if report:
        report.write(page(found.name, found.evaluation_))
    if common.json:
        show.say_json(found.card_)
        return
    card = found.card_
    click.echo(f"{click.style(found.name, bold=True)}: {card['tracks']} tracks by {card['artists']} artists")
    for what in ("sources", "genres"):
        click.echo(f"{what}: " + ", ".join(f"{name} {count}" for name, count in card[what].items()))
    click.echo(
        "answers from a confidence of " + ", ".join(f"{t} for {float(p):.0%}" for p, t in card["threshold"].items())
    )
    click.echo("\n".join(["", *found.evaluation_.lines()]))


@model.command("list")
@common
def model_list(common: Common) -> None:
    """The built-in model and those of your own; the one in use is marked.

    \b
    genred model list
    """
    own = shelf.entries()
    builtin_used = not any(entry.in_use for entry in own)
    rows: list[tuple[str, bool, int | None]] = [(shelf.BUILTIN, builtin_used, None)]
    rows += [(entry.name, entry.in_use, entry.card["tracks"]) for entry in own]
    for name, in_use, tracks in rows:
        if common.json:
            show.say_json({"name": name, "in_use": in_use, "tracks": tracks})
        else:
            about = "comes with genred" if tracks is None else f"your own, {tracks} tracks"
            click.echo(f"{'*' if in_use else ' '} {name:<24} {about}")


@model.command("use")
@click.argument("name", shell_complete=completing.models)
@common
def model_use(common: Common, name: str) -> None:
    """Put a model in use, "builtin" for the built-in one; a running service takes it when it is reloaded.

    \b
    genred model use own && systemctl --user reload genred
    genred model use builtin
    """
    if _named_by_configuration(common):
        raise ConfigError("model.path names a model, which stays in use; remove it from the configuration first")
    shelf.use(name)
    click.echo(f"{name} is in use")


def _named_by_configuration(common: Common) -> bool:
    """Whether model.path names a model, which then stays in use whatever is on the shelf."""
    return bool(config.load(config.find(common.file)).model.path)


def _model(settings: config.Config) -> "GenreClassifier":
    from genred.analysis import load_model

    return load_model(settings.model, config.cache_dir())


def _own_labels(folders: Sequence[Path], settings: config.Config) -> list["Labelled"]:
    """What a person's own tags teach; what they don't is said on stderr."""
    from genred import library
    from genred.analysis import Analyser
    from genred.history import History
    from genred.policy import Policy
    from genred.service import watch_options
    from genred.walking import walk

    options = watch_options(settings)
    paths = (Path(path) for folder in folders for path, _ in walk(folder, options))
    with ExitStack() as stack:
        has_history = settings.database.exists()
        history = stack.enter_context(closing(History.open(settings.database, readonly=True))) if has_history else None
        analyser = stack.enter_context(Analyser(settings.service, settings.model, config.cache_dir()))
        vocabulary = Policy.of(settings).vocabulary
        found = library.from_tags(paths, analyser, history, vocabulary, settings.tags.separator)
    for reason, count in found.left_out.most_common():
        click.echo(f"genred: left out {count} tracks: {reason}", err=True)
    if not found.labelled:
        raise ConfigError("these folders hold too little music with a genre that you set to learn from")
    return found.labelled


def _table(labelled: Sequence["Labelled"], settings: config.Config) -> tuple["Table", bool]:
    """Features of labelled music, and whether some of it failed."""
    from genred import training
    from genred.cli.progress import Progress

    workers = settings.service.workers or len(os.sched_getaffinity(0))
    with Progress() as progress:
        progress.expect(len(labelled))
        table, errors = training.build_table(
            labelled, workers=workers, cache_dir=config.cache_dir(), progress=progress.advance
        )
    for error in errors:
        complain(error)
    if not len(table):
        raise ConfigError("none of the music could be read")
    return table, bool(errors)
