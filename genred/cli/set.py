"""The command for a person's own decision: set."""

from collections.abc import Sequence
from pathlib import Path

import click

from genred.cli import completing
from genred.cli.arguments import FILES, GENRE
from genred.cli.options import DRY_RUN, Common, analyser_of, common
from genred.cli.outcomes import each


@click.command("set")
@click.argument("genre", type=GENRE, shell_complete=completing.genres)
@FILES
@DRY_RUN
@common
def set_(common: Common, genre: str, paths: Sequence[Path], dry_run: bool) -> int:
    """A person's own decision, through the same safe write; never overruled afterwards.

    \b
    genred set Zydeco song.mp3
    genred set "Hip-Hop" ~/Music/Album/*.flac
    """
    return obey(common, paths, genre, dry_run=dry_run)


def obey(common: Common, paths: Sequence[Path], genre: str, *, dry_run: bool) -> int:
    """Write the genre that a person decided on into each of several files."""
    from genred.service.service import deciding
    from genred.tagging.tagger import Tagger

    settings = common.load()
    with (
        deciding(settings, "set") as history,
        analyser_of(settings) as analyser,
    ):
        tagger = Tagger(settings, history, analyser, dry_run=dry_run)
        return each(common, paths, lambda path: tagger.obey(path, genre))
