"""The systemd units: those that genred ships, the drop-in for a library, and what systemd knows of them.

What `genred service install` writes is signed with a hash of itself, so that a file that a person changed is known.
"""

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from genred import __version__
from genred.errors import ConfigError
from genred.fs.files import readable

NAME = "genred.service"
DROP_IN = f"{NAME}.d/library.conf"

_SIGNATURE = """\
# Written by genred {version}, `genred service install`. Changes of your own: `systemctl {scope}edit genred`.
# By the sha256 of the rest, genred knows that nobody changed it: {digest}
"""


def shipped(*, user: bool) -> str:
    """Read a unit that genred ships: for one person, or for the machine."""
    folder = Path(__file__).parents[1] / "data" / "systemd"
    return ((folder / "user" if user else folder) / NAME).read_text("utf-8")


def signed(text: str, *, user: bool) -> str:
    """Return the text of a unit or drop-in below lines that say who wrote it, and what."""
    digest = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return _SIGNATURE.format(version=__version__, scope="--user " if user else "", digest=digest) + text


def intact(text: str) -> bool:
    """Tell whether a text is as `genred service install`, of whatever version, wrote it."""
    rest = unsigned(text)
    return rest != text and signed(rest, user=True).splitlines()[1] == text.splitlines()[1]


def unsigned(text: str) -> str:
    """Return a text without the lines that `signed` adds, if it has them."""
    found = re.match(r"# Written by genred .*, `genred service install`.*\n# .*\n", text)
    return text[found.end() :] if found else text


def compared(text: str, *, user: bool) -> Literal["current", "older", "changed"]:
    """Compare a unit with the one that this genred ships: the same, of another genred, or another person's."""
    if unsigned(text) == shipped(user=user):
        return "current"
    return "older" if intact(text) else "changed"


def account(folder: Path) -> tuple[str, str]:
    """Return the owner of a folder and its group.

    Raises
    ------
    ConfigError
        If its owner can't be told.
    """
    try:
        return folder.owner(), folder.group()
    except (OSError, KeyError) as error:
        raise ConfigError(f"{readable(folder)}: its owner can't be told ({error})") from error


def drop_in(folders: Sequence[Path], runs_as: tuple[str, str] | None = None) -> str:
    """Return a drop-in for the machine's unit: whom it runs as, and the library's folders opened for writing.

    Parameters
    ----------
    folders
        The library.
    runs_as
        A user, and a group or nothing for the user's own; the owner of the first folder, unless given.

    Raises
    ------
    ConfigError
        If there is no folder, or its owner can't be told.
    """
    if not folders:
        raise ConfigError("watch.directories names no folder")
    user, group = runs_as or account(folders[0])
    lines = ["[Service]", f"User={user}", *([f"Group={group}"] if group else [])]
    # "-": a disk that isn't there must not keep the service from starting.
    return "\n".join([*lines, *(f"ReadWritePaths=-{_escaped(folder)}" for folder in folders)])


def program(program: Path, config: Path) -> str:
    """Return the lines of a drop-in that name the genred to be started, and the configuration that it reads."""
    return f"Environment=GENRED_CONFIG={_escaped(config)}\nExecStart=\nExecStart={_escaped(program)} run"


def opened(texts: Iterable[str]) -> list[Path]:
    """Return the folders that unit files open for writing; see systemd.syntax(7) and `drop_in`."""
    values = [value for text in texts for value in re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)]
    words = [word.strip('"').lstrip("-+") for value in values for word in value.split()]
    return [Path(_unescaped(word)) for word in words]


def setting(texts: Iterable[str], key: str) -> str:
    """Return the last value that unit files give to a key; nothing where there is none."""
    values = [value for text in texts for value in re.findall(rf"^{key}=(.+)$", text, re.MULTILINE)]
    return _unescaped(values[-1]) if values else ""


def _escaped(path: Path) -> str:
    plain = "".join(f"\\x{ord(sign):02x}" if sign in "\\\"' \t\n" else sign for sign in str(path))
    return plain.replace("%", "%%")


def _unescaped(word: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), word.replace("%%", "%"))


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a unit; see systemctl(1), "show".

    ``files`` are the unit file and its drop-ins. ``result`` is "success", or why it failed. ``since`` is when it became
    active, if it is, and ``text`` its own word on what it does.
    """

    active: str
    enabled: str
    result: str
    reload_needed: bool
    user: str
    files: tuple[Path, ...]
    since: datetime | None = None
    text: str = ""

    @property
    def runs(self) -> bool:
        """Tell whether it is at work, and was ready once."""
        return self.active in ("active", "reloading")

    def texts(self) -> list[str]:
        """Return what its files say."""
        return [file.read_text("utf-8", "surrogateescape") for file in self.files]


_KEYS = (
    "LoadState,ActiveState,UnitFileState,Result,NeedDaemonReload,User,FragmentPath,DropInPaths,"
    "ActiveEnterTimestamp,StatusText"
)


def installed(*, user: bool) -> Unit | None:
    """Return the unit as it is installed; None where it isn't, or where there is no systemd to ask."""
    command = ["systemctl", *(["--user"] if user else []), "show", NAME, "--timestamp=unix", f"--property={_KEYS}"]
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
    since = said.get("ActiveEnterTimestamp", "").lstrip("@")
    return Unit(
        active=said.get("ActiveState", ""),
        enabled=said.get("UnitFileState", ""),
        result=said.get("Result", ""),
        reload_needed=said.get("NeedDaemonReload") == "yes",
        user=said.get("User", ""),
        files=tuple(Path(name) for name in files if name),
        since=datetime.fromtimestamp(int(since), UTC) if since.isdigit() else None,
        text=said.get("StatusText", ""),
    )
