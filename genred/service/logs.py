"""One line a decision, for a terminal or for systemd's journal; what repeats is told once, and then counted."""

import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from genred.fs.files import printable, readable
from genred.history.records import Outcome, Record

JOURNAL = Path("/run/systemd/journal/socket")
FIRST = 5
"""So many messages that are alike are passed on, before only their number is told."""
WINDOW_SECONDS = 60.0

log = logging.getLogger(__name__)


def line(record: Record) -> tuple[int, str]:
    """Return the level and the text of a record in the log."""
    level = logging.WARNING if record.outcome is Outcome.FAILED else logging.INFO
    what = ", ".join(record.written) or record.genre or ""
    sure = f" ({record.confidence:.2f})" if record.confidence is not None and what else ""
    return level, f"{record.outcome:<9} {readable(record.path)}: {what}{sure}{': ' if what else ''}{record.reason}"


def tell(record: Record) -> None:
    """Log a decision; the journal gets its parts as fields of their own."""
    level, text = line(record)
    log.log(level, "%s", text, extra={"decision": record})


def set_up_logging(level: str) -> None:
    """Logs on stderr; where that is systemd's journal, structured, and without the time that it adds itself."""
    plain = logging.StreamHandler(sys.stderr)
    if _is_journal(2):
        plain.setFormatter(_Prefixed("%(message)s"))
        handler: logging.Handler = JournalHandler(JOURNAL, plain)
    else:
        plain.setFormatter(_Escaped("%(asctime)s %(message)s", "%H:%M:%S"))
        handler = plain
    logging.basicConfig(level=level.upper(), handlers=[Repeats(handler)], force=True)


def tell_repeats() -> None:
    """Say now what was held back and is due; for a service in which nothing else may happen for hours."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Repeats):
            handler.tell_due()


class Repeats(logging.Handler):
    """Passes on the first few of messages that are alike, and from then on how many more there were in each minute.

    Alike are messages with the same text, and decisions to fail or to skip a file for the same reason.

    Parameters
    ----------
    target
        Where messages go.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, target: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._target = target
        self._clock = clock
        self._seen: dict[tuple[int, str], _Seen] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(self._clock() - WINDOW_SECONDS)
        gist = _gist(record)
        if gist is None:
            self._target.handle(record)
            return
        seen = self._seen.setdefault((record.levelno, gist), _Seen(self._clock(), FIRST))
        if seen.left:
            seen.left -= 1
            self._target.handle(record)
        else:
            seen.held_back += 1

    def tell_due(self) -> None:
        """Tell the numbers of the minutes that are over."""
        self._tell(self._clock() - WINDOW_SECONDS)

    def flush(self) -> None:
        """Tell the numbers of the minutes that are not over, too."""
        self._tell(self._clock())
        self._target.flush()

    def close(self) -> None:
        self._tell(self._clock())
        self._target.close()
        super().close()

    def _tell(self, until: float) -> None:
        """Tell the numbers of the windows that began no later than that."""
        self.acquire()
        try:
            for key in [key for key, seen in self._seen.items() if seen.since <= until]:
                if count := self._seen.pop(key).held_back:
                    level, gist = key
                    text = f"{gist} ... and {count:,} more like it in the last minute"
                    self._target.handle(logging.LogRecord(__name__, level, __file__, 0, text, None, None))
                    self._seen[key] = _Seen(self._clock(), 0)  # what it is was told; only numbers follow
        finally:
            self.release()


@dataclass
class _Seen:
    """How many messages of a kind are passed on still, in the minute since then, and how many weren't."""

    since: float
    left: int
    held_back: int = 0


class JournalHandler(logging.Handler):
    """Sends messages to systemd's journal, a decision's parts as fields; systemd.io/JOURNAL_NATIVE_PROTOCOL.

    Parameters
    ----------
    address
        The journal's socket.
    fallback
        Gets a message that the journal doesn't take.
    """

    def __init__(self, address: Path, fallback: logging.Handler) -> None:
        super().__init__()
        self.setFormatter(_Escaped("%(message)s"))
        self._address = str(address)
        self._fallback = fallback
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"MESSAGE": self.format(record), "PRIORITY": _priority(record), "SYSLOG_IDENTIFIER": "genred"}
        decision: Record | None = getattr(record, "decision", None)
        if decision is not None:
            fields |= _fields(decision)
        try:
            # Not connected: the journal's socket may be replaced while we live.
            self._socket.sendto(b"".join(map(_packed, fields, fields.values())), self._address)
        except OSError:
            self._fallback.handle(record)

    def close(self) -> None:
        self._socket.close()
        super().close()


class _Escaped(logging.Formatter):
    """No message moves a terminal's cursor or pretends to be two, whatever names are in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record))


class _Prefixed(_Escaped):
    """The priority in front of each line: sd-daemon(3)."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(f"<{_priority(record)}>{line}" for line in super().format(record).splitlines())


def _gist(record: logging.LogRecord) -> str | None:
    """Return what messages that are alike have in common; None for a decision that is always worth its line."""
    decision: Record | None = getattr(record, "decision", None)
    if decision is None:
        return record.getMessage()
    if decision.outcome in (Outcome.FAILED, Outcome.SKIPPED):
        return f"{decision.outcome:<9} {decision.reason}"
    return None


def _fields(decision: Record) -> dict[str, str]:
    values = {
        "PATH": readable(decision.path),
        "OUTCOME": decision.outcome.value,
        "GENRE": ", ".join(decision.written) or decision.genre,
        "CONFIDENCE": None if decision.confidence is None else f"{decision.confidence:.4f}",
        "REASON": decision.reason,
        "MODEL": decision.model,
        "RUN": decision.run,
        "RECORD": decision.id,
    }
    return {f"GENRED_{name}": printable(str(value)) for name, value in values.items() if value is not None}


def _packed(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"


def _priority(record: logging.LogRecord) -> str:
    return {logging.DEBUG: "7", logging.INFO: "6", logging.WARNING: "4"}.get(record.levelno, "3")


def _is_journal(stream: int) -> bool:
    """Return whether a stream ends in the journal; a shell started by a service inherits only the variable."""
    st = os.fstat(stream)
    return os.environ.get("JOURNAL_STREAM") == f"{st.st_dev}:{st.st_ino}"
