"""Tell systemd how the service is doing; without systemd, nothing. The protocol: sd_notify(3)."""

import os
import socket
import time
from contextlib import suppress

_PATIENCE_SECONDS = 5.0


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


def notify_reloading() -> None:
    """Say that a reload begins; ``READY=1`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
