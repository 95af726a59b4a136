"""The command that gives reasons: explain."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import Common, analyser_of, common, model_of
from genred.fs.files import stamp_of

if TYPE_CHECKING:
    from genred.config import Config
    from genred.history.history import History


@click.command()
@click.argument("path", metavar="FILE", type=PATH)
@common
def explain(common: Common, path: Path) -> None:
    """Explain why a file has this genre or none: what speaks for it, what it takes, what would change it.

    It is judged in its album, as by `genred scan`. Writes nothing, and doesn't listen again to what was heard before.

    \b
    genred explain song.mp3
    """
    settings = common.load()
    path = path.resolve()  # a link that a person names themselves is followed
    stamp_of(path)  # what isn't there needs no model
    from rich.console import Console

    from genred.cli import explanation
    from genred.cli.progress import waiting
    from genred.tagging.explain import explain
    from genred.watching.walk import WatchOptions

    with ExitStack() as stack:
        stack.enter_context(waiting("listening"))
        model = model_of(settings)
        analyser = stack.enter_context(analyser_of(settings))
        history = stack.enter_context(_history(settings))
        told = explain(path, settings, WatchOptions.of(settings.watch), model, history, analyser)
    if common.json:
        show.say_json(explanation.as_json(told))
    else:
        explanation.as_text(told, Console(highlight=False))


@contextmanager
def _history(settings: "Config") -> Iterator["History"]:
    """Open the history for reading; where there is none, an empty one that is gone afterwards."""
    from tempfile import TemporaryDirectory

    from genred.history.history import History

    with ExitStack() as stack:
        database = settings.database
        if not database.exists():
            database = Path(stack.enter_context(TemporaryDirectory(prefix="genred-"))) / "history.db"
        yield stack.enter_context(closing(History.open(database, readonly=database == settings.database)))
