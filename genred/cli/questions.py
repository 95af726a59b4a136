"""The commands that ask the history: history, stats."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli import show
from genred.cli.options import Common, common, moment

if TYPE_CHECKING:
    from genred.history import History


@click.command()
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
        since=moment(since) if since else None,
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


@click.command()
@common
def stats(common: Common) -> None:
    """Counts by outcome, genre, model and month."""
    with _reading(common) as database:
        counts = database.counts()
    if common.json:
        show.say_json(counts)
        return
    show.counts(counts)


@contextmanager
def _reading(common: Common) -> Iterator["History"]:
    settings = common.load()
    from genred.history import History

    history = History.open(settings.database, readonly=True)
    try:
        yield history
    finally:
        history.close()
