"""The command that makes one pass: scan."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred.cli import show
from genred.cli.arguments import DIRS
from genred.cli.options import DRY_RUN, INTERRUPTED, SOME_FAILED, Common, common, complain, named
from genred.errors import WatchError
from genred.fs.files import readable


@click.command()
@DIRS
@DRY_RUN
@click.option("--redecide", is_flag=True, help="Apply the model and settings of now to what was heard before.")
@common
def scan(common: Common, directories: Sequence[Path], dry_run: bool, redecide: bool) -> int:
    """Go once over what is in the folders now. Where a service is at work, it is asked to do it.

    Files whose genre stays are counted, and -v names them.

    \b
    genred scan -n ~/Music        what would become of each file
    genred scan ~/Music           do it; stop it and start it again as you like
    genred scan song.mp3          one file
    genred scan --redecide        apply another model, or other settings, to what was heard before
    """
    from genred.cli.progress import Progress
    from genred.service.asking import scan_or_ask
    from genred.service.scan import Notices
    from genred.service.scan import redecide as decide_anew
    from genred.service.signals import stopping

    for path in directories:
        if not path.exists():
            raise WatchError(f"{readable(path)}: no such folder or file")
    settings = named(common.load(), directories)
    missing: list[WatchError] = []
    with stopping() as stop, Progress() as progress:
        notices = Notices(expect=progress.expect, step=progress.describe, heard=progress.hear, missing=missing.append)
        decide = decide_anew if redecide else scan_or_ask
        records = decide(settings, stop, dry_run=dry_run, notices=notices)
        for record in records:
            progress.decide(record)
            if common.json:
                show.say_json(record.as_json())
            elif common.verbosity >= (1 if record.outcome == "kept" else 0):
                progress.say(show.decision(record, show.width()))
    progress.summarise(dry_run=dry_run, stopped=stop.is_set())
    for error in missing:
        complain(error)
    if stop.is_set():
        return INTERRUPTED
    return SOME_FAILED if progress.counts["failed"] or missing else 0
