"""The end of processes that are nobody's children here."""

import os
import select


def until_ended(pid: int) -> None:
    """Wait until a process has ended, be it a zombie still."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([process], [], [])
    finally:
        os.close(process)
