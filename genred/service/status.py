"""What the genred at work on a history says of itself, in the lock file that it holds.

So `genred status` needs no server to ask: the lock tells whether somebody is at work, and the file what they said last.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from genred import __version__
from genred.errors import HistoryError
from genred.fs.files import readable
from genred.fs.locks import held, last_life, show_life
from genred.history.records import Record, iso

POST_SECONDS = 2.0
SILENCE_SECONDS = 600.0
"""The shortest time without a sign of life that is no good sign; as long as WatchdogSec= of the units."""

_GLANCES = 10
_GLANCE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder of the configuration."""

    path: str
    state: str
    """Either "starting" or what `RootState` says; by a scan, "scanned"."""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Last:
    """The last decision."""

    at: str
    path: str
    outcome: str
    genre: str | None
    confidence: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Hearing:
    """The cluster that hears instead of this machine."""

    scheduler: str
    at_once: int
    """The number of files that it hears at once; 0 while it is away, and this machine hears alone."""

    def __str__(self) -> str:
        if not self.at_once:
            return f"{self.scheduler} is away, and this machine hears alone"
        return f"{self.scheduler} hears {'1 file' if self.at_once == 1 else f'{self.at_once} files'} at once"


@dataclass
class Status:
    """What a process at work says of itself; times are ISO 8601 in UTC."""

    command: str
    """The command: "run" or "scan"."""
    pid: int = 0
    version: str = ""
    since: str = ""
    state: str = "starting"
    """A word such as "starting", "watching", "scanning" or "waiting"; `genred.service.metrics` has all."""
    model: str = ""
    roots: list[Watched] = field(default_factory=list)
    queued: int = 0
    """The number of files that wait, about."""
    known: int = 0
    """The number of files that the history knows."""
    unread: int = 0
    """The number of known files whose tags are still to be read, so that the owner's genres in them count."""
    done: dict[str, int] = field(default_factory=dict)
    """The number of decisions since the start, by outcome."""
    last: Last | None = None
    mistakes: list[str] = field(default_factory=list)
    """The mistakes of a configuration that was refused."""
    cluster: Hearing | None = None
    """The cluster as it was when it was last asked; None where none is configured."""
    trouble: str = ""
    """What it waits for: the database, or, while it starts, what is made ready or loaded."""
    at: str = ""
    """The time of the last change."""
    ended: str | None = None
    """The time of its end; None for as long as it is at work, and for ever if it is killed."""
    alive: str | None = field(default=None, compare=False)
    """The time of its last sign of life, also while nothing changes; None if it gives none. Only `ask` knows it."""

    def count(self, record: Record) -> None:
        """Take note of a decision."""
        outcome = record.outcome.value
        self.done[outcome] = self.done.get(outcome, 0) + 1
        genre = ", ".join(record.written) or record.genre
        self.last = Last(record.at or _now(), readable(record.path), outcome, genre, record.confidence, record.reason)

    def is_silent(self, seconds: float) -> bool:
        """Return whether the last sign of life is longer ago."""
        return self.alive is not None and datetime.now(UTC) - datetime.fromisoformat(self.alive) > timedelta(
            seconds=seconds
        )

    def line(self) -> str:
        """Return what matters, in one line."""
        roots = f"{len(self.roots)} root{'' if len(self.roots) == 1 else 's'}"
        last = f"{self.last.outcome} {self.last.path}" if self.last else "nothing yet"
        said = [f"{self.state} {roots}, {self.queued:,} queued, {self.known:,} known, last: {last}"]
        said += [f"tags of {self.unread:,} to be read"] if self.unread else []
        said += [str(self.cluster)] if self.cluster else []
        said += [self.trouble] if self.trouble else []
        said += [f"not reloaded: {mistake}" for mistake in self.mistakes]
        said += [f"{root.path}: {root.state}: {problem}" for root in self.roots for problem in root.problems]
        return "; ".join(said)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read what `Board` wrote; of another version of genred, as much as is understood.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it isn't whole.
        """
        raw = json.loads(text)
        known = {each.name: raw[each.name] for each in fields(cls) if each.name in raw}
        known["roots"] = [Watched(root["path"], root["state"], root["problems"]) for root in raw.get("roots", [])]
        last = raw.get("last")
        known["last"] = Last(**{each.name: last[each.name] for each in fields(Last)}) if last else None
        hearing = raw.get("cluster")
        known["cluster"] = Hearing(hearing["scheduler"], hearing["at_once"]) if hearing else None
        return cls(**known)


class Board:
    """Where a process posts its status, as a context: in the lock file that it holds.

    Parameters
    ----------
    fd
        The lock file.
    command
        What the process does.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, fd: int, command: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.status = Status(command, os.getpid(), __version__, _now())
        self._fd = fd
        self._clock = clock
        self._posted = ""
        self._next = clock()

    def __enter__(self) -> Self:
        self.post(at_once=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.status.ended = _now()
        self.post(at_once=True)

    @property
    def due(self) -> bool:
        """Return whether the last post is so long ago that another one does no harm."""
        return self._clock() >= self._next

    def beat(self) -> None:
        """Give a sign of life, which costs no disk anything."""
        show_life(self._fd, max(1, int(self._clock())))

    def post(self, *, at_once: bool = False) -> None:
        """Give a sign of life, and write down what has changed, every two seconds at most."""
        self.beat()
        if not at_once and not self.due:
            return
        self._next = self._clock() + POST_SECONDS
        self.status.at = ""
        said = json.dumps(asdict(self.status))
        if said == self._posted:
            return
        self._posted = said
        self.status.at = _now()
        data = json.dumps(asdict(self.status)).encode()
        with suppress(OSError):  # a full disk, say: the work goes on, and only a question goes unanswered
            os.pwrite(self._fd, data, 0)
            os.ftruncate(self._fd, len(data))


def lock_of(database: Path) -> Path:
    """Return the lock of the one that analyses for a history."""
    return database.with_name("run.lock")


def ask(lock: Path) -> tuple[bool, Status | None]:
    """Return whether somebody is at work, and what they, or the last who was, said last; None where nobody ever was.

    Raises
    ------
    HistoryError
        If the lock file can't be read: it is its owner's.
    """
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False, None
    except OSError as error:
        raise HistoryError(f"{lock}: {error.strerror}; ask as the user whom genred runs as") from error
    try:
        for _ in range(_GLANCES):
            at_work = held(fd)
            with suppress(ValueError, TypeError, KeyError):
                status = Status.parse(os.pread(fd, 1 << 20, 0))
                if not (at_work and status.ended):  # else they have begun, and not said so yet
                    status.alive = _last_life(fd)
                    return at_work, status
            time.sleep(_GLANCE_SECONDS)  # they are writing just now
    finally:
        os.close(fd)
    return at_work, None


def as_json(database: Path, at_work: bool, said: Status | None) -> dict[str, Any]:
    """Return what `ask` returns, with the keys that scripts rely on."""
    return {"running": at_work, "database": readable(database)} | (asdict(said) if said else {})


def how_to_stop(lock: Path) -> str:
    """Return what to type in order to stop the one who holds a lock."""
    _, status = ask(lock)
    if status is None:
        return "see `genred status`"
    if status.command != "run":
        return f"it is `genred {status.command}` (pid {status.pid}): wait for it, or stop it with Ctrl-C"
    try:
        groups = Path(f"/proc/{status.pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        groups = ""
    if "genred.service" not in groups:
        return f"to stop it: kill {status.pid}"
    systemctl = "systemctl --user" if "user@" in groups else "sudo systemctl"
    return f"to stop it: {systemctl} stop genred"


def _last_life(fd: int) -> str | None:
    moment = last_life(fd)
    if moment is None:
        return None
    return iso(datetime.now(UTC) - timedelta(seconds=max(0, time.monotonic() - moment)))


def _now() -> str:
    return iso(datetime.now(UTC))
