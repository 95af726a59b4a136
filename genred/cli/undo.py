"""The command that puts back what was there: undo."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli.arguments import MOMENT, NUMBER, PATH
from genred.cli.options import DRY_RUN, SOME_FAILED, Common, analyser_of, common
from genred.cli.outcomes import each, fail
from genred.errors import FileError

if TYPE_CHECKING:
    from genred.analysis.analyser import Analyser
    from genred.history.journal import Undo
    from genred.history.records import Record


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=PATH)
@click.option("--run", "run_id", type=NUMBER, metavar="ID", help="What one run wrote; its number is in the history.")
@click.option("--last", type=NUMBER, metavar="N", help="The last N tags that were written.")
@click.option(
    "--since",
    metavar="WHEN",
    type=MOMENT,
    help="What was written since 2026-11-22, 2026-11-22T18:30, yesterday, or 90m, 7d ago.",
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
    from genred.history.journal import Journal
    from genred.history.records import Query
    from genred.saving.transaction import recover
    from genred.service.session import deciding
    from genred.tagging.undo import select, undo_write

    if not paths and run_id is None and last is None and since is None:
        raise click.UsageError("name files or folders, or give --run, --last or --since.")
    settings = common.load()
    names = dict.fromkeys(name for path in paths for name in (path.absolute(), path.resolve()))
    query = Query(run=run_id, limit=last, since=since)
    queries = [replace(query, path=name) for name in names] or [query]
    stays = bool(paths) if for_good is None else for_good
    with deciding(settings, "undo", dry_run=dry_run) as history, ExitStack() as stack:
        if not dry_run:
            recover(Journal(history))

        @cache
        def analyser() -> "Analyser":
            return stack.enter_context(analyser_of(settings))

        found, dropped = select(history, queries)
        if not found and not dropped:
            click.echo("genred: nothing to undo there", err=True)
            return SOME_FAILED
        days = settings.history.retention_days
        reason = f"its undo record was dropped{f' after {days} days' if days else ''} (history.retention_days)"
        for record in dropped:
            fail(common, FileError(record.path, reason))

        def restore(write: "Undo") -> "Record":
            return undo_write(history, write, settings.tags, analyser, for_good=stays, dry_run=dry_run)

        code = each(common, found, restore, dry_run=dry_run)
        return SOME_FAILED if dropped else code
