"""One line a decision, for a terminal or for systemd's journal."""

import logging
import os
import sys

from genred.files import readable
from genred.records import Outcome, Record


def line(record: Record) -> tuple[int, str]:
    """A record as a line of the log, with its level."""
    level = logging.WARNING if record.outcome is Outcome.FAILED else logging.INFO
    what = ", ".join(record.written) or record.genre or ""
    sure = f" ({record.confidence:.2f})" if record.confidence is not None and what else ""
    return level, f"{record.outcome:<9} {readable(record.path)}: {what}{sure}{': ' if what else ''}{record.reason}"


def set_up_logging(level: str) -> None:
    """Logs on stderr; under systemd's journal with its priorities, and without the time that it adds itself."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _JournalFormatter(logging.Formatter):
    """The priority in front of each line: sd-daemon(3)."""

    def format(self, record: logging.LogRecord) -> str:
        priority = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
