"""The command that puts back what was there: undo."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred.cli.arguments import MOMENT, PATH
from genred.cli.options import DRY_RUN, SOME_FAILED, Common, analyser_of, common
from genred.cli.outcomes import each, fail
from genred.errors import FileError

if TYPE_CHECKING:
    from genred.analysis.analyser import Analyser


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=PATH)
@click.option("--run", "run_id", type=int, help="All that one run wrote; its number is in the history.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="The last N tags that were written.")
@click.option(
    "--since",
    metavar="WHEN",
    type=MOMENT,
    help="All written since 2026-11-22, 2026-11-22T18:30, yesterday, or 90m, 7d ago.",
)
@DRY_RUN
@common
def undo(
    common: Common, paths: Sequence[Path], run_id: int | None, last: int | None, since: str | None, dry_run: bool
) -> int:
    """Put back exactly what was there; a folder means all below it.

    \b
    genred undo --last 1
    genred undo ~/Music/Album
    genred undo -n --since 2h      what would be put back
    """
    from genred.history.journal import Journal
    from genred.history.records import Query
    from genred.saving.transaction import recover
    from genred.service.session import deciding
    from genred.tagging.tagger import take_back
    from genred.tagging.undo import select

    if bool(paths) + sum(asked is not None for asked in (run_id, last, since)) != 1:
        raise click.UsageError("name files or folders, or give --run, --last or --since.")
    settings = common.load()
    names = dict.fromkeys(name for path in paths for name in (path.absolute(), path.resolve()))
    queries = [Query(path=name) for name in names]
    queries = queries or [Query(run=run_id, limit=last, since=since)]
    with deciding(settings, "undo") as history, ExitStack() as stack:
        journal = Journal(history)
        if not dry_run:
            recover(journal)

        @cache
        def analyser() -> "Analyser":
            return stack.enter_context(analyser_of(settings))

        found, dropped = select(history, queries)
        if not found and not dropped:
            click.echo("genred: nothing to undo there", err=True)
            return SOME_FAILED if paths else 0
        days = settings.history.retention_days
        reason = f"its way back was dropped{f' after {days} days' if days else ''} (history.retention_days)"
        for record in dropped:
            fail(common, FileError(record.path, reason))
        code = each(common, found, lambda undo: take_back(journal, undo, settings.tags, analyser, dry_run=dry_run))
        return SOME_FAILED if dropped else code
