"""The command that says how right a model is: evaluate."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.labelled import REPORT, table_of
from genred.cli.options import SOME_FAILED, Common, common, model_of

_SOURCES = click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=PATH)


@click.command()
@_SOURCES
@REPORT
@common
def evaluate(common: Common, sources: Sequence[Path], report: TextIO | None) -> int:
    """Measure how right the model is about labelled music that it was not trained on.

    \b
    genred evaluate ~/Labelled
    genred evaluate manifest.csv --json --report evaluation.html
    """
    from genred.learning import labels
    from genred.web.evaluation import page

    settings = common.load()
    words = settings.vocabulary
    table, failed = table_of([item for source in sources for item in labels.read_source(source, words)], settings)
    model = model_of(settings)
    evaluation = model.evaluate(labels.coarsened(table, set(map(str, model.classes_)), words))
    if report:
        report.write(page(model.name, evaluation))
    if common.json:
        show.say_json({"model": model.name} | evaluation.as_dict())
    else:
        click.echo("\n".join([f"model {model.name}", *evaluation.lines()]))
    return SOME_FAILED if failed else 0
