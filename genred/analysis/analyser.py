"""Supervised child processes: whatever touches the inside of a hostile file happens here, under limits.

The main process imports no decoder, no librosa and no scikit-learn: a file that crashes, hangs or bloats its reader
costs one worker, which is replaced, and nobody else. Workers are forked from a process that has imported all they need
and opened nothing: they, and those that replace them, are there at once, and share the memory of it.
"""

import fcntl
import math
import multiprocessing
import multiprocessing.forkserver
import os
import resource
import select
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from genred import genres
from genred.config import Model, Service, Tags
from genred.dependencies import blame
from genred.errors import DecodeError, FileError, GenredError, TagError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genred.model.classifier import GenreClassifier
    from genred.model.prediction import Prediction

T = TypeVar("T")

_TRIES = 2
_FILES_PER_WORKER = 1000
_LARGEST_FILE = 256 * 2**20
"""Bytes of what a worker may write, beyond a file that it is given to edit: compiled code, the fitted model, a tag."""

_START_SECONDS = 600.0
"""The very first start compiles librosa's numba code and fits the built-in model."""


def prepare(cache: Path) -> None:
    """Start what workers are forked from, if it isn't there, and have it import what listening takes: a second or more.

    Where that isn't asked for, what workers are forked from is there sooner, and they import what they need: to read or
    write a tag takes little of it.

    Parameters
    ----------
    cache
        A folder for what can be made again: compiled code, the fitted built-in model.

    Raises
    ------
    GenredError
        If there is no place for the socket that it listens to.
    """
    _set_environment(cache)
    _context.set_forkserver_preload(["genred.analysis.preload"])
    _start_server()


def _set_environment(cache: Path) -> None:
    # Workers are processes already: threads inside of numpy would only fight over the processors.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache / "numba"))


def _start_server() -> None:
    try:
        multiprocessing.forkserver.ensure_running()
    except OSError as error:
        raise GenredError(f"no worker can be started ({error}); TMPDIR must be a folder with a short name") from error


_context = multiprocessing.get_context("forkserver")


class Ask(StrEnum):
    """What is to be found out about a file."""

    MISSING = "missing"
    """Its genres, and how it sounds only where they say nothing."""
    BOTH = "both"
    SOUND = "sound"
    TAGS = "tags"
    """Its genres and its artist."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one file.

    ``prediction`` and ``features`` (recipe version, float32 vector as bytes) are None where it wasn't listened to.
    """

    genres: tuple[str, ...]
    artist: str = ""
    prediction: "Prediction | None" = None
    features: tuple[str, bytes] | None = None


class Analyser:
    """A pool of workers that look into files and edit clones of them.

    Parameters
    ----------
    service
        Number of workers and their limits.
    model
        Which model, and how sure it must be.
    cache
        A folder for what can be made again: compiled code, the fitted built-in model.
    patience
        Seconds between two looks after the workers, by which an end may be late. Of an idle service, looking ten times
        a second is most of what it costs.
    """

    def __init__(self, service: Service, model: Model, cache: Path, *, patience: float = 0.1) -> None:
        CONSTS.sleep_unit = patience
        self.workers = service.workers or min(4, len(os.sched_getaffinity(0)))
        self.model_name = ""
        self._service = service
        self._model = model
        self._cache = cache
        _set_environment(cache)
        self._pool = self._made()

    def _made(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.workers,
            max_tasks=_FILES_PER_WORKER,
            initializer=_confine,
            initargs=(self._service.nice, self._service.memory_mb),
            context=_context,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        self._pool.stop()
        self._pool.join()

    def warm_up(self, stop: threading.Event | None = None, tell: Callable[[str], None] = lambda step: None) -> None:
        """Have a worker load the model and try it; then ``model_name`` is known. The others are as quick when asked.

        Parameters
        ----------
        stop
            Ends the waiting: the first time, when code is compiled and the model fitted, takes a minute.
        tell
            Called twice a second with what is waited for.

        Raises
        ------
        ModelError
            If the model can't be used.
        GenredError
            If no worker gets ready.
        """
        anew = "" if any((self._cache / "numba").glob("*")) else ", which is compiled once"
        prepare(self._cache)
        # A pool is made by whoever gives it its first job, and that one waits, deaf, for the first fork.
        first = threading.Thread(target=_fork_once, daemon=True)
        first.start()
        while first.is_alive():
            tell("loading what listens")
            first.join(0.5)
            if stop is not None and stop.is_set():
                return
        steps: list[tuple[str, Callable[..., str], tuple[Any, ...]]] = [
            (f"trying what listens{anew}", _listen, ()),
            ("loading the model, which is fitted once if it is the built-in one", _load, (self._model, self._cache)),
        ]
        for step, job, arguments in steps:
            tell(step)
            future = self._submit(job, arguments, _START_SECONDS)
            while not wait([future], timeout=0.5).done:
                tell(step)
                if stop is not None and stop.is_set():
                    return
            self.model_name = self._ready(future)

    def _ready(self, future: "Future[str]") -> str:
        try:
            return future.result()
        except TimeoutError as error:
            raise GenredError(f"no worker was ready after {_START_SECONDS:.0f} s; try again") from error
        except (ProcessExpired, MemoryError) as error:
            said = f"a worker died while it got ready ({error}); service.memory_mb may be too little"
            raise GenredError(said) from error

    def look(self, paths: Iterable[Path], ask: Ask) -> Iterator[tuple[Path, Look | FileError]]:
        """Look into files side by side; results in the order of ``paths``, which is read only a little ahead."""
        ahead: deque[tuple[Path, Future[Look]]] = deque()
        try:
            for path in paths:
                ahead.append((path, self._look(path, ask)))
                if len(ahead) > 2 * self.workers:
                    yield self._next(ahead, ask)
            while ahead:
                yield self._next(ahead, ask)
        finally:
            for _, future in ahead:
                future.cancel()

    def genres(self, path: Path) -> tuple[str, ...]:
        """Read the genres in a file's tags.

        Raises
        ------
        FileError
            If they can't be read.
        """
        return _outcome(path, self._submit(_genres, (path,), self._service.timeout_seconds))

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        """Write genres into a private clone of a file, and prove that nothing else changed.

        Raises
        ------
        TagError
            If that can't be done, or can't be proved.
        """
        _outcome(path, self._submit(_edit, (path, clone, tuple(genres), options), self._service.timeout_seconds))

    def _look(self, path: Path, ask: Ask) -> Future[Look]:
        job = (path, ask, self._model, self._cache)
        return self._submit(_look, job, self._service.timeout_seconds)

    def _next(self, ahead: deque[tuple[Path, Future[Look]]], ask: Ask) -> tuple[Path, Look | FileError]:
        path, future = ahead.popleft()
        for _ in range(_TRIES - 1):
            try:
                return path, _outcome(path, future)
            except WorkerLostError:
                future = self._look(path, ask)
            except FileError as error:
                return path, error
        try:
            return path, _outcome(path, future)
        except FileError as error:
            return path, error

    def _submit(self, function: Callable[..., T], arguments: tuple[Any, ...], timeout: float) -> Future[T]:
        _start_server()
        try:
            future: Future[T] = self._pool.schedule(_job, args=(function, arguments, timeout), timeout=timeout)
        except RuntimeError:
            # pebble gives its pool up when a worker is killed that had nothing to do, as the kernel does for memory.
            self.close()
            self._pool = self._made()
            future = self._pool.schedule(_job, args=(function, arguments, timeout), timeout=timeout)
        return future


class WorkerLostError(DecodeError):
    """The worker crashed, hung or grew over its limit on this file."""


def _outcome(path: Path, future: Future[T]) -> T:
    try:
        return future.result()
    except TimeoutError as error:
        raise WorkerLostError(path, "it takes too long to read; it may be damaged or made to be slow") from error
    except ProcessExpired as error:
        raise WorkerLostError(path, f"reading it crashed the reader (exit {error.exitcode})") from error
    except BrokenProcessPool as error:
        raise WorkerLostError(path, "all readers were killed", transient=True) from error
    except MemoryError as error:
        raise DecodeError(path, "it needs more memory to read than a worker may take") from error


def _fork_once() -> None:
    """Wait until the process that workers are forked from has imported what it imports."""
    with suppress(OSError, EOFError):  # the pool meets the same, and tells
        process = _context.Process(target=os.getpid)
        process.start()
        process.join()


# -- in the worker -------------------------------------------------------------------------------------------------


def _confine(nice: int, memory_mb: int) -> None:
    """Limits for a worker; it dies with the main process, and when that has lost sight of it, however that comes."""
    if (main := multiprocessing.parent_process()) is not None:
        _end_when_readable(main.sentinel)
    # Ctrl-C is for the parent to handle.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if nice:
        _step_back(nice)


def _end_when_readable(descriptor: int) -> None:
    """Have the kernel kill this process when a pipe is closed at its other end."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([descriptor], [], [], 0)[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def _job(function: Callable[..., T], arguments: tuple[Any, ...], seconds: float) -> T:
    """Do one job in a worker, with so much processor time and no more, even if nobody is left to watch the clock."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(spent.ru_utime + spent.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    try:
        return function(*arguments)
    except (AttributeError, FileError, ImportError, TypeError) as error:
        # Every file would fail alike, and none of them for its own sake.
        if (broken := blame(error)) is not None:
            raise broken from error
        raise


def _step_back(nice: int) -> None:
    """Let everybody else go first, at the processor and at the disk."""
    import psutil  # the main process has no use for it

    os.nice(nice)
    with suppress(psutil.Error):  # where a container forbids it
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def _listen() -> str:
    """Listen to noise, so that what has to be compiled is."""
    _heard()
    return ""


def _load(model: Model, cache_folder: Path) -> str:
    """Load the model, try it, and return its name."""
    classifier = load_model(model, cache_folder)
    classifier.predict(_heard())
    return classifier.name


@cache
def _heard() -> "NDArray[np.float32]":
    import numpy as np

    from genred.sound import SR, features

    return features.extract([np.random.default_rng(0).normal(0, 0.1, SR * 5).astype(np.float32)])


@cache
def load_model(model: Model, cache_folder: Path) -> "GenreClassifier":
    """Load the model that the configuration asks for, and make it as sure as it asks.

    Raises
    ------
    ModelError
        If it can't be used.
    """
    from genred.model import storage

    found = storage.load(Path(model.path)) if model.path else storage.builtin(cache_folder)
    found.target_precision = model.target_precision
    found.min_confidence = model.min_confidence or None
    return found


def predict_stored(model: "GenreClassifier", vectors: Sequence[bytes]) -> "list[Prediction]":
    """Predict from features that were computed before, as `Look` has them; no audio is opened."""
    import numpy as np

    return model.predict_many(np.stack([np.frombuffer(vector, "<f4") for vector in vectors]))


def _genres(path: Path) -> tuple[str, ...]:
    from genred import tags

    return tuple(tags.read_genres(path))


def _look(path: Path, ask: Ask, model: Model, cache_folder: Path) -> Look:
    from genred import tags

    try:
        there = () if ask is Ask.SOUND else tuple(tags.read_genres(path))
    except TagError:
        if ask is Ask.MISSING:
            _check_sound(path)  # no music is the better reason, and the one that `classify` gives
        raise
    if ask is Ask.TAGS:
        return Look(there, tags.read_artist(path))
    if ask is Ask.MISSING and not all(genres.is_generic(name) for name in there):
        return Look(there)
    from genred.sound import audio, features

    x = features.extract(audio.read_excerpts(path))
    prediction = load_model(model, cache_folder).predict(x)
    return Look(there, prediction=prediction, features=(features.FEATURE_VERSION, x.astype("<f4").tobytes()))


def _check_sound(path: Path) -> None:
    """Raise a `DecodeError` if no sound can be read from a file."""
    from genred.sound import audio

    audio.read_excerpts(path)


def _edit(path: Path, clone: Path, names: tuple[str, ...], options: Tags) -> None:
    from genred import tags

    most = os.stat(clone).st_size + _LARGEST_FILE
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    tags.edit_clone(path, clone, names, id3_version=options.id3_version, separator=options.separator)
