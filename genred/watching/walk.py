"""Find the music in a folder, by its name.

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
from typing import Literal, Self

from genred.config import Watch
from genred.errors import WatchError
from genred.fs.files import Stamp, readable

Found = tuple[str | Path, Stamp]
"""A file, and how it was when it was found; a walk gives strings, since to make a `Path` takes longer than to look."""

OnError = Callable[[Path, OSError], None]
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
    """What to look for in a folder, and how."""

    recursive: bool = True
    """Folders inside the root count."""
    settle_seconds: float = 5.0
    """The time for which a file must not have changed."""
    album_seconds: float = 10.0
    """The time for which the folder of a file must have been quiet, so that an album has arrived as a whole."""
    rescan_minutes: float = 60.0
    """The time between two scans of everything; 0 for never."""
    polling: Literal["auto"] | bool = "auto"
    """Scan every minute instead of waiting for events; "auto" does so where the kind of mount sends none."""
    extensions: frozenset[str]
    """In lower case, with the dot."""
    ignore: tuple[str, ...] = ()
    """Globs that are matched with the path below the root, and with each name in it."""

    @classmethod
    def of(cls, watch: Watch) -> Self:
        """Return what the configuration asks for."""
        return cls(
            recursive=watch.recursive,
            settle_seconds=watch.settle_seconds,
            album_seconds=watch.album_seconds,
            rescan_minutes=watch.rescan_minutes,
            polling=watch.polling,
            extensions=frozenset("." + suffix.lower().lstrip(".") for suffix in watch.extensions),
            ignore=watch.ignore,
        )


def wanted(path: Path, root: Path, options: WatchOptions) -> bool:
    """Return whether a path under a root is music by its name alone."""
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    if not parts or (len(parts) > 1 and not options.recursive) or not _is_music(parts[-1], options):
        return False
    return not any(_passed_over("/".join(parts[:depth]), options) for depth in range(1, len(parts) + 1))


def topmost(folders: Iterable[Path], options: WatchOptions) -> list[Path]:
    """Return resolved folders without those that a walk from another one reaches anyway."""
    kept: list[Path] = []
    for folder in sorted(set(folders)):
        if not any(reaches(above, folder, options) for above in kept):
            kept.append(folder)
    return kept


def walk(root: Path, options: WatchOptions, on_error: OnError | None = None) -> Iterator[Found]:
    """Find the music in a folder, in the order of the names.

    Parameters
    ----------
    root
        The folder; it may be a link to one. A file is found whatever its name is: somebody named it.
    options
        What counts as music.
    on_error
        Told of folders and files that can't be read; the walk goes on without them.

    Yields
    ------
    str and Stamp
        A regular file, its path resolved, and how it is at this moment.

    Raises
    ------
    WatchError
        If the root itself can't be read.
    """
    resolved = Path(os.path.realpath(root))
    try:
        st = os.stat(resolved)
        if stat.S_ISREG(st.st_mode):
            return iter([(str(resolved), Stamp.of(st))])
        os.scandir(resolved).close()
    except FileNotFoundError:
        raise WatchError(f"{readable(root)}: no such folder") from None
    except OSError as error:
        raise WatchError(f"{readable(root)}: {error.strerror}") from error
    return walk_below(resolved, resolved, options, on_error)


def walk_below(start: Path, root: Path, options: WatchOptions, on_error: OnError | None = None) -> Iterator[Found]:
    """As `walk`, of a folder inside a resolved root; nothing if the names on the way to it are passed over."""
    if not reaches(root, start, options):
        return iter(())
    prefix = len(os.path.join(root, ""))
    names, paths = _patterns(options.ignore)

    def passed_over(entry: "os.DirEntry[str]") -> bool:
        return bool(names.match(entry.name) or (paths and paths.match(entry.path[prefix:])))

    return _tree(
        start,
        enter=lambda entry: options.recursive and not passed_over(entry),
        take=lambda entry: _is_music(entry.name, options) and not passed_over(entry),
        on_error=on_error or _nobody,
    )


def files_below(start: Path) -> Iterator[Found]:
    """Find every file in a folder, whatever its name is, on the folder's own file system."""
    try:
        device = os.stat(start).st_dev
    except OSError:
        return iter(())

    def same_device(entry: "os.DirEntry[str]") -> bool:
        try:
            return entry.stat(follow_symlinks=False).st_dev == device
        except OSError:
            return False

    return _tree(start, enter=same_device, take=lambda _: True, on_error=_nobody)


def _tree(
    start: Path,
    *,
    enter: Callable[["os.DirEntry[str]"], bool],
    take: Callable[["os.DirEntry[str]"], bool],
    on_error: OnError,
) -> Iterator[Found]:
    """Walk through folders, links not followed; yield the regular files to take, sorted by name."""
    folders = [os.fspath(start)]
    while folders:
        files, inner = _listing(folders.pop(), enter, take, on_error)
        for entry in files:
            try:
                st = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone again
            except OSError as error:
                on_error(Path(entry.path), error)
                continue
            if stat.S_ISREG(st.st_mode):
                yield entry.path, Stamp.of(st)
        folders += reversed(inner)


def _listing(
    folder: str,
    enter: Callable[["os.DirEntry[str]"], bool],
    take: Callable[["os.DirEntry[str]"], bool],
    on_error: OnError,
) -> tuple[list["os.DirEntry[str]"], list[str]]:
    """Return the files to take and the folders to enter, each sorted by name."""
    files: list[os.DirEntry[str]] = []
    inner: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if enter(entry):
                        inner.append(entry.path)
                elif take(entry):
                    files.append(entry)
    except OSError as error:
        on_error(Path(folder), error)
    return sorted(files, key=_name), sorted(inner)


def _nobody(path: Path, error: OSError) -> None:
    pass


def _is_music(name: str, options: WatchOptions) -> bool:
    return name[name.rfind(".") :].lower() in options.extensions


def _passed_over(relative: str, options: WatchOptions) -> bool:
    """Return whether a path below the root is to be left alone, for its last name or as a whole."""
    names, paths = _patterns(options.ignore)
    return bool(names.match(relative.rpartition("/")[2]) or (paths and paths.match(relative)))


def reaches(above: Path, folder: Path, options: WatchOptions) -> bool:
    """Return whether a walk from one resolved folder comes to another."""
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
