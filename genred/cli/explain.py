"""The command that gives reasons: explain."""

from contextlib import ExitStack
from pathlib import Path

import click

from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import Common, analyser_of, common, model_of
from genred.fs.files import stamp_of


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
    from genred.service.session import rehearsing
    from genred.tagging.explain import explain
    from genred.watching.walk import WatchOptions

    with ExitStack() as stack:
        stack.enter_context(waiting("listening"))
        model = model_of(settings)
        # Of one file, one worker is enough: each takes a while to start.
        analyser = stack.enter_context(analyser_of(settings.with_changes("service", workers=1)))
        history = stack.enter_context(rehearsing(settings))
        told = explain(path, settings, WatchOptions.of(settings.watch), model, history, analyser)
    if common.json:
        show.say_json(explanation.as_json(told))
    else:
        explanation.as_text(told, Console(highlight=False))
