"""The command that makes one pass: scan."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred import config
from genred.cli import show
from genred.cli.arguments import DIRS
from genred.cli.options import DRY_RUN, INTERRUPTED, SOME_FAILED, Common, common, watching


@click.command()
@DIRS
@DRY_RUN
@click.option("--redecide", is_flag=True, help="Apply the model and settings of now to what was heard before.")
@common
def scan(common: Common, directories: Sequence[Path], dry_run: bool, redecide: bool) -> int:
    """One pass over what is in the folders now.

    \b
    genred scan -n ~/Music        what would become of each file
    genred scan ~/Music           do it; stop it and start it again as you like
    genred scan --redecide        apply another model, or other settings, to what was heard before
    """
    from genred.analysis.analyser import prepare

    prepare(config.cache_dir())  # imports while this process does
    from genred.cli.progress import Progress
    from genred.service import service
    from genred.service.logs import line
    from genred.service.signals import stopping

    settings = watching(common.load(), directories)
    with stopping() as stop, Progress() as progress:
        if redecide:
            records = service.redecide(settings, stop, dry_run=dry_run)
        else:
            records = service.scan(settings, stop, dry_run=dry_run, expect=progress.expect)
        for record in records:
            progress.advance(record.outcome)
            if common.json:
                show.say_json(show.record_as_json(record))
            elif common.verbosity >= 0:
                progress.say(line(record)[1])
    progress.summarise(dry_run=dry_run)
    if stop.is_set():
        return INTERRUPTED
    return SOME_FAILED if progress.counts["failed"] else 0
