"""Running things, and waiting for what must become true."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")

SKIPPED = 77


class Failed(Exception):
    """A promise that wasn't kept, or a step that didn't work."""


def skip(reason: str) -> NoReturn:
    """End, saying what is needed to run."""
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def expect(kept: bool, otherwise: str) -> None:
    """Raise `Failed` with a reason unless a promise was kept."""
    if not kept:
        raise Failed(otherwise)


def step(*command: str | Path) -> str:
    """Run a command that must work; its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"`{' '.join(map(str, command))}` ended with {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout


def eventually(what: str, ask: Callable[[], T | None], seconds: float, *, every: float = 0.2) -> T:
    """The first answer that is true, asking again until time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(every)
    return answer
