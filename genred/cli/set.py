"""The command for a person's own decision: set."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import completing
from genred.cli.arguments import FILES, GENRE
from genred.cli.options import DRY_RUN, Common, analyser_of, common
from genred.cli.outcomes import each
from genred.errors import FileError

if TYPE_CHECKING:
    from genred.config import Config


@click.command("set")
@click.argument("genre", type=GENRE, shell_complete=completing.genres)
@FILES
@DRY_RUN
@common
def set_(common: Common, genre: str, paths: Sequence[Path], dry_run: bool) -> int:
    """Set a genre of your own, through the same safe write; it is never overruled afterwards.

    A folder means all the music below it. `genred undo FILE` takes a genre back.

    \b
    genred set Zydeco song.mp3
    genred set "Hip-Hop" ~/Music/Album
    genred set -n Jazz ~/Music/Jazz            which files that would be
    """
    return obey(common, paths, genre, dry_run=dry_run)


def obey(common: Common, paths: Sequence[Path], genre: str, *, dry_run: bool) -> int:
    """Write the genre that a person decided on into each of several files, and of those in folders."""
    from genred.service.session import deciding
    from genred.tagging.tagger import Tagger

    settings = common.load()
    with deciding(settings, "set", dry_run=dry_run) as history, analyser_of(settings) as analyser:
        tagger = Tagger(settings, history, analyser, dry_run=dry_run)
        return each(common, list(_music(paths, settings)), lambda path: tagger.set_genre(path, genre), dry_run=dry_run)


def _music(paths: Iterable[Path], settings: "Config") -> Iterator[Path | FileError]:
    """Yield files as they were named, and the music in folders."""
    from genred.watching.walk import WatchOptions, walk

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        empty = True
        for found, _ in walk(path, WatchOptions.of(settings.watch)):
            empty = False
            yield Path(found)
        if empty:
            yield FileError(path, "there is no music in it")
