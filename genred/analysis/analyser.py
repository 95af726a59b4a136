"""Supervised child processes: whatever touches the inside of a hostile file happens there, under limits.

The main process imports no decoder and no scikit-learn: a file that crashes, hangs or bloats its reader
costs one worker, which is replaced, and nobody else. Workers are forked from a process that has imported all they need
and opened nothing: they, and those that replace them, are there at once, and share the memory of it.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import resource
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from genred.analysis import Analysis, Ask, worker
from genred.config import Config, Model, Service, Tags, cache_dir
from genred.errors import DecodeError, FileError, GenredError
from genred.genres import Place, said
from genred.sound import filters

if TYPE_CHECKING:
    from genred.model.classifier import GenreClassifier
    from genred.model.evidence import Owner
    from genred.model.prediction import Prediction

T = TypeVar("T")

_TRIES = 2
_FILES_PER_WORKER = 1000
_TAGS_AT_ONCE = 16
_START_SECONDS = 600.0
"""The very first start has librosa design filters, and fits the built-in model."""
_DESCRIPTORS, _DESCRIPTORS_PER_WORKER = 64, 8
"""Files and pipes that may be open at once in the main process: more than were ever counted."""
_LIMITS = "service.memory_mb, or a limit of memory or time that genred was started under (`ulimit -a`)"


def prepare() -> None:
    """Start what workers are forked from, if it isn't there, and have it import what listening takes: a second or more.

    Where that isn't asked for, what workers are forked from is there sooner, and they import what they need: to read or
    write a tag takes little of it.

    Raises
    ------
    GenredError
        If there is no place for the socket that it listens to.
    """
    take_one_thread()
    _context.set_forkserver_preload(["genred.analysis.preload"])
    _start_server()


def take_one_thread() -> None:
    """Tell libraries, in the processes that this one starts, to take one thread."""
    # Workers are processes already: threads inside of numpy would only fight over the processors.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def _start_server() -> None:
    try:
        multiprocessing.forkserver.ensure_running()
    except OSError as error:
        raise GenredError(f"no worker can be started ({error}); TMPDIR must be a folder with a short name") from error


def _open_up_to(descriptors: int) -> None:
    """Raise the limit of open files to what is needed, where it is lower and may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < descriptors:
        if hard != resource.RLIM_INFINITY and hard < descriptors:
            limit = f"{hard} files may be open at once, and genred needs {descriptors}"
            raise GenredError(f"only {limit}: raise it with `ulimit -n`, or LimitNOFILE= in the unit")
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def _look_after_workers_every(seconds: float) -> None:
    """Set the interval at which pebble looks after its workers: one for all pools of a process."""
    CONSTS.sleep_unit = seconds


_context = multiprocessing.get_context("forkserver")


class Analyser:
    """A pool of workers that analyse files and edit clones of them.

    Parameters
    ----------
    service
        Number of workers and their limits.
    model
        Which model, and how sure it must be.
    cache
        A folder for the fitted built-in model.
    no_genre
        What counts as no genre, beside what says nothing to anybody.
    patience
        Seconds between two looks after the workers, by which an end may be late. Of an idle service, looking ten times
        a second is most of what it costs. The newest pool decides for all.

    Raises
    ------
    GenredError
        If too few files may be open at once.
    """

    def __init__(
        self, service: Service, model: Model, cache: Path, *, no_genre: tuple[str, ...] = (), patience: float = 0.1
    ) -> None:
        self.workers = service.workers or min(4, len(os.sched_getaffinity(0)))
        self.model_name = ""
        self.feature_version = ""
        self._service = service
        self._model = model
        self._cache = cache
        self._no_genre = no_genre
        _look_after_workers_every(patience)
        take_one_thread()
        _open_up_to(_DESCRIPTORS + _DESCRIPTORS_PER_WORKER * self.workers)
        self._pool = self._made()

    @classmethod
    def of(cls, config: Config, *, patience: float = 0.1) -> Self:
        """Make a pool as it is configured."""
        return cls(config.service, config.model, cache_dir(), no_genre=config.genres.no_genre, patience=patience)

    def _made(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.workers,
            max_tasks=_FILES_PER_WORKER,
            initializer=worker.begin,
            initargs=(self._service.nice, self._service.memory_mb, self._no_genre),
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
        """Have a worker load the model and try it; then ``model_name`` and ``feature_version`` are known.

        The other workers are as quick when they are asked.

        Parameters
        ----------
        stop
            Ends the waiting: the first time, filters are designed and the model is fitted.
        tell
            Called twice a second with what is waited for.

        Raises
        ------
        ModelError
            If the model can't be used.
        GenredError
            If no worker gets ready.
        """
        prepare()
        # A pool is made by whoever gives it its first job, and that one waits, deaf, for the first fork.
        first = threading.Thread(target=_fork_once, daemon=True)
        first.start()
        while first.is_alive():
            tell("loading what listens")
            first.join(0.5)
            if stop is not None and stop.is_set():
                return
        model = (self._model, self._cache)
        if not filters.are_kept():
            # Beside, and not by a worker, which steps back for everybody else.
            jobs = [_beside(filters.keep), self._submit(worker.fit, model, _START_SECONDS)]
            once = "designing filters, once, and fitting the model if it is the built-in one"
            if not self._answers(jobs, once, stop, tell):
                return
        loading = "loading the model, which is fitted once if it is the built-in one"
        for loaded in self._answers([self._submit(worker.load, model, _START_SECONDS)], loading, stop, tell):
            self.model_name, self.feature_version = loaded

    def _answers(
        self, jobs: Sequence[Future[Any]], step: str, stop: threading.Event | None, tell: Callable[[str], None]
    ) -> list[Any]:
        """Return the answers of all jobs, or nothing when it is time to stop; raise as soon as one of them fails."""
        tell(step)
        while _go_on(jobs):
            tell(step)
            if stop is not None and stop.is_set():
                return []
        return [self._ready(job) for job in jobs if job.done()]

    def _ready(self, future: Future[T]) -> T:
        try:
            return future.result()
        except TimeoutError as error:
            raise GenredError(f"no worker was ready after {_START_SECONDS:.0f} s; try again") from error
        except (ProcessExpired, BrokenProcessPool, MemoryError) as error:
            raise GenredError(f"a worker died while it got ready ({error!r}): too little may be {_LIMITS}") from error

    def analyse(
        self, paths: Iterable[Path], ask: Ask, known: Callable[[Path], bytes | None] = lambda path: None
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        """Analyse files side by side; results in the order of ``paths``, which is read only a little ahead.

        Parameters
        ----------
        paths
            The files.
        ask
            What is to be found out.
        known
            Returns the features of a file, in `feature_version`, if they are known, so that nobody listens again.
        """
        if ask is Ask.TAGS:
            yield from self._read_tags(paths)
            return
        ahead: deque[tuple[Path, Future[Analysis]]] = deque()
        try:
            for path in paths:
                ahead.append((path, self._analyse(path, ask, known(path))))
                if len(ahead) > 2 * self.workers:
                    yield self._next(ahead, ask)
            while ahead:
                yield self._next(ahead, ask)
        finally:
            _call_off(future for _, future in ahead)

    def _read_tags(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Analysis | FileError]]:
        """Read tags, many files to a job: to hand over one takes longer than to read it."""
        ahead: deque[tuple[list[Path], Future[list[Analysis | FileError]]]] = deque()
        rest = iter(paths)
        try:
            while batch := list(islice(rest, _TAGS_AT_ONCE)):
                ahead.append((batch, self._submit(worker.read_tags, (batch,), self._service.timeout_seconds)))
                if len(ahead) > 2 * self.workers:
                    yield from self._next_tags(ahead)
            while ahead:
                yield from self._next_tags(ahead)
        finally:
            _call_off(future for _, future in ahead)

    def _next_tags(
        self, ahead: deque[tuple[list[Path], Future[list[Analysis | FileError]]]]
    ) -> Iterator[tuple[Path, Analysis | FileError]]:
        batch, future = ahead.popleft()
        try:
            found = _outcome(batch[0], future)
            yield from zip(batch, found, strict=True)
        except FileError:  # one of them was too much for the worker; which one, each alone will tell
            for path in batch:
                yield self._next(deque([(path, self._analyse(path, Ask.TAGS))]), Ask.TAGS)

    def begin(self, path: Path, ask: Ask) -> Callable[[], Analysis | FileError | None]:
        """Begin to analyse a file; return what tells what was found, None as long as it is not known."""
        future = self._analyse(path, ask)

        def found() -> Analysis | FileError | None:
            if not future.done():
                return None
            if future.cancelled():
                return FileError(path, "all readers were ended", transient=True)
            try:
                return _outcome(path, future)
            except FileError as error:
                return error

        return found

    def genres(self, path: Path) -> tuple[str, ...]:
        """Return all genres that a file names; raises as `places`."""
        return said(self.places(path))

    def places(self, path: Path) -> tuple[Place, ...]:
        """Return the places of a file that name a genre.

        Raises
        ------
        FileError
            If they can't be read.
        """
        return _outcome(path, self._submit(worker.read_places, (path,), self._service.timeout_seconds))

    def edit(self, path: Path, clone: Path, genres: Sequence[str], options: Tags) -> None:
        """Write genres into a private clone of a file, and prove that nothing else changed.

        Raises
        ------
        TagError
            If that can't be done, or can't be proved.
        """
        _outcome(path, self._submit(worker.edit, (path, clone, tuple(genres), options), self._service.timeout_seconds))

    def judge(self, vectors: Sequence[bytes], owners: "Sequence[Owner]") -> "list[Prediction]":
        """Judge the tracks of one album together.

        Parameters
        ----------
        vectors : (n_tracks,)
            Features of this version's recipe, as `Analysis` has them; no audio is opened.
        owners : (n_tracks,)
            What the owner calls the music around each track.

        Raises
        ------
        GenredError
            If no worker can do it.
        """
        if not vectors:
            return []
        job = (tuple(vectors), tuple(owners), self._model, self._cache)
        for _ in range(_TRIES):
            try:
                return self._submit(worker.judge, job, self._service.timeout_seconds).result()
            except (TimeoutError, ProcessExpired, BrokenProcessPool, MemoryError) as error:
                lost = error
        raise GenredError(f"workers die or hang while they judge ({lost!r}): too little may be {_LIMITS}") from lost

    def _analyse(self, path: Path, ask: Ask, known: bytes | None = None) -> Future[Analysis]:
        job = (path, ask, known, self._model, self._cache)
        return self._submit(worker.analyse, job, self._service.timeout_seconds)

    def _next(self, ahead: deque[tuple[Path, Future[Analysis]]], ask: Ask) -> tuple[Path, Analysis | FileError]:
        path, future = ahead.popleft()
        for _ in range(_TRIES - 1):
            try:
                return path, _outcome(path, future)
            except WorkerLostError:
                future = self._analyse(path, ask)
            except FileError as error:
                return path, error
        try:
            return path, _outcome(path, future)
        except FileError as error:
            return path, error

    def _submit(self, function: Callable[..., T], arguments: tuple[Any, ...], timeout: float) -> Future[T]:
        try:
            return self._schedule(function, arguments, timeout)
        except RuntimeError:
            # pebble gives its pool up when a worker is killed that had nothing to do, as the kernel does for memory.
            self.close()
            self._pool = self._made()
        try:
            return self._schedule(function, arguments, timeout)
        except RuntimeError as error:
            raise GenredError(f"no worker can be started: too little may be {_LIMITS}") from error

    def _schedule(self, function: Callable[..., T], arguments: tuple[Any, ...], timeout: float) -> Future[T]:
        _start_server()
        future: Future[T] = self._pool.schedule(worker.run, args=(function, arguments, timeout), timeout=timeout)
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


def _go_on(futures: Sequence[Future[Any]]) -> bool:
    """Wait for half a second, or until all jobs are done or one has failed; return whether neither came about."""
    done, rest = wait(futures, timeout=0.5, return_when=FIRST_EXCEPTION)
    return bool(rest) and all(future.exception() is None for future in done)


def _beside(function: Callable[[], T]) -> Future[T]:
    """Call a function in a thread that nobody has to wait for."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 - whatever it is, who asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


def _call_off(futures: "Iterable[Future[Any]]") -> None:
    """Cancel jobs that nobody began; to cancel another one would cost the worker."""
    for future in futures:
        if not future.running():
            future.cancel()


def _fork_once() -> None:
    """Wait until the process that workers are forked from has imported what it imports."""
    with suppress(OSError, EOFError):  # the pool meets the same, and tells
        process = _context.Process(target=os.getpid)
        process.start()
        process.join()


def judge_stored(model: "GenreClassifier", vectors: Sequence[bytes], owners: "Sequence[Owner]") -> "list[Prediction]":
    """Return what a model says of the tracks of one album together, as `Analyser.judge` does, in this process."""
    import numpy as np

    X = np.stack([np.frombuffer(vector, "<f4") for vector in vectors]) if vectors else None
    return model.judge(X, owners) if X is not None else []
