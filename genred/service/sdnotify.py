"""Tell systemd how the service is doing; without systemd, nothing. The protocol: sd_notify(3)."""

import math
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress

_PATIENCE_SECONDS = 5.0
_CALM_SECONDS = 10.0


def notify(*assignments: str) -> None:
    """Send assignments such as ``READY=1`` or ``STATUS=...`` to the service manager, if there is one.

    Nothing is raised where it can't be reached or doesn't listen for seconds: that is no reason to leave music lying.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address[0] == "@":
        address = "\0" + address[1:]  # abstract namespace
    # A line break would begin another assignment.
    lines = [" ".join(assignment.splitlines()) for assignment in assignments]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager, suppress(OSError):
        manager.settimeout(_PATIENCE_SECONDS)
        manager.connect(address)
        manager.sendall("\n".join(lines).encode("utf-8", "backslashreplace"))


class Pulse:
    """Signs of life with a line of status: when it has changed, and as often as the watchdog wants them.

    Parameters
    ----------
    clock
        Monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        watchdog = os.environ.get("WATCHDOG_USEC", "")
        self._every = min(_CALM_SECONDS, int(watchdog) / 4e6) if watchdog.isdecimal() else _CALM_SECONDS
        self._clock = clock
        self._said = ""
        self._next = -math.inf

    def beat(self, status: str, *more: str) -> None:
        """Send a line of status, and more assignments, if it is time; to be called every second or two."""
        now = self._clock()
        if status != self._said or now >= self._next:
            self._said, self._next = status, now + self._every
            notify("WATCHDOG=1", "STATUS=" + status, *more)


def notify_reloading() -> None:
    """Say that a reload begins; ``READY=1`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
