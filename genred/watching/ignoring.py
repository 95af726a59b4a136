"""Leave alone what is no music: by name, by `watch.ignore`, and by files such as .ndignore in the folders themselves.

A file that can't be read, or not be understood, leaves its whole folder alone: somebody wanted something left alone.
"""

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

from genred.config.gitignore import Patterns
from genred.fs.files import readable

NO_MEDIA = ".nomedia"
"""Android's file: whatever is in it, no media are in its folder and in the folders inside."""
LARGEST = 64 * 1024
"""Bytes of a file with patterns; more are not read."""

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
_is_passed_over = re.compile("|".join(map(translate, _PASSED_OVER))).match


@dataclass(frozen=True, slots=True)
class _File:
    """A file with patterns, which count in its folder and below."""

    name: str
    folder: str
    patterns: Patterns

    def __str__(self) -> str:
        return readable(Path(self.folder, self.name))


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What is left alone in one folder of a root."""

    root: str
    """The root, resolved."""
    patterns: Patterns | None
    """Those of `watch.ignore`, relative to the root; None if there are none."""
    names: tuple[str, ...]
    """The names of files that say what is left alone in their folders."""
    files: tuple[_File, ...] = ()
    """Those in the folder and in the folders around it, up to the root; the nearest last."""
    everything: str | None = None
    """The reason to leave the folder alone as a whole; None if there is none."""

    @classmethod
    def at(cls, root: Path | str, ignore: tuple[str, ...], names: tuple[str, ...]) -> "Ignoring":
        """Return what holds in a root, without the files that lie in it."""
        return cls(os.path.join(root, ""), _configured(ignore), names)

    def reason(self, path: str, *, folder: bool) -> str | None:
        """Return why an entry of the folder is left alone, in words; None if it isn't."""
        name = path[path.rfind("/") + 1 :]
        if self.everything is not None:
            return self.everything
        if _is_passed_over(name):
            return f"such names are passed over: {readable(Path(name))}"
        if self.patterns and (found := self.patterns.deciding(path[len(self.root) :], folder=folder)) and found.ignores:
            return f"watch.ignore has {found.text!r}"
        if not self.files:
            return None
        for kind in self.names:
            for file in reversed(self.files):
                if file.name == kind and (found := file.patterns.deciding(path[len(file.folder) :], folder=folder)):
                    if found.ignores:
                        return f"{file}, line {found.number}, has {found.text!r}"
                    break
        return None

    def inside(self, folder: str, present: Collection[str] | None = None) -> "Ignoring":
        """Return what holds in the next folder below, or in the root itself.

        Parameters
        ----------
        folder
            Its path, which isn't left alone.
        present
            The names in it, if they are known.
        """
        here = self
        for name in self.names if present is None else [name for name in self.names if name in present]:
            here = here._with(os.path.join(folder, ""), name)
        return here

    def towards(self, folder: str) -> "Ignoring":
        """Return what holds on the way to a folder, without the files that lie in the folder itself."""
        here, at = self, self.root
        for name in folder[len(self.root) :].split("/") if len(folder) > len(self.root) else ():
            here, at = here.inside(at), os.path.join(at, name)
            if reason := here.reason(at, folder=True):
                return replace(here, everything=reason)
        return here

    def _with(self, folder: str, name: str) -> "Ignoring":
        path = folder + name
        if self.everything is not None or not os.path.lexists(path):
            return self
        told = readable(Path(path))
        if name == NO_MEDIA:
            return replace(self, everything=f"{told} says that there is no music")
        try:
            patterns = _read(path)
        except OSError as error:
            return replace(self, everything=f"{told} can't be read ({error.strerror}), so its folder is left alone")
        except ValueError as error:
            return replace(self, everything=f"{told}: {error}, so its folder is left alone")
        if not patterns:
            return replace(self, everything=f"{told} has no pattern, so all of its folder is left alone")
        return replace(self, files=(*self.files, _File(name, folder, patterns)))


def _read(path: str) -> Patterns:
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        st = os.fstat(file)
        if not stat.S_ISREG(st.st_mode):
            raise ValueError("it is no regular file")
        if st.st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST:,} bytes")
        return _parsed(os.read(file, LARGEST))
    finally:
        os.close(file)


@lru_cache(maxsize=256)
def _parsed(data: bytes) -> Patterns:
    return Patterns(os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")).split("\n"))


@lru_cache(maxsize=8)
def _configured(ignore: tuple[str, ...]) -> Patterns | None:
    return Patterns(ignore) or None
