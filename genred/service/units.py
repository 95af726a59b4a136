"""The systemd units: those that genred ships, the drop-in for a library, and what systemd knows of them."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genred.errors import ConfigError
from genred.fs.files import readable

NAME = "genred.service"


def shipped(*, user: bool) -> str:
    """Read a unit that genred ships: for one person, or for the machine."""
    folder = Path(__file__).parents[1] / "data" / "systemd"
    return ((folder / "user" if user else folder) / NAME).read_text("utf-8")


def drop_in(folders: Sequence[Path]) -> str:
    """Return a drop-in for the machine's unit: the owner of the library, and its folders opened for writing.

    Raises
    ------
    ConfigError
        If there is no folder, or its owner can't be told.
    """
    if not folders:
        raise ConfigError("watch.directories names no folder")
    try:
        owner = [f"User={folders[0].owner()}", f"Group={folders[0].group()}"]
    except (OSError, KeyError) as error:
        raise ConfigError(f"{readable(folders[0])}: its owner can't be told ({error})") from error
    # "-": a disk that isn't there must not keep the service from starting.
    opened = ["ReadWritePaths=-" + str(folder).replace("%", "%%").replace(" ", "\\x20") for folder in folders]
    return "\n".join(["[Service]", *owner, *opened])


def opened(texts: Iterable[str]) -> list[Path]:
    """Return the folders that unit files open for writing; see systemd.syntax(7) and `drop_in`."""
    values = [value for text in texts for value in re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)]
    words = [word.strip('"').lstrip("-+") for value in values for word in value.split()]
    return [Path(word.replace("\\x20", " ").replace("%%", "%")) for word in words]


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a unit; see systemctl(1), "show".

    ``files`` are the unit file and its drop-ins. ``result`` is "success", or why it failed.
    """

    active: str
    enabled: str
    result: str
    reload_needed: bool
    user: str
    files: tuple[Path, ...]


_KEYS = "LoadState,ActiveState,UnitFileState,Result,NeedDaemonReload,User,FragmentPath,DropInPaths"


def installed(*, user: bool) -> Unit | None:
    """Return the unit as it is installed; None where it isn't, or where there is no systemd to ask."""
    command = ["systemctl", *(["--user"] if user else []), "show", NAME, f"--property={_KEYS}"]
    try:
        answer = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    said = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    if said.get("LoadState") in (None, "not-found"):
        return None
    files = [said.get("FragmentPath", ""), *said.get("DropInPaths", "").split()]
    return Unit(
        active=said.get("ActiveState", ""),
        enabled=said.get("UnitFileState", ""),
        result=said.get("Result", ""),
        reload_needed=said.get("NeedDaemonReload") == "yes",
        user=said.get("User", ""),
        files=tuple(Path(name) for name in files if name),
    )
