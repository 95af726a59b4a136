"""What runs in a child process: limits first, then one job after the other, each with a file that nobody should trust.

Everything that is slow to import is imported by the job that needs it.
"""

import ctypes
import fcntl
import math
import multiprocessing
import os
import platform
import resource
import select
import signal
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from genred import genres
from genred.analysis import Analysis, Ask
from genred.config import Model, Tags
from genred.dependencies import blame
from genred.errors import FileError, TagError
from genred.fs.files import Stamp, stamp_of
from genred.names import Labels
from genred.sound import FEATURE_VERSION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genred.model.classifier import GenreClassifier
    from genred.model.evidence import Owner
    from genred.model.prediction import Prediction

T = TypeVar("T")


class NotThereError(FileError):
    """Under this name there is no file, or another one than is meant; it happens on another machine."""


class Like(NamedTuple):
    """What tells on another machine whether it has the same file; times may be coarser there."""

    size: int
    mtime: int
    """Seconds."""

    @classmethod
    def of(cls, stamp: Stamp) -> "Like":
        return cls(stamp.size, stamp.mtime_ns // 10**9)


_LARGEST_FILE = 256 * 2**20
"""Bytes of what a worker may write, beyond a file that it is given to edit: compiled code, the fitted model, a tag."""

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "loongarch64": 30, "ppc64le": 273, "s390x": 282}
"""The number of the system call, which no C library wraps: ioprio_set(2)."""
_OF_PROCESS, _IDLE = 1, 3 << 13

_vocabulary = genres.Vocabulary()
"""The user's words, from `begin` on."""

# -- limits --------------------------------------------------------------------------------------------------------


def begin(nice: int, memory_mb: int, no_genre: tuple[str, ...], vocabulary: genres.Vocabulary) -> None:
    """Begin as a worker: with limits, with the user's words for no genre, and with those for genres."""
    global _vocabulary
    confine(nice, memory_mb)
    genres.count_as_no_genre(no_genre)
    _vocabulary = vocabulary


def confine(nice: int, memory_mb: int) -> None:
    """Set limits for this worker, which dies with the main process and when that has lost sight of it.

    Parameters
    ----------
    nice
        How far it steps back for everybody else; 0: not at all.
    memory_mb
        Address space.
    """
    if (main := multiprocessing.parent_process()) is not None:
        _end_when_readable(main.sentinel)
    # Ctrl-C is for the parent to handle.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit(resource.RLIMIT_AS, memory_mb * 2**20)
    limit(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    limit(resource.RLIMIT_CORE, 0)
    if nice:
        os.nice(nice)
        _yield_the_disk()


def limit(what: int, most: int) -> None:
    """Set a limit of this process, never above the one that it began with."""
    began_with = _inherited(what)
    soft = most if began_with == resource.RLIM_INFINITY else min(most, began_with)
    resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))


@cache
def _inherited(what: int) -> int:
    return resource.getrlimit(what)[0]


def _end_when_readable(descriptor: int) -> None:
    """Have the kernel kill this process when a pipe is closed at its other end."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([descriptor], [], [], 0)[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def _yield_the_disk() -> None:
    """Read and write only when nobody else does; where that is forbidden or unknown, as the niceness has it."""
    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        ctypes.CDLL(None).syscall(number, _OF_PROCESS, 0, _IDLE)


# -- jobs ----------------------------------------------------------------------------------------------------------


def run(function: Callable[..., T], arguments: tuple[Any, ...], seconds: float) -> T:
    """Do one job in so much processor time and no more, even if nobody is left to watch the clock."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, math.ceil(spent.ru_utime + spent.ru_stime + seconds))
    try:
        return function(*arguments)
    except (AttributeError, FileError, ImportError, TypeError) as error:
        # Every file would fail alike, and none of them for its own sake.
        if (broken := blame(error)) is not None:
            raise broken from error
        raise


def fit(model: Model, cache_folder: Path) -> None:
    """Have the model fitted, if it is the built-in one and isn't kept yet."""
    _loaded(model, cache_folder)


class Loaded(NamedTuple):
    """A model that is ready to judge."""

    name: str
    feature_version: str
    """The version of the features that it judges."""
    genres: tuple[str, ...]
    """The genres that it tells apart."""


def load(model: Model, cache_folder: Path) -> Loaded:
    """Load the model, try it, and return what it is."""
    classifier = _loaded(model, cache_folder)
    classifier.predict(_heard())
    return Loaded(classifier.name, FEATURE_VERSION, tuple(map(str, classifier.classes_)))


@cache
def _heard() -> "NDArray[np.float32]":
    import numpy as np

    from genred.sound import SR, features

    return features.extract([np.random.default_rng(0).normal(0, 0.1, SR * 5).astype(np.float32)])


def analyse(path: Path, ask: Ask, known: bytes | None, model: Model, cache_folder: Path) -> Analysis:
    """Find out what is asked about a file; where its features are ``known``, the file isn't listened to again."""
    from genred import tags

    try:
        places, labels = ((), Labels()) if ask is Ask.SOUND else tags.read(path)
    except TagError:
        if ask is Ask.MISSING:
            _check_sound(path)  # no music is the better reason, and the one that `classify` gives
        raise
    says_nothing = all(map(genres.is_generic, genres.said(places)))
    if ask is Ask.TAGS or (ask is Ask.MISSING and not says_nothing):
        return Analysis(places, labels)
    import numpy as np

    vector = hear(path) if known is None else known
    prediction = _loaded(model, cache_folder).predict(np.frombuffer(vector, "<f4"))
    return Analysis(places, labels, prediction, (FEATURE_VERSION, vector))


def hear(path: Path) -> bytes:
    """Return the features of a file."""
    return describe(decode(path))


def hear_like(path: Path, like: Like) -> bytes:
    """Return the features of a file under the name that it has on this machine.

    Raises
    ------
    NotThereError
        If there is none, or another one.
    """
    try:
        there = Like.of(stamp_of(path))
    except FileError as error:
        raise NotThereError(path, error.reason) from error
    if there != like:
        raise NotThereError(path, "there is another file of this name")
    return hear(path)


def decode(path: Path) -> "list[NDArray[np.float32]]":
    """Return what is heard of a file, decoded."""
    from genred.sound import audio

    return audio.read_excerpts(path)


def describe(excerpts: "Sequence[NDArray[np.float32]]") -> bytes:
    """Return the features of excerpts."""
    from genred.sound import features

    return features.extract(excerpts).astype("<f4").tobytes()


def read_tags(paths: Sequence[Path]) -> list[Analysis | FileError]:
    """Return what the tags of some files say; for a file whose tags can't be read, the reason."""
    from genred import tags

    found: list[Analysis | FileError] = []
    for path in paths:
        try:
            found.append(Analysis(*tags.read(path)))
        except FileError as error:
            if blame(error) is not None:
                raise
            found.append(error)
    return found


def _check_sound(path: Path) -> None:
    """Raise a `DecodeError` if no sound can be read from a file."""
    from genred.sound import audio

    audio.read_excerpts(path)


def read_places(path: Path) -> tuple[genres.Place, ...]:
    """Return the places of a file that name a genre."""
    from genred import tags

    return tags.read_places(path)


def excerpt(path: Path) -> bytes:
    """Return, as MP3, the very seconds of a file that are analysed."""
    from genred.sound import audio, mp3

    return mp3.encode(audio.read_excerpts(path))


def cover(path: Path) -> bytes | None:
    """Return the cover of the album that a file belongs to, as a small JPEG; None without one."""
    from genred.analysis.cover import cover

    return cover(path)


def edit(path: Path, clone: Path, names: tuple[str, ...], options: Tags) -> None:
    """Write genres into a private clone of a file, and prove that nothing else changed."""
    from genred import tags

    limit(resource.RLIMIT_FSIZE, os.stat(clone).st_size + _LARGEST_FILE)
    tags.edit_clone(path, clone, names, id3_version=options.id3_version, separator=options.separator)


def judge(vectors: Sequence[bytes], owners: "Sequence[Owner]", model: Model, cache_folder: Path) -> "list[Prediction]":
    """Judge the tracks of one album together, from features as `Analysis` has them."""
    import numpy as np

    X = np.stack([np.frombuffer(vector, "<f4") for vector in vectors])
    return _loaded(model, cache_folder).judge(X, owners)


@cache
def _loaded(model: Model, cache_folder: Path) -> "GenreClassifier":
    from genred.model import storage

    return storage.configured(model, cache_folder, _vocabulary)
