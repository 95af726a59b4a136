"""Take many things through several steps side by side: each waits for its own step, and results keep their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeAlias, TypeVar

from genred.errors import GenredError

K = TypeVar("K")
T = TypeVar("T")

TEND_SECONDS = 1.0
"""The time without news after which what is waited for is looked after."""

_NO_MORE: Any = object()

Steps: TypeAlias = Generator[Future[Any], None, T]
"""What yields each future that it needs the result of, goes on when that is there, and returns what it found."""


class Walk(Generic[T]):
    """One thing on its way through its steps.

    Parameters
    ----------
    steps
        Its steps.
    ready
        Called, in any thread, when it can be gone on with.
    """

    def __init__(self, steps: Steps[T], ready: Callable[["Walk[T]"], object] = lambda walk: None) -> None:
        self._steps = steps
        self._ready = ready
        self._future: Future[Any] | None = None
        self._end: tuple[T | None, GenredError | None] | None = None
        self.go_on()

    @property
    def is_over(self) -> bool:
        return self._end is not None

    def go_on(self) -> None:
        """Take all steps that need not be waited for."""
        before = self._future
        while self._end is None and (self._future is None or self._future.done()):
            try:
                self._future = next(self._steps)
            except StopIteration as end:
                self._end = end.value, None
            except GenredError as error:
                self._end = None, error
        if self._end is None and self._future is not None and self._future is not before:
            self._future.add_done_callback(lambda _: self._ready(self))

    def result(self) -> T:
        """Return what was found in the end; raise what stopped it."""
        if self._end is None:
            raise ValueError("the walk isn't over")
        found, error = self._end
        if error is not None:
            raise error
        return found  # type: ignore[return-value]  # a walk that nothing stopped has found what it returns

    def call_off(self) -> None:
        """Cancel the step that nobody began; to cancel another one would cost the worker."""
        if self._future is not None and not self._future.running():
            self._future.cancel()
        self._steps.close()


def walk(steps: Steps[T], tend: Callable[[], object]) -> T:
    """Take all steps, and wait for each; ``tend`` as of `side_by_side`."""
    ready: SimpleQueue[Walk[T]] = SimpleQueue()
    on = Walk(steps, ready.put)
    while not on.is_over:
        _go_on(ready, tend)
    return on.result()


def _go_on(ready: "SimpleQueue[Walk[T]]", tend: Callable[[], object]) -> None:
    try:
        ready.get(timeout=TEND_SECONDS).go_on()
    except Empty:
        tend()


def side_by_side(
    things: Iterable[K], steps: Callable[[K], Steps[T]], at_once: Callable[[], int], tend: Callable[[], object]
) -> Generator[tuple[K, T], None, None]:
    """Yield each thing and what its steps returned, in order.

    Where one is stopped by an error, no other is begun; what those that were begun come to is yielded first.

    Parameters
    ----------
    things
        Read only a little ahead.
    steps
        Begins with one of them.
    at_once
        Returns how many may be on their way.
    tend
        Called every second or so in which nothing is ready: to look after what the steps wait for.
    """
    ready: SimpleQueue[Walk[T]] = SimpleQueue()
    ahead: deque[tuple[K, Walk[T]]] = deque()
    rest = iter(things)
    stopped: GenredError | None = None
    try:
        while True:
            while stopped is None and len(ahead) < at_once() and (thing := next(rest, _NO_MORE)) is not _NO_MORE:
                ahead.append((thing, Walk(steps(thing), ready.put)))
            if not ahead:
                break
            thing, first = ahead[0]
            while not first.is_over:
                try:
                    _go_on(ready, tend)
                except GenredError as error:
                    stopped = stopped or error
            ahead.popleft()
            try:
                found = first.result()
            except GenredError as error:
                stopped = stopped or error
            else:
                yield thing, found
        if stopped is not None:
            raise stopped
    finally:
        for _, on in ahead:
            on.call_off()
