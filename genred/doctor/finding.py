"""Checks and their findings: checks run side by side, are reported in order, and none is waited for without end."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

PATIENCE_SECONDS = 10.0
SOON_SECONDS = 0.3


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, but not as well as it could, or not as it seems to be meant."""
    FAIL = "fail"
    """genred can't work like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    """The name of the check; one check may find several things."""
    state: State
    message: str
    """The finding in words."""
    hint: str = ""
    """What to do about it: a command, or a short sentence. Empty where nothing is to be done."""


def ok(check: str, message: str) -> Finding:
    return Finding(check, State.OK, message)


def warn(check: str, message: str, hint: str = "") -> Finding:
    return Finding(check, State.WARN, message, hint)


def fail(check: str, message: str, hint: str = "") -> Finding:
    return Finding(check, State.FAIL, message, hint)


@dataclass(frozen=True, slots=True)
class Check:
    """Something to find out."""

    name: str
    look: Callable[[], Iterable[Finding]]
    """Finds it out."""
    patience: float = PATIENCE_SECONDS
    """How many seconds to wait for the answer."""
    hint: str = "look for a disk or a share that hangs"
    """What to do if there is no answer in that time."""


def examine(checks: Sequence[Check], waiting: Callable[[str], None] = lambda name: None) -> Iterator[Finding]:
    """Run all checks side by side, and yield their findings in the order of the checks.

    A check that doesn't answer (on a share whose server is gone) is given up, and one that raises an error becomes a
    finding with that error. The other checks go on in either case.

    Parameters
    ----------
    checks
        What to find out.
    waiting
        Called with the name of a check that takes long.
    """
    began = time.monotonic()
    for check, answer in [(check, _Answer(check)) for check in checks]:
        answer.join(min(SOON_SECONDS, check.patience))
        if answer.is_alive():
            waiting(check.name)
            answer.join(max(0.0, began + check.patience - time.monotonic()))
        if answer.is_alive():
            yield fail(check.name, f"no answer after {check.patience:.0f} s", check.hint)
        else:
            yield from answer.findings


class _Answer(threading.Thread):
    def __init__(self, check: Check) -> None:
        super().__init__(name=f"check {check.name}", daemon=True)
        self.findings: list[Finding] = []
        self._check = check
        self.start()

    def run(self) -> None:
        try:
            self.findings += self._check.look()
        except Exception as error:  # noqa: BLE001 - no error of one check may hide what the others find
            text = " ".join(str(error).split())
            self.findings.append(fail(self._check.name, f"{text or 'the check broke'} ({type(error).__name__})"))
