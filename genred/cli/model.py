"""The commands about the model: train, evaluate, model."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from genred import config
from genred.cli import completing, show
from genred.cli.options import SOME_FAILED, Common, common, complain
from genred.errors import ConfigError
from genred.model import installed

if TYPE_CHECKING:
    from genred.learning.labels import Labelled
    from genred.model.classifier import GenreClassifier
    from genred.model.table import Table

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
    from genred.learning import labels, own_tags
    from genred.learning.report import page
    from genred.model import storage

    if not sources and not libraries:
        raise click.UsageError("name labelled music, or give --from-tags with your music folder.")
    settings = common.load()
    labelled = [item for source in sources for item in labels.read_source(source)]
    table, failed = _table(labelled + (_own_labels(libraries, settings) if libraries else []), settings)
    code = SOME_FAILED if failed else 0
    if to_table:
        table.save(to_table)
        click.echo(f"{len(table)} tracks in {to_table}")
        return code
    base = storage.builtin_table() if with_builtin else None
    model, comparison = own_tags.teach(table, _model(settings), name=name, base=base)
    path = installed.file_of(model.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.save(model, path)
    if report:
        report.write(page(f"{model.name}, compared on your music", comparison.new, comparison.old))
    used = (comparison.is_better or force) and not _named_by_configuration(common)
    if used:
        installed.use(model.name)
    if common.json:
        show.say_json({"path": str(path), "in_use": used} | model.card)
        return code
    click.echo("\n".join([*model.evaluation_.lines(), "", *comparison.lines(), ""]))
    if used:
        click.echo(f"{model.name} is in use; `genred model use {installed.BUILTIN}` goes back")
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
    from genred.learning import labels
    from genred.learning.report import page

    settings = common.load()
    table, failed = _table([item for source in sources for item in labels.read_source(source)], settings)
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
    from genred.learning.report import page

    found = _model(common.load())
    if report:
        report.write(page(found.name, found.evaluation_))
    if common.json:
        show.say_json(found.card)
        return
    card = found.card
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
    own = installed.entries()
    builtin_used = not any(entry.in_use for entry in own)
    rows: list[tuple[str, bool, int | None, str]] = [(installed.BUILTIN, builtin_used, None, "comes with genred")]
    for entry in own:
        about = "can't be used: train anew" if entry.tracks is None else f"your own, {entry.tracks} tracks"
        rows.append((entry.name, entry.in_use, entry.tracks, about))
    for name, in_use, tracks, about in rows:
        if common.json:
            show.say_json({"name": name, "in_use": in_use, "tracks": tracks})
        else:
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
    installed.use(name)
    click.echo(f"{name} is in use")


def _named_by_configuration(common: Common) -> bool:
    """Whether model.path names a model, which then stays in use whatever is on the shelf."""
    return bool(config.load(config.find(common.file)).model.path)


def _model(settings: config.Config) -> "GenreClassifier":
    from genred.analysis.analyser import load_model

    return load_model(settings.model, config.cache_dir())


def _own_labels(folders: Sequence[Path], settings: config.Config) -> list["Labelled"]:
    """What a person's own tags teach; what they don't is said on stderr."""
    from genred.analysis.analyser import Analyser
    from genred.history.history import History
    from genred.learning import own_tags
    from genred.service.service import watch_options
    from genred.tagging.policy import Policy
    from genred.watching.walk import walk

    options = watch_options(settings)
    paths = (Path(path) for folder in folders for path, _ in walk(folder, options))
    history = History.open(settings.database, readonly=True) if settings.database.exists() else None
    with Analyser(settings.service, settings.model, config.cache_dir()) as analyser:
        vocabulary = Policy.of(settings).vocabulary
        found = own_tags.from_tags(paths, analyser, history, vocabulary, settings.tags.separator)
    for reason, count in found.left_out.most_common():
        click.echo(f"genred: left out {count} tracks: {reason}", err=True)
    if not found.labelled:
        raise ConfigError("these folders hold too little music with a genre that you set to learn from")
    return found.labelled


def _table(labelled: Sequence["Labelled"], settings: config.Config) -> tuple["Table", bool]:
    """Features of labelled music, and whether some of it failed."""
    from genred.cli.progress import Progress
    from genred.learning import labels

    workers = settings.service.workers or len(os.sched_getaffinity(0))
    with Progress() as progress:
        progress.expect(len(labelled))
        table, errors = labels.build_table(
            labelled, workers=workers, cache_dir=config.cache_dir(), progress=progress.advance
        )
    for error in errors:
        complain(error)
    if not len(table):
        raise ConfigError("none of the music could be read")
    return table, bool(errors)
