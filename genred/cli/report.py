"""The command that shows the library as one page: report."""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import Common, common
from genred.config import cache_dir
from genred.errors import GenredError
from genred.fs.files import readable, write_whole
from genred.model import installed

NAME = "genred-report.html"


@click.command()
@click.option("-o", "--output", type=PATH, metavar="FILE", help="Where to write it; - is stdout.")
@click.option("--open", "opens", is_flag=True, help="Show it in a browser; without -o it is kept in the cache.")
@common
def report(common: Common, output: Path | None, opens: bool) -> None:
    """Write the library in figures as one page, which needs nothing but itself.

    Without -o it goes to genred-report.html in this folder, or, where stdout is no terminal, to stdout.

    \b
    genred report --open
    genred report -o library.html
    genred report | mail -s "Our music" somebody
    """
    settings = common.load()
    from genred.history.history import History
    from genred.web.report import page

    with closing(History.open(settings.database, readonly=True)) as history:
        made = page(history, installed.card_in_use(settings, cache_dir()), datetime.now().astimezone())
    file = _file(output, opens, as_json=common.json)
    if file is None:
        click.echo(made, nl=False)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, made)
    except OSError as error:
        raise GenredError(f"{readable(file)}: the page can't be written there ({error.strerror})") from error
    if common.json:
        show.say_json({"path": readable(file)})
    else:
        click.echo(readable(file))
    import webbrowser

    if opens and not webbrowser.open(file.as_uri()):
        raise GenredError(f"no browser could be opened; the page is {readable(file)}")


def _file(output: Path | None, opens: bool, *, as_json: bool) -> Path | None:
    """Return where the page goes, None for stdout."""
    if output == Path("-"):
        if opens or as_json:
            raise click.UsageError("-o - prints the page, and nothing else can be done with it.")
        return None
    if output is not None:
        return output.absolute()
    if opens:
        return cache_dir() / NAME
    return Path.cwd() / NAME if sys.stdout.isatty() or as_json else None
