"""From an installed genred to a service that runs: what is to be written and done, and then doing it.

A plan is made first, and refuses all that can be known beforehand. What goes wrong later is taken back. A file is
overwritten only if `genred service install` wrote it and nobody changed it since.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genred import config
from genred.config import toml
from genred.errors import ConfigError, ServiceError, WatchError
from genred.fs.files import readable, write_whole
from genred.service import units
from genred.service.manager import Manager, same, text_of
from genred.service.rivals import refuse_rivals
from genred.service.runner import owner, try_out


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as it is to be, and as it is: None where there is none."""

    path: Path
    text: str
    before: str | None

    @property
    def new(self) -> bool:
        """Tell whether it has to be written."""
        return self.text != self.before


@dataclass(frozen=True, slots=True)
class Plan:
    """What `carry_out` does.

    Parameters
    ----------
    manager
        The systemd that gets the service.
    program
        The genred that it starts.
    folders
        The music.
    runs_as
        The user that the machine's service runs as; nothing for a person's own.
    drafts
        Configuration, drop-in, and the unit, unless a package brought it.
    before
        The unit as it is installed now.
    """

    manager: Manager
    program: Path
    folders: tuple[Path, ...]
    runs_as: str
    drafts: tuple[Draft, ...]
    before: units.Unit | None

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The words for systemctl; none if all is as it should be."""
        before = self.before
        changed = any(draft.new for draft in self.drafts) or (before is not None and before.reload_needed)
        return [
            *([("daemon-reload",)] if changed else []),
            *([("reset-failed", units.NAME)] if before and before.active == "failed" else []),
            *([("enable", units.NAME)] if not before or before.enabled != "enabled" else []),
            *([("restart", units.NAME)] if changed or not before or not before.runs else []),
        ]


def plan(manager: Manager, folders: Sequence[Path], program: Path, file: Path | None = None, runs_as: str = "") -> Plan:
    """Find out what an installation takes.

    Parameters
    ----------
    manager
        The systemd that gets the service.
    folders
        The music; nothing to take what the configuration says.
    program
        The genred to be started.
    file
        The configuration, if it isn't where the service, or one that was installed earlier, looks for it.
    runs_as
        The user for the machine's service, if not the owner of the music.

    Raises
    ------
    GenredError
        If it can't work, or something would be overwritten that isn't genred's own.
    """
    manager.demand()
    before = manager.installed()
    packaged = bool(before and before.files and manager.packaged(before.files[0]))
    if before and before.files and not packaged and not same(before.files[0], manager.unit):
        raise ServiceError(
            f"{readable(before.files[0])}: somebody put this unit there, and another one would hide it; remove it, or "
            f"start it as it is: {manager.typed('enable', '--now', 'genred')}"
        )
    old = text_of(manager.drop_in) or ""
    mine = [old] if units.intact(old) else []
    place = file or Path(units.setting(mine, "Environment=GENRED_CONFIG") or manager.config_file)
    for folder in folders:
        if not folder.is_dir():
            raise WatchError(f"{readable(folder)}: {'no folder' if folder.exists() else 'no such folder'}")
    text, settings = _configuration(manager, place, folders)
    watched = settings.watch.directories
    account = None
    if not manager.user:
        account = (runs_as, "") if runs_as else (units.setting(mine, "User"), units.setting(mine, "Group"))
        account = account if account[0] else owner(watched)
    try_out(program, folders, account[0] if account else "")
    settled = units.drop_in(watched, account) if account else "[Service]"
    drafts = (
        Draft(place, text, text_of(place)),
        *([] if packaged else [_own(manager.unit, units.shipped(user=manager.user), manager)]),
        _own(manager.drop_in, f"{settled}\n{units.program(program, place)}\n", manager),
    )
    if not (before and before.runs):
        refuse_rivals(manager, settings)
    return Plan(manager, program, watched, account[0] if account else "", drafts, before)


def carry_out(plan: Plan) -> None:
    """Write the files, and have systemd start the service; return when the service says that it is ready.

    Raises
    ------
    ServiceError
        If that fails; then all is as it was before.
    """
    manager, began = plan.manager, time.time()
    made: list[Path] = []
    try:
        _write(plan, made)
        for words in plan.commands:
            if words[0] == "restart":
                _expect_drop_in(plan)
            manager.do(*words)
        if not ((found := manager.installed()) and found.runs):
            raise ServiceError(f"systemd didn't start it; `{manager.typed('status', 'genred')}` may say why")
    except ServiceError as error:
        log = manager.log(began)
        _take_back(plan, made)
        last = ["the end of its log:", *(f"  {line}" for line in log)] if log else []
        raise ServiceError("\n".join([str(error), *last, "all is again as it was before"])) from error
    except BaseException:
        _take_back(plan, made)
        raise


def _write(plan: Plan, made: list[Path]) -> None:
    """Write the files; add to ``made`` the folders that weren't there."""
    for draft in plan.drafts:
        try:
            if draft.new:
                folder = draft.path.parent
                for each in [each for each in (*reversed(folder.parents), folder) if not each.exists()]:
                    each.mkdir()
                    made.append(each)
                    if not plan.manager.user:  # whatever the umask of root's shell
                        each.chmod(0o755)
                write_whole(draft.path, draft.text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise ServiceError(f"{readable(draft.path)}: can't be written ({error.strerror})") from error


def _expect_drop_in(plan: Plan) -> None:
    """Make sure that systemd found what was written; a person's own may look for it elsewhere."""
    found = plan.manager.installed()
    if not found or not any(same(file, plan.manager.drop_in) for file in found.files):
        raise ServiceError(f"systemd doesn't look for units in {readable(plan.manager.folder)}")


def _configuration(manager: Manager, place: Path, folders: Sequence[Path]) -> tuple[str, config.Config]:
    """Return the text of the configuration, the one that is there or a new one, and what it says to a service."""
    text = text_of(place)
    if text is None:
        if not folders:
            raise ConfigError(f"{readable(place)}: there is no configuration yet; name the folders with your music")
        url = "" if manager.user else f"sqlite:///{manager.state}/history.db"
        text = toml.example(folders, url)
        return text, config.Config().with_changes("watch", directories=tuple(folders)).with_changes("history", url=url)
    settings = config.load(place, {})
    missing = [
        folder for folder in folders if not any(folder.is_relative_to(known) for known in settings.watch.directories)
    ]
    if missing:
        names = ", ".join(map(readable, missing))
        raise ConfigError(
            f"{readable(place)}: is there already, so it stays, and its watch.directories lacks {names}; "
            f"write the folder there, and do this again"
        )
    if not settings.watch.directories:
        raise ConfigError(f"{readable(place)}: watch.directories names no folder; write one there, and do this again")
    return text, settings


def _own(path: Path, text: str, manager: Manager) -> Draft:
    """Draft a file of genred's own, which replaces nobody else's."""
    before = text_of(path)
    ours = before is None or units.intact(before) or before == text
    if path.is_symlink() or not ours:
        raise ServiceError(
            f"{readable(path)}: isn't as `genred service install` writes it, so it stays; move it away, and do this "
            f"again (changes of your own belong into a drop-in: `{manager.typed('edit', 'genred')}`)"
        )
    return Draft(path, units.signed(text, user=manager.user), before)


def _take_back(plan: Plan, made: Sequence[Path]) -> None:
    """Make all as it was before, as far as that goes."""
    manager, before = plan.manager, plan.before
    with suppress(ServiceError):
        if before is None or before.enabled != "enabled":
            manager.do("disable", "--now", units.NAME)
        elif not before.runs:
            manager.do("stop", units.NAME)  # or systemd would try again
    for draft in plan.drafts:
        with suppress(OSError):
            if draft.before is None:
                draft.path.unlink()
            elif draft.new:
                write_whole(draft.path, draft.before.encode("utf-8", "surrogateescape"))
    for folder in reversed(made):
        with suppress(OSError):
            folder.rmdir()
    for words in (("daemon-reload",), *([("restart", units.NAME)] if before and before.runs else [])):
        with suppress(ServiceError):
            manager.do(*words)
