"""What became of each of several files that a person named."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from genred.cli import show
from genred.cli.options import SOME_FAILED, Common, complain
from genred.errors import FileError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.history.records import Record


def each(common: Common, things: Sequence[Any], do: Callable[[Any], "Record"]) -> int:
    """Do something to each of several files; one that fails doesn't keep the others."""
    from genred.service.logs import line

    failed = False
    for thing in things:
        try:
            record = do(thing)
        except FileError as error:
            failed = True
            fail(common, error)
        else:
            if common.json:
                show.say_json(show.record_as_json(record))
            else:
                click.echo(line(record)[1])
    return SOME_FAILED if failed else 0


def fail(common: Common, error: FileError) -> None:
    """Tell why one of several files failed."""
    if common.json:
        show.say_json({"path": readable(error.path), "error": error.reason})
    else:
        complain(error)
