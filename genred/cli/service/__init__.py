"""The commands that make a service of genred, ask after it, and take it away again."""

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genred import config
from genred.cli import show
from genred.cli.arguments import DIRS, USER
from genred.cli.options import DRY_RUN, SOME_FAILED, Common, common, complain, everywhere
from genred.errors import HistoryError, ServiceError
from genred.fs.files import readable

if TYPE_CHECKING:
    from genred.service.manager import Manager
    from genred.service.units import Unit

SYSTEM = click.option("--system", is_flag=True, help="The machine's service instead of your own; takes root.")


@click.group("service")
@everywhere
def service() -> None:
    """Have systemd run genred: install the service, ask after it, remove it.

    \b
    genred service install ~/Music
    genred service status
    """


@service.command("install")
@DIRS
@SYSTEM
@click.option(
    "--as", "runs_as", metavar="NAME", type=USER, help="With --system: the user to run as.  [default: the owner]"
)
@DRY_RUN
@common
def service_install(
    common: Common, directories: Sequence[Path], system: bool, runs_as: str | None, dry_run: bool
) -> None:
    """Make a service of genred for your music folders, and start it.

    A configuration is written, unless there is one, and a unit and a drop-in for systemd; the unit is enabled, and the
    command waits until genred is ready. If genred doesn't start, you see the end of its log, and all is as it was
    before. After an update of genred, the same command without folders brings the service up to date.

    Without --system the service is your own, and needs no root. With --system it is the machine's, and runs as the
    owner of the music.

    \b
    genred service install -n ~/Music          show the files and the commands, do nothing
    genred service install ~/Music
    sudo genred service install --system /srv/music
    """
    from genred.cli.service import telling
    from genred.service import installing

    if runs_as is not None and not system:
        raise click.UsageError("--as goes with --system; your own service runs as you.")
    manager = _manager(system=system)
    folders = [Path(os.path.abspath(folder.expanduser())) for folder in directories]
    file = common.file.absolute() if common.file else None
    plan = installing.plan(manager, folders, _program(), file, runs_as or "")
    if not dry_run:
        if plan.commands and sys.stderr.isatty() and common.verbosity >= 0:
            click.echo("starting; the very first start takes some seconds more ...", err=True)
        installing.carry_out(plan)
    found = manager.installed()
    if common.json:
        show.say_json(telling.plan_as_json(plan, found, dry_run=dry_run))
    elif dry_run:
        telling.rehearse(plan, texts=common.verbosity >= 0)
    elif common.verbosity >= 0:
        telling.done(plan, found)


@service.command("uninstall")
@SYSTEM
@DRY_RUN
@common
def service_uninstall(common: Common, system: bool, dry_run: bool) -> None:
    """Stop the service, and remove the files that made it one.

    These are the unit and the drop-in that `genred service install` wrote. Configuration, history and cache stay. If
    somebody changed the unit or the drop-in, nothing is removed.

    \b
    genred service uninstall
    sudo genred service uninstall --system
    """
    from genred.cli.service import telling
    from genred.service import removing

    manager = _manager(system=system)
    removal = removing.removal(manager)
    kept = [path for path in _belongings(manager, manager.installed()) if path.exists()]
    if removal.files and not dry_run:
        removing.remove(removal)
    if common.json:
        show.say_json(telling.removal_as_json(removal, kept, dry_run=dry_run))
    elif common.verbosity >= 0 or dry_run:
        telling.removed(removal, kept, dry_run=dry_run)


@service.command("status")
@SYSTEM
@common
def service_status(common: Common, system: bool) -> int:
    """Show whether the service runs, of which files it is made, and what it says.

    The exit code is 0 if it runs, and 3 if it doesn't, there is none, or there is no systemd to have one.

    \b
    genred service status
    genred service status --system --json | jq -r .active
    """
    from genred.cli.service import telling
    from genred.service.status import as_json, ask, lock_of

    manager = _manager(system=system)
    if not (missing := manager.missing()):
        manager.demand(root=False)
    found = manager.installed()
    _, database, _ = _belongings(manager, found)
    try:
        at_work, said = ask(lock_of(database))
    except HistoryError as error:
        at_work, said = False, None
        complain(error)
    if common.json:
        show.say_json(telling.unit_as_json(manager, found) | {"status": as_json(database, at_work, said)})
    elif missing:
        click.echo(missing)
    else:
        telling.unit(manager, found, _program(), said if at_work else None)
    return 0 if found and found.runs else SOME_FAILED


def _manager(*, system: bool) -> "Manager":
    from genred.service.manager import Manager

    return Manager.machine() if system else Manager.own()


def _program() -> Path:
    """Return the path by which this genred was started, as long as an update leaves it in its place."""
    script = Path(sysconfig.get_path("scripts"), "genred")
    if not script.exists():
        raise ServiceError(f"{readable(script)}: there is no such program for systemd to start; install genred first")
    if script.is_relative_to(config.cache_dir().parent) or ".cache" in script.parts:
        hint = "`uv tool install` or `pipx install` makes one that stays"
        raise ServiceError(f"{readable(script)}: this genred lies in a cache, and may be gone tomorrow; {hint}")
    called = Path(os.path.abspath(sys.argv[0]))
    return called if called.name == "genred" and called.exists() and called.samefile(script) else script


def _belongings(manager: "Manager", found: "Unit | None") -> tuple[Path, Path, Path]:
    """Return where configuration, history and cache of a service are."""
    from genred.service.units import setting

    file = Path(setting(found.texts() if found else [], "Environment=GENRED_CONFIG") or manager.config_file)
    settings, _ = config.check(file if file.exists() else None, {})
    return file, manager.history(settings), manager.cache
