"""The command that makes one pass: scan."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import show
from genred.cli.arguments import DIRS
from genred.cli.options import DRY_RUN, INTERRUPTED, SCHEDULER, SOME_FAILED, Common, common, complain, named
from genred.errors import WatchError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.history.records import Record


@click.command()
@DIRS
@DRY_RUN
@click.option("--redecide", is_flag=True, help="Apply the model and settings of now to what was heard before.")
@SCHEDULER
@common
def scan(common: Common, directories: Sequence[Path], dry_run: bool, redecide: bool, scheduler: str | None) -> int:
    """Go once over what is in the folders now. Where a service is at work, it is asked to do it.

    Files whose genre stays are counted, and -v names them.

    \b
    genred scan -n ~/Music        what would become of each file
    genred scan ~/Music           do it; stop it and start it again as you like
    genred scan song.mp3          one file
    genred scan --redecide        apply another model, or other settings, to what was heard before
    genred scan --scheduler tcp://desk:8786 ~/Music      have the machines of a cluster hear
    """
    from genred.cli.progress import Progress
    from genred.service import scan as scanning
    from genred.service.asking import scan_or_ask
    from genred.service.signals import stopping

    if redecide and scheduler:
        raise click.UsageError("--redecide hears nothing that --scheduler could spread.")
    for path in directories:
        if not path.exists():
            raise WatchError(f"{readable(path)}: no such folder or file")
    settings = named(common.load(), directories)
    missing: list[WatchError] = []
    with stopping() as stop, Progress() as progress:
        notices = scanning.Notices(
            expect=progress.expect, step=progress.describe, heard=progress.hear, missing=missing.append
        )
        decide: Callable[..., Iterator[Record]] = scanning.redecide if redecide else scan_or_ask
        if scheduler:
            decide = partial(scanning.scan, needs_cluster=True)  # a service at work can't be asked for a cluster
            settings = settings.with_changes("cluster", scheduler=scheduler)
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
