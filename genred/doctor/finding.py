"""What a check finds, and how checks are done: at once, told in order, none waited for without end."""

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
    """It works, and not as well as it could, or not as it seems to be meant."""
    FAIL = "fail"
    """genred can't do its work like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: in words, and what to do about it where there is something to do."""

    check: str
    state: State
    message: str
    hint: str = ""


def ok(check: str, message: str) -> Finding:
    return Finding(check, State.OK, message)


def warn(check: str, message: str, hint: str = "") -> Finding:
    return Finding(check, State.WARN, message, hint)


def fail(check: str, message: str, hint: str = "") -> Finding:
    return Finding(check, State.FAIL, message, hint)


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at, and for how many seconds to wait for an answer."""

    name: str
    look: Callable[[], Iterable[Finding]]
    patience: float = PATIENCE_SECONDS


def examine(checks: Sequence[Check], waiting: Callable[[str], None] = lambda name: None) -> Iterator[Finding]:
    """Do all checks side by side and tell what they find, in their order.

    A check that doesn't answer (a share whose server is gone) is left behind, and one that breaks is told as it broke;
    neither keeps the others.

    Parameters
    ----------
    checks
        What to look at.
    waiting
        Is told the name of a check that takes its time.
    """
    began = time.monotonic()
    for check, answer in [(check, _Answer(check)) for check in checks]:
        answer.join(min(SOON_SECONDS, check.patience))
        if answer.is_alive():
            waiting(check.name)
            answer.join(max(0.0, began + check.patience - time.monotonic()))
        if answer.is_alive():
            yield fail(check.name, f"no answer after {check.patience:.0f} s", "look for a disk or share that hangs")
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
        except Exception as error:  # noqa: BLE001 - what is broken breaks in its own way, and the rest is still to tell
            text = " ".join(str(error).split())
            self.findings.append(fail(self._check.name, f"{text or 'it breaks'} ({type(error).__name__})"))
