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
@click.option(
    "--prometheus", "metrics", type=PATH, metavar="FILE", help="Write metrics for Prometheus instead; - is stdout."
)
@common
def status(common: Common, metrics: Path | None) -> None:
    """Show how the running service is doing: queue, last file, folders, model.

    \b
    genred status
    genred status --json | jq -e .running     for a script: is it at work?
    genred status --prometheus -              for node_exporter's textfile collector
    """
    if metrics is not None and common.json:
        raise click.UsageError("--json or --prometheus, not both.")
    from genred.service.status import as_json, ask, lock_of

    # Just when the configuration has mistakes, one asks what is at work still.
    settings, mistakes = config.check(config.find(common.file))
    for mistake in mistakes:
        complain(ConfigError(str(mistake)))
    database = settings.database
    at_work, said = ask(lock_of(database))
    if metrics is not None:
        _write_metrics(metrics, database, at_work, said)
        return
    if common.json:
        show.say_json(as_json(database, at_work, said))
        return
    click.echo(_headline(database, at_work, said))
    if at_work and said:
        for name, lines in _facts(said):
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
        raise GenredError("`--prometheus` needs one more library: pip install 'genred[metrics]'") from error
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


def _facts(said: "Status") -> list[tuple[str, list[str]]]:
    """Names and their lines."""
    done = ", ".join(f"{count:,} {outcome}" for outcome, count in said.done.items())
    facts = [
        ("state", [click.style(said.state, bold=True), *(_prose(said.trouble) if said.trouble else [])]),
        ("model", [said.model or "not loaded yet"]),
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
