"""What signals ask for: to stop, or to read the configuration again."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from genred.config import Config


@dataclass
class Reload:
    """Another configuration, when it is asked for.

    Parameters
    ----------
    load
        The configuration as it is written now; raises `GenredError` where it can't be used.
    asked
        Whether somebody asked. No event: a signal could come while it is being cleared, and wait for its own lock.
    """

    load: Callable[[], Config]
    asked: bool = False


@contextmanager
def stopping(reload: Reload | None = None) -> Iterator[threading.Event]:
    """Yield an event that SIGTERM, SIGINT and SIGHUP set; a second SIGINT ends the process at once.

    SIGHUP asks for a ``reload`` instead, if there is one and no terminal: where there is one, its window was closed,
    and a command that went on would be an orphan nobody knows of. What `nohup` started minds no SIGHUP at all.
    """
    stop = threading.Event()

    def handle(number: int, _: object) -> None:
        if number == signal.SIGHUP and reload is not None and not terminal:
            reload.asked = True
            return
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    terminal = _has_terminal()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off what Ctrl-C does until the block is left."""
    came: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    for number, frame in came:
        if callable(before):
            before(number, frame)


def _has_terminal() -> bool:
    """Return whether there is a terminal, whose end is a SIGHUP; a service has none, wherever its output goes."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
