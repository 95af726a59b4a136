"""The user that the machine's service runs as: whose the music is, and what they may."""

import os
import pwd
import subprocess
from collections.abc import Iterable, Sequence
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
    """Have the user that genred will run as start it, and look whether they may write to the folders."""
    switch: dict[str, object] = {}
    if name:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            raise ServiceError(f"there is no user {name}") from None
        if user.pw_uid != os.getuid():
            groups = os.getgrouplist(name, user.pw_gid)
            switch = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
    who = name or "you"

    def may(*command: str | Path) -> bool:
        try:
            return not subprocess.run(command, capture_output=True, cwd="/", check=False, **switch).returncode  # type: ignore[call-overload]  # of the same types
        except OSError:
            return False

    for folder in folders:
        if not all(may("test", how, folder) for how in ("-r", "-w", "-x")):
            raise WatchError(
                f"{readable(folder)}: {who} may not write there, so genred can't put genres into its files"
            )
    if not may(program, "--version"):
        raise ServiceError(
            f"{readable(program)}: {who} can't start it; install genred where everybody may, with `pipx install "
            f"--global` or in /opt/genred (docs/install.md)"
        )
