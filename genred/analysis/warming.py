"""Get a pool of workers ready: do what is done once, load the model and try it, in a wait that can be ended."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired

from genred.analysis import worker
from genred.analysis.pool import LIMITS, Pool, fork_once, prepare
from genred.config import Model
from genred.errors import GenredError
from genred.sound import filters

T = TypeVar("T")

_START_SECONDS = 600.0
"""The very first start has librosa design filters, and fits the built-in model."""


def warm_up(
    pool: Pool, model: tuple[Model, Path], stop: threading.Event | None, tell: Callable[[str], None]
) -> worker.Loaded | None:
    """Have a worker load the model and try it; return what the model is, None where it was time to stop.

    Parameters
    ----------
    pool
        The workers; the others are as quick when they are asked.
    model
        Which model, and the folder in which a fitted one is kept.
    stop, tell
        As of `Analyser.warm_up`.
    """
    prepare()
    # A pool is made by whoever gives it its first job, and that one waits, deaf, for the first fork.
    first = threading.Thread(target=fork_once, daemon=True)
    first.start()
    while first.is_alive():
        tell("loading what listens")
        first.join(0.5)
        if stop is not None and stop.is_set():
            return None
    if not filters.are_kept():
        # Beside, and not by a worker, which steps back for everybody else.
        jobs = [_beside(filters.keep), pool.submit(worker.fit, model, _START_SECONDS)]
        once = "designing filters, once, and fitting the model if it is the built-in one"
        if not _answers(jobs, once, stop, tell):
            return None
    loading = "loading the model, which is fitted once if it is the built-in one"
    for loaded in _answers([pool.submit(worker.load, model, _START_SECONDS)], loading, stop, tell):
        found: worker.Loaded = loaded
        return found
    return None


def _answers(
    jobs: Sequence[Future[Any]], step: str, stop: threading.Event | None, tell: Callable[[str], None]
) -> list[Any]:
    """Return the answers of all jobs, or nothing when it is time to stop; raise as soon as one of them fails."""
    tell(step)
    while _go_on(jobs):
        tell(step)
        if stop is not None and stop.is_set():
            return []
    return [_ready(job) for job in jobs if job.done()]


def _ready(future: Future[T]) -> T:
    try:
        return future.result()
    except TimeoutError as error:
        raise GenredError(f"no worker was ready after {_START_SECONDS:.0f} s; try again") from error
    except (ProcessExpired, BrokenProcessPool, MemoryError) as error:
        raise GenredError(f"a worker died while it got ready ({error!r}): too little may be {LIMITS}") from error


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
