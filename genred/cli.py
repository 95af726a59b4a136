"""The commands: arguments in, printing out. Results go to stdout, progress and logs to stderr.

Whatever is slow to import is imported inside the command that needs it, so that `genred history` answers at once.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from genred import __version__, cli_model, config, show
from genred.errors import ConfigError, FileError, GenredError, WatchError
from genred.files import readable
from genred.options import DIRS, DRY_RUN, FILES, INTERRUPTED, SOME_FAILED, Common, common, complain

if TYPE_CHECKING:
    from genred.history import History
    from genred.records import Record


def main() -> NoReturn:
    """The `genred` command."""
    try:
        sys.exit(cli.main(prog_name="genred", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except GenredError as error:
        complain(error)
        sys.exit(error.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="genred")
def cli() -> None:
    """Music arrives in a folder, and a moment later it carries a genre.

    \b
    genred run ~/Music                watch a folder
    genred scan -n ~/Music            what would become of what is there
    genred classify song.mp3          ask, and change nothing
    genred undo --last 1              take the last tag back
    """


for command in (cli_model.train, cli_model.evaluate, cli_model.model):
    cli.add_command(command)


# -- at work ---------------------------------------------------------------------------------------------------------


@cli.command()
@DIRS
@common
def run(common: Common, directories: Sequence[Path]) -> None:
    """Watch folders and tag what arrives, until stopped."""
    from genred import service

    with service.stopping() as stop:
        service.run(_watching(common.load(), directories), stop)


@cli.command()
@DIRS
@DRY_RUN
@click.option("--redecide", is_flag=True, help="Apply the model and settings of now to what was heard before.")
@common
def scan(common: Common, directories: Sequence[Path], dry_run: bool, redecide: bool) -> int:
    """One pass over what is in the folders now."""
    from genred import service
    from genred.logs import line
    from genred.progress import Progress

    settings = _watching(common.load(), directories)
    with service.stopping() as stop, Progress() as progress:
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


@cli.command()
@FILES
@common
def classify(common: Common, paths: Sequence[Path]) -> int:
    """Genres with probabilities; writes nothing, records nothing."""
    from genred.analysis import Analyser, Ask

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


@cli.command("set")
@click.argument("genre")
@FILES
@DRY_RUN
@common
def set_(common: Common, genre: str, paths: Sequence[Path], dry_run: bool) -> int:
    """A person's own decision, through the same safe write; never overruled afterwards."""
    from genred.analysis import Analyser
    from genred.service import deciding
    from genred.tagger import Tagger

    settings = common.load()
    with (
        deciding(settings, "set") as history,
        Analyser(settings.service, settings.model, config.cache_dir()) as analyser,
    ):
        tagger = Tagger(settings, history, analyser, dry_run=dry_run)
        return _each(common, paths, lambda path: tagger.obey(path, genre))


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--run", "run_id", type=int, help="All that one run wrote; its number is in the history.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="The last N tags that were written.")
@click.option("--since", metavar="WHEN", help="All written since 2026-11-22, 2026-11-22T18:30, or 90m, 12h, 7d ago.")
@DRY_RUN
@common
def undo(
    common: Common, paths: Sequence[Path], run_id: int | None, last: int | None, since: str | None, dry_run: bool
) -> int:
    """Put back exactly what was there; a folder means all below it."""
    from genred.analysis import Analyser
    from genred.journal import Journal
    from genred.records import Query
    from genred.safewrite import recover
    from genred.service import deciding
    from genred.tagger import take_back
    from genred.undoing import select

    if bool(paths) + sum(asked is not None for asked in (run_id, last, since)) != 1:
        raise click.UsageError("name files or folders, or give --run, --last or --since.")
    settings = common.load()
    names = dict.fromkeys(name for path in paths for name in (path.absolute(), path.resolve()))
    queries = [Query(path=name) for name in names]
    queries = queries or [Query(run=run_id, limit=last, since=_moment(since) if since else None)]
    with deciding(settings, "undo") as history, ExitStack() as stack:
        journal = Journal(history)
        if not dry_run:
            recover(journal)

        @cache
        def analyser() -> Analyser:
            return stack.enter_context(Analyser(settings.service, settings.model, config.cache_dir()))

        found, dropped = select(history, queries)
        if not found and not dropped:
            click.echo("genred: nothing to undo there", err=True)
            return SOME_FAILED if paths else 0
        days = settings.history.retention_days
        reason = f"its way back was dropped{f' after {days} days' if days else ''} (history.retention_days)"
        for record in dropped:
            _fail(common, FileError(record.path, reason))
        code = _each(common, found, lambda undo: take_back(journal, undo, settings.tags, analyser, dry_run=dry_run))
        return SOME_FAILED if dropped else code


# -- questions -------------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--genre", help="Only this genre.")
@click.option("--outcome", type=click.Choice(["tagged", "kept", "abstained", "skipped", "failed", "undone"]))
@click.option("--since", metavar="WHEN", help="2026-11-22, 2026-11-22T18:30, or back from now: 90m, 12h, 7d.")
@click.option("--path", type=click.Path(path_type=Path), help="One file, or all below a folder.")
@click.option("--run", "run_id", type=int, help="One run of genred.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 50 on a terminal]")
@common
def history(
    common: Common,
    genre: str | None,
    outcome: str | None,
    since: str | None,
    path: Path | None,
    run_id: int | None,
    limit: int | None,
) -> None:
    """What happened, newest first."""
    from genred.records import Outcome, Query

    if limit is None and sys.stdout.isatty() and not common.json:
        limit = 50
    query = Query(
        genre=genre,
        outcome=Outcome(outcome) if outcome else None,
        since=_moment(since) if since else None,
        path=path.absolute() if path else None,
        run=run_id,
        limit=limit,
    )
    with _reading(common) as database:
        if common.json:
            for record in database.records(query):
                show.say_json(show.record_as_json(record))
        else:
            show.records(database.records(query))


@cli.command()
@common
def stats(common: Common) -> None:
    """Counts by outcome, genre, model and month."""
    with _reading(common) as database:
        counts = database.counts()
    if common.json:
        show.say_json(counts)
        return
    show.counts(counts)


@cli.group("config")
def config_() -> None:
    """The configuration."""


@config_.command("systemd")
@common
def config_systemd(common: Common) -> None:
    """A drop-in for genred.service: the owner of the library, and its folders opened for writing."""
    folders = common.load().watch.directories
    if not folders:
        raise ConfigError("watch.directories names no folder")
    click.echo("[Service]")
    try:
        click.echo(f"User={folders[0].owner()}\nGroup={folders[0].group()}")
    except (OSError, KeyError) as error:
        raise ConfigError(f"{readable(folders[0])}: its owner can't be told ({error})") from error
    for folder in folders:
        # "-": a disk that isn't there must not keep the service from starting.
        click.echo("ReadWritePaths=-" + str(folder).replace("%", "%%").replace(" ", "\\x20"))


@config_.command("show")
@common
def config_show(common: Common) -> None:
    """Effective values, wherever they come from."""
    file = config.find(common.file)
    values = config.load(file).as_dict()
    if common.json:
        show.say_json(values)
        return
    show.settings(values, f"from {file or 'no file'}, the environment and the defaults")


@config_.command("check")
@common
def config_check(common: Common) -> int:
    """Every mistake, with its file, line and key."""
    file = config.find(common.file)
    _, mistakes = config.check(file)
    for mistake in mistakes:
        if common.json:
            show.say_json({"file": mistake.file, "line": mistake.line, "key": mistake.key, "message": mistake.message})
        else:
            click.echo(str(mistake))
    if not mistakes and not common.json:
        click.echo(f"{file or 'no configuration file; the defaults'}: ok")
    return ConfigError.exit_code if mistakes else 0


# -- helping ---------------------------------------------------------------------------------------------------------


def _watching(settings: config.Config, directories: Sequence[Path]) -> config.Config:
    """The configuration with the folders that were named instead of its own."""
    for path in directories:
        if not path.is_dir():
            raise WatchError(f"{readable(path)}: no such folder")
    if directories:
        settings = settings.with_changes("watch", directories=tuple(path.absolute() for path in directories))
    return settings


@contextmanager
def _reading(common: Common) -> Iterator["History"]:
    settings = common.load()
    from genred.history import History

    history = History.open(settings.database, readonly=True)
    try:
        yield history
    finally:
        history.close()


def _each(common: Common, things: Sequence[Any], do: Callable[[Any], "Record"]) -> int:
    """Do something to each of several files; one that fails doesn't keep the others."""
    from genred.logs import line

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


def _moment(text: str) -> str:
    """A time as a person gives it, as the history holds it."""
    from genred.records import iso

    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if text[-1:] in units and text[:-1].isdigit():
        return iso(datetime.now().astimezone() - timedelta(**{units[text[-1]]: int(text[:-1])}))
    try:
        return iso(datetime.fromisoformat(text).astimezone())
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time; give 2026-11-22, 2026-11-22T18:30, 90m, 12h or 7d") from None
