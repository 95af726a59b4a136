"""What became of each of several files that a person named."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from genred.cli import show
from genred.cli.options import SOME_FAILED, Common, complain
from genred.errors import FileError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.history.records import Record


T = TypeVar("T")


def each(common: Common, things: Sequence[T | FileError], do: Callable[[T], "Record"], *, dry_run: bool) -> int:
    """Do something to each of several files; one that fails, or has failed already, doesn't keep the others."""
    failed = False
    for thing in things:
        try:
            if isinstance(thing, FileError):
                raise thing
            record = do(thing)
        except FileError as error:
            failed = True
            fail(common, error)
        else:
            if common.json:
                show.say_json(record.as_json())
            else:
                click.echo(show.decision(record, show.width()))
    if dry_run and common.verbosity >= 0:
        click.echo(f"{show.counted(len(things), 'file')} looked at (dry run)", err=True)
    return SOME_FAILED if failed else 0


def fail(common: Common, error: FileError) -> None:
    """Tell why one of several files failed."""
    if common.json:
        show.say_json({"path": readable(error.path), "error": error.reason})
    else:
        complain(error)
