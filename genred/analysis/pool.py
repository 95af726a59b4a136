"""Supervised child processes: whatever touches the inside of a hostile file happens there, under limits.

A file that crashes, hangs or bloats its reader costs one worker, which is replaced, and nobody else. Workers are forked
from a process that has imported all they need and opened nothing: they, and those that replace them, are there at once,
and share the memory of it.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import resource
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from genred.analysis import worker
from genred.errors import DecodeError, FileError, GenredError
from genred.genres import Vocabulary

T = TypeVar("T")

LIMITS = "service.memory_mb, or a limit of memory or time that genred was started under (`ulimit -a`)"
"""The settings to look at where workers die of too little."""

_FILES_PER_WORKER = 1000
_DESCRIPTORS, _DESCRIPTORS_PER_WORKER = 96, 8
"""Files and pipes that may be open at once in the main process: more than were ever counted."""


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


class Pool:
    """Workers that do one job after the other.

    Parameters
    ----------
    workers
        The number of workers.
    limits
        The arguments of `worker.begin`.
    patience
        Seconds between two looks after the workers; the newest pool decides for all.

    Raises
    ------
    GenredError
        If too few files may be open at once.
    """

    def __init__(self, workers: int, limits: tuple[int, int, tuple[str, ...], Vocabulary], *, patience: float) -> None:
        self._workers = workers
        self._limits = limits
        _look_after_workers_every(patience)
        take_one_thread()
        _open_up_to(_DESCRIPTORS + _DESCRIPTORS_PER_WORKER * workers)
        self._pool = self._made()
        self._submitting = threading.Lock()

    def _made(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=_FILES_PER_WORKER,
            initializer=worker.begin,
            initargs=self._limits,
            context=_context,
        )

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        self._pool.stop()
        self._pool.join()

    def submit(self, function: Callable[..., T], arguments: tuple[Any, ...], timeout: float) -> Future[T]:
        """Have a worker call a function; after ``timeout`` seconds the worker is ended.

        Raises
        ------
        GenredError
            If no worker can be started.
        """
        with self._submitting:
            try:
                return self._schedule(function, arguments, timeout)
            except RuntimeError:
                # pebble gives its pool up when a worker is killed that had nothing to do, as the kernel does for memory
                self.close()
                self._pool = self._made()
            try:
                return self._schedule(function, arguments, timeout)
            except RuntimeError as error:
                raise GenredError(f"no worker can be started: too little may be {LIMITS}") from error

    def _schedule(self, function: Callable[..., T], arguments: tuple[Any, ...], timeout: float) -> Future[T]:
        _start_server()
        future: Future[T] = self._pool.schedule(worker.run, args=(function, arguments, timeout), timeout=timeout)
        return future


class WorkerLostError(DecodeError):
    """The worker crashed, hung or grew over its limit on this file."""


def outcome(path: Path, future: Future[T]) -> T:
    """Return what a worker found out about a file.

    Raises
    ------
    FileError
        If there is a reason in the file, or in what became of the worker.
    """
    try:
        return future.result()
    except TimeoutError as error:
        raise WorkerLostError(path, "it takes too long to read; it may be damaged or made to be slow") from error
    except ProcessExpired as error:
        raise WorkerLostError(path, f"reading it crashed the reader (exit {error.exitcode})") from error
    except BrokenProcessPool as error:
        raise WorkerLostError(path, "all readers were killed", transient=True) from error
    except CancelledError as error:
        raise FileError(path, "all readers were ended", transient=True) from error
    except MemoryError as error:
        raise DecodeError(path, "it needs more memory to read than a worker may take") from error


def fork_once() -> None:
    """Wait until the process that workers are forked from has imported what it imports."""
    with suppress(OSError, EOFError):  # the pool meets the same, and tells
        process = _context.Process(target=os.getpid)
        process.start()
        process.join()
