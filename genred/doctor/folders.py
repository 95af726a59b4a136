"""Checks of the music folders: their mounts, their files' permissions, and the free space."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from genred.config import Tags
from genred.doctor.finding import Finding, fail, ok, warn
from genred.fs.files import readable
from genred.fs.mounts import eventless, mount_of, read_mounts
from genred.saving.kernel import MARGIN
from genred.saving.transaction import refusal
from genred.watching.scans import POLL_SECONDS
from genred.watching.walk import WatchOptions, ignoring, is_music

SURVEY_SECONDS = 7.0  # less than a check may take
LOOK_SECONDS = 3.0  # of these, for opening files one by one
_GIB = 1 << 30
_ANY_LINKS = Tags(hardlinks="break")  # hard links are counted by themselves


@dataclass
class Survey:
    """What was seen under a music folder."""

    folders: int = 0
    files: int = 0
    """Files whose names are those of music."""
    looked_at: int = 0
    """How many of them were opened one by one; the next three counts are of these."""
    linked: int = 0
    """How many have other hard links."""
    ahead: int = 0
    """How many are dated in the future."""
    refused: Counter[str] = field(default_factory=Counter)
    """How many can't be written, by reason."""
    strays: int = 0
    """Symbolic links that lead out of the folder."""
    unreadable: list[str] = field(default_factory=list)
    """Folders that can't be read, each with the reason."""
    whole: bool = True
    """False if there was more than could be counted in time."""
    eventless: bool = False
    """True if changes there send no events, so that the folder is scanned."""


def survey(root: Path, options: WatchOptions, *, clock: Callable[[], float] = time.monotonic) -> Survey:
    """Count the files and folders below a resolved root, for a few seconds at most; nothing is changed."""
    found = Survey()
    began = clock()
    rest = [str(root)]
    while rest:
        spent = clock() - began
        if spent > SURVEY_SECONDS:
            found.whole = False
            break
        inner = _listed(rest.pop(), root, options, found, closely=spent < LOOK_SECONDS)
        rest += inner if options.recursive else []
    return found


def _listed(folder: str, root: Path, options: WatchOptions, found: Survey, *, closely: bool) -> list[str]:
    """Count what is in one folder, and return the folders inside it."""
    found.folders += 1
    here = ignoring(Path(folder), root, options)
    inner = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    # The text of the link is enough; its target may be on a share that hangs.
                    target = os.path.normpath(os.path.join(folder, os.readlink(entry.path)))
                    found.strays += not Path(target).is_relative_to(root)
                elif entry.is_dir(follow_symlinks=False):
                    inner.append(entry.path)
                elif is_music(entry.name, options) and here.reason(entry.path, folder=False) is None:
                    found.files += 1
                    if closely:
                        _look(Path(entry.path), entry.stat(follow_symlinks=False), found)
    except OSError as error:
        found.unreadable.append(f"{readable(Path(folder))} ({error.strerror})")
    return inner


def _look(path: Path, st: os.stat_result, found: Survey) -> None:
    found.looked_at += 1
    found.linked += st.st_nlink > 1
    found.ahead += st.st_mtime > time.time() + 86400
    if reason := refusal(path, _ANY_LINKS):
        found.refused[reason] += 1


def folder(given: Path, options: WatchOptions, tags: Tags, surveys: MutableMapping[Path, Survey]) -> Iterator[Finding]:
    """Check one of the configured folders.

    Parameters
    ----------
    given
        The folder as it is configured.
    options, tags
        Which files count as music, and what happens to a file with several names.
    surveys
        Receives what was seen, under the folder's name.
    """
    name = readable(given)
    root = Path(os.path.realpath(given))
    try:
        os.scandir(root).close()
    except OSError as error:
        yield fail("folder", f"{name}: {error.strerror}", "mount its disk, or correct watch.directories")
        return
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        yield fail("folder", f"{name}: its file system is mounted read-only", f"sudo mount -o remount,rw {name}")
    if reason := ignoring(root, root, options).everything:
        yield warn("folder", f"{name}: {reason}", "take the file away, or its name out of watch.ignore_files")
    seen = surveys[given] = survey(root, options)
    yield _mounted(name, root, options, seen)
    yield _permissions(name, seen)
    yield room("music", root)
    if seen.linked:
        share = f"{name}: {seen.linked / seen.looked_at:.0%} of the files ({seen.linked:,}) have other hard links"
        fate = "are skipped" if tags.hardlinks == "skip" else "lose them when they are written"
        yield ok("hardlinks", f'{share} and {fate} (tags.hardlinks is "{tags.hardlinks}")')
    if seen.strays:
        yield ok("symlinks", f"{name}: {seen.strays:,} symbolic links lead out of it and are not followed")
    if seen.ahead:
        yield warn(
            "clock",
            f"{name}: {seen.ahead:,} {'file is' if seen.ahead == 1 else 'files are'} dated in the future",
            "set the clock of what wrote them",
        )


def room(what: str, path: Path) -> Finding:
    """Check the free space where ``path`` is, or will be."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    name = f"{what}: {readable(path)}"
    stats = os.statvfs(there)
    free = stats.f_bavail * stats.f_frsize
    if stats.f_files and not stats.f_favail:
        return fail("space", f"{name}: no more files can be made on its file system", "remove some, or enlarge it")
    if free < MARGIN:
        return fail("space", f"{name}: {_size(free)} free, too little to save anything", "make room")
    if free < _GIB:
        return warn(
            "space", f"{name}: only {_size(free)} free", "a save needs the size of the file once more; make room"
        )
    return ok("space", f"{name}: {_size(free)} free")


def _mounted(name: str, root: Path, options: WatchOptions, seen: Survey) -> Finding:
    mounts = read_mounts()
    mount, silent = mount_of(root, mounts), eventless(root, mounts)
    seen.eventless = options.polling is True or (silent is not None and options.polling == "auto")
    more = "" if seen.whole else "more than "
    kind = mount.kind if mount else "unknown"
    count = f"{more}{seen.folders:,} folder{'' if seen.folders == 1 else 's'}"
    message = f"{name}: {kind}, {more}{seen.files:,} file{'' if seen.files == 1 else 's'} in {count}"
    if silent is not None and options.polling is False:
        hint = 'set watch.polling = "auto"'
        return warn("folder", f"{message}; {silent.kind} sends no events, so most is seen by rescans only", hint)
    if silent is not None:
        message += f"; {silent.kind} sends no events, so it is scanned every {POLL_SECONDS:.0f} s"
    if seen.unreadable:
        hint = "let genred's user read them, or name them in watch.ignore"
        unreadable = f"{len(seen.unreadable)} can't be read, the first is {seen.unreadable[0]}"
        return warn("folder", f"{message}; {unreadable}", hint)
    return ok("folder", message)


def _permissions(name: str, seen: Survey) -> Finding:
    part = "" if seen.looked_at == seen.files else " that were looked at"
    refused = sum(seen.refused.values())
    if not refused:
        return ok("permissions", f"{name}: all {seen.looked_at:,} files{part} can be written")
    reasons = "; ".join(f"{count:,}: {reason}" for reason, count in seen.refused.most_common(3))
    message = f"{name}: {refused:,} of {seen.looked_at:,} files{part} can't be written. {reasons}"
    hint = "run genred as their owner (`genred service install --system` makes the service do so), or give them to it"
    return fail("permissions", message, hint) if refused == seen.looked_at else warn("permissions", message, hint)


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count:,} TB"
