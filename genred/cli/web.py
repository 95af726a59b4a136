"""The command that shows the library in a browser: web."""

import click

from genred.cli.arguments import HOST
from genred.cli.options import Common, common
from genred.config import Config, find
from genred.errors import GenredError


@click.command()
@click.option("--host", metavar="H", type=HOST, help="Where to listen.  [default: 127.0.0.1, this machine alone]")
@click.option("--port", metavar="P", type=click.IntRange(0, 65535), help="The port.  [default: 8420]")
@click.option("--open", "opens", is_flag=True, help="Open it in a browser.")
@common
def web(common: Common, host: str | None, port: int | None, opens: bool) -> None:
    """Show review, library and service in a browser, until stopped.

    \b
    genred web
    genred web --open
    """
    common.load()
    try:
        from genred.web import server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        way = "install genred again, '.[web]' instead of '.'"
        raise GenredError(f"`genred web` needs two more libraries: {way}") from error

    def load() -> Config:
        settings = common.load()
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        return settings.with_changes("web", **given)

    server.serve(load, find(common.file), opens=opens)
