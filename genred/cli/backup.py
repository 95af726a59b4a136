"""What `genred history --backup` does: copy the history to a file, and say what is in the copy."""

import time
from pathlib import Path

import click

from genred.cli import show
from genred.cli.options import Common
from genred.fs.files import readable


def back_up(common: Common, target: Path) -> None:
    """Copy the history, showing on a terminal how far it is; print one line, or one object, about the copy."""
    settings = common.load()
    from genred.cli.progress import waiting
    from genred.history import backup

    began = time.monotonic()
    with waiting("copying the history") as step:
        made = backup.back_up(settings.database, target.absolute(), step)
    seconds = time.monotonic() - began
    if common.json:
        rows = {"decisions": made.decisions, "files": made.files}
        show.say_json({"path": readable(made.path), **rows, "bytes": made.size, "seconds": round(seconds, 3)})
    elif common.verbosity >= 0:
        counted = f"{show.counted(made.decisions, 'decision')} about {show.counted(made.files, 'file')}"
        click.echo(f"{readable(made.path)}: {counted}, {made.size / 1e6:,.1f} MB in {seconds:.1f} s")
