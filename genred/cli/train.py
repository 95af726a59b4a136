"""The command that learns: train."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from genred.cli import show
from genred.cli.arguments import MODEL, PATH
from genred.cli.labelled import REPORT, table_of
from genred.cli.options import SCHEDULER, SOME_FAILED, Common, analyser_of, common, model_of
from genred.errors import ConfigError
from genred.model import installed

if TYPE_CHECKING:
    from genred.config import Config
    from genred.learning.labels import Labelled


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=PATH)
@click.option(
    "--from-tags",
    "libraries",
    multiple=True,
    metavar="DIR",
    type=PATH,
    help="Learn from the genres that you set in this library.",
)
@click.option("--with-builtin", is_flag=True, help="Learn from the built-in table as well.")
@click.option("--name", type=MODEL, default="own", show_default=True, help="What to call the model.")
@click.option("--force", is_flag=True, help="Put it in use even if it is worse than the one in use.")
@click.option("--to-table", type=PATH, help="Keep the feature table (.npz), and no model.")
@REPORT
@SCHEDULER
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
    scheduler: str | None,
) -> int:
    """Learn from labelled music, compare with the model in use, and put the better one in use.

    A SOURCE is a folder of folders named by genre, or a CSV manifest (path,genre[,artist[,source]]). --from-tags takes
    the genres that you set in your own library; those that genred wrote don't count.

    \b
    genred train --from-tags ~/Music --with-builtin
    genred train ~/Labelled --name mine        a folder in it for each genre
    """
    from genred.cli.progress import waiting
    from genred.learning import labels
    from genred.learning.teaching import teach
    from genred.model import storage
    from genred.web.evaluation import page

    if not sources and not libraries:
        raise click.UsageError("name labelled music, or give --from-tags with your music folder.")
    if name == installed.BUILTIN:
        raise click.BadParameter(f"{name} is the model that comes with genred", param_hint="--name")
    settings = common.load()
    words = settings.vocabulary
    labelled = [item for source in sources for item in labels.read_source(source, words)]
    base = storage.builtin_table() if with_builtin else None
    covered = set(map(str, base.y)) if base is not None else set()
    labelled += _own_labels(libraries, settings, covered) if libraries else []
    table, failed = table_of(labelled, settings, scheduler)
    code = SOME_FAILED if failed else 0
    if to_table:
        table.save(to_table)
        click.echo(f"{show.counted(len(table), 'track')} in {to_table}")
        return code
    beside = None if with_builtin else storage.builtin_table()
    with waiting("loading the model") as tell:
        model, comparison = teach(
            table, model_of(settings), name=name, base=base, beside=beside, vocabulary=words, tell=tell
        )
    path = installed.file_of(model.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.save(model, path)
    if report:
        report.write(page(f"{model.name}, compared on your music", comparison.new, comparison.old))
    used = (comparison.is_better or force) and not common.names_model()
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
    if not with_builtin:
        click.echo("it takes all music for one of these genres; --with-builtin adds the others")
    return code


def _own_labels(folders: Sequence[Path], settings: "Config", covered: Collection[str]) -> list["Labelled"]:
    """Return what a person's own tags teach; say on stderr what they don't."""
    from genred.history.history import History
    from genred.learning import own_tags
    from genred.watching.walk import WatchOptions, walk

    options = WatchOptions.of(settings.watch)
    paths = (Path(path) for folder in folders for path, _ in walk(folder, options))
    with ExitStack() as stack:
        has_history = settings.database.exists()
        history = stack.enter_context(closing(History.open(settings.database, readonly=True))) if has_history else None
        analyser = stack.enter_context(analyser_of(settings))
        found = own_tags.from_tags(paths, analyser, history, settings.vocabulary, settings.tags.separator, covered)
    for reason, count in found.left_out.most_common():
        click.echo(f"genred: left out {show.counted(count, 'track')}: {reason}", err=True)
    if not found.labelled:
        raise ConfigError("these folders hold too little music with a genre that you set to learn from")
    return found.labelled
