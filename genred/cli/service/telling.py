"""What the commands about the service print: a plan, what was done, and how the service stands; as text and as JSON."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genred import __version__
from genred.fs.files import readable
from genred.service import units

if TYPE_CHECKING:
    from genred.service.installing import Plan
    from genred.service.manager import Manager
    from genred.service.removing import Removal
    from genred.service.status import Status

_WIDTH = 11
_NOTHING = "the service is installed and runs; there is nothing to change"


def rehearse(plan: "Plan", *, texts: bool) -> None:
    """Print what would be written, with the texts or only the names, and what would be run."""
    for draft in plan.drafts:
        if draft.new:
            click.echo(click.style(f"would write {readable(draft.path)}", bold=True))
            if texts:
                click.echo("".join(f"  {line}".rstrip() + "\n" for line in draft.text.splitlines()))
    for command in _commands(plan):
        click.echo(click.style(f"would run {command}", bold=True))
    if not plan.commands:
        click.echo(_NOTHING)


def done(plan: "Plan", found: units.Unit | None) -> None:
    """Say what was done, and what a person can do next."""
    manager = plan.manager
    if not plan.commands:
        click.echo(_NOTHING)
    for draft in plan.drafts:
        if draft.new:
            _line("wrote", readable(draft.path))
    facts = {
        "runs": (found.text if found else "") or "yes",
        "as": plan.runs_as,
        "log": f"journalctl {'--user ' if manager.user else ''}-u genred -f",
        "stop": manager.typed("stop", "genred"),
        "take back": manager.ours("uninstall", plan.program),
    }
    for name, text in facts.items():
        if text:
            _line(name, text)
    for line in _lingering(manager):
        click.echo(line)
    click.echo("Music that was there before is left alone; `genred scan` looks at it.")


def plan_as_json(plan: "Plan", found: units.Unit | None, *, dry_run: bool) -> dict[str, Any]:
    """Return a plan with the keys that scripts rely on; ``active`` is the state of the unit now."""
    return {
        "scope": _scope(plan.manager),
        "program": readable(plan.program),
        "runs_as": plan.runs_as or None,
        "folders": list(map(readable, plan.folders)),
        "files": {readable(draft.path): draft.text for draft in plan.drafts if draft.new},
        "commands": _commands(plan),
        "dry_run": dry_run,
        "active": found.active if found else None,
    }


def removed(removal: "Removal", kept: Sequence[Path], *, dry_run: bool) -> None:
    """Say what was removed, or would be, and what stays."""
    if not removal.files:
        click.echo(f"{readable(removal.manager.unit)}: there is no service to remove")
    for path in removal.files:
        click.echo(f"would remove {readable(path)}") if dry_run else _line("removed", readable(path))
    for path in kept:
        _line("kept", readable(path))


def removal_as_json(removal: "Removal", kept: Sequence[Path], *, dry_run: bool) -> dict[str, Any]:
    """Return a removal with the keys that scripts rely on."""
    return {
        "scope": _scope(removal.manager),
        "removed": list(map(readable, removal.files)),
        "kept": list(map(readable, kept)),
        "commands": _commands(removal),
        "dry_run": dry_run,
    }


def unit(manager: "Manager", found: units.Unit | None, program: Path, said: "Status | None") -> None:
    """Print how a service stands.

    Parameters
    ----------
    manager
        The systemd that has it.
    found
        The unit as it is installed.
    program
        This genred.
    said
        The status of the genred at work.
    """
    if found is None:
        click.echo(f"{readable(manager.unit)}: there is no service; `{manager.ours('install', program)} DIR` makes one")
        return
    for name, lines in _facts(manager, found, program, said):
        for number, line in enumerate(lines):
            _line("" if number else name, line)


def unit_as_json(manager: "Manager", found: units.Unit | None) -> dict[str, Any]:
    """Return how a service stands, with the keys that scripts rely on."""
    known: Mapping[str, Any] = {}
    if found:
        texts = found.texts()
        known = {
            "active": found.active,
            "since": found.since.isoformat() if found.runs and found.since else None,
            "enabled": found.enabled,
            "result": found.result,
            "unit": readable(found.files[0]) if found.files else None,
            "shipped": units.compared(texts[0], user=manager.user) if texts else None,
            "drop_ins": list(map(readable, found.files[1:])),
            "reload_needed": found.reload_needed,
            "program": _started(texts) or None,
            "text": found.text or None,
        }
    names = ["active", "since", "enabled", "result", "unit", "shipped", "drop_ins", "reload_needed", "program", "text"]
    return {"scope": _scope(manager), "installed": bool(found)} | {name: known.get(name) for name in names}


def _facts(
    manager: "Manager", found: units.Unit, program: Path, said: "Status | None"
) -> Iterator[tuple[str, list[str]]]:
    """Yield names and their lines."""
    since = f" since {found.since.astimezone():%Y-%m-%d %H:%M:%S}" if found.runs and found.since else ""
    why = f" ({found.result})" if found.active == "failed" else ""
    begins = "starts by itself" if found.enabled == "enabled" else f"doesn't start by itself ({found.enabled})"
    state = click.style(found.active, fg=None if found.runs else "red", bold=True)
    yield "service", [f"{state}{why}{since}, {begins}", *_lingering(manager)]
    if texts := found.texts():
        yield "unit", [readable(found.files[0]), _origin(texts[0], manager, program)]
    if found.files[1:]:
        yield "drop-ins", list(map(readable, found.files[1:]))
    if found.reload_needed:
        yield "changed", [f"systemd hasn't read its files since: {manager.typed('daemon-reload')}"]
    if started := _started(texts):
        there = started.startswith("%") or os.path.exists(started)
        yield "program", [started if there else f"{started}: there is no such program any more"]
    if said:
        old = said.version != __version__
        hint = f"; this genred is {__version__}: {manager.typed('restart', 'genred')}" if old else ""
        yield "version", [said.version + hint]
    if found.text:
        yield "says", [found.text]


def _origin(text: str, manager: "Manager", program: Path) -> str:
    match units.compared(text, user=manager.user):
        case "current":
            return f"as genred {__version__} ships it"
        case "older":
            return f"of another version of genred; the new one: {manager.ours('install', program)}"
        case _:
            return f"not as genred ships it; changes of your own: {manager.typed('edit', 'genred')}"


def _started(texts: Sequence[str]) -> str:
    """Return the program that the unit starts."""
    return units.setting(texts, "ExecStart").removesuffix(" run")


def _lingering(manager: "Manager") -> list[str]:
    if not manager.user or manager.lingers():
        return []
    return ["It runs while you are logged in; to have it run from boot on: loginctl enable-linger"]


def _commands(plan: "Plan | Removal") -> list[str]:
    return [" ".join(plan.manager.command(*words)) for words in plan.commands]


def _scope(manager: "Manager") -> str:
    return "user" if manager.user else "system"


def _line(name: str, text: str) -> None:
    click.echo(f"{name:<{_WIDTH}}{text}")
