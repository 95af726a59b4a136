"""The commands that ask the history: history, stats, explain."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred import config
from genred.cli import completing, decisions, show
from genred.cli.options import Common, common, moment

if TYPE_CHECKING:
    from genred.history.history import History
    from genred.history.records import Record

_OUTCOMES = click.Choice(["tagged", "kept", "abstained", "skipped", "failed", "undone"])
_AT_ONCE = 30  # as many as fit about one screen

_EITHER = click.UsageError("--json or --csv, not both.")
CSV = click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet: RFC 4180 with a header, times in UTC.")


@click.command()
@click.option(
    "--genre", "genres", multiple=True, shell_complete=completing.genres, help="Only this genre; several times: any."
)
@click.option("--outcome", "outcomes", type=_OUTCOMES, multiple=True, help="Only this outcome; several: any of these.")
@click.option("--since", metavar="WHEN", help="2026-11-22, 2026-11-22T18:30, or back from now: 90m, 12h, 7d.")
@click.option("--until", metavar="WHEN", help="Before that moment.")
@click.option("--path", type=click.Path(path_type=Path), help="One file, or all below a folder.")
@click.option("--run", "run_id", type=int, help="One run of genred.")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most so many.  [default: {_AT_ONCE} on a terminal]")
@CSV
@common
def history(
    common: Common,
    genres: tuple[str, ...],
    outcomes: tuple[str, ...],
    since: str | None,
    until: str | None,
    path: Path | None,
    run_id: int | None,
    limit: int | None,
    as_csv: bool,
) -> None:
    """What happened, newest first; of several filters, all must hold.

    \b
    genred history --since 7d --outcome failed --outcome skipped
    genred history --path ~/Music/Jazz --genre Rock
    genred history --csv > history.csv
    """
    from genred.history.records import Outcome, Query

    tell = _way(common, as_csv)
    to_person = tell is decisions.as_table
    query = Query(
        genres=genres,
        outcomes=tuple(map(Outcome, outcomes)),
        since=moment(since) if since else None,
        until=moment(until) if until else None,
        path=path.resolve() if path else None,  # as it was recorded
        run=run_id,
        limit=limit or (_AT_ONCE if to_person else None),
    )
    with _reading(common) as database:
        told = tell(database.records(query))
    if not told and common.verbosity >= 0:
        click.echo("genred: nothing in the history matches", err=True)
    elif to_person and limit is None and told == _AT_ONCE:
        click.echo(f"\nThe newest {told}; more with --limit.", err=True)


@click.command()
@CSV
@common
def stats(common: Common, as_csv: bool) -> None:
    """Counts by outcome, genre, model and month, and how often people corrected it.

    \b
    genred stats
    genred stats --json | jq .genre
    """
    if common.json and as_csv:
        raise _EITHER
    with _reading(common) as database:
        counts = database.counts()
    if common.json:
        show.say_json(counts)
    elif as_csv:
        decisions.counts_as_csv(counts)
    else:
        decisions.counts(counts)


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@common
def explain(common: Common, path: Path) -> None:
    """Why a file has this genre or none: what was heard, what it takes, what would change it.

    Writes nothing, and doesn't listen again to what was heard before.

    \b
    genred explain song.mp3
    """
    settings = common.load()
    from rich.console import Console

    from genred.analysis.analyser import Analyser, load_model
    from genred.cli import explanation
    from genred.fs.files import stamp_of
    from genred.history.history import History
    from genred.service.service import watch_options
    from genred.tagging.explain import explain

    path = path.resolve()  # a link that a person names themselves is followed
    stamp_of(path)  # what isn't there needs no model
    model = load_model(settings.model, config.cache_dir())
    with ExitStack() as stack:
        analyser = stack.enter_context(Analyser(settings.service, settings.model, config.cache_dir()))
        has_history = settings.database.exists()
        history = stack.enter_context(closing(History.open(settings.database, readonly=True))) if has_history else None
        told = explain(path, settings, watch_options(settings), model, history, analyser)
    if common.json:
        show.say_json(explanation.as_json(told))
    else:
        explanation.as_text(told, Console(highlight=False))


def _way(common: Common, as_csv: bool) -> Callable[[Iterable["Record"]], int]:
    """How decisions are told."""
    if common.json and as_csv:
        raise _EITHER
    if common.json:
        return decisions.as_json
    if as_csv:
        return decisions.as_csv
    return decisions.as_table if sys.stdout.isatty() else decisions.as_lines


@contextmanager
def _reading(common: Common) -> Iterator["History"]:
    settings = common.load()
    from genred.history.history import History

    history = History.open(settings.database, readonly=True)
    try:
        yield history
    finally:
        history.close()
