"""Find the music in a folder, by its name.

Names are taken as the file system holds them (surrogateescape), links are never followed, and nothing is opened but
what says that something is no music (`watching/ignoring.py`).
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Literal, Self

from genred.config import Watch
from genred.errors import WatchError
from genred.fs.files import Stamp, readable
from genred.watching.ignoring import Ignoring

Found = tuple[str | Path, Stamp]
"""A file, and how it was when it was found; a walk gives strings, since to make a `Path` takes longer than to look."""

OnError = Callable[[Path, OSError], None]
_name = attrgetter("name")


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
    """Patterns in gitignore syntax, relative to the root."""
    ignore_files: tuple[str, ...] = ()
    """The names of files that say what is left alone in their folders."""

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
            ignore_files=watch.ignore_files,
        )


def wanted(path: Path, root: Path, options: WatchOptions) -> bool:
    """Return whether a path under a root is music by its name alone, and is not to be left alone."""
    if path == root or not path.is_relative_to(root) or not is_music(path.name, options):
        return False
    return (options.recursive or path.parent == root) and left_alone(path, root, options) is None


def left_alone(path: Path, root: Path, options: WatchOptions, *, folder: bool = False) -> str | None:
    """Return why a path under a resolved root is left alone, whatever its extension is; None if it isn't."""
    return ignoring(path.parent, root, options).reason(str(path), folder=folder)


def ignoring(folder: Path, root: Path, options: WatchOptions) -> Ignoring:
    """Return what is left alone in a folder under a resolved root; the files on the way that say so are read."""
    return Ignoring.at(root, options.ignore, options.ignore_files).towards(str(folder)).inside(str(folder))


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
    if start != root and not (options.recursive and root in start.parents):
        return iter(())
    ahead = Ignoring.at(root, options.ignore, options.ignore_files).towards(str(start))
    if ahead.everything is not None:
        return iter(())

    def left(entry: "os.DirEntry[str]", here: Ignoring, *, folder: bool) -> bool:
        return here.reason(entry.path, folder=folder) is not None

    return _tree(
        start,
        ahead,
        enter=lambda entry, here: options.recursive and not left(entry, here, folder=True),
        take=lambda entry, here: is_music(entry.name, options) and not left(entry, here, folder=False),
        on_error=on_error or _nobody,
    )


def files_below(start: Path) -> Iterator[Found]:
    """Find every file in a folder, whatever its name is, on the folder's own file system."""
    try:
        device = os.stat(start).st_dev
    except OSError:
        return iter(())

    def same_device(entry: "os.DirEntry[str]", _: Ignoring) -> bool:
        try:
            return entry.stat(follow_symlinks=False).st_dev == device
        except OSError:
            return False

    nothing = Ignoring.at(start, (), ())
    return _tree(start, nothing, enter=same_device, take=lambda _, __: True, on_error=_nobody)


_Asking = Callable[["os.DirEntry[str]", Ignoring], bool]


def _tree(start: Path, ahead: Ignoring, *, enter: _Asking, take: _Asking, on_error: OnError) -> Iterator[Found]:
    """Walk through folders, links not followed; yield the regular files to take, sorted by name."""
    folders = [(os.fspath(start), ahead)]
    while folders:
        files, inner = _listing(*folders.pop(), enter, take, on_error)
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
    folder: str, ahead: Ignoring, enter: _Asking, take: _Asking, on_error: OnError
) -> tuple[list["os.DirEntry[str]"], list[tuple[str, Ignoring]]]:
    """Return the files to take and the folders to enter, each sorted by name."""
    entries: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as listed:
            entries += listed
    except OSError as error:
        on_error(Path(folder), error)
    here = ahead.inside(folder, set(map(_name, entries))) if ahead.names else ahead
    files: list[os.DirEntry[str]] = []
    inner: list[tuple[str, Ignoring]] = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if enter(entry, here):
                inner.append((entry.path, here))
        elif take(entry, here):
            files.append(entry)
    return sorted(files, key=_name), sorted(inner, key=itemgetter(0))


def _nobody(path: Path, error: OSError) -> None:
    pass


def is_music(name: str, options: WatchOptions) -> bool:
    """Return whether a name ends as those of music do."""
    return name[name.rfind(".") :].lower() in options.extensions


def reaches(above: Path, folder: Path, options: WatchOptions) -> bool:
    """Return whether a walk from one resolved folder comes to another, by the names on the way; nothing is read."""
    if folder == above:
        return True
    if not options.recursive or above not in folder.parents:
        return False
    return Ignoring.at(above, options.ignore, ()).towards(str(folder)).everything is None
