"""Tell another program what was decided: a command for each batch, and a bookmark that no restart loses."""

import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from genred.errors import ConfigError, LockedError
from genred.fs.files import readable, write_whole
from genred.fs.locks import locked
from genred.history.following import Follower, Place
from genred.history.records import Query, Record
from genred.service.following import MOST, TICK_SECONDS, Trouble
from genred.service.signals import uninterrupted

FOLDER = Path(__file__).parents[1] / "data" / "hooks"
"""The scripts that genred ships, each named by the player that it tells."""
LONGEST = 10
"""A batch is told after so many times the quiet that ends it, though more comes all the time."""
_LONGEST_NOTE = 1000
"""A bookmark has no more bytes."""
_NUMBERS = range(2**63)
"""The numbers that a decision can have in the database, and 0 for the place before all."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 10.0, 300.0

log = logging.getLogger(__name__)


class Bookmark:
    """The place behind the last decision that a command was told, in a file; `bookmark` makes one."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def read(self) -> Place | None:
        """Return the place; None where nothing is noted, or is to be.

        Raises
        ------
        ConfigError
            If something else is in the file, or it can't be read.
        """
        if self._file is None:
            return None
        try:
            with self._file.open("rb") as file:
                noted = json.loads(file.read(_LONGEST_NOTE))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{readable(self._file)}: can't be read ({error.strerror})") from error
        except (ValueError, RecursionError):
            noted = None
        if not (isinstance(noted, dict) and noted.keys() == {"id", "at"}):
            way = "name another file with --state"
            raise ConfigError(f"{readable(self._file)}: the file holds something else than a place in a history; {way}")
        match noted:
            case {"id": int(number), "at": str(at)} if number in _NUMBERS and at.isascii():
                return Place(number, at)
        way = "to begin with what comes next, delete it"
        raise ConfigError(f"{readable(self._file)}: this notes no place in a history; {way}")

    def write(self, place: Place) -> None:
        """Note another place, whole or not at all.

        Raises
        ------
        ConfigError
            If the file can't be written.
        """
        if self._file is None:
            return
        try:
            write_whole(self._file, json.dumps(asdict(place)).encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{readable(self._file)}: can't be written ({error.strerror})") from error


@contextmanager
def bookmark(file: Path | None) -> Iterator[Bookmark]:
    """Yield the bookmark in a file, for one process at a time; without a file, it forgets.

    Raises
    ------
    ConfigError
        If the folder of the file can't be made, or something else is in the file: no lock is left beside that.
    LockedError
        If another process goes by the file.
    """
    if file is None:
        yield Bookmark(None)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{readable(file.parent)}: the folder can't be made ({error.strerror})") from error
    Bookmark(file).read()
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(file.with_name(file.name + ".lock")))
        except LockedError as error:
            raise LockedError(f"{readable(file)}: another `genred follow` goes by this file") from error
        yield Bookmark(file)


class Batches:
    """Gathers decisions until it is quiet, and tells them; what couldn't be told is told again, with what came since.

    Parameters
    ----------
    follower, query
        Where the decisions come from, and which of them count.
    place
        Where to begin; None at what is the end of the history now.
    tell
        Tells a batch; returns why that failed, "" where it didn't.
    note
        Notes the place behind all that was told.
    quiet_seconds
        A batch has ended when nothing was added to it for so long.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self,
        follower: Follower,
        query: Query,
        place: Place | None,
        *,
        tell: Callable[[Sequence[Record]], str],
        note: Callable[[Place], None],
        quiet_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._follower = follower
        self._query = query
        self._place = place
        self._is_noted = place is not None
        self._tell = tell
        self._note = note
        self._quiet = quiet_seconds
        self._clock = clock
        self._batch: list[Record] = []
        self._first = self._last = self._again = 0.0
        self._failures = 0
        self._trouble = Trouble()

    def look(self) -> None:
        """Gather what was decided since, and tell it if it is time; to be called every second or so."""
        if len(self._batch) < MOST:
            self._gather()
        now = self._clock()
        if not self._batch:
            if not self._is_noted:
                self.note()
        elif now >= self._again and self._is_whole(now):
            self._hand_over()

    def note(self) -> None:
        """Note how far was read, if nothing is waiting to be told; what can't be noted now is noted later."""
        if self._batch or self._place is None:
            return
        try:
            self._note(self._place)
        except ConfigError as error:
            log.warning("%s; what was told is told again after a restart", error)
        else:
            self._is_noted = True

    def _gather(self) -> None:
        found, self._place = self._follower.after(self._place, self._query, MOST - len(self._batch))
        self._trouble.tell(self._follower)
        if found:
            self._last = self._clock()
            self._first = self._first if self._batch else self._last
            self._batch += found

    def _is_whole(self, now: float) -> bool:
        is_quiet = now - self._last >= self._quiet
        return is_quiet or now - self._first >= LONGEST * self._quiet or len(self._batch) >= MOST

    def _hand_over(self) -> None:
        batch = self._batch
        count = "1 decision" if len(batch) == 1 else f"{len(batch)} decisions"
        why = self._tell(batch)
        if not why:
            self._batch, self._is_noted = [], False
            self._failures, self._again = 0, 0.0
            self.note()
            log.info("told %s, up to number %s", count, batch[-1].id)
            return
        seconds = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**self._failures)
        self._failures += 1
        self._again = self._clock() + seconds
        log.warning("%s could not be told (%s); once more in %.0f seconds", count, why, seconds)


def run(batches: Batches, stop: threading.Event) -> None:
    """Tell batches until it is to stop."""
    while not stop.is_set():
        batches.look()
        stop.wait(TICK_SECONDS)
    batches.note()


def told_by(command: Sequence[str], line: Callable[[Record], str]) -> Callable[[Sequence[Record]], str]:
    """Return what tells a batch by running a command, which reads one line for each decision.

    The command has a session of its own: who stops genred at a terminal leaves the command to its work, for whose end
    genred waits. Who interrupts that wait ends the command, too, with all that it started.
    """

    def tell(batch: Sequence[Record]) -> str:
        text = "".join(f"{line(record)}\n" for record in batch)
        process: subprocess.Popen[bytes] | None = None
        try:
            with uninterrupted():  # or it could have begun, and nobody would know its number
                process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
            process.communicate(text.encode())
        except OSError as error:
            return f"{command[0]}: {error.strerror}"
        except KeyboardInterrupt:
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                log.warning("the command was ended before it had taken its batch; with --state, that is told again")
                process.wait()
                if process.stdin is not None:
                    with suppress(OSError):  # what was not taken can't be handed over any more
                        process.stdin.close()
            raise
        code = process.returncode
        if code < 0:
            return f"signal {-code}"
        return f"exit {code}" if code else ""

    return tell


def shipped() -> list[str]:
    """Return the names of the hooks that genred ships."""
    return sorted(file.name.removesuffix(".sh") for file in FOLDER.glob("*.sh"))


def script(name: str) -> list[str]:
    """Return the command that runs a hook that genred ships."""
    return ["/bin/sh", str(FOLDER / f"{name}.sh")]
