"""The command that looks whether all is well: doctor."""

import shutil
import sys
import textwrap
from dataclasses import asdict

import click

from genred import config
from genred.cli import show
from genred.cli.options import SOME_FAILED, Common, common

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@common
def doctor(common: Common) -> int:
    """Look whether all is well, and say what to do where it isn't; nothing is changed.

    \b
    genred doctor                             as the user that genred runs as
    genred doctor --json | jq 'select(.state != "ok")'
    """
    from genred.doctor import State, diagnose

    failed = False
    for finding in diagnose(config.find(common.file), _await):
        failed |= finding.state is State.FAIL
        _await("")
        if common.json:
            show.say_json(asdict(finding))
        elif finding.state is not State.OK or common.verbosity >= 0:
            _show(finding.state, finding.check, finding.message, finding.hint)
    return SOME_FAILED if failed else 0


def _await(name: str) -> None:
    """Show what is being looked at, on a terminal, until there is an answer."""
    if sys.stderr.isatty():
        print(f"\r\033[K...   {name}\r" if name else "\r\033[K", end="", file=sys.stderr, flush=True)


def _show(state: str, check: str, message: str, hint: str) -> None:
    """Print a finding: on a terminal with what to do below it, else one line of fields separated by tabs."""
    if not sys.stdout.isatty():
        click.echo("\t".join([state, check, message, hint]))
        return
    indent = 19
    width = shutil.get_terminal_size().columns
    lines = textwrap.wrap(message, max(40, width - indent), break_long_words=False, break_on_hyphens=False)
    click.echo(f"{click.style(f'{state:<5}', fg=_COLOURS[state])} {check:<12} " + f"\n{'':<{indent}}".join(lines))
    if hint:
        click.echo(f"{'':<{indent - 3}}-> {hint}")  # not wrapped: it may be a command to copy
