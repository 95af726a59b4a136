"""The user that the machine's service runs as: whose the music is, and what they may."""

import os
import pwd
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from genred.errors import ConfigError, ServiceError, WatchError
from genred.fs.files import readable
from genred.service import units


def owner(folders: Iterable[Path]) -> tuple[str, str]:
    """Return the owner of all folders that are there, who isn't root."""
    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        raise ConfigError("none of the folders is there, so nobody knows whose they are; say as whom to run: --as NAME")
    user, group = units.account(there[0])
    for folder in there:
        other, _ = units.account(folder)
        if other == "root":
            raise ServiceError(
                f"{readable(folder)}: belongs to root, and genred changes only files of the user that it runs as; "
                f"say whose the music is: --as NAME"
            )
        if other != user:
            raise ServiceError(
                f"{readable(there[0])} belongs to {user}, and {readable(folder)} to {other}; "
                f"say as whom to run: --as NAME"
            )
    return user, group


def try_out(program: Path, folders: Sequence[Path], name: str) -> None:
    """Look whether the user that genred will run as may write to the folders, and can start it.

    Parameters
    ----------
    program
        The genred to be started.
    folders
        The music.
    name
        The user; nothing for the one who asks, who has just started it.

    Raises
    ------
    GenredError
        If not, or there is no such user.
    """
    may = _tried_as(name) if name else None
    for folder in folders:
        wanted = ("-r", "-w", "-x")
        if not (all(may("test", how, folder) for how in wanted) if may else os.access(folder, _ALL)):
            raise WatchError(
                f"{readable(folder)}: {name or 'you'} may not write there, so genred couldn't tag anything"
            )
    if may and not may(program, "--version"):
        raise ServiceError(
            f"{readable(program)}: {name} can't start it; install genred where everybody may, by `pipx install "
            f"--global` or in /opt/genred (docs/install.md)"
        )


_ALL = os.R_OK | os.W_OK | os.X_OK


def _tried_as(name: str) -> Callable[..., bool]:
    """Return what tells whether a command works when that user runs it."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise ServiceError(f"there is no user {name}") from None
    groups = os.getgrouplist(name, user.pw_gid)
    become = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups} if user.pw_uid != os.getuid() else {}

    def may(*command: str | Path) -> bool:
        try:
            done = subprocess.run(command, capture_output=True, cwd="/", check=False, **become)  # type: ignore[call-overload]  # numbers of users and groups
        except OSError:
            return False
        return bool(done.returncode == 0)

    return may
