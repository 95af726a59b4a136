"""The command that watches and tags: run."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred.cli.arguments import DIRS
from genred.cli.options import Common, common, named, watching


@click.command()
@DIRS
@common
def run(common: Common, directories: Sequence[Path]) -> None:
    """Watch folders and tag what arrives, until stopped.

    \b
    genred run ~/Music
    GENRED_TAGS_MODE=off genred run ~/Music      say what it would write, and write nothing
    """
    from genred.analysis.pool import prepare

    prepare()  # imports while this process does
    from genred.service import service
    from genred.service.signals import Reload, stopping

    reload = Reload(lambda: named(common.load(), directories))
    with stopping(reload) as stop:
        service.run(watching(common.load(), directories), stop, reload)
