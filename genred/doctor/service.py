"""Checks of the service: its user, and whether the installed unit fits the shipped one and the configuration."""

import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path

from genred.doctor.finding import Finding, fail, ok, warn
from genred.fs.files import readable
from genred.service import units
from genred.service.manager import STATE

_INSTALL = "sudo genred service install --system"


def user(database: Path) -> Iterator[Finding]:
    """Compare this user with the service's: permissions of one say nothing about the other."""
    me = os.geteuid()
    unit = units.installed(user=False)
    owner = unit.user if unit is not None else _owner(database)
    if owner and owner != _name(me):
        hint = f"sudo -u {owner} genred doctor"
        yield warn("user", f"you are {_name(me)}, but genred runs as {owner}, who has other permissions", hint)
    elif me == 0:
        yield warn("user", "you are root, who is allowed everything", "run genred as the owner of the music")
    else:
        yield ok("user", _name(me))


def unit(folders: Sequence[Path], database: Path, *, of_user: bool) -> Iterator[Finding]:
    """Check the unit of this user or of the machine: running, enabled, up to date."""
    found = units.installed(user=of_user)
    if found is None:
        return
    systemctl = "systemctl --user" if of_user else "sudo systemctl"
    kind = "unit of this user" if of_user else "unit"
    if found.active == "failed":
        log = "journalctl --user -u genred -n 50" if of_user else "journalctl -u genred -n 50"
        yield fail("unit", f"the {kind} failed ({found.result})", f"{log}; then {systemctl} restart genred")
    elif found.enabled == "disabled":
        yield warn("unit", f"the {kind} is {found.active} and doesn't start by itself", f"{systemctl} enable genred")
    else:
        yield ok("unit", f"the {kind} is {found.active}, {found.enabled}")
    if found.reload_needed:
        yield warn("unit", f"the {kind} was changed since it was read", f"{systemctl} daemon-reload")
    texts = found.texts()
    if texts and (state := units.compared(texts[0], user=of_user)) != "current":
        place = readable(found.files[0])
        install = "genred service install" if of_user else _INSTALL
        own = f"put changes of your own into a drop-in ({systemctl} edit genred), move it away, and {install}"
        yield warn("unit", f"{place} is not the unit that this genred ships", own if state == "changed" else install)
    if not of_user:
        yield from _fits(texts, folders, database)


def _fits(texts: Sequence[str], folders: Sequence[Path], database: Path) -> Iterator[Finding]:
    """Check that the machine's unit can write to the folders, and that its history is the one that is checked here."""
    opened = units.opened(texts)
    shut = [folder for folder in folders if not any(folder.is_relative_to(place) for place in opened)]
    if shut:
        yield fail("unit", f"the unit doesn't open {', '.join(map(readable, shut))} for writing", _INSTALL)
    if not os.environ.get("STATE_DIRECTORY") and database != STATE / "history.db":
        hint = f'history.url = "sqlite:///{STATE}/history.db" in the configuration makes it one'
        yield warn("unit", f"the service's history is in {STATE}, and you look at {readable(database)}", hint)


def _owner(database: Path) -> str:
    try:
        return _name(database.stat().st_uid)
    except OSError:
        return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
