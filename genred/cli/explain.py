"""The command that gives reasons: explain."""

from contextlib import ExitStack, closing
from pathlib import Path

import click

from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import Common, analyser_of, common, model_of


@click.command()
@click.argument("path", metavar="FILE", type=PATH)
@common
def explain(common: Common, path: Path) -> None:
    """Explain why a file has this genre or none: what was heard, what it takes, what would change it.

    Writes nothing, and doesn't listen again to what was heard before.

    \b
    genred explain song.mp3
    """
    settings = common.load()
    from rich.console import Console

    from genred.cli import explanation
    from genred.cli.progress import waiting
    from genred.fs.files import stamp_of
    from genred.history.history import History
    from genred.tagging.explain import explain
    from genred.watching.walk import WatchOptions

    path = path.resolve()  # a link that a person names themselves is followed
    stamp_of(path)  # what isn't there needs no model
    with ExitStack() as stack:
        stack.enter_context(waiting("listening"))
        model = model_of(settings)
        analyser = stack.enter_context(analyser_of(settings))
        has_history = settings.database.exists()
        history = stack.enter_context(closing(History.open(settings.database, readonly=True))) if has_history else None
        told = explain(path, settings, WatchOptions.of(settings.watch), model, history, analyser)
    if common.json:
        show.say_json(explanation.as_json(told))
    else:
        explanation.as_text(told, Console(highlight=False))
