"""Checks of the machine: Python and libraries, decoders, the clock, and the kernel's limits on watching."""

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from genred import __version__
from genred.dependencies import LIBRARIES, PYTHON, installed
from genred.doctor.finding import Finding, fail, ok, warn

_EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)
_NEAR = 0.8  # of a limit
_EVENTS = 16384  # the kernel's own default for max_queued_events


def python() -> Iterator[Finding]:
    """Compare the versions of Python and of the libraries with those that genred needs."""
    mine = platform.python_version()
    try:
        wanted = metadata("genred")["Requires-Python"]
    except PackageNotFoundError:
        yield warn("python", f"{mine}; genred is not installed as a package, so no version can be compared")
        return
    if not SpecifierSet(wanted).contains(mine, prereleases=True):
        yield fail("python", f"{mine}, and genred needs {wanted}", "install genred into a newer Python")
    else:
        newer = f"; it was tested with Python {PYTHON[0]} to {PYTHON[1]}" if _newer(mine, PYTHON[1]) else ""
        yield ok("python", f"{mine}, genred {__version__}{newer}")
    needed = _needed("genred")
    wrong = list(filter(None, map(_misfit, needed)))
    if wrong:
        yield fail("libraries", ", ".join(wrong), "pip install --upgrade genred, in the environment it runs from")
    else:
        there = [(library, mine) for library in LIBRARIES if (mine := installed(library))]
        told = [f"{library} {mine} ({library.newest})" for library, mine in there if _newer(mine, library.newest)]
        note = f"; newer than what genred was tested with: {', '.join(told)}" if told else ""
        yield ok("libraries", f"all {len(needed)} are there, in versions that fit{note}")


def installation() -> Iterator[Finding]:
    """Say what genred and all that it needs take on disk."""
    found = sizes("genred")
    if not found:
        return  # `python` says that genred is not installed as a package
    largest = ", ".join(f"{name} {found[name] / 1e6:.0f}" for name in sorted(found, key=lambda name: -found[name])[:3])
    total = f"{sum(found.values()) / 1e6:,.0f} MB in {len(found)} packages"
    yield ok("space", f"installation: {total} (the largest: {largest}) in {sys.prefix}")


def sizes(name: str, *, without: str = "") -> dict[str, int]:
    """Return the bytes of a package and of all that it needs, by name; those that are missing are left out.

    Parameters
    ----------
    name
        The package.
    without
        Another one, which is passed over with all that only it needs.
    """
    found: dict[str, int] = {}
    rest = [name]
    while rest:
        name = canonicalize_name(rest.pop())
        with suppress(PackageNotFoundError):
            if name not in found:
                files = distribution(name).files or ()
                found[name] = sum(_bytes(file.locate()) for file in files)
                rest += [item.name for item in _needed(name) if item.name != without]
    return found


def _bytes(path: os.PathLike[str]) -> int:
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def _needed(name: str) -> list[Requirement]:
    """Return the direct requirements of a package on this machine, without its extras."""
    lines = map(Requirement, requires(name) or ())
    return [item for item in lines if item.marker is None or item.marker.evaluate({"extra": ""})]


def _misfit(needed: Requirement) -> str:
    try:
        there = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is missing"
    fits = needed.specifier.contains(there, prereleases=True)
    return "" if fits else f"{needed.name} {there}, not {needed.specifier}"


def _newer(there: str, tested: str) -> bool:
    """Return whether a version is newer than one that was tested, by more than its last number."""
    return bool(there) and Version(there).release[:2] > Version(tested).release[:2]


def decoders(extensions: Sequence[str]) -> Iterator[Finding]:
    """Look for a decoder for each kind of file that genred looks at."""
    from genred.sound import audio  # numpy and FFmpeg's libraries

    lacking = [suffix for suffix in extensions if not audio.has_decoder(suffix)]
    undecodable = sorted(set(lacking) & audio.UNDECODABLE)
    missing = sorted(set(lacking) - audio.UNDECODABLE)
    told = f"; {', '.join(undecodable)} has none anywhere, and such files are recorded as failed" if undecodable else ""
    if missing:
        hint = "take them out of watch.extensions, or install PyAV from its wheel: pip install --force-reinstall av"
        yield warn("decoders", f"no decoder for {', '.join(missing)}{told}", hint)
    else:
        yield ok("decoders", f"for {len(extensions) - len(lacking)} of {len(extensions)} kinds of file{told}")


def clock(now: datetime) -> Iterator[Finding]:
    """Say whether the clock was ever set."""
    if now < _EARLIEST:
        yield fail("clock", f"it says {now:%Y-%m-%d}", "sudo timedatectl set-ntp true")
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def inotify(folders: int, roots: int, *, whole: bool = True, proc: Path = Path("/proc")) -> Iterator[Finding]:
    """Compare the kernel's limits with the number of folders to watch.

    Parameters
    ----------
    folders, roots
        How many folders there are in all, and how many are configured; only folders that send events count.
    whole
        False if there are more folders than could be counted in time.
    proc
        Where to read the limits: proc(5), inotify(7).
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
        message = f"fs.inotify.max_queued_events is {events:,}: after a large copy, everything is scanned"
        yield warn("inotify", message, _sysctl("max_queued_events", _EVENTS))


def _limits(proc: Path, name: str) -> Iterator[int]:
    """Yield the limit of the machine, and that of this user namespace if there is one."""
    yield 2**31 - 1
    for file in (proc / "sys/fs/inotify" / name, proc / "sys/user" / name.replace("user", "inotify")):
        with suppress(OSError, ValueError):
            yield int(file.read_text("utf-8"))


def _instances(proc: Path) -> int:
    """Count the inotify instances of this user's processes, as far as they can be seen."""
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
