"""Which names under a music folder are music, and finding them all.

Names are taken as the file system holds them (surrogateescape), links are never followed, and nothing is opened.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Literal

from genred.errors import WatchError
from genred.fs.files import Stamp, readable

Found = tuple[str, Stamp]

_name = attrgetter("name")

# Half-written, a program's own business, or no music: browsers, torrents, Syncthing, rsync (.name.XXXXXX), macOS, NAS,
# and what was thrown away.
_PASSED_OVER = (
    ".*",  # and with it "._*", ".syncthing.*", ".genred-*"
    "*.part",
    "*.crdownload",
    "*.!qB",
    "*.tmp",
    "~*",
    "@eaDir",
    "@Recycle",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "lost+found",
)


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How to watch.

    Attributes
    ----------
    recursive
        Whether folders inside the root count.
    settle_seconds
        How long a file must not have changed.
    rescan_minutes
        Between two scans of everything; 0 for never.
    polling
        Scan every minute instead of waiting for events; "auto" does so where the kind of mount sends none.
    extensions
        Lower-case, with the dot.
    ignore
        Globs matched against the path relative to the root, and against each name in it.
    """

    recursive: bool = True
    settle_seconds: float = 5.0
    rescan_minutes: float = 60.0
    polling: Literal["auto"] | bool = "auto"
    extensions: frozenset[str]
    ignore: tuple[str, ...] = ()


def wanted(path: Path, root: Path, options: WatchOptions) -> bool:
    """Whether a path under a root is music by its name alone."""
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    if not parts or (len(parts) > 1 and not options.recursive) or not _is_music(parts[-1], options):
        return False
    return not any(_passed_over("/".join(parts[:depth]), options) for depth in range(1, len(parts) + 1))


def topmost(folders: Iterable[Path], options: WatchOptions) -> list[Path]:
    """Resolved folders without those that a walk from another one reaches anyway."""
    kept: list[Path] = []
    for folder in sorted(set(folders)):
        if not any(reaches(above, folder, options) for above in kept):
            kept.append(folder)
    return kept


def walk(root: Path, options: WatchOptions, on_error: Callable[[Path, OSError], None] | None = None) -> Iterator[Found]:
    """Find the music in a folder, in the order of the names.

    Parameters
    ----------
    root
        The folder; it may be a link to one.
    options
        What counts as music.
    on_error
        Told of folders and files that can't be read; the walk goes on without them.

    Yields
    ------
    tuple of str and Stamp
        A regular file, its path resolved, and how it is at this moment. The path is a plain string, since making a
        `Path` takes longer than looking at the file.

    Raises
    ------
    WatchError
        If the root itself can't be read.
    """
    resolved = Path(os.path.realpath(root))
    try:
        os.scandir(resolved).close()
    except FileNotFoundError:
        raise WatchError(f"{readable(root)}: no such folder") from None
    except OSError as error:
        raise WatchError(f"{readable(root)}: {error.strerror}") from error
    return walk_below(resolved, resolved, options, on_error)


def walk_below(
    start: Path, root: Path, options: WatchOptions, on_error: Callable[[Path, OSError], None] | None = None
) -> Iterator[Found]:
    """As `walk`, of a folder inside a resolved root; nothing if the names on the way to it are passed over."""
    told = on_error or _nobody
    folders = [os.fspath(start)] if reaches(root, start, options) else []
    while folders:
        files, inner = _listing(folders.pop(), root, options, told)
        for entry in files:
            try:
                st = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone again
            except OSError as error:
                told(Path(entry.path), error)
                continue
            if stat.S_ISREG(st.st_mode):
                yield entry.path, Stamp.of(st)
        folders += reversed(inner)


def _listing(
    folder: str, root: Path, options: WatchOptions, told: Callable[[Path, OSError], None]
) -> tuple[list["os.DirEntry[str]"], list[str]]:
    """What is named like music in a folder, and the folders in it that are to be entered; sorted by name."""
    files: list[os.DirEntry[str]] = []
    inner: list[str] = []
    prefix = len(os.path.join(root, ""))
    names, paths = _patterns(options.ignore)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if names.match(entry.name) or (paths and paths.match(entry.path[prefix:])):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    inner.append(entry.path)
                elif _is_music(entry.name, options):
                    files.append(entry)
    except OSError as error:
        told(Path(folder), error)
    return sorted(files, key=_name), sorted(inner) if options.recursive else []


def _nobody(path: Path, error: OSError) -> None:
    pass


def _is_music(name: str, options: WatchOptions) -> bool:
    return name[name.rfind(".") :].lower() in options.extensions


def _passed_over(relative: str, options: WatchOptions) -> bool:
    """Whether the last name of a path relative to the root, or the path as a whole, is to be left alone."""
    names, paths = _patterns(options.ignore)
    return bool(names.match(relative.rpartition("/")[2]) or (paths and paths.match(relative)))


def reaches(above: Path, folder: Path, options: WatchOptions) -> bool:
    """Whether a walk from one resolved folder comes to another."""
    if folder == above:
        return True
    if not options.recursive or above not in folder.parents:
        return False
    parts = folder.relative_to(above).parts
    return not any(_passed_over("/".join(parts[:depth]), options) for depth in range(1, len(parts) + 1))


@lru_cache(maxsize=8)
def _patterns(ignore: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    globs = tuple(glob.rstrip("/") for glob in ignore)
    paths = re.compile("|".join(map(translate, globs))) if globs else None
    return re.compile("|".join(map(translate, _PASSED_OVER + globs))), paths
