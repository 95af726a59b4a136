"""The systemd that a service belongs to: the machine's, or a person's own."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from genred import config
from genred.errors import ServiceError
from genred.fs.files import readable
from genred.service import units

STATE = Path("/var/lib/genred")
"""The folder that StateDirectory= makes of the machine's unit."""

_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Manager:
    """A systemd, and where it and the genred that it starts look for their files.

    Parameters
    ----------
    user
        True for a person's own, False for the machine's.
    folder
        The folder of the units that an administrator, or the person, puts there.
    config_file
        The configuration that the service reads, if no other is named.
    state, cache
        The folders of the service.
    vendor
        The folder with the units that packages bring.
    booted
        The folder that is there if the machine was started by systemd; see sd_booted(3).
    """

    user: bool
    folder: Path
    config_file: Path
    state: Path
    cache: Path
    vendor: Path = Path("/usr")
    booted: Path = Path("/run/systemd/system")

    @classmethod
    def own(cls) -> Self:
        """Return the manager of the person who asks."""
        file = config.place()
        return cls(True, config.config_home() / "systemd/user", file, config.state_dir(), config.cache_dir())

    @classmethod
    def machine(cls) -> Self:
        """Return the manager of the machine."""
        etc = Path("/etc")
        return cls(False, etc / "systemd/system", etc / "genred/config.toml", STATE, Path("/var/cache/genred"))

    @property
    def unit(self) -> Path:
        """The place of the unit that genred installs."""
        return self.folder / units.NAME

    @property
    def drop_in(self) -> Path:
        """The place of its drop-in."""
        return self.folder / units.DROP_IN

    def packaged(self, unit: Path) -> bool:
        """Tell whether a unit came with a package."""
        return unit.resolve().is_relative_to(self.vendor)

    def installed(self) -> units.Unit | None:
        """Return the unit as it is installed; None where it isn't."""
        return units.installed(user=self.user)

    def command(self, *words: str) -> list[str]:
        """Return a command line of systemctl."""
        return ["systemctl", *(["--user"] if self.user else []), *words]

    def typed(self, *words: str) -> str:
        """Return what a person types for that."""
        return " ".join([*([] if self.user else ["sudo"]), *self.command(*words)])

    def ours(self, verb: str, program: Path) -> str:
        """Return the command of genred's own that a person types; sudo finds no program of theirs by its name."""
        return f"genred service {verb}" if self.user else f"sudo {readable(program)} service {verb} --system"

    def history(self, settings: config.Config) -> Path:
        """Return the history of a service with this configuration."""
        return settings.database if settings.history.url else self.state / "history.db"

    def lingers(self) -> bool:
        """Tell whether this person's services run while they are not logged in; see loginctl(1)."""
        return Path("/var/lib/systemd/linger", pwd.getpwuid(os.getuid()).pw_name).exists()

    def missing(self) -> str | None:
        """Return in words that there is no systemd, and so no service of it; None if there is one."""
        if not shutil.which("systemctl"):
            return "there is no systemd on this machine: have whatever starts services run `genred run`"
        if self._answers() or (self.user and self.booted.is_dir()):
            return None
        return "systemd doesn't answer: this machine, or container, wasn't started by it"

    def demand(self, *, root: bool = True) -> None:
        """Make sure that this manager can be asked; and by one who may change something, unless ``root`` is False.

        Raises
        ------
        ServiceError
            If there is no systemd, nobody's manager is reached, or root is missing or too much.
        """
        if missing := self.missing():
            raise ServiceError(missing)
        if not self.user:
            if root and os.geteuid() != 0:
                raise ServiceError("the machine's service takes root: type sudo before the same command")
        elif root and os.geteuid() == 0:
            raise ServiceError(
                "you are root: without sudo, the service is your own; with --system, it is the machine's, and runs as "
                "the owner of the music"
            )
        elif not self._answers():
            raise ServiceError(
                "your own systemd doesn't answer: log in as yourself, not by way of su or sudo; or, once, "
                "`sudo loginctl enable-linger $USER` and then `export XDG_RUNTIME_DIR=/run/user/$(id -u)`"
            )

    def do(self, *words: str) -> None:
        """Have systemctl do something, and wait until it is done.

        Raises
        ------
        ServiceError
            If it isn't.
        """
        try:
            subprocess.run(
                self.command(*words), check=True, capture_output=True, encoding="utf-8", errors="backslashreplace"
            )
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip() or f"it ended with {error.returncode}"
            raise ServiceError(f"`{' '.join(self.command(*words))}`: {said}") from error

    def log(self, since: float) -> list[str]:
        """Return the last lines that the service and systemd wrote to the log since a moment, in seconds since 1970."""
        scope = ["--user"] if self.user else []
        what = [f"--unit={units.NAME}", f"--since=@{int(since)}", f"--lines={_LOG_LINES}"]
        try:
            said = subprocess.run(
                ["journalctl", *scope, "--quiet", "--no-pager", "--output=cat", *what],
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                check=False,
            ).stdout
        except OSError:
            return []
        return said.splitlines()

    def _answers(self) -> bool:
        asked = subprocess.run(self.command("show", "--property=Version"), capture_output=True, check=False)
        return asked.returncode == 0


def text_of(path: Path) -> str | None:
    """Return what is in a file; None where there is none."""
    try:
        return path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ServiceError(f"{readable(path)}: can't be read ({error.strerror})") from error


def same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file."""
    return one.exists() and other.exists() and one.samefile(other)
