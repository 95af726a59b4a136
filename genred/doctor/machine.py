"""The machine: Python and libraries, decoders, the clock, and what the kernel lets be watched."""

import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from genred import __version__
from genred.dependencies import LIBRARIES, PYTHON, Library, installed
from genred.doctor.finding import Finding, fail, ok, warn

_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
_NEAR = 0.8  # of a limit
_EVENTS = 16384  # the kernel's own default for max_queued_events


def python() -> Iterator[Finding]:
    """Python, and the libraries against the bounds that genred was tested with."""
    mine = platform.python_version()
    oldest, newest = PYTHON
    if _release(mine) < _release(oldest):
        yield fail("python", f"{mine}, and genred needs {oldest} or newer", "install genred into a newer Python")
    else:
        newer = f"; it was tested with Python {oldest} to {newest}" if _newer(mine, newest) else ""
        yield ok("python", f"{mine}, genred {__version__}{newer}")
    present = [(library, installed(library)) for library in LIBRARIES]
    wrong = [_misfit(library, there) for library, there in present if _release(there) < _release(library.oldest)]
    if wrong:
        yield fail("libraries", ", ".join(wrong), "pip install --upgrade genred, in the environment it runs from")
    else:
        told = [f"{library} {there} ({library.newest})" for library, there in present if _newer(there, library.newest)]
        note = f"; newer than what genred was tested with: {', '.join(told)}" if told else ""
        yield ok("libraries", f"all {len(LIBRARIES)} are there, in versions that fit{note}")


def _misfit(library: Library, there: str) -> str:
    return f"{library} {there}, older than {library.oldest}" if there else f"{library} is missing"


def _newer(there: str, tested: str) -> bool:
    """Tell whether a version is newer than one that was tested, by more than its last number."""
    return _release(there)[:2] > _release(tested)[:2]


def _release(version: str) -> list[int]:
    """Return the numbers of a version, of which a library has had no other kinds than 1.2.3 and 1.2.3rc4."""
    numbers = re.match(r"[\d.]*", version)
    return [int(number) for number in numbers[0].split(".") if number] if numbers else []


def decoders(extensions: Sequence[str]) -> Iterator[Finding]:
    """A decoder for each kind of file that is looked at."""
    from genred.sound import audio  # numpy and FFmpeg's libraries

    lacking = [suffix for suffix in extensions if not audio.has_decoder(suffix)]
    undecodable = sorted(set(lacking) & audio.UNDECODABLE)
    missing = sorted(set(lacking) - audio.UNDECODABLE)
    told = f"; {', '.join(undecodable)} has none anywhere, and such files are recorded as failed" if undecodable else ""
    if missing:
        hint = "take them out of watch.extensions, or install PyAV from its wheel: pip install --force-reinstall av"
        yield warn("decoders", f"none for {', '.join(missing)}{told}", hint)
    else:
        yield ok("decoders", f"for {len(extensions) - len(lacking)} of {len(extensions)} kinds of file{told}")


def clock(now: datetime) -> Iterator[Finding]:
    """Whether the clock was ever set."""
    if now < _EARLIEST:
        yield fail("clock", f"it says {now:%Y-%m-%d}", "sudo timedatectl set-ntp true")
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def inotify(folders: int, roots: int, *, whole: bool = True, proc: Path = Path("/proc")) -> Iterator[Finding]:
    """The kernel's limits against the folders that are to be watched.

    Parameters
    ----------
    folders, roots
        How many folders there are in all, and how many are configured; only those that send events count.
    whole
        Whether all could be counted.
    proc
        Where the limits are read: proc(5), inotify(7).
    """
    watches, instances, events = (
        min(_limits(proc, name)) for name in ("max_user_watches", "max_user_instances", "max_queued_events")
    )
    count = f"{'' if whole else 'more than '}{folders:,} folder{'' if folders == 1 else 's'}"
    message = f"{count} to watch; fs.inotify.max_user_watches is {watches:,}"
    if folders > _NEAR * watches:
        full = folders > watches
        yield warn(
            "inotify",
            message + (", so they are scanned every minute instead" if full else ", nearly too low"),
            _sysctl("max_user_watches", max(524_288, 1 << (2 * folders).bit_length())),
        )
    else:
        yield ok("inotify", message)
    used = _instances(proc)
    if used + roots > instances:
        message = f"{used} of {instances} inotify instances are in use, and {roots} more are needed"
        yield warn("inotify", message, _sysctl("max_user_instances", max(512, 4 * instances)))
    if events < _EVENTS:
        message = f"fs.inotify.max_queued_events is {events:,}: after a bulk copy all is scanned"
        yield warn("inotify", message, _sysctl("max_queued_events", _EVENTS))


def _limits(proc: Path, name: str) -> Iterator[int]:
    """The limit of the machine, and that of this user namespace where there is one."""
    yield 2**31 - 1
    for file in (proc / "sys/fs/inotify" / name, proc / "sys/user" / name.replace("user", "inotify")):
        with suppress(OSError, ValueError):
            yield int(file.read_text())


def _instances(proc: Path) -> int:
    """How many inotify instances this user's processes hold, as far as that can be seen."""
    me = os.geteuid()
    count = 0
    for process in proc.glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == me:
                count += sum(_target(entry) == "anon_inode:inotify" for entry in os.scandir(process / "fd"))
    return count


def _target(entry: os.DirEntry[str]) -> str:
    with suppress(OSError):
        return os.readlink(entry.path)
    return ""


def _sysctl(name: str, value: int) -> str:
    line = f"fs.inotify.{name}={value}"
    return f"echo {line} | sudo tee /etc/sysctl.d/60-genred-{name}.conf && sudo sysctl -w {line}"
