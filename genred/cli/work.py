"""The commands that do something to music: run, scan, classify, set, undo."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred import config
from genred.cli import completing, show
from genred.cli.options import DIRS, DRY_RUN, FILES, INTERRUPTED, SOME_FAILED, Common, common, complain, moment
from genred.errors import FileError, WatchError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.history.journal import Undo
    from genred.history.records import Record


@click.command()
@DIRS
@common
def run(common: Common, directories: Sequence[Path]) -> None:
    """Watch folders and tag what arrives, until stopped.

    \b
    genred run ~/Music
    GENRED_TAGS_MODE=off genred run ~/Music      say what it would write, and write nothing
    """
    from genred.analysis.analyser import prepare

    prepare(config.cache_dir())  # imports while this process does
    from genred.service import service
    from genred.service.signals import Reload, stopping

    reload = Reload(lambda: _named(common.load(), directories))
    with stopping(reload) as stop:
        service.run(_watching(common.load(), directories), stop, reload)


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

    settings = _watching(common.load(), directories)
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


@click.command()
@FILES
@common
def classify(common: Common, paths: Sequence[Path]) -> int:
    """Genres with probabilities; writes nothing, records nothing.

    \b
    genred classify song.mp3
    genred classify --json *.flac | jq -r '.genre'
    """
    from genred.analysis.analyser import Analyser, Ask

    settings = common.load()
    failed = False
    with Analyser(settings.service, settings.model, config.cache_dir()) as analyser:
        analyser.warm_up()
        # A link that a person names themselves is followed.
        looks = analyser.look((path.resolve() for path in paths), Ask.SOUND)
        for path, (_, look) in zip(paths, looks, strict=True):
            failed |= isinstance(look, FileError)
            if common.json:
                show.say_json({"path": readable(path)} | show.look_as_json(look, analyser.model_name))
            elif isinstance(look, FileError):
                click.echo(f"genred: {readable(path)}: {look.reason}", err=True)
            elif look.prediction is not None:
                show.prediction(path, look.prediction)
    return SOME_FAILED if failed else 0


@click.command("set")
@click.argument("genre", shell_complete=completing.genres)
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


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--run", "run_id", type=int, help="What one run wrote; its number is in the history.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="The last N tags that were written.")
@click.option(
    "--since", metavar="WHEN", help="What was written since 2026-11-22, 2026-11-22T18:30, or 90m, 12h, 7d ago."
)
@click.option(
    "--for-good/--for-now",
    default=None,
    help="Leave the files alone from now on, or let the next scan decide.  [default: for good where files are named]",
)
@DRY_RUN
@common
def undo(
    common: Common,
    paths: Sequence[Path],
    run_id: int | None,
    last: int | None,
    since: str | None,
    for_good: bool | None,
    dry_run: bool,
) -> int:
    """Put back exactly what was there; a folder means all below it, and all that is given must hold.

    \b
    genred undo --last 1
    genred undo ~/Music/Album
    genred undo -n --since 2h ~/Music      what would be put back
    genred undo --run 7 --for-good         and genred never tags these again
    """
    from genred.analysis.analyser import Analyser
    from genred.history.journal import Journal
    from genred.history.records import Query
    from genred.saving.transaction import recover
    from genred.service.service import deciding
    from genred.tagging.undo import select, undo_write

    if not paths and run_id is None and last is None and since is None:
        raise click.UsageError("name files or folders, or give --run, --last or --since.")
    settings = common.load()
    names = dict.fromkeys(name for path in paths for name in (path.absolute(), path.resolve()))
    query = Query(run=run_id, limit=last, since=moment(since) if since else None)
    queries = [replace(query, path=name) for name in names] or [query]
    stays = bool(paths) if for_good is None else for_good
    with deciding(settings, "undo") as history, ExitStack() as stack:
        if not dry_run:
            recover(Journal(history))

        @cache
        def analyser() -> Analyser:
            return stack.enter_context(Analyser(settings.service, settings.model, config.cache_dir()))

        found, dropped = select(history, queries)
        if not found and not dropped:
            click.echo("genred: nothing to undo there", err=True)
            return SOME_FAILED
        days = settings.history.retention_days
        reason = f"its undo record was dropped{f' after {days} days' if days else ''} (history.retention_days)"
        for record in dropped:
            _fail(common, FileError(record.path, reason))

        def restore(write: "Undo") -> "Record":
            return undo_write(history, write, settings.tags, analyser, for_good=stays, dry_run=dry_run)

        code = each(common, found, restore)
        return SOME_FAILED if dropped else code


def _watching(settings: config.Config, directories: Sequence[Path]) -> config.Config:
    """The configuration with the folders that were named, which must be there, instead of its own."""
    for path in directories:
        if not path.is_dir():
            raise WatchError(f"{readable(path)}: no such folder")
    return _named(settings, directories)


def _named(settings: config.Config, directories: Sequence[Path]) -> config.Config:
    if not directories:
        return settings
    return settings.with_changes("watch", directories=tuple(path.absolute() for path in directories))


def obey(common: Common, paths: Sequence[Path], genre: str, *, dry_run: bool) -> int:
    """Write the genre that a person decided on into each of several files."""
    from genred.analysis.analyser import Analyser
    from genred.service.service import deciding
    from genred.tagging.tagger import Tagger

    settings = common.load()
    with (
        deciding(settings, "set") as history,
        Analyser(settings.service, settings.model, config.cache_dir()) as analyser,
    ):
        tagger = Tagger(settings, history, analyser, dry_run=dry_run)
        return each(common, paths, lambda path: tagger.set_genre(path, genre))


def each(common: Common, things: Sequence[Any], do: Callable[[Any], "Record"]) -> int:
    """Do something to each of several files; one that fails doesn't keep the others."""
    from genred.service.logs import line

    failed = False
    for thing in things:
        try:
            record = do(thing)
        except FileError as error:
            failed = True
            _fail(common, error)
        else:
            if common.json:
                show.say_json(show.record_as_json(record))
            else:
                click.echo(line(record)[1])
    return SOME_FAILED if failed else 0


def _fail(common: Common, error: FileError) -> None:
    if common.json:
        show.say_json({"path": readable(error.path), "error": error.reason})
    else:
        complain(error)
