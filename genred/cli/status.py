"""The command that asks the genred at work how it is doing."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from genred import config
from genred.cli import show
from genred.cli.arguments import PATH
from genred.cli.options import Common, common, complain
from genred.errors import ConfigError, GenredError
from genred.fs.files import readable, write_whole

if TYPE_CHECKING:
    from genred.service.status import Status

_INDENT = 11


@click.command()
@click.option("--check", is_flag=True, help="Exit with 1 unless a genred is at work and shows signs of life.")
@click.option(
    "--prometheus", "metrics", type=PATH, metavar="FILE", help="Write metrics for Prometheus instead; - is stdout."
)
@common
def status(common: Common, check: bool, metrics: Path | None) -> None:
    """Show how the running service is doing: queue, last file, folders, model.

    \b
    genred status
    genred status --json | jq .queued
    genred status --check                     for a monitor: exit 1 if it isn't at work, or hangs
    genred status --prometheus -              for node_exporter's textfile collector
    """
    if metrics is not None and (common.json or check):
        raise click.UsageError("--prometheus goes with neither --json nor --check.")
    from genred.service.status import SILENCE_SECONDS, as_json, ask, lock_of

    # Just when the configuration has mistakes, one asks what is at work still.
    settings, mistakes = config.check(config.find(common.file))
    for mistake in mistakes:
        complain(ConfigError(str(mistake)))
    database = settings.database
    at_work, said = ask(lock_of(database))
    if metrics is not None:
        _write_metrics(metrics, database, at_work, said)
        return
    # A file that is tried twice and then written is five times as long in hand, at most.
    hangs = at_work and said is not None and said.is_silent(max(SILENCE_SECONDS, 10 * settings.service.timeout_seconds))
    if common.json:
        show.say_json(as_json(database, at_work, said))
    else:
        _show(database, at_work, said, hangs=hangs)
    if check and not at_work:
        raise GenredError("no genred is at work")
    if check and hangs:
        raise GenredError("genred is at work, and has shown no sign of life for a long time")


def _show(database: Path, at_work: bool, said: "Status | None", *, hangs: bool) -> None:
    click.echo(_headline(database, at_work, said))
    if at_work and said:
        for name, lines in _facts(said, hangs=hangs):
            for number, line in enumerate(lines):
                click.echo(f"  {'' if number else name:<{_INDENT - 2}}{line}")


def _write_metrics(file: Path, database: Path, at_work: bool, said: "Status | None") -> None:
    """Write metrics to a file, whole or not at all, or to stdout."""
    from genred.history.log import reading

    try:
        from genred.service.metrics import exposition
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        way = "install genred again, '.[metrics]' instead of '.'"
        raise GenredError(f"`--prometheus` needs one more library: {way}") from error
    with ExitStack() as stack:
        log = stack.enter_context(reading(database)) if database.exists() else None
        text = exposition(at_work, said, log)
    if file == Path("-"):
        click.echo(text, nl=False)
        return
    try:
        write_whole(file, text)
    except OSError as error:
        raise GenredError(f"{readable(file)}: the metrics can't be written there ({error.strerror})") from error


def _headline(database: Path, at_work: bool, said: "Status | None") -> str:
    if at_work and said:
        who = click.style(f"genred {said.command}", bold=True)
        return f"{who} is at work since {_local(said.since)} (pid {said.pid}, version {said.version})"
    if at_work:
        return f"a genred is at work on {readable(database)}, and doesn't say on what"
    last = ""
    if said:
        fate = f"ended {_local(said.ended)}" if said.ended else f"was cut short; its last word is of {_local(said.at)}"
        last = f"\nthe last one, genred {said.command}, {fate}"
    return f"no genred is at work on {readable(database)}{last}"


def _facts(said: "Status", *, hangs: bool) -> list[tuple[str, list[str]]]:
    """Return names and their lines."""
    silent = [click.style(f"no sign of life since {_local(said.alive)}", fg="red")] if hangs and said.alive else []
    done = ", ".join(f"{count:,} {outcome}" for outcome, count in said.done.items())
    facts = [
        ("state", [click.style(said.state, bold=True), *silent, *(_prose(said.trouble) if said.trouble else [])]),
        ("model", [said.model or "not loaded yet"]),
        *([("cluster", _prose(str(said.cluster)))] if said.cluster else []),
        ("queued", [f"{said.queued:,}"]),
        ("known", [f"{said.known:,}", *([f"tags of {said.unread:,} still to be read"] if said.unread else [])]),
        ("done", [done or "nothing yet"]),
    ]
    if last := said.last:
        sure = None if last.confidence is None else f"{last.confidence:.2f}"
        what = " ".join(filter(None, (last.outcome, last.genre, sure)))
        facts.append(("last", [f"{_local(last.at)} {what}", last.path, *_prose(last.reason)]))
    roots = []
    for root in said.roots:
        colour = {"offline": "red", "limited": "yellow"}.get(root.state)
        roots.append(f"{click.style(root.state, fg=colour)} {root.path}")
        roots += [f"  {line}" for problem in root.problems for line in _prose(problem)]
    facts.append(("roots", roots))
    if said.mistakes:
        mistakes = [line for mistake in said.mistakes for line in _prose(mistake)]
        facts.append(("refused", [click.style("the configuration as it is now, for:", fg="red"), *mistakes]))
    return facts


def _prose(text: str) -> list[str]:
    return wrap(text, 80 - _INDENT - 2) or [""]


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
