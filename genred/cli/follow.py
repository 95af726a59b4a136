"""The command that goes on saying what happens: follow, for people, scripts and players."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred.cli import history, streams
from genred.cli.arguments import COMMAND, ELSEWHERE, MOMENT, PATH
from genred.cli.history import BELOW, GENRES, OUTCOMES
from genred.cli.options import Common, common

if TYPE_CHECKING:
    from genred.history.records import Record

_HOOKS = click.Choice(["apprise", "jellyfin", "kodi", "mpd", "mqtt", "navidrome", "ntfy", "plex", "webhook"])
_NUMBER = click.IntRange(min=0, max=2**63 - 1)
"""The numbers that the database knows."""
_WRITTEN = ("tagged", "undone")
"""The outcomes that a hook is told of: a player wants to know which files are others now."""
_QUIET_SECONDS = 10.0
_HOW_TO_NOTE = "who reads what is printed notes the last id, and goes on with --after"


@click.command()
@GENRES
@OUTCOMES
@BELOW
@click.option("--since", metavar="WHEN", type=MOMENT, help="Begin with what happened since; as for `genred history`.")
@click.option("--after", metavar="ID", type=_NUMBER, help="Begin behind this decision; 0: at the first.")
@click.option("--hook", type=_HOOKS, help="Tell a player, or whoever else it is, in batches.")
@click.option("--exec", "command", type=COMMAND, help="Run this for each batch; it reads one JSON object a line.")
@click.option(
    "--batch",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"Tell a batch when nothing came for so long.  [default: {_QUIET_SECONDS:g}]",
)
@click.option("--state", type=PATH, metavar="FILE", help="Note there what was told, and go on from there.")
@click.option(
    "--map",
    "maps",
    type=(PATH, ELSEWHERE),
    multiple=True,
    metavar="FOLDER PATH",
    help="Name files of this folder as another program knows them; .: from the folder on.",
)
@common
def follow(
    common: Common,
    genres: tuple[str, ...],
    outcomes: tuple[str, ...],
    path: Path | None,
    since: str | None,
    after: int | None,
    hook: str | None,
    command: str | None,
    batch: float | None,
    state: Path | None,
    maps: tuple[tuple[Path, str], ...],
) -> None:
    """Show what happens, as it happens, until stopped; or tell it to another program.

    It begins with what comes next. A command or a hook is told a batch at a time, again and again until it succeeds;
    with --state it is told everything, whatever restarts. A hook is told of files that were written, unless --outcome
    says of what else.

    \b
    genred follow                                     watch it at work
    genred follow --json --after 1207                 for a script that knows what it read last
    genred follow --exec ~/bin/tell-somebody          run something for each batch
    genred follow --hook mpd --map ~/Music .          the player reads the new genres
    """
    for is_odd, message in (
        (hook and command, "--hook or --exec, not both."),
        (since and after is not None, "--since or --after, not both."),
        (batch is not None and not (hook or command), "--batch goes with --hook or --exec."),
        (state and not (hook or command), f"--state goes with --hook or --exec; {_HOW_TO_NOTE}."),
        (maps and not (hook or command or common.json), "--map goes with --json, --hook or --exec."),
    ):
        if is_odd:
            raise click.UsageError(message)
    from genred.history.following import Follower, Place
    from genred.history.records import Outcome, Query

    query = Query(
        genres=genres,
        outcomes=tuple(map(Outcome, outcomes or (_WRITTEN if hook else ()))),
        since=since,
        path=path.resolve() if path else None,  # as it was recorded
    )
    start = Place(after or 0) if since or after is not None else None
    named = [(folder.resolve(), name) for folder, name in maps]
    settings = common.load()
    from genred.service import following, hooks
    from genred.service.signals import stopping

    def line(record: "Record") -> str:
        return json.dumps(following.known_elsewhere(record, named), ensure_ascii=False)

    with stopping() as stop, closing(Follower(settings.database)) as follower:
        if not (hook or command):
            _print(following.news(follower, start, query, stop), _way(common, line))
            return
        with hooks.bookmark(state) as mark:
            batches = hooks.Batches(
                follower,
                query,
                mark.read() or start,
                tell=hooks.told_by(hooks.script(hook) if hook else ["/bin/sh", "-c", command or ""], line),
                note=mark.write,
                quiet_seconds=_QUIET_SECONDS if batch is None else batch,
            )
            hooks.run(batches, stop)


def _way(common: Common, line: Callable[["Record"], str]) -> Callable[[Sequence["Record"]], Any]:
    """Choose how decisions are printed."""
    if common.json:
        return lambda batch: [print(line(record)) for record in batch]
    return history.Table().print if sys.stdout.isatty() else history.print_lines


def _print(news: Iterable[Sequence["Record"]], say: Callable[[Sequence["Record"]], Any]) -> None:
    """Print what comes, as long as somebody reads it."""
    for found in news:
        if streams.nobody_reads():
            return
        say(found)
        sys.stdout.flush()
