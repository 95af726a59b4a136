"""Tell how the service is doing: those who ask, the service manager, and the log."""

from genred.history.history import History
from genred.history.records import Record
from genred.service import logs
from genred.service.sdnotify import Pulse, notify
from genred.service.status import Board, Status

_PATIENCE = f"EXTEND_TIMEOUT_USEC={60 * 1_000_000}"


class Reporter:
    """Keep the status of a service, and tell it wherever somebody listens.

    Parameters
    ----------
    history
        Counts the files that are known.
    board
        Holds the status for those who ask.
    """

    def __init__(self, history: History, board: Board) -> None:
        self._history = history
        self._board = board
        self._pulse = Pulse()
        self._decided = 0
        self._posted = ""

    @property
    def status(self) -> Status:
        return self._board.status

    def enter(self, state: str, trouble: str = "") -> None:
        """Tell at once that the service has entered another state."""
        self.status.state, self.status.trouble = state, trouble
        self._board.post(at_once=True)

    def step(self, step: str) -> None:
        """Tell what a start waits for, and have the service manager wait as long."""
        self.status.trouble = step
        self._board.post()
        self._pulse.beat(self.status.line(), _PATIENCE)

    def ready(self) -> None:
        """Tell that the folders are watched from now on, or known to be missing."""
        self.status.known = self._history.files.count_known()
        self.enter("watching")
        notify("READY=1")

    def catalogued(self) -> None:
        """Count the files whose tags are still to be read."""
        self.status.unread = self._history.library.count_unread()

    def decided(self, record: Record) -> None:
        logs.tell(record)
        self.status.count(record)

    def beat(self) -> None:
        """Give a sign of life, and post what has changed if the last post is a while ago."""
        status = self.status
        if self._board.due and status.line() != self._posted:
            decided = sum(status.done.values())
            if decided != self._decided:
                status.known, self._decided = self._history.files.count_known(), decided
            self._board.post(at_once=True)
            self._posted = status.line()
        self.sign_of_life()

    def sign_of_life(self) -> None:
        """Show the service manager, and those who ask, that the service doesn't hang."""
        self._board.beat()
        self._pulse.beat(self.status.line())
        logs.tell_repeats()
